"""Any mask can be the start of an object, at any time (issue 19)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import (
    Click,
    ClickError,
    ImageError,
    Mosaic,
    Session,
    load_session,
    methods_paragraph,
    save_session,
)
from napari_m2n2v2.images.masks import as_known, labels_of, masks_of
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import Document

DISC = Click(16, 16)


def square(row, col, side=8, shape=(48, 64)):
    mask = np.zeros(shape, bool)
    mask[row : row + side, col : col + side] = True
    return mask


def bits(result):
    return result.labels.tobytes(), result.thresholds, result.effects, sorted(result.objects), sorted(result.accepted)


@pytest.mark.parametrize(
    "make", [lambda f, start: Session(f, start=start), lambda f, start: Mosaic(f.shape, start=start)]
)
def test_line_8_labels_to_start_from(features, make):
    """Labels that no object can have are refused, not wrapped round."""
    start = np.zeros(features.shape, np.uint64)
    start[4:9, 4:9] = 2**31 - 1
    make(features, start)
    start[0, 0] = 2**32 + 1
    with pytest.raises(ImageError, match="at most 2147483647, got 4294967297"):
        make(features, start)
    with pytest.raises(ImageError, match="shape"):
        make(features, start[1:])


def test_an_object_starts_from_a_mask_without_a_click_and_clicks_correct_it(features):
    session = Session(features)
    session.click(DISC)
    before = session.result
    result = session.start_from(3, square(30, 40))
    np.testing.assert_array_equal(result.labels == 3, square(30, 40))
    assert result.objects[1] is before.objects[1], "what others were solved to stays"
    session.click(Click(33, 43, False, 3))
    begun = np.where(square(30, 40), 3, 0)
    assert bits(session.result) == bits(Session(features, start=begun).replay([DISC, Click(33, 43, False, 3)]))
    session.undo()
    session.undo()
    assert session.result is before and not session.starts
    assert session.redo() is result


def test_clicks_that_were_there_correct_a_start_that_comes_later_and_others_are_not_solved_again(features, monkeypatch):
    from napari_m2n2v2.session import click_maps

    solved = []
    advance = click_maps.advance
    monkeypatch.setattr(click_maps, "advance", lambda *args: solved.append(args[1]) or advance(*args))
    clicks = [DISC, Click(33, 48, object_id=2), Click(20, 40, False, 2)]
    session = Session(features)
    session.replay(clicks)
    solved.clear()
    later = session.start_from(2, square(28, 36))
    assert solved == clicks[1:], "the clicks of that object alone"
    solved.clear()
    session.start_from(2, square(28, 36))
    assert session.result is later and not solved, "the same mask again is no change"
    session.start_from(2, np.zeros(features.shape, bool))
    assert 2 not in session.starts and not solved
    assert bits(later) == bits(Session(features, start=np.where(square(28, 36), 2, 0)).replay(clicks))
    assert bits(session.result) == bits(Session(features).replay(clicks))


def test_a_start_opens_the_accepted_object_and_no_other(features):
    session = Session(features)
    session.replay([DISC, Click(33, 48, object_id=2)])
    session.accept(1)
    session.accept(2)
    session.start_from(2, square(30, 40))
    assert list(session.accepted) == [1]
    session.accept(2)
    assert sorted(session.accepted) == [1, 2], "it is accepted with what it is now"


def test_where_masks_overlap_they_compete_and_the_lowest_id_gets_what_no_click_reaches(features):
    session = Session(features)
    session.start_from(5, square(10, 10))
    labels = session.start_from(2, square(14, 14)).labels
    assert (labels[14:18, 14:18] == 2).all() and (labels[10:14, 10:18] == 5).all()
    made = Mosaic(features.shape)
    made.replay([], starts=session.starts)
    np.testing.assert_array_equal(made.labels_in(slice(0, 48), slice(0, 64)), labels)


@pytest.mark.parametrize(
    ("object_id", "mask", "error", "naming"),
    [
        (0, square(1, 1), ClickError, "from 1 to 2147483647, got 0"),
        (2**31, square(1, 1), ClickError, "from 1 to"),
        (1, square(1, 1).astype(int), ImageError, "labels == 3; got int"),
        (1, square(1, 1)[1:], ImageError, r"shape \(48, 64\)"),
        (1, Boxed(1, 1, np.ones((3, 3), int)), ImageError, "must be bool"),
        (1, Boxed(46, 1, np.ones((3, 3), bool)), ImageError, "not inside"),
    ],
)
def test_masks_that_no_object_can_start_from_are_refused_and_change_nothing(features, object_id, mask, error, naming):
    session = Session(features)
    before = session.click(DISC)
    with pytest.raises(error, match=naming):
        session.start_from(object_id, mask)
    assert session.result is before


def test_a_session_with_starts_is_saved_and_replayed_bit_for_bit(features, tmp_path):
    session = Session(features)
    session.click(DISC)
    session.start_from(5, square(10, 10))
    session.start_from(2, square(14, 14))
    session.accept(5)
    session.click(Click(33, 48, object_id=2))
    save_session(tmp_path / "s.json", session)
    assert '"format_version": 4' in (tmp_path / "s.json").read_text(), "they overlap: labels cannot say that"
    again, differ = load_session(tmp_path / "s.json").replay(features)
    assert bits(again.result) == bits(session.result) and differ == []
    session.start_from(2, square(30, 40))
    document = Document.of(session)
    save_session(tmp_path / "apart.json", document)
    assert '"format_version": 3' in (tmp_path / "apart.json").read_text(), "labels say it, as they did before"
    assert bits(load_session(tmp_path / "apart.json").replay(features)[0].result) == bits(session.result)


def test_the_methods_paragraph_counts_them(features):
    session = Session(features)
    session.click(DISC)
    session.start_from(5, square(30, 40))
    paragraph = methods_paragraph(session)
    assert (
        paragraph.startswith("2 objects in an image") and "1 mask to start from, placed by labels, and 1" in paragraph
    )


def test_masks_and_labels_say_the_same():
    labels = np.zeros((9, 12), np.int64)
    labels[1:3, 1:5], labels[4:8, 2:4], labels[8, 11] = 7, 2**31 - 1, 3
    for some in (labels, np.where(labels > 9, 4, labels).astype(np.uint8)):
        masks = masks_of(some)
        assert list(masks) == sorted({*some[some > 0].tolist()})
        np.testing.assert_array_equal(labels_of(masks, (0, 9, 0, 12)), some)
        np.testing.assert_array_equal(labels_of(masks, (2, 6, 3, 12)), some[2:6, 3:])
        again = masks_of(some)
        assert as_known(again, masks) == masks and again != masks
    assert masks_of(labels[:0]) == {} and masks_of(labels * 0) == {}


CLICK = st.builds(Click, st.integers(0, 47), st.integers(0, 63), st.booleans(), st.integers(1, 3))
MASK = st.builds(square, st.integers(0, 40), st.integers(0, 56), st.integers(0, 9))


def change(session, data):
    """Do anything that a user may do."""
    kinds = ["click", "click", "start", "start", "undo", "redo", "reopen"]
    kinds += ["move", "flip", "delete"] if session.clicks else []
    kinds += ["accept"] if session.result.objects else []
    kind = data.draw(st.sampled_from(kinds))
    at = data.draw(st.integers(0, len(session.clicks) - 1)) if kind in ("move", "flip", "delete") else 0
    if kind == "click":
        session.click(data.draw(CLICK))
    elif kind == "start":
        session.start_from(data.draw(st.integers(1, 3)), data.draw(MASK))
    elif kind == "move":
        session.move(at, data.draw(st.integers(0, 47)), data.draw(st.integers(0, 63)))
    elif kind in ("flip", "delete"):
        getattr(session, kind)(at)
    elif kind == "accept":
        session.accept(data.draw(st.sampled_from(sorted(session.result.objects))))
    elif kind == "reopen":
        session.reopen(data.draw(st.integers(1, 3)))
    else:
        getattr(session, kind)()


@settings(max_examples=40, deadline=None)
@given(data=st.data(), compete=st.booleans())
def test_whatever_is_done_the_result_is_that_of_clicks_starts_and_accepted_alone(features, data, compete):
    session = Session(features, compete=compete)
    for _ in range(data.draw(st.integers(1, 8))):
        change(session, data)
        copies = {i: Boxed.of(mask.within((0, 48, 0, 64))) for i, mask in session.starts.items()}
        fresh = Session(features, compete=compete).replay(session.clicks, accepted=session.accepted, starts=copies)
        assert bits(session.result) == bits(fresh)
