"""Undo and redo go back and on to the object that clicks were of."""

import numpy as np
from qtpy.QtCore import Qt

from tests.napari.view.test_drawing import DISC, SHIFT, SQUARE
from tests.napari.view.test_object_table import choose

CONTROL = Qt.KeyboardModifier.ControlModifier


def undo(dock):
    dock.press(Qt.Key.Key_Z, CONTROL)


def redo(dock):
    dock.press(Qt.Key.Key_Z, CONTROL | SHIFT)


def test_next_object_is_undone_and_done_again(started):
    started.click(16, 16)
    started.press(Qt.Key.Key_N)
    assert started.workspace.object_id == 2
    undo(started)
    assert started.workspace.object_id == 1 and not started.workspace.work.kept
    redo(started)
    assert started.workspace.object_id == 2 and started.workspace.work.kept == {1} and not started.points.selected_data
    started.click(33, 48)
    assert [c.object_id for c in started.workspace.clicks] == [1, 2] and started.workspace.work.kept == {1}
    for _ in range(3):
        undo(started)
    for _ in range(3):
        redo(started)
    assert started.workspace.object_id == 2 and {*np.unique(started.labels)} == {0, 1, 2}
    started.click(35, 50)
    assert [c.object_id for c in started.workspace.clicks] == [1, 2, 2] and started.workspace.work.kept == {1}


def test_another_object_chosen_meanwhile_is_what_undo_stays_at(started):
    started.click(16, 16)
    started.press(Qt.Key.Key_N)
    started.click(33, 48)
    choose(started, 1)
    started.click(12, 14)
    undo(started)
    assert started.workspace.object_id == 1 and len(started.workspace.clicks) == 2


def test_undo_of_another_object_s_click_goes_to_that_object(started):
    """N from an object that is kept already is no step, so undo takes back the one before it: nobody overlooks it."""
    started.click(16, 16)
    started.press(Qt.Key.Key_N)
    started.click(33, 48)
    started.click(35, 50)
    choose(started, 1)
    started.press(Qt.Key.Key_N)
    assert started.workspace.object_id == 3 and started.workspace.work.kept == {1}
    undo(started)
    assert started.workspace.object_id == 2 and len(started.workspace.clicks) == 2


def test_the_box_that_begins_an_object(started):
    started.draw(DISC, SHIFT)
    started.draw(SQUARE, SHIFT)
    assert started.workspace.object_id == 2
    undo(started)
    assert started.workspace.object_id == 1 and not started.workspace.work.kept
    redo(started)
    assert started.workspace.object_id == 2 and started.workspace.work.kept == {1}


def test_merged_objects(started):
    started.click(16, 16)
    started.press(Qt.Key.Key_N)
    started.click(33, 48)
    started.controller.edits.merge([1, 2])
    assert started.workspace.object_id == 2
    undo(started)
    assert started.workspace.object_id == 2 and {c.object_id for c in started.workspace.clicks} == {1, 2}
