"""Accepted objects keep their pixels (issue 17, "Masks stay put")."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import Click, ClickError, ImageError, Session, load_session, save_session
from napari_m2n2v2.errors import UnreadableFileError
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.accepted import working_pixels

DISC, NEAR, ON = Click(16, 16), Click(14, 30, object_id=2), Click(16, 18, object_id=2)


def bits(result):
    return result.labels.tobytes(), result.thresholds, result.effects


@pytest.fixture
def accepted(features):
    session = Session(features)
    session.click(DISC)
    session.accept(1)
    return session


def test_accepting_changes_no_pixel_whoever_it_competes_with(features):
    session = Session(features)
    before = session.replay([DISC, NEAR, Click(15, 22, object_id=2), Click(33, 48, object_id=3)]).labels
    for object_id in (2, 1, 3):
        np.testing.assert_array_equal(session.accept(object_id).labels, before)


def test_clicks_beside_it_leave_it_and_take_what_is_theirs(accepted):
    disc = accepted.result.labels == 1
    beside = Click(*np.argwhere(~disc)[np.argmin(np.abs(np.argwhere(~disc) - (16, 16)).sum(1))], object_id=2)
    alone = Session(accepted.features).click(beside).mask
    assert (alone & disc).any(), "what is clicked beside must claim some of it for this to test anything"
    labels = accepted.click(beside).labels
    np.testing.assert_array_equal(labels == 1, disc)
    np.testing.assert_array_equal(labels == 2, alone & ~disc)
    assert accepted.result.effects[-1].took_from == ()


def test_a_click_on_it_is_on_purpose_competes_as_before_and_says_whom_it_changed(accepted, features):
    result = accepted.click(ON)
    np.testing.assert_array_equal(result.labels, Session(features).replay([DISC, ON]).labels)
    assert (result.labels[16, 18], result.effects[-1].took_from) == (2, (1,))
    assert result.last_effect == result.effects[-1]


def test_only_who_clicks_on_it_may_take_of_it(accepted, features):
    accepted.replay([DISC, ON, Click(16, 30, object_id=3)])
    labels = Session(features).replay([DISC, ON]).labels
    np.testing.assert_array_equal(accepted.result.labels == 1, labels == 1)


def test_a_background_click_on_it_takes_nothing(accepted):
    disc = accepted.result.labels == 1
    accepted.click(NEAR)
    accepted.click(Click(16, 18, False, object_id=2))
    np.testing.assert_array_equal(accepted.result.labels == 1, disc)


def test_a_click_of_its_own_opens_it_and_undo_brings_it_back(accepted):
    before = accepted.result
    accepted.click(Click(30, 10))
    assert not accepted.accepted
    assert accepted.undo() is before and list(accepted.accepted) == [1]
    accepted.move(0, 17, 17)
    assert not accepted.accepted


def test_reopened_it_competes_again(accepted, features):
    accepted.click(Click(15, 22, object_id=2))
    np.testing.assert_array_equal(accepted.reopen(1).labels, Session(features).replay(accepted.clicks).labels)


def test_a_preview_leaves_it_too(accepted):
    disc = accepted.result.labels == 1
    np.testing.assert_array_equal(accepted.preview(NEAR) == 1, disc)


def test_on_top_is_no_reason_either(features):
    session = Session(features, compete=False)
    session.click(DISC)
    disc = session.accept(1).labels == 1
    session.click(NEAR)
    np.testing.assert_array_equal(session.result.labels == 1, disc)


def test_labels_to_start_from_can_be_accepted(features, image):
    start = (image[..., 2] > 120).astype(int) * 7
    session = Session(features, start=start)
    session.accept(7)
    session.click(Click(33, 35, object_id=2))
    np.testing.assert_array_equal(session.result.labels == 7, start == 7)


def test_nobody_to_accept_and_pixels_beyond_are_refused(features):
    session = Session(features)
    with pytest.raises(ClickError, match="no object 3 to accept"):
        session.accept(3)
    with pytest.raises(ImageError, match="not inside an image of"):
        session.replay([DISC], accepted={1: Boxed(47, 0, np.ones((2, 2), dtype=bool))})


@pytest.mark.parametrize("shape", [(97, 130), (96, 128), (48, 64), (400, 71)])
def test_pixels_from_the_working_resolution_come_back_to_it(shape):
    from napari_m2n2v2.images.resampling import at_resolution

    working = np.random.default_rng(0).random((48, 64)) < 0.5
    there = Boxed.of(at_resolution(working, shape))
    np.testing.assert_array_equal(working_pixels(there, shape, (48, 64)).within((0, 48, 0, 64)), working)


def test_a_file_without_is_what_it_was_and_one_with_is_refused_by_earlier_versions(features, tmp_path):
    session = Session(features)
    session.click(DISC)
    save_session(tmp_path / "without.json", session)
    assert '"format_version": 2,' in (tmp_path / "without.json").read_text()
    assert '"accepted"' not in (tmp_path / "without.json").read_text()
    session.accept(1)
    session.click(NEAR)
    save_session(tmp_path / "with.json", session)
    assert '"format_version": 3,' in (tmp_path / "with.json").read_text()
    loaded, differences = load_session(tmp_path / "with.json").replay(features)
    assert not differences and bits(loaded.result) == bits(session.result)
    save_session(tmp_path / "again.json", loaded)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "with.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pixels": {"row": 40, "col": 0, "shape": [9, 9], "zlib_base64_bits": ""}}, "not all inside"),
        ({"pixels": {"row": 0, "col": 0, "shape": [9, 9], "zlib_base64_bits": "x"}}, "cannot be unpacked"),
        ({"pixels": {"row": 0, "col": 0, "shape": [9, 9], "zlib_base64_bits": "eJwDAAAAAAE="}}, "not as many as"),
        ({"pixels": {"row": -1, "col": 0, "shape": [9, 9], "zlib_base64_bits": ""}}, "greater than or equal to 0"),
        ({"object_id": 0}, "greater than or equal to 1"),
        ({"index": [3]}, "no plane"),
        (None, "accepted twice"),
    ],
)
def test_a_file_that_lies_of_accepted_objects_is_refused(accepted, tmp_path, change, said):
    path = tmp_path / "s.json"
    save_session(path, accepted)
    content = json.loads(path.read_text())
    content["accepted"] = content["accepted"] * 2 if change is None else [content["accepted"][0] | change]
    path.write_text(json.dumps(content))
    with pytest.raises(UnreadableFileError, match=said):
        load_session(path)


WHAT = st.sampled_from(["click", "next", "accept", "reopen", "move", "flip", "delete", "undo", "redo"])
PLACE = st.tuples(st.integers(0, 47), st.integers(0, 63), st.booleans())


def act(session, user, what, number, place):
    count, known = len(session.clicks), sorted(session.result.objects)
    if what == "click":
        session.click(Click(*place, user.object_id))
    elif what == "next":
        if user.object_id in known:
            session.accept(user.object_id)
        user.object_id = number % 4 + 1
    elif what in ("accept", "reopen") and known:
        getattr(session, what)(known[number % len(known)])
    elif what == "move" and count:
        session.move(number % count, *place[:2])
    elif what in ("flip", "delete") and count:
        getattr(session, what)(number % count)
    elif what in ("undo", "redo"):
        getattr(session, what)()


def is_contested(result, i):
    """Whether another object has a foreground click on the pixels of an accepted one."""
    clicked = [c.pixel(result.shape) for c in result.clicks if c.object_id != i and c.foreground]
    return any(result.accepted[i].within((row, row + 1, col, col + 1)).any() for row, col in clicked)


@given(st.lists(st.tuples(WHAT, st.integers(0, 9), PLACE), min_size=4, max_size=14))
@settings(max_examples=25, deadline=None)
def test_any_history_gives_what_a_fresh_replay_gives_and_masks_stay_put(features, changes):
    session, user = Session(features), SimpleNamespace(object_id=1)
    for what, number, place in changes:
        before = session.result
        act(session, user, what, number, place)
        now = session.result
        fresh = Session(features).replay(now.clicks, accepted=now.accepted)
        assert bits(now) == bits(fresh)
        for i, pixels in before.accepted.items():
            if now.accepted.get(i) is pixels and not (is_contested(before, i) or is_contested(now, i)):
                np.testing.assert_array_equal(now.labels == i, before.labels == i)
