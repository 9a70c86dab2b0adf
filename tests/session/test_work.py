"""What undo goes through: clicks, what is accepted, what objects are called."""

import numpy as np
import pytest

from napari_m2n2v2 import Click, load_session, save_session
from napari_m2n2v2.errors import UnreadableFileError
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.session.document import Document, PlacedClick, PlaneKey
from napari_m2n2v2.session.work import About, Work

FIRST, SECOND = PlaneKey((1, 2), (0,)), PlaneKey((1, 2), (1,))
PLACED = (
    PlacedClick(FIRST, Click(3, 4)), PlacedClick(SECOND, Click(3, 4)), PlacedClick(FIRST, Click(8, 9, object_id=2)),
)  # fmt: skip


def test_an_object_is_accepted_in_all_its_planes_and_opened_where_it_is_clicked():
    work = Work(PLACED).accept(1)
    assert [(one.plane, one.object_id) for one in work.accepted] == [(FIRST, 1), (SECOND, 1)]
    assert work.is_accepted(1) and not work.is_accepted(2) and work.accept(1) == work
    opened = work.with_clicks((*PLACED, PlacedClick(SECOND, Click(5, 5))))
    assert opened.accepted == work.accepted[:1] and not opened.is_accepted(1)
    assert work.with_clicks((*PLACED, PlacedClick(SECOND, Click(5, 5, object_id=2)))).accepted == work.accepted
    assert not work.reopen(1).accepted and set(opened.changed_planes(work)) == {SECOND}


def test_an_object_without_clicks_is_not_accepted():
    assert Work(PLACED).accept(7) == Work(PLACED)


def test_what_is_said_of_an_object_goes_with_it():
    work = Work(PLACED).describe(About(2, "left kidney", "organ")).describe(About(1, kind="organ"))
    assert [one.object_id for one in work.about] == [1, 2] and work.about_of(2).name == "left kidney"
    assert work.describe(About(2)).about == work.about[:1]
    gone = work.accept(2).without({2})
    assert gone.about == work.about[:1] and not gone.accepted and gone.placed == PLACED[:2]


def test_clicks_that_become_another_objects_open_both():
    work = Work(PLACED).accept(1).accept(2).with_object({2}, 1)
    assert [p.click.object_id for p in work.placed] == [1, 1, 1]
    assert [one.plane for one in work.accepted] == [SECOND], "in the plane where nothing changed it stays"


def document(**named):
    solutions = {(FIRST, None): None, (SECOND, None): None}
    return Document((2, 20, 20), PLACED, solutions, SegmentationParameters(), versions={}, **named)


def test_names_are_in_files_of_version_three_and_only_there(tmp_path):
    about = (About(2, 'the "left" one', "Zelle ä"),)
    save_session(tmp_path / "named.json", document(about=about))
    save_session(tmp_path / "plain.json", document())
    assert load_session(tmp_path / "named.json").about == about
    assert '"format_version": 3' in (tmp_path / "named.json").read_text()
    assert '"format_version": 2' in (tmp_path / "plain.json").read_text()
    assert "about" not in (tmp_path / "plain.json").read_text()


def test_an_object_accepted_before_its_mask_came_is_accepted_by_all_clicks_when_it_is_loaded(tmp_path):
    save_session(tmp_path / "s.json", document(accepted=Work(PLACED).accept(1).accepted))
    loaded = load_session(tmp_path / "s.json")
    assert [one.pixels for one in loaded.accepted] == [None, None]
    assert loaded.accepted[0].since == Work(PLACED) and loaded.accepted[1].since.accepted == loaded.accepted[:1]


def test_a_name_that_is_none_is_refused(tmp_path):
    save_session(tmp_path / "s.json", document(about=(About(2, "x"),)))
    text = (tmp_path / "s.json").read_text().replace('"name": "x"', '"name": 3')
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(UnreadableFileError, match=r"about\.0\.name"):
        load_session(tmp_path / "s.json")


def mask(row, col, side=3):
    return Boxed(row, col, np.ones((side, side), bool))


def test_objects_start_from_masks_in_one_plane_and_are_objects_without_a_click():
    work = Work(PLACED).start_from(FIRST, {1: mask(2, 2), 9: mask(9, 9)}, "labels")
    assert [(one.plane, one.object_id, one.origin) for one in work.starts] == [
        (FIRST, 1, "labels"),
        (FIRST, 9, "labels"),
    ]
    assert work.planes == {1: {FIRST, SECOND}, 2: {FIRST}, 9: {FIRST}} and not work.starts_in(SECOND)
    assert work.changed_planes(Work(PLACED)) == [FIRST] and Work(PLACED).changed_planes(work) == [FIRST]
    kept = work.accept(9)
    assert kept.is_accepted(9) and not work.is_accepted(9)
    other = kept.start_from(FIRST, {9: mask(0, 0)}, "similar")
    assert not other.is_accepted(9) and other.starts[0] is work.starts[0] and other.starts[1].pixels.box == (0, 3, 0, 3)
    assert not other.start_from(FIRST, {1: mask(0, 0, 0), 9: mask(0, 0, 0)}, "labels").starts


def test_masks_that_are_accepted_keep_their_very_pixels_until_the_object_is_clicked():
    pixels = mask(9, 9)
    work = Work(PLACED).start_from(FIRST, {9: pixels}, "similar", accepted=True)
    assert work.is_accepted(9) and work.accepted_in(FIRST)[0].pixels is pixels
    clicked = work.with_clicks((*PLACED, PlacedClick(FIRST, Click(9, 9, object_id=9))))
    assert not clicked.accepted and clicked.starts == work.starts


def test_starts_go_with_objects_that_are_deleted_merged_and_put_on_another_plane():
    work = Work(PLACED).start_from(FIRST, {1: mask(2, 2), 9: mask(9, 9)}, "labels", accepted=True)
    assert [one.object_id for one in work.without({9}).starts] == [1]
    here = work.without_in(FIRST, {1, 9})
    assert not here.starts and not here.accepted and here.placed == PLACED[1:]
    merged = work.merged({1, 2, 9}, into=2)
    assert {p.click.object_id for p in merged.placed} == {2} and not merged.accepted
    (start,) = merged.starts
    assert start.object_id == 2 and start.pixels.box == (2, 12, 2, 12) and start.pixels.values.sum() == 18
    (moved, _) = work.onto(SECOND).starts
    assert moved.plane == SECOND and moved.pixels is work.starts[0].pixels


def test_what_was_rejected_is_kept_but_for_sessions_until_it_is_forgotten():
    work = Work(PLACED).reject(FIRST, [mask(2, 2), mask(9, 9)]).reject(SECOND, [mask(0, 0)])
    assert [one.plane for one in work.rejected] == [FIRST, FIRST, SECOND]
    assert not work.changed_planes(Work(PLACED)), "no mask changes"
    assert work.without({1}).rejected == work.with_clicks(()).rejected == work.rejected
    assert work.forget_rejected() == Work(PLACED)
