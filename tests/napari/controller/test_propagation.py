"""Objects carried through a stack in the dock: against the engine's own walk, and seen again by doubt."""

from dataclasses import replace

import numpy as np
from qtpy.QtCore import Qt
from superqt import QCollapsible

from napari_m2n2v2 import Session
from napari_m2n2v2.session.document import PlaneKey
from tests.napari.conftest import same
from tests.napari.controller.carried_stacks import CYLINDER, begin, by_engine, carried, key
from tests.propagation.drawn_stacks import BALL, ball, disc, overlap

TURN = Qt.KeyboardModifier.ShiftModifier


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
        assert "Choose another" in cylinder.hints[-1]

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
        globe.controller.state.told.connect(told.append)
        before = globe.labels.copy()
        globe.widget.controller.sessions.save(tmp_path / "slice.json")
        globe.controller.objects.reset()
        assert not globe.shown_labels.any()
        globe.widget.controller.sessions.load(tmp_path / "slice.json")
        same(globe.labels, before)
        assert "bit for bit" in told[-1]
        session = Session(globe.workspace.features)
        same(session.replay(globe.workspace.clicks).labels, before[6])


class TestReview:
    def test_the_most_doubtful_first_and_a_click_on_a_row_shows_it(self, globe):
        globe.widget.propagation.both.click()
        table = globe.widget.propagation.table
        doubts = [row.doubt for row in table.rows]
        assert doubts == sorted(doubts, reverse=True) and len(doubts) == len(carried(globe.workspace))
        for row in table.rows:
            assert globe.workspace.carried.of(globe.workspace.placed, row.plane, 1).doubt == row.doubt
        assert sum(bool(row.note) for row in table.rows) == 2  # the last one each way
        globe.controller.objects.next()
        next(f for f in globe.widget.findChildren(QCollapsible) if f.isAncestorOf(table)).expand(animate=False)
        globe.qtbot.wait(50)
        table.scrollToItem(table.item(1, 0))
        where = table.visualItemRect(table.item(1, 0)).center()
        globe.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert globe.workspace.here == table.rows[1].plane and globe.workspace.object_id == 1

    def test_what_was_doubted_on_the_way_is_not_forgotten_over_another_object(self, globe):
        carry, workspace = globe.controller.propagation.propagate, globe.workspace
        carry(1, 1)
        known = workspace.carried.of(workspace.placed, key(6), 1)
        workspace.carried.add(replace(known, doubt=0.55))
        globe.controller.objects.next()
        globe.controller.clicks.add(2, 2)
        carry(1, 1)
        globe.slide(6)
        globe.controller.objects.select(1)
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


def test_the_command_palette_offers_both_ways(globe):
    from napari._app_model import get_app_model

    commands = get_app_model().commands
    for command, expected in (("carry_on", 6), ("carry_other_way", 4)):
        commands.execute_command(f"napari-m2n2v2.{command}").result()
        assert globe.workspace.here == key(expected)
        globe.slide(5)
