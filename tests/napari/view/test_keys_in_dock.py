"""The dock's keys, wherever in it the keyboard is, but not where text is written."""

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractItemView, QApplication, QComboBox, QLineEdit

from tests.napari.view.test_object_table import choose, row_of
from tests.napari.view.test_similar import begin, objects, places, press

CONTROL = Qt.KeyboardModifier.ControlModifier


def click_row(dock, object_id):
    """Choose a row of the table with the mouse."""
    table = dock.widget.table
    cell = table.visualItemRect(table.item(row_of(dock, object_id), 2)).center()
    dock.viewer.window._qt_window.activateWindow()
    dock.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(cell))


def test_the_keys_work_after_a_row_was_chosen(three):
    click_row(three, 1)
    table, state = three.widget.table, three.controller.state
    assert three.workspace.object_id == 1 and three.workspace.work.is_accepted(1)
    three.qtbot.keyClick(table, Qt.Key.Key_K)
    assert not three.workspace.work.is_accepted(1)
    three.qtbot.keyClick(table, Qt.Key.Key_T)
    assert not state.foreground
    three.qtbot.keyClick(table, Qt.Key.Key_H)
    assert three.controller.preview.on
    three.qtbot.keyClick(table, Qt.Key.Key_N)
    assert three.workspace.object_id == 4 and three.workspace.work.is_accepted(1)
    three.qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    assert not three.workspace.work.is_accepted(1) and not three.errors


def test_k_keeps_all_rows_that_are_chosen_or_opens_them(three):
    choose(three, 1, 3)
    three.controller.objects.reopen(1)
    choose(three, 1, 3)
    three.qtbot.keyClick(three.widget.table, Qt.Key.Key_K)
    assert three.workspace.work.kept == {1, 2, 3}
    choose(three, 1, 3)
    three.qtbot.keyClick(three.widget.table, Qt.Key.Key_K)
    assert three.workspace.work.kept == {2}


@pytest.mark.parametrize("kind", [QAbstractItemView, QComboBox])
def test_no_list_and_no_choice_keeps_a_key_of_the_dock(three, kind):
    state, found = three.controller.state, three.widget.findChildren(kind)
    passive = [one for one in found if one.window() is three.widget.window()]  # lists that fold out are others
    assert passive
    for control in passive:
        before = state.foreground
        three.qtbot.keyClick(control, Qt.Key.Key_T)
        assert state.foreground is not before, (type(control).__name__, control.toolTip())


def test_letters_that_are_written_are_no_keys(three):
    state = three.controller.state
    choose(three, 2)
    three.qtbot.keyClick(three.widget.table, Qt.Key.Key_F2)
    editor = three.widget.table.findChild(QLineEdit)
    three.qtbot.keyClicks(editor, "tnkh")
    assert editor.text() == "tnkh" and state.foreground and three.workspace.object_id == 2
    three.qtbot.keyClick(editor, Qt.Key.Key_Return)
    three.qtbot.waitUntil(lambda: three.workspace.work.about_of(2).name == "tnkh", timeout=5_000)
    three.qtbot.keyClicks(three.widget.place, "t 1")
    assert three.widget.place.text() == "t 1" and state.foreground
    assert not three.errors


def test_proposals_are_decided_at_once_after_they_were_found(dock):
    begin(dock)
    dock.viewer.window._qt_window.activateWindow()
    panel, similar = dock.widget.similar, dock.controller.similar
    press(dock, panel.find)
    first, second = places(dock)[:2]
    assert similar.present.current is similar.shown[0] is panel.list.chosen[0]
    dock.qtbot.keyClick(QApplication.focusWidget() or panel.cues, Qt.Key.Key_J)
    assert objects(dock) == {1, 2, 4} and first not in places(dock)
    dock.qtbot.keyClick(panel.cues, Qt.Key.Key_Q)
    assert objects(dock) == {1, 2, 4} and second not in places(dock)


def test_what_is_out_of_view_is_not_looked_at_unasked(dock):
    begin(dock)
    similar, camera = dock.controller.similar, dock.viewer.scene.camera
    camera.zoom, camera.center = 40 * camera.zoom, (2, 2)
    where = tuple(camera.center)
    similar.find()
    assert similar.shown and similar.present.current is None and tuple(camera.center) == where
    dock.press(Qt.Key.Key_J)
    assert similar.present.current is similar.shown[0] and objects(dock) == {1, 2}, "nobody decides blindly"
