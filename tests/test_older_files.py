"""Sessions and stored features that version 0.1.0 wrote are read, and give the masks they gave.

The files in ``golden/0.1`` are never written anew: what a later version writes is put beside them.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage.data import coffee

import napari_m2n2v2 as m
from napari_m2n2v2 import Click, FeatureParameters, SegmentationParameters
from napari_m2n2v2.features.request import FeatureRequest
from tests.test_promises import CPU_KIND

OLD = Path(__file__).parent / "golden" / "0.1"
CLICKS = (Click(10, 12), Click(3, 3, False), Click(17, 20, object_id=2))
ASKED = ("appearance", "lightness", "cpu")
PARAMETERS = FeatureParameters(grid=5)


def photo():
    return coffee()[::20, ::25].copy()


def assert_as_then(labels, name):
    """Bit for bit where the processor is of the kind that it was then, else up to how others round."""
    then = np.load(OLD / "masks.npz")
    differing = np.count_nonzero(labels != then[name])
    assert differing == 0 or (str(then["made on"]) != CPU_KIND and differing <= 2), differing


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A cache on a copy of the folder, that must compute nothing and complain of nothing."""

    def refuse(*_, **__):
        raise AssertionError("the stored features were not used")

    monkeypatch.setattr(FeatureRequest, "read_transition", refuse)
    return m.FeatureCache(shutil.copytree(OLD / "features", tmp_path / "features"), notify=refuse)


@pytest.fixture
def features(stored):
    return stored.features(photo(), *ASKED, parameters=PARAMETERS)


def test_stored_features_are_read_and_give_the_same_masks(stored, features):
    session = m.Session(features, SegmentationParameters.paper())
    assert_as_then(session.replay(CLICKS).labels, "stored features")
    kept = {path.name: path.read_bytes() for path in stored.disk.folder.iterdir()}
    assert kept == {path.name: path.read_bytes() for path in (OLD / "features").iterdir()}


def test_stored_features_of_another_image_are_not_taken(stored):
    assert stored.has(photo(), *ASKED, parameters=PARAMETERS)
    assert not stored.has(photo()[::-1].copy(), *ASKED, parameters=PARAMETERS)


@pytest.mark.parametrize(("name", "number"), [("clicks", 2), ("objects", 3)])
def test_a_session_file_is_written_back_byte_for_byte_and_gives_the_same_masks(name, number, features, tmp_path):
    file = m.load_session(OLD / f"{name}.json")
    m.save_session(tmp_path / "again.json", file)
    text = (OLD / f"{name}.json").read_text()
    assert f'"format_version": {number}' in text and (tmp_path / "again.json").read_text() == text
    session, differences = file.replay(features)
    assert not [said for said in differences if not said.startswith(("masks", "python", "numpy", "torch", "napari"))]
    assert_as_then(session.result.labels, name)


def test_what_was_said_of_objects_is_read():
    file = m.load_session(OLD / "objects.json")
    assert [(one.object_id, one.name, one.kind) for one in file.about] == [(1, "cup", "crockery")]
    (accepted,) = file.accepted
    assert accepted.object_id == 1 and accepted.pixels.values.any()
