"""Objects carried through a stack in the dock: against the engine's own walk, the truth, and the user's hands."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from superqt import QCollapsible

from napari_m2n2v2 import FeatureParameters, Session, compute_features
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.propagation.propagate import Walk, propagate
from napari_m2n2v2.session.document import PlaneKey
from tests.napari.conftest import same
from tests.propagation.test_propagate import BALL, RED, ball, disc, drawn, overlap

CYLINDER = drawn([[(disc(24, 30, 10), RED)] * (1 < z < 7) for z in range(9)])
TURN = Qt.KeyboardModifier.ShiftModifier


def key(z):
    return PlaneKey((1, 2), (z,))


def carried(workspace):
    """Slices with clicks that propagation placed."""
    return sorted({placed.plane.index[0] for placed in workspace.placed if placed.carried})


def by_engine(volume, start, last, labels):
    """What the engine gives by itself, in a script."""
    stack = Stack.of(volume, rgb=True)

    def features_of(index):
        return compute_features(stack.read(index), "appearance", device="cpu", parameters=FeatureParameters(grid=12))

    return list(propagate(features_of, Walk.along(stack, (start,), last), labels))


def begin(dock, volume, z, *clicks):
    layer = dock.viewer.add_image(volume, rgb=True, name="stack")
    dock.slide(z)
    dock.start(layer)
    for click in clicks:
        dock.points.add([z, *click])
        dock.settle()
    return dock


@pytest.fixture
def globe(dock):
    """A ball, clicked in its middle slice."""
    return begin(dock, BALL, 5, (24, 30))


@pytest.fixture
def cylinder(dock):
    return begin(dock, CYLINDER, 3, (24, 30))


def until_done(dock):
    dock.qtbot.waitUntil(lambda: not dock.controller.propagating.going.is_running, timeout=60_000)
    dock.settle()


class TestCarrying:
    def test_until_it_ends_both_ways_as_the_engine_does(self, globe):
        before = globe.labels.copy()
        globe.widget.propagation.both.click()
        for last in (10, 0):
            found = by_engine(BALL, 5, last, before[5])
            for plane in found:
                same(globe.labels[plane.index], plane.labels)
                clicks = globe.workspace.clicks_in(key(*plane.index))
                assert clicks == plane.clicks
                if clicks:
                    assert overlap(plane.labels == 1, ball(plane.index[0])) > 0.75
            (reason,) = found[-1].ended.values()
            assert f"Slice {found[-1].index[0]}: {reason}" in globe.widget.propagation.message.text()
        same(globe.labels[5], before[5])
        assert carried(globe.workspace) in ([2, 3, 4, 6, 7, 8], [3, 4, 6, 7]) and not globe.errors

    def test_a_cylinder_ends_where_it_ends(self, cylinder):
        cylinder.widget.propagation.next_to_end.click()
        cylinder.widget.propagation.back_to_end.click()
        assert carried(cylinder.workspace) == [2, 4, 5, 6]
        for z in range(9):
            assert overlap(cylinder.labels[z] == 1, CYLINDER[z, ..., 0] > 120) > 0.75 or not 1 < z < 7
            assert 1 < z < 7 or not cylinder.labels[z].any()

    def test_the_key_goes_slice_by_slice_as_one_long_way_would(self, globe):
        found = by_engine(BALL, 5, 10, globe.labels[5])
        for plane in found[:2]:
            globe.press(Qt.Key.Key_W)
            assert globe.workspace.here.index == plane.index
            same(globe.shown_labels, plane.labels)
            assert globe.workspace.clicks == plane.clicks
        globe.slide(5)
        globe.press(Qt.Key.Key_W, TURN)
        assert globe.workspace.here.index == (4,)
        assert "(W)" in globe.widget.propagation.back.text()
        globe.press(Qt.Key.Key_W)
        assert globe.workspace.here.index == (3,) and carried(globe.workspace) == [3, 4, 6, 7]

    def test_to_a_slice(self, cylinder):
        panel = cylinder.widget.propagation
        panel.slice.setValue(5)
        panel.to.click()
        assert carried(cylinder.workspace) == [4, 5] and cylinder.workspace.here == key(3)
        assert panel.message.text() == "Object 1: carried to slice 5."
        panel.slice.setValue(3)
        panel.to.click()
        assert "Choose another" in cylinder.errors[-1]

    def test_the_end_of_the_stack_is_said(self, dock):
        begin(dock, CYLINDER[3:6], 1, (24, 30))
        dock.widget.propagation.next_to_end.click()
        assert carried(dock.workspace) == [2] and "last slice" in dock.widget.propagation.message.text()
        dock.slide(2)
        dock.press(Qt.Key.Key_W)
        assert "not carried. It is at the last slice" in dock.widget.propagation.message.text()

    def test_across_other_axes(self, dock):
        volume = np.moveaxis(np.stack([CYLINDER, CYLINDER]), 2, 0)  # rows, time, z, columns, colour
        layer = dock.viewer.add_image(volume, rgb=True)
        dock.viewer.dims.order = (1, 2, 0, 3)
        dock.slide(1, 3)
        dock.start(layer)
        dock.points.add([24, 1, 3, 30])
        assert dock.workspace.here == PlaneKey((0, 3), (1, 3))
        dock.widget.propagation.next_to_end.click()
        assert sorted({p.plane.index for p in dock.workspace.placed}) == [(1, 3), (1, 4), (1, 5), (1, 6)]
        same(dock.labels[:, 1, 4], dock.labels[:, 1, 4] * (dock.labels[:, 1, 4] == 1))
        assert overlap(dock.labels[:, 1, 4] == 1, disc(24, 30, 10)) > 0.75 and not dock.labels[:, 0].any()
        dock.widget.propagation.axis.setCurrentIndex(0)
        dock.widget.propagation.axis.activated.emit(0)
        dock.widget.propagation.back.click()
        assert dock.workspace.here.index == (0, 3)
        assert overlap(dock.shown_labels == 1, disc(24, 30, 10)) > 0.75

    def test_what_is_painted_is_carried(self, dock):
        begin(dock, CYLINDER, 3)
        dock.workspace.labels.data[3][disc(24, 30, 10)] = 1
        dock.press(Qt.Key.Key_W)
        (plane, *_) = by_engine(CYLINDER, 3, 4, disc(24, 30, 10).astype(int))
        same(dock.labels[4], plane.labels)

    def test_a_session_on_the_carried_slice_gives_the_same(self, globe, tmp_path):
        globe.press(Qt.Key.Key_W)
        told = []
        globe.controller.told.connect(told.append)
        before = globe.labels.copy()
        globe.widget.session.sessions.save(tmp_path / "slice.json")
        globe.controller.reset()
        assert not globe.shown_labels.any()
        globe.widget.session.sessions.load(tmp_path / "slice.json")
        same(globe.labels, before)
        assert "bit for bit" in told[-1]
        session = Session(globe.workspace.features)
        same(session.replay(globe.workspace.clicks).labels, before[6])


class TestTheUsersHands:
    def test_undo_takes_a_whole_way_back_at_once(self, globe):
        before, clicks = globe.labels.copy(), globe.workspace.placed
        globe.widget.propagation.both.click()
        after, placed = globe.labels.copy(), globe.workspace.placed
        globe.widget.undo.click()
        same(globe.labels, before)
        assert globe.workspace.placed == clicks and not globe.widget.propagation.table.rowCount()
        globe.widget.redo.click()
        same(globe.labels, after)
        assert globe.workspace.placed == placed and globe.widget.propagation.table.rowCount()

    def test_clicks_say_who_placed_them(self, cylinder):
        cylinder.widget.propagation.next_to_end.click()
        by = cylinder.points.features["placed by"].tolist()
        assert by == ["user"] + ["propagation"] * (len(by) - 1) and len(by) > 3
        colours = cylinder.points.border_color
        assert (colours[1:] == colours[1]).all() and (colours[0] != colours[1]).any()
        moved = cylinder.points.data.copy()
        moved[1, 1] += 2
        cylinder.points.data = moved
        assert cylinder.points.features["placed by"].tolist()[:3] == ["user", "user", "propagation"]

    def test_a_correction_is_carried_onward_only(self, cylinder):
        panel = cylinder.widget.propagation
        panel.next_to_end.click()
        panel.back.click()
        old = {z: cylinder.workspace.clicks_in(key(z)) for z in range(9)}
        cylinder.slide(5)
        assert not panel.again.isEnabled()
        cylinder.controller.add_click(24, 36, False)
        fixed = cylinder.labels.copy()
        assert panel.again.isEnabled() and "corrected by you" in [row.note for row in panel.table.rows]
        panel.again.click()
        (expected, *_) = by_engine(CYLINDER, 5, 6, fixed[5])
        same(cylinder.labels[:6], fixed[:6])
        same(cylinder.labels[6], expected.labels)
        now = {z: cylinder.workspace.clicks_in(key(z)) for z in range(9)}
        assert now[6] == expected.clicks and [now[z] for z in (2, 3, 4)] == [old[z] for z in (2, 3, 4)]
        cylinder.widget.undo.click()
        assert cylinder.workspace.clicks_in(key(6)) == old[6]

    def test_slices_the_user_clicked_end_the_way_and_stay(self, cylinder):
        cylinder.slide(5)
        cylinder.points.add([5, 24, 32])
        before = cylinder.labels.copy()
        cylinder.slide(3)
        cylinder.widget.propagation.next_to_end.click()
        assert carried(cylinder.workspace) == [4]
        assert "In slice 5 you clicked on it yourself" in cylinder.widget.propagation.message.text()
        same(cylinder.labels[5:], before[5:])

    def test_a_carried_slice_with_a_click_taken_out_is_the_users(self, cylinder):
        cylinder.widget.propagation.next_to_end.click()
        cylinder.slide(5)
        cylinder.controller.set_clicks(cylinder.workspace.clicks[:1])
        before = cylinder.workspace.clicks
        cylinder.slide(3)
        cylinder.controller.add_click(24, 25)
        cylinder.widget.propagation.again.click()
        assert cylinder.workspace.clicks_in(key(5)) == before

    def test_labels_that_were_there_stay(self, dock):
        labels = np.zeros(CYLINDER.shape[:3], int)
        labels[4, 20:28, 26:30] = 9
        labels[5] = 9
        mine = dock.viewer.add_labels(labels.copy(), name="mine")
        dock.widget.settings.labels.value = mine
        begin(dock, CYLINDER, 3, (24, 30))
        (found,) = {placed.click.object_id for placed in dock.workspace.placed}
        dock.widget.propagation.next_to_end.click()
        assert carried(dock.workspace) == [4] and found != 9
        same(mine.data == 9, labels == 9)
        (expected, *_) = by_engine(CYLINDER, 3, 4, (mine.data[3] == found) * found)
        same(mine.data[4], np.where(labels[4] == 9, 9, expected.labels))
        assert "Labels that were there before" in dock.widget.propagation.message.text()

    def test_what_is_no_longer_reached_is_taken_away(self, cylinder):
        panel = cylinder.widget.propagation
        panel.next_to_end.click()
        assert carried(cylinder.workspace) == [4, 5, 6]
        cylinder.controller.propagating.limits = type(cylinder.controller.propagating.limits)(least_area=400)
        panel.next_to_end.click()
        assert carried(cylinder.workspace) == [] and not cylinder.labels[4:].any()
        cylinder.widget.undo.click()
        assert carried(cylinder.workspace) == [4, 5, 6]

    def test_other_objects_keep_their_clicks(self, cylinder):
        cylinder.slide(4)
        cylinder.controller.next_object()
        cylinder.points.add([4, 8, 55])
        other = cylinder.workspace.clicks
        cylinder.slide(3)
        cylinder.controller.select_object(1)
        cylinder.press(Qt.Key.Key_W)
        assert cylinder.workspace.clicks_of(key(4), 2) == other
        same(cylinder.shown_labels, cylinder.expected())
        assert set(np.unique(cylinder.shown_labels)) == {0, 1, 2}

    def test_nothing_to_carry_is_told(self, cylinder):
        cylinder.slide(7)
        cylinder.press(Qt.Key.Key_W)
        assert "Object 1 has no mask in slice 7" in cylinder.errors[-1]
        cylinder.slide(3)
        cylinder.workspace.image.contrast_limits = (0, 90)
        cylinder.press(Qt.Key.Key_W)
        assert "Press Compute again" in cylinder.errors[-1] and not carried(cylinder.workspace)

    def test_one_slice_alone(self, started):
        started.points.add([16, 16])
        started.press(Qt.Key.Key_W)
        assert "is a single slice" in started.errors[-1] and not started.widget.propagation.next.isEnabled()


class TestReview:
    def test_the_most_doubtful_first_and_a_click_on_a_row_shows_it(self, globe):
        globe.widget.propagation.both.click()
        table = globe.widget.propagation.table
        doubts = [row.doubt for row in table.rows]
        assert doubts == sorted(doubts, reverse=True) and len(doubts) == len(carried(globe.workspace))
        for row in table.rows:
            assert globe.workspace.carried.of(globe.workspace.placed, row.plane, 1).doubt == row.doubt
        assert sum(bool(row.note) for row in table.rows) == 2  # the last one each way
        globe.controller.next_object()
        next(f for f in globe.widget.findChildren(QCollapsible) if f.isAncestorOf(table)).expand(animate=False)
        globe.qtbot.wait(50)
        table.scrollToItem(table.item(1, 0))
        where = table.visualItemRect(table.item(1, 0)).center()
        globe.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert globe.workspace.here == table.rows[1].plane and globe.workspace.object_id == 1

    def test_what_was_doubted_on_the_way_is_not_forgotten_over_another_object(self, globe):
        carry, workspace = globe.controller.propagating.carry, globe.workspace
        carry(1, 1)
        known = workspace.carried.of(workspace.placed, key(6), 1)
        workspace.carried.add(replace(known, doubt=0.55))
        globe.controller.next_object()
        globe.controller.add_click(2, 2)
        carry(1, 1)
        globe.slide(6)
        globe.controller.select_object(1)
        carry(1, 1)
        assert workspace.carried.of(workspace.placed, key(7), 1).doubt >= 0.55

    def test_layers_saved_by_napari_tell_what_was_carried(self, cylinder, tmp_path):
        cylinder.widget.propagation.next_to_end.click()
        placed, rows = cylinder.workspace.placed, {row.plane for row in cylinder.widget.propagation.table.rows}
        from napari_builtins.io import csv_to_layer_data

        (name,) = cylinder.points.save(str(tmp_path / "stack clicks.csv"))
        cylinder.viewer.layers.clear()
        layer = cylinder.viewer.add_image(CYLINDER, rgb=True, name="stack")
        data, named, _ = csv_to_layer_data(name, require_type="points")
        cylinder.viewer.add_points(data, name="stack clicks", **named)
        cylinder.slide(3)
        cylinder.start(layer)
        assert cylinder.workspace.placed == placed
        assert {row.plane for row in cylinder.widget.propagation.table.rows} == rows


class TestMeanwhile:
    """With the worker thread and Qt's event loop between."""

    @pytest.fixture
    def real(self, real_dock):
        return begin(real_dock, CYLINDER, 3, (24, 30))

    def test_progress_and_a_reason(self, real):
        told = []
        going = real.controller.propagating.going
        going.progressed.connect(lambda *told_now: told.append(told_now))
        real.widget.propagation.next_to_end.click()
        assert going.is_running and real.widget.propagation.cancel.isEnabled()
        until_done(real)
        shares = [share for share, _ in told]
        assert shares == sorted(shares) and any("slice 5" in stage for _, stage in told)
        assert carried(real.workspace) == [4, 5, 6] and "It ends" in real.widget.propagation.message.text()

    def test_cancel_acts_within_a_slice(self, real):
        going = real.controller.propagating.going

        def stop(share, stage):
            if stage.startswith("slice 5"):
                real.widget.propagation.cancel.click()

        going.progressed.connect(stop)
        real.widget.propagation.next_to_end.click()
        until_done(real)
        real.qtbot.wait(300)
        assert carried(real.workspace) == [4] and "Cancelled" in real.widget.propagation.message.text()
        assert not real.controller.jobs.keys and not real.errors
        going.progressed.disconnect(stop)
        real.widget.propagation.next_to_end.click()
        until_done(real)
        assert carried(real.workspace) == [4, 5, 6]

    def test_the_key_pressed_quickly_goes_as_far(self, real):
        for _ in range(3):
            real.qtbot.keyClick(real.canvas.native, Qt.Key.Key_W)
        until_done(real)
        assert carried(real.workspace) == [4, 5, 6] and real.workspace.here == key(6)

    @pytest.mark.parametrize("which", ["image", "points", "labels"])
    def test_a_layer_is_deleted(self, real, which):
        real.widget.propagation.both.click()
        real.viewer.layers.remove(getattr(real.workspace, which))
        real.qtbot.wait(500)
        assert real.workspace is None and not real.errors and not real.controller.jobs.keys
        assert real.controller.propagating.going.run is None

    def test_the_dock_is_closed(self, real):
        workspace = real.workspace
        real.widget.propagation.both.click()
        real.viewer.window.remove_dock_widget(real.widget)
        real.qtbot.wait(500)
        assert carried(workspace) == [] and not real.errors

    @pytest.mark.parametrize("what", ["image", "settings", "clicks", "undo"])
    def test_what_it_began_with_changes(self, real, what):
        panel = real.widget.propagation
        panel.next_to_end.click()
        if what == "image":
            real.workspace.image.contrast_limits = (0, 90)
        elif what == "settings":
            real.controller.computing.change(grid=10)
        elif what == "clicks":
            real.points.add([3, 24, 34])
        else:
            real.widget.undo.click()
        until_done(real)
        real.qtbot.wait(200)
        assert carried(real.workspace) == [] and "meanwhile" in panel.message.text() and not real.errors


def test_the_command_palette_offers_both_ways(globe):
    from napari._app_model import get_app_model

    commands = get_app_model().commands
    for command, expected in (("carry_on", 6), ("carry_other_way", 4)):
        commands.execute_command(f"napari-m2n2v2.{command}").result()
        assert globe.workspace.here == key(expected)
        globe.slide(5)
