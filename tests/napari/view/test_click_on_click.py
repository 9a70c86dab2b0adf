"""A click on a click, in the mode in which clicks are placed: it is selected, and keys change it."""

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_m2n2v2 import Box
from tests.napari.conftest import same
from tests.napari.view.test_drawing import DISC, SHIFT


def clicks(dock):
    return [(round(c.row), round(c.col), c.foreground) for c in dock.workspace.clicks]


def selected(dock):
    return set(dock.points.selected_data)


@pytest.fixture
def placed(started):
    started.click(16, 16)
    started.click(40, 10, Qt.MouseButton.RightButton)
    started.click(33, 48)
    return started


def test_it_is_selected_and_t_flips_it(placed):
    before = clicks(placed)
    placed.click(16, 16)
    assert clicks(placed) == before and selected(placed) == {0} and placed.points.mode == "add"
    assert placed.widget.hint.text() == "Click 1 is selected: T flips it, Delete removes it."
    placed.press(Qt.Key.Key_T)
    assert clicks(placed) == [(16, 16, False), *before[1:]] and placed.controller.state.foreground
    same(placed.labels, placed.expected())
    placed.press(Qt.Key.Key_T)
    assert clicks(placed) == before
    placed.click(20, 22)
    placed.press(Qt.Key.Key_T)
    assert clicks(placed) == [*before, (20, 22, True)] and not placed.controller.state.foreground, "T as ever"


def test_delete_removes_it(placed):
    before = clicks(placed)
    placed.click(40, 10)
    placed.press(Qt.Key.Key_Delete)
    assert clicks(placed) == [before[0], before[2]]
    same(placed.labels, placed.expected())


def test_a_click_beside_it_is_placed_and_a_drag_still_moves(placed):
    at = placed.where(16, 16)
    placed.qtbot.mouseClick(placed.canvas.native, Qt.MouseButton.LeftButton, pos=at + QPoint(6, 0))
    placed.settle()
    assert len(clicks(placed)) == 4
    placed.controller.clicks.undo()
    placed.drag((16, 16), (20, 20))
    assert clicks(placed)[0] == (20, 20, True) and len(clicks(placed)) == 3 and placed.points.mode == "add"
    placed.press(Qt.Key.Key_T)
    assert not placed.controller.state.foreground, "what was dragged is not flipped unasked"


def test_it_goes_on_with_the_object_of_the_click(placed):
    placed.press(Qt.Key.Key_N)
    placed.click(16, 16)
    assert placed.workspace.object_id == 1 and len(clicks(placed)) == 3
    assert placed.workspace.work.is_accepted(1), "it changes nothing"


def test_a_right_click_there_is_a_background_click_still(placed):
    placed.click(16, 16, Qt.MouseButton.RightButton)
    assert clicks(placed)[-1] == (16, 16, False) and len(clicks(placed)) == 4


def test_a_click_in_another_slice_is_not_in_the_way(stack):
    stack.click(16, 16)
    stack.slide(2)
    stack.click(16, 16)
    assert len(stack.workspace.placed) == 2


def test_a_box_has_no_class_to_flip(started):
    started.draw(DISC, SHIFT)
    handle = started.points.data[0]
    started.click(*handle)
    assert selected(started) == {0} and started.widget.hint.text() == "Box 1 is selected: Delete removes it."
    assert [type(placed.click) for placed in started.workspace.placed] == [Box]
