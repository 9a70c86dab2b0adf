import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from napari_m2n2v2 import (
    Box,
    Click,
    FeatureParameters,
    SegmentationParameters,
    Session,
    UnreadableFileError,
    compute_features,
    load_session,
    methods_paragraph,
    save_session,
)
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.session.document import Document, PlaneKey
from napari_m2n2v2.session.session_rows import UNSAID

CLICKS = (
    Click(16, 16),
    Click(5.25, 50.5, False),
    Click(33, 48, object_id=2),
    Click(40, 50, object_id=2, threshold=0.3),
)


@pytest.fixture
def session(features):
    session = Session(features, SegmentationParameters(sigma_adaptive=5.0))
    session.replay(CLICKS)
    return session


def test_a_loaded_session_replays_bit_for_bit(session, features, tmp_path):
    save_session(tmp_path / "s.json", session)
    loaded = load_session(tmp_path / "s.json")
    assert loaded.clicks == CLICKS and loaded.segmentation_parameters == session.parameters
    again, differences = loaded.replay(features)
    assert differences == []
    np.testing.assert_array_equal(again.result.labels, session.result.labels)


def test_labels_to_start_from_are_kept(features, tmp_path):
    start = np.zeros(features.shape, np.int32)
    start[10:30, 5:20] = 3
    session = Session(features, start=start)
    session.click(Click(12, 7, False, object_id=3))
    save_session(tmp_path / "s.json", session)
    again, differences = load_session(tmp_path / "s.json").replay(features)
    assert differences == []
    np.testing.assert_array_equal(again.result.labels, session.result.labels)


def test_what_differs_is_said(session, image, tmp_path):
    save_session(tmp_path / "s.json", session)
    other = compute_features(image[::-1].copy(), "appearance", device="cpu", parameters=FeatureParameters(grid=10))
    _, differences = load_session(tmp_path / "s.json").replay(other)
    said = " ".join(differences)
    assert "image:" in said and "grid:" in said and "feature parameters" in said and "shape" not in said


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:100], "cannot be read"),
        (lambda text: json.dumps({"format": "something"}), "no session file"),
        (lambda text: "[]", "no session file"),
        (lambda text: text.replace('"format_version": 2', '"format_version": 99'), "newer"),
        (lambda text: text.replace('"format_version": 2', '"format_version": 1'), "before the first release"),
        (lambda text: text.replace('"compete": true', '"compete": "false"'), "damaged"),
        (lambda text: text.replace('"part": 0', '"part": -1'), "damaged"),
        (lambda text: "[" * 100_000, "cannot be read"),
        (lambda text: text.replace('"tau"', '"tao"'), "damaged"),
        (lambda text: text.replace('"object_id": 2', '"object_id": 0'), "damaged"),
    ],
)
def test_files_that_cannot_be_used_are_told(session, tmp_path, damage, message):
    path = tmp_path / "s.json"
    save_session(path, session)
    path.write_text(damage(path.read_text()))
    with pytest.raises(UnreadableFileError, match=message):
        load_session(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UnreadableFileError):
        load_session(tmp_path / "nothing.json")


def test_the_methods_paragraph_says_what_a_reader_needs(session):
    text = methods_paragraph(session)
    for part in ("2 objects", "3 foreground clicks", "1 background click ", "M2N2V2", "appearance", "10 x 14", "torch"):
        assert part in text


@pytest.mark.parametrize(
    ("guide", "said"),
    [
        (None, "without a guide channel"),
        ("lightness", "guided by the image's own lightness (weight 2)"),
        ("lightness:1+ridges:1", "guided by the image's own lightness and the image's own ridges"),
        ("auto", "by what parted its clicks best among: the image's own lightness (weight 0.5); "),
    ],
)
def test_the_methods_paragraph_names_the_guides(image, guide, said):
    features = compute_features(image, "appearance", guide, "cpu", parameters=FeatureParameters(grid=8))
    session = Session(features)
    session.click(Click(16, 16))
    assert said in methods_paragraph(session)


def test_a_session_that_chose_its_guides_replays(image, tmp_path):
    features = compute_features(image, "appearance", "auto", "cpu", parameters=FeatureParameters(grid=8))
    session = Session(features)
    session.replay([Click(16, 16), Click(40, 10, False), Click(18, 20), Click(10, 50, False)])
    save_session(tmp_path / "s.json", session)
    again, differences = load_session(tmp_path / "s.json").replay(features)
    assert differences == [] and again.result.guides == session.result.guides


def test_clicks_of_numpy_numbers_are_saved_and_read(features, tmp_path):
    """As of ``np.argwhere``, of a label image, or of a table."""
    session = Session(features)
    session.click(Click(np.int64(16), np.float32(16.5), np.True_, np.uint8(1), np.float32(0.5)))
    session.click(Click(np.float64(40), np.int32(10), 0))
    session.click(Box(np.int64(30), np.int64(30), np.float32(40), np.uint16(50), np.int16(2)))
    save_session(tmp_path / "s.json", session)
    assert load_session(tmp_path / "s.json").clicks == session.clicks


def test_what_a_file_says_nothing_of_is_what_it_was_when_files_began_to_say_nothing(session, tmp_path):
    """Whatever the defaults become: these are the values that files of 0.1 and 0.2 were solved with."""
    assert UNSAID == {
        "centred_start": False, "boundary_distance": False, "least_disc": False, "most_disc": 1.5, "refinement": False,
        "refinement_band": 0.6, "refinement_window": 0.9, "refinement_epsilon": 0.002, "refinement_rounds": 2,
        "refinement_trust": 1, "score_contrast": False,
    }  # fmt: skip
    paper = SegmentationParameters.paper()
    save_session(tmp_path / "s.json", Session(session.features, paper))
    written = json.loads((tmp_path / "s.json").read_text())["segmentation_parameters"]
    assert not written.keys() & UNSAID.keys() and written.keys() | UNSAID.keys() == asdict(paper).keys()
    assert load_session(tmp_path / "s.json").segmentation_parameters == paper
    other = replace(paper, **{name: not was if isinstance(was, bool) else was + 1 for name, was in UNSAID.items()})
    save_session(tmp_path / "s.json", Session(session.features, other))
    assert load_session(tmp_path / "s.json").segmentation_parameters == other


def test_the_methods_paragraph_says_that_parts_keep_to_the_prior():
    """In a part of a large image that is so even where the method is as published: see session.tiled."""
    region, plane = Region(0, 0, 64, 64), PlaneKey()
    for parameters, said in ((SegmentationParameters.paper(), True), (SegmentationParameters.m2n2(), False)):
        document = Document((300, 400), (), segmentation_parameters=parameters, solutions={(plane, region): None})
        assert ("the prior for first clicks in parts" in methods_paragraph(document)) is said
    whole = Document((300, 400), (), {(plane, None): None}, SegmentationParameters.paper())
    assert "beyond the paper" not in methods_paragraph(whole)
