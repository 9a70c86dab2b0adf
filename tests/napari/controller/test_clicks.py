"""Clicks through the real viewer: real mouse and key events, real layers."""

import numpy as np
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click
from tests.napari.conftest import same

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
RIGHT = Qt.MouseButton.RightButton


def test_left_click_is_foreground_right_click_background(started):
    started.click(16, 16)
    started.click(5, 50, RIGHT)
    started.click(33, 48)
    assert [click.foreground for click in started.workspace.clicks] == [True, False, True]
    same(np.round(started.points.data), [[16, 16], [5, 50], [33, 48]])
    same(started.labels, started.expected())
    assert started.labels[16, 16] == 1 and started.labels[5, 50] == 0


def test_points_differ_by_colour_and_symbol(started):
    started.click(16, 16)
    started.click(5, 50, RIGHT)
    assert [str(symbol) for symbol in started.points.symbol] == ["ring", "cross"]
    green, red = started.points.face_color[:, :3]
    assert green[1] > green[0] and red[0] > red[1]


def test_t_turns_left_click_into_background_and_back(started):
    started.press(Qt.Key.Key_T)
    started.click(16, 16)
    started.press(Qt.Key.Key_T)
    started.click(5, 50)
    assert [click.foreground for click in started.workspace.clicks] == [False, True]
    assert "Foreground" in started.widget.buttons.sign.text()


def test_t_flips_selected_points(started):
    started.click(16, 16)
    started.click(33, 48)
    started.points.mode = "select"
    started.points.selected_data = {1}
    started.press(Qt.Key.Key_T)
    assert [click.foreground for click in started.workspace.clicks] == [True, False]
    assert started.points.selected_data == {1}
    same(started.labels, started.expected())


def test_deleting_a_point_updates_the_mask(started):
    started.click(16, 16)
    before = started.labels.copy()
    started.click(33, 48)
    started.points.selected_data = {1}
    started.press(Qt.Key.Key_Delete)
    same(started.labels, before)


def test_dragging_a_point_updates_the_mask(started):
    started.click(16, 16)
    started.points.mode = "select"
    started.drag((16, 16), (33, 48))
    np.testing.assert_allclose(started.points.data, [[33, 48]], atol=1)
    assert started.workspace.clicks == (Click(*started.points.data[0]),)
    same(started.labels, started.expected())
    started.press(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_allclose(started.points.data, [[16, 16]], atol=1)


def test_a_click_is_dragged_in_the_mode_in_which_clicks_are_placed(started):
    started.click(16, 16)
    assert started.points.mode == "add"
    camera = tuple(started.viewer.scene.camera.center)
    started.drag((16, 16), (33, 48))
    np.testing.assert_allclose(started.points.data, [[33, 48]], atol=1)
    assert len(started.workspace.clicks) == 1 and tuple(started.viewer.scene.camera.center) == camera
    same(started.labels, started.expected())
    started.press(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_allclose(started.points.data, [[16, 16]], atol=1)
    started.drag((40, 10), (20, 40))  # where no click is
    np.testing.assert_allclose(started.points.data, [[16, 16]], atol=1)


def test_dragging_a_click_goes_on_with_its_object(started):
    started.click(16, 16)
    started.press(Qt.Key.Key_N)
    started.click(33, 48)
    started.drag((16, 16), (18, 20))
    assert started.workspace.object_id == 1 and started.points.selected_data == {0}
    assert [click.object_id for click in started.workspace.clicks] == [1, 2]
    same(started.labels, started.expected())


def test_clicks_that_come_or_go_during_a_drag_leave_all_as_they_are_but_the_one_dragged(started):
    clicks = started.controller.clicks
    first = [Click(16, 16, object_id=5), Click(33, 48, False, 6), Click(40, 10, object_id=7)]
    clicks.set_clicks(first)
    new = Click(8, 50, object_id=8)
    started.drag((33, 48), (36, 40), meanwhile=lambda: clicks.set_clicks([new, *first]))
    moved = Click(*started.points.data[2], False, 6)
    np.testing.assert_allclose(started.points.data[2], (36, 40), atol=1)
    assert started.workspace.clicks == (new, first[0], moved, first[2])
    same(started.labels, started.expected())
    started.drag((36, 40), (20, 30), meanwhile=lambda: clicks.set_clicks([new, first[0]]))  # it is gone
    assert started.workspace.clicks == (new, first[0]) and not started.errors
    started.drag((16, 16), (20, 30), meanwhile=clicks.undo)
    assert started.workspace.clicks[0] == new and len(started.workspace.clicks) == 4 and not started.errors
    same(started.labels, started.expected())


def test_undo_and_redo_by_key_go_all_the_way(started):
    states = [started.labels.copy()]
    for place in [(16, 16), (33, 48), (40, 10)]:
        started.click(*place)
        states.append(started.labels.copy())
    for expected in states[-2::-1]:
        started.press(Qt.Key.Key_Z, CONTROL)
        same(started.labels, expected)
    assert len(started.points.data) == 0 and not started.widget.buttons.undo.isEnabled()
    for expected in states[1:]:
        started.press(Qt.Key.Key_Z, CONTROL | SHIFT)
        same(started.labels, expected)
    assert len(started.points.data) == 3 and not started.widget.buttons.redo.isEnabled()


def test_next_object_gets_its_own_label_and_reset_only_its_clicks(started):
    started.click(16, 16)
    first = started.labels == 1
    started.press(Qt.Key.Key_N)
    started.click(33, 48)
    assert set(np.unique(started.labels)) == {0, 1, 2}
    started.widget.buttons.reset.click()
    same(started.labels, first.astype(np.int32))
    started.widget.buttons.undo.click()
    assert started.labels[33, 48] == 2


def test_points_added_by_script_are_clicks(started):
    started.points.add([[16, 16], [33, 48]])
    started.settle()
    assert started.workspace.clicks == (Click(16, 16), Click(33, 48))
    same(started.labels, started.expected())


def test_editing_the_features_table_flips_clicks(started):
    started.points.add([[16, 16], [33, 48]])
    features = started.points.features.copy()
    features.loc[1, "class"] = "background"
    started.points.features = features
    started.settle()
    assert [click.foreground for click in started.workspace.clicks] == [True, False]
    same(started.labels, started.expected())


def test_a_click_beside_the_image_is_taken_back_and_told(started):
    started.points.add([16, 16])
    started.points.add([-20, 16])
    assert len(started.points.data) == 1 and len(started.workspace.clicks) == 1
    assert "outside the image" in started.hints[-1] and not started.errors
