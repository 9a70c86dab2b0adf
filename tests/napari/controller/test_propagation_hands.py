"""Carried slices in the user's hands: undone, corrected, taken over, told what cannot be carried."""

import numpy as np
from qtpy.QtCore import Qt

from tests.napari.conftest import same
from tests.napari.controller.carried_stacks import CYLINDER, begin, by_engine, carried, key


class TestTheUsersHands:
    def test_undo_takes_a_whole_way_back_at_once(self, globe):
        before, clicks = globe.labels.copy(), globe.workspace.placed
        globe.widget.propagation.both.click()
        after, placed = globe.labels.copy(), globe.workspace.placed
        globe.widget.buttons.undo.click()
        same(globe.labels, before)
        assert globe.workspace.placed == clicks and not globe.widget.propagation.table.rowCount()
        globe.widget.buttons.redo.click()
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
        cylinder.controller.clicks.add(24, 36, False)
        fixed = cylinder.labels.copy()
        assert panel.again.isEnabled() and "corrected by you" in [row.note for row in panel.table.rows]
        panel.again.click()
        (expected, *_) = by_engine(CYLINDER, 5, 6, fixed[5])
        same(cylinder.labels[:6], fixed[:6])
        same(cylinder.labels[6], expected.labels)
        now = {z: cylinder.workspace.clicks_in(key(z)) for z in range(9)}
        assert now[6] == expected.clicks and [now[z] for z in (2, 3, 4)] == [old[z] for z in (2, 3, 4)]
        cylinder.widget.buttons.undo.click()
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
        cylinder.controller.clicks.set_clicks(cylinder.workspace.clicks[:1])
        before = cylinder.workspace.clicks
        cylinder.slide(3)
        cylinder.controller.clicks.add(24, 25)
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
        cylinder.controller.propagation.limits = type(cylinder.controller.propagation.limits)(least_area=400)
        panel.next_to_end.click()
        assert carried(cylinder.workspace) == [] and not cylinder.labels[4:].any()
        cylinder.widget.buttons.undo.click()
        assert carried(cylinder.workspace) == [4, 5, 6]

    def test_other_objects_keep_their_clicks(self, cylinder):
        cylinder.slide(4)
        cylinder.controller.objects.next()
        cylinder.points.add([4, 8, 55])
        other = cylinder.workspace.clicks
        cylinder.slide(3)
        cylinder.controller.objects.select(1)
        cylinder.press(Qt.Key.Key_W)
        assert cylinder.workspace.clicks_of(key(4), 2) == other
        same(cylinder.shown_labels, cylinder.expected())
        assert set(np.unique(cylinder.shown_labels)) == {0, 1, 2}

    def test_nothing_to_carry_is_told(self, cylinder):
        cylinder.slide(7)
        cylinder.press(Qt.Key.Key_W)
        assert "Object 1 has no mask in slice 7" in cylinder.hints[-1] and not cylinder.errors
        cylinder.slide(3)
        cylinder.workspace.image.contrast_limits = (0, 90)
        cylinder.press(Qt.Key.Key_W)
        assert "Press Compute again" in cylinder.hints[-1] and not carried(cylinder.workspace)

    def test_one_slice_alone(self, started):
        started.points.add([16, 16])
        started.press(Qt.Key.Key_W)
        assert "is a single slice" in started.hints[-1] and not started.widget.propagation.next.isEnabled()
