"""Boxes and outlines in a session, and all kinds of prompts together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import (
    Box,
    Click,
    ClickError,
    Mosaic,
    Outline,
    Region,
    RegionClick,
    Scribble,
    SegmentationParameters,
    Session,
    load_session,
    region_features,
    save_session,
)
from napari_m2n2v2.session.diagnostics import attention_from, margin, markov_map_of, owner, score_curve_of
from tests.session.large_plane import BAR, IMAGE, NAMED, SHAPE, STACK

DISC_BOX, SQUARE_BOX = Box(6, 6, 26, 26), Box(24, 38, 43, 57, object_id=2)
DISC_OUTLINE = Outline([(8, 8), (6, 16), (8, 24), (16, 26), (25, 20), (24, 10)])


def overlap(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


@pytest.fixture(scope="module")
def disc():
    row, col = np.mgrid[:48, :64]
    return (row - 16) ** 2 + (col - 16) ** 2 < 9.6**2


def within(box, shape):
    top, bottom, left, right = box.edges(shape)
    inside = np.zeros(shape, dtype=bool)
    inside[top:bottom, left:right] = True
    return inside


def test_a_box_alone_finds_what_is_in_it(features, disc):
    result = Session(features).replay([DISC_BOX])
    assert overlap(result.mask, disc) > 0.8 and result.effects[0].acted
    assert not (result.mask & ~within(DISC_BOX, features.shape)).any()


def test_boxes_in_a_row_are_an_object_each(features, image):
    labels = Session(features).replay([DISC_BOX, SQUARE_BOX]).labels
    assert overlap(labels == 1, image[..., 0] > 120) > 0.8 and overlap(labels == 2, image[..., 2] > 120) > 0.8


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 63), st.booleans()), max_size=4), st.integers(0, 4))
def test_outside_a_box_is_background_unless_a_foreground_click_is_there(features, clicks, at):
    told = [Click(*click) for click in clicks]
    beyond = ~within(DISC_BOX, features.shape)
    mask = Session(features).replay([*told[:at], DISC_BOX, *told[at:]]).mask
    last = {click.pixel(features.shape): click.foreground for click in told}
    if any(click.foreground and beyond[click.pixel(features.shape)] for click in told):
        assert all(mask[pixel] == label for pixel, label in last.items())
    else:
        assert not (mask & beyond).any()


def test_a_box_that_is_too_small_is_mended_by_a_click_beyond_it(features, disc):
    small = Box(6, 6, 26, 17)
    mended = Session(features).replay([small, Click(16, 22)]).mask
    assert overlap(Session(features).replay([small]).mask, disc) < 0.7 < overlap(mended, disc)


def test_of_two_boxes_each_holds_a_part_of_the_object(features, image):
    """So that two objects in boxes that are merged are what both were."""
    both = Session(features).replay([DISC_BOX, Box(24, 38, 43, 57)]).mask
    assert overlap(both, (image[..., 0] > 120) | (image[..., 2] > 120)) > 0.8
    assert not (both & ~within(DISC_BOX, (48, 64)) & ~within(SQUARE_BOX, (48, 64))).any()


def test_no_click_of_the_other_class_reaches_the_middle_of_its_mask(features):
    session = Session(features)
    session.replay([DISC_BOX, Click(20, 20, False)])
    assert session.result.thresholds[1] < markov_map_of(session, 1)[16, 16]


def test_a_scribble_far_away_leaves_what_is_in_the_box(features, disc):
    ground = Scribble([(3, 30), (3, 60)], foreground=False)
    assert overlap(Session(features).replay([DISC_BOX, ground]).mask, disc) > 0.8


def test_a_box_that_is_all_of_the_image_says_nothing(features):
    session = Session(features)
    assert not session.replay([Box(0, 0, 47, 63)]).mask.any()
    assert session.click(Click(16, 16)).mask.tobytes() == Session(features).replay([Click(16, 16)]).mask.tobytes()


def test_a_box_of_one_pixel_is_that_pixel(features):
    assert np.argwhere(Session(features).replay([Box(9, 20, 9, 20)]).mask).tolist() == [[9, 20]]


def test_with_guides_to_choose_from_they_are_as_with_the_first(features):
    auto = features.with_guide("auto")
    told = [DISC_BOX, Outline(DISC_OUTLINE.points, 2), Scribble([(33, 44), (33, 50)], object_id=3)]
    expected = Session(auto.options[0]).replay(told)
    assert len(auto.options) > 1 and Session(auto).replay(told).labels.tobytes() == expected.labels.tobytes()


def test_clicks_correct_a_box(features):
    mask = Session(features).replay([DISC_BOX, Click(16, 16, False), Click(7, 7)]).mask
    assert not mask[16, 16] and mask[7, 7]


def test_an_outline_is_the_mask_at_first_fitted_to_the_image(features, disc):
    rough = Outline([(4, 4), (4, 27), (27, 27), (27, 4)])
    plain = SegmentationParameters(refinement=False)
    mask = Session(features, plain).replay([rough]).mask
    assert mask[4:28, 4:28].all() and mask.sum() == 24 * 24
    assert overlap(Session(features).replay([rough]).mask, disc) > overlap(mask, disc)


def test_clicks_correct_an_outline_and_what_none_reaches_stays(features):
    both = Outline([(4, 4), (4, 60), (44, 60), (44, 4)])
    before = Session(features).replay([both]).mask
    after = Session(features).replay([both, Click(33, 48, False)]).mask
    assert before[33, 48] and not after[33, 48] and after[16, 16]
    added = Session(features).replay([DISC_OUTLINE, Click(33, 48)]).mask
    assert added[33, 48] and added[16, 16]


def test_what_is_seen_of_them(features):
    session = Session(features)
    session.replay([DISC_BOX, Click(3, 3, False), DISC_OUTLINE])
    assert markov_map_of(session, 0).shape == features.shape and set(np.unique(markov_map_of(session, 2))) == {0.5, 1}
    assert score_curve_of(session, 0).chosen == session.result.thresholds[0]
    assert margin(session, 1).max() <= 1 and owner(session).max() >= 1
    with pytest.raises(ClickError, match="marks no pixel"):
        attention_from(session, 0)


def test_they_have_no_class_to_flip_and_what_is_outside_is_refused(features):
    session = Session(features)
    session.click(DISC_BOX)
    for change in (
        lambda: session.flip(0),
        lambda: session.move(0, 500, 500),
        lambda: session.click(Box(99, 0, 120, 4)),
    ):
        with pytest.raises(ClickError):
            change()
    assert session.clicks == (DISC_BOX,)


def test_files_with_them_are_of_version_four_and_replay_bit_for_bit(features, tmp_path):
    session = Session(features)
    session.replay([DISC_BOX, Click(20, 12, False), SQUARE_BOX, Outline(DISC_OUTLINE.points, 3), Scribble([(3, 3)])])
    save_session(tmp_path / "s.json", session)
    loaded = load_session(tmp_path / "s.json")
    assert '"format_version": 4' in (tmp_path / "s.json").read_text() and loaded.clicks == session.clicks
    again, differences = loaded.replay(features)
    assert differences == [] and again.result.labels.tobytes() == session.result.labels.tobytes()


def test_a_box_across_parts_of_a_plane_limits_the_object_in_each():
    left, right = Region(48, 0, 64, 192), Region(48, 128, 64, 192)
    mosaic = Mosaic(SHAPE)
    for region in (left, right):
        mosaic.put(region, region_features(STACK, (), region, **NAMED))
    box = Box(68, 18, 95, 301)
    mosaic.replay([RegionClick(left, box), RegionClick(right, Click(82, 290))])
    assert all(mosaic.solved[region][0] == box for region in (left, right))
    found = mosaic.labels_in(slice(0, IMAGE.shape[0]), slice(0, IMAGE.shape[1])) == 1
    assert not (found & ~within(box, SHAPE)).any()
    assert overlap(found, BAR) > 0.6


places = st.tuples(st.integers(0, 47), st.integers(0, 63))
kinds = st.sampled_from(["click", "scribble", "box", "outline"])
prompts = st.tuples(kinds, st.lists(places, min_size=3, max_size=3), st.booleans(), st.integers(1, 2))


def prompt_of(told):
    kind, points, foreground, object_id = told
    if kind == "click":
        return Click(*points[0], foreground, object_id)
    if kind == "scribble":
        return Scribble(points, foreground, object_id)
    return Box(*points[0], *points[1], object_id) if kind == "box" else Outline(points, object_id)


def everything(result):
    return result.labels.tobytes(), result.thresholds, result.effects


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("aamfdur"), st.integers(0, 9), prompts), max_size=8))
def test_any_history_of_all_kinds_gives_what_a_fresh_replay_gives(features, history):
    session = Session(features)
    for what, index, told in history:
        count = len(session.clicks)
        if what == "a" or (not count and what in "mfd"):
            session.click(prompt_of(told))
        elif what == "m":
            session.move(index % count, *told[1][0])
        elif what == "f" and isinstance(session.clicks[index % count], Click | Scribble):
            session.flip(index % count)
        elif what == "d":
            session.delete(index % count)
        elif what in "ur":
            {"u": session.undo, "r": session.redo}[what]()
        assert everything(session.result) == everything(Session(features).replay(session.clicks))
