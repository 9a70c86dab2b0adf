"""Accepting objects in the dock (issue 17, "Masks stay put"; issue 18, "Objects")."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Session, load_session
from tests.napari.conftest import same
from tests.napari.controller.carried_stacks import carried, key
from tests.napari.field.test_dock_again import dock_again


def keep_box(dock, row):
    table = dock.widget.table
    return table.item(row, 4)


@pytest.fixture
def left(started):
    """An object that was clicked and left; clicks are of the next one."""
    started.controller.clicks.add(16, 16)
    started.press(Qt.Key.Key_N)
    return started


def test_clicks_beside_an_object_that_was_left_change_nothing_of_it(left):
    disc = left.labels == 1
    for place in ((16, 27), (27, 16), (5, 16)):
        assert not disc[place]
        left.controller.clicks.add(*place)
        same(left.labels == 1, disc)
    same(left.labels, left.expected())
    alone = Session(left.workspace.features).replay(left.workspace.clicks).labels
    assert (disc & (alone != 1)).any(), "without Next object they must change it for this to test anything"


def test_a_click_on_it_is_on_purpose_and_says_so(left):
    left.controller.clicks.add(16, 18)
    assert left.labels[16, 18] == 2 and "changed object 1, too" in left.widget.hint.text()
    left.qtbot.waitUntil(lambda: "taken from object 1" in left.widget.hint.text(), timeout=10_000)
    same(left.labels, left.expected())


def test_the_key_and_the_box_accept_and_open_again(started):
    started.press(Qt.Key.Key_K)
    assert "Click on an object first" in started.hints[-1] and not started.errors
    started.controller.clicks.add(16, 16)
    started.press(Qt.Key.Key_K)
    assert started.workspace.work.is_accepted(1) and keep_box(started, 0).checkState() == Qt.CheckState.Checked
    keep_box(started, 0).setCheckState(Qt.CheckState.Unchecked)
    assert not started.workspace.work.accepted
    keep_box(started, 0).setCheckState(Qt.CheckState.Checked)
    started.press(Qt.Key.Key_K)
    assert not started.workspace.work.accepted
    started.widget.console.accept(1)
    assert started.workspace.work.is_accepted(1)
    started.widget.console.reopen(1)
    assert not started.workspace.work.is_accepted(1)


def test_a_box_of_an_object_without_clicks_does_not_stay_ticked(left):
    keep_box(left, 1).setCheckState(Qt.CheckState.Checked)
    assert keep_box(left, 1).checkState() == Qt.CheckState.Unchecked and left.hints


def test_next_object_too_early_is_undone(left):
    left.controller.clicks.undo()
    assert not left.workspace.work.accepted and left.workspace.object_id == 1 and len(left.workspace.clicks) == 1
    left.controller.clicks.redo()
    assert left.workspace.work.is_accepted(1)


def test_a_click_of_its_own_opens_it(left):
    left.widget.console.select_object(1)
    assert left.workspace.work.is_accepted(1) and "kept as it is" in left.widget.hint.text()
    left.points.add([30, 12])
    assert not left.workspace.work.accepted
    left.controller.clicks.undo()
    assert left.workspace.work.is_accepted(1)
    same(left.labels, left.expected())


def test_files_keep_what_is_accepted(left, tmp_path):
    left.controller.clicks.add(16, 27)
    before, told = left.labels.copy(), []
    left.controller.state.told.connect(told.append)
    left.controller.sessions.save(tmp_path / "s.json")
    assert [one.object_id for one in load_session(tmp_path / "s.json").accepted] == [1]
    left.controller.clicks.set_clicks(())
    left.controller.sessions.load(tmp_path / "s.json")
    same(left.labels, before)
    assert "bit for bit" in told[-1] and left.workspace.work.is_accepted(1) and not left.errors
    left.controller.sessions.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "s.json").read_bytes()


def test_a_dock_opened_again_knows_it(left):
    disc = left.labels == 1
    again = dock_again(left)
    again.start(left.viewer.layers["cells"])
    assert again.workspace.work.is_accepted(1)
    again.controller.objects.select(2)
    again.controller.clicks.add(16, 27)
    same(again.labels == 1, disc)
    again.widget.close_down()


def test_what_is_pressed_faster_than_masks_come_is_kept_as_it_was_left(real_dock, image):
    """The worker is never ahead: the clicks that follow are there before the mask that is accepted."""
    dock = real_dock.start(real_dock.viewer.add_image(image))
    for place in ((16, 16), (16, 27), (33, 48), (30, 36)):
        dock.widget.console.click(*place)
        dock.widget.console.next_object()
    dock.settle()
    session = Session(dock.workspace.features)
    for i, click in enumerate(dock.workspace.clicks, start=1):
        session.click(click)
        session.accept(i)
    same(dock.labels, session.result.labels)
    assert not dock.errors


class TestStacks:
    def test_an_object_is_accepted_in_all_slices_and_carrying_leaves_them(self, cylinder):
        cylinder.press(Qt.Key.Key_W)
        cylinder.press(Qt.Key.Key_W)
        cylinder.press(Qt.Key.Key_K)
        work, before = cylinder.workspace.work, cylinder.labels.copy()
        assert [one.plane for one in work.accepted] == [key(3), key(4), key(5)] and carried(cylinder.workspace)
        assert all(one.pixels is not None for one in work.accepted)
        cylinder.slide(4)
        cylinder.press(Qt.Key.Key_W)
        same(cylinder.labels, before)
        assert "it is accepted" in cylinder.widget.propagation.message.text()
        assert cylinder.workspace.work is work

    def test_others_are_carried_around_it(self, cylinder):
        cylinder.press(Qt.Key.Key_W)
        cylinder.press(Qt.Key.Key_N)
        before = cylinder.labels.copy()
        cylinder.slide(3)
        cylinder.controller.clicks.add(24, 43)
        cylinder.controller.clicks.add(24, 38)
        cylinder.press(Qt.Key.Key_W)
        same(cylinder.labels[4] == 1, before[4] == 1)
        assert not cylinder.errors

    def test_a_click_in_one_slice_opens_it_there_alone(self, cylinder):
        cylinder.press(Qt.Key.Key_W)
        cylinder.press(Qt.Key.Key_K)
        cylinder.points.add([4, 24, 44])
        assert [one.plane for one in cylinder.workspace.work.accepted] == [key(3)]
        assert not cylinder.workspace.work.is_accepted(1)
        cylinder.press(Qt.Key.Key_K)
        assert cylinder.workspace.work.is_accepted(1)


def test_labels_taken_over_are_accepted_too(dock, image):
    data = np.zeros(image.shape[:2], np.uint8)
    data[8:24, 8:16] = 3
    labels = dock.viewer.add_labels(data, name="mine")
    layer = dock.viewer.add_image(image)
    dock.widget.settings.labels.value = labels
    dock.start(layer)
    dock.controller.taking_over.take_over(3)
    dock.press(Qt.Key.Key_N)
    dock.controller.clicks.add(16, 20)
    same(dock.labels == 3, data == 3)


class TestOthers:
    def test_an_object_that_a_click_of_another_changed_is_named_and_flashes(self, started):
        started.controller.clicks.add(16, 16)
        started.controller.objects.select(2)
        started.controller.clicks.add(16, 22)  # both in work
        assert "changed object 1, too" in started.widget.hint.text()
        assert started.widget.flash.is_shown and started.viewer.layers.selection.active is started.points
        started.qtbot.waitUntil(lambda: not started.widget.flash.is_shown, timeout=5_000)
        assert [layer.name for layer in started.viewer.layers] == ["cells", "cells masks", "cells clicks"]

    def test_what_changes_its_own_object_alone_flashes_nothing(self, started):
        started.controller.clicks.add(16, 16)
        started.controller.clicks.add(20, 12)
        started.press(Qt.Key.Key_N)
        started.controller.clicks.add(33, 48)
        started.controller.clicks.undo()
        assert not started.widget.flash.is_shown and "too" not in started.widget.hint.text()

    def test_several_and_their_names(self, started):
        started.controller.clicks.add(16, 16)
        started.controller.edits.describe(1, name="disc")
        started.press(Qt.Key.Key_N)
        started.controller.clicks.add(16, 18)  # on what was accepted: on purpose
        assert "changed object disc, too" in started.widget.hint.text()


def test_many_are_left_before_features_are_there(real_dock, image):
    """What is accepted comes from what was there then, also where that was accepted itself, and opened since."""
    dock = real_dock
    dock.start(dock.viewer.add_image(image), wait=False)
    console, places = dock.widget.console, [(16, 16), (16, 27), (33, 48), *((5, col) for col in range(2, 60, 4))]
    for place in places:
        console.click(*place)
        console.next_object()
    console.reopen(1)
    dock.qtbot.waitUntil(lambda: dock.workspace.features is not None and not console.is_busy, timeout=60_000)
    session = Session(dock.workspace.features)
    for i, click in enumerate(dock.workspace.clicks, start=1):
        session.click(click)
        session.accept(i)
    same(dock.labels, session.reopen(1).labels)
    assert len(dock.workspace.clicks) == len(places) and not dock.errors
