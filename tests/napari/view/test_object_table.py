"""The table of objects by hand: written in, sorted, several chosen, its menu and keys (issue 18, "Objects")."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog, QLineEdit

NAME, CLASS = 5, 6


def row_of(dock, object_id):
    table = dock.widget.table
    (row,) = [r for r in range(table.rowCount()) if table.item(r, 0).text() == str(object_id)]
    return row


def choose(dock, *object_ids):
    table = dock.widget.table
    table.blockSignals(True)  # as with a key held down: the rows are chosen together
    table._select(list(object_ids))
    table.blockSignals(False)
    table.itemSelectionChanged.emit()


def action(dock, text):
    (found,) = [one for one in dock.widget.table.menu().actions() if one.text().startswith(text)]
    return found


def test_a_name_is_written_by_key_while_masks_come(three):
    table = three.widget.table
    choose(three, 2)
    three.qtbot.keyClick(table, Qt.Key.Key_F2)
    editor = table.findChild(QLineEdit)
    editor.setText("left one")
    three.controller.state.solved.emit()  # as a mask does that comes meanwhile
    assert table.findChild(QLineEdit) is editor
    three.qtbot.keyClick(editor, Qt.Key.Key_Return)
    three.qtbot.waitUntil(lambda: three.workspace.work.about_of(2).name == "left one", timeout=5_000)
    assert table.item(row_of(three, 2), NAME).text() == "left one"


def test_a_class_is_given_to_several_and_its_column_shows_then(three):
    table = three.widget.table
    assert table.isColumnHidden(CLASS)
    choose(three, 1, 2)
    action(three, "Class").trigger()
    dialog = table.findChild(QInputDialog)
    dialog.setTextValue("cell")
    dialog.accept()
    assert [three.workspace.work.about_of(i).kind for i in (1, 2, 3)] == ["cell", "cell", ""]
    assert not table.isColumnHidden(CLASS)
    table.item(row_of(three, 3), CLASS).setText("dust")
    assert three.workspace.work.about_of(3).kind == "dust"
    three.controller.clicks.undo()
    three.controller.clicks.undo()
    assert table.isColumnHidden(CLASS) and not three.workspace.work.about


def test_titles_sort_by_number_and_the_order_stays(three):
    table = three.widget.table
    for object_id, name in ((1, "b"), (2, "a"), (3, "C")):
        three.controller.edits.describe(object_id, name=name)
    table.sortItems(NAME, Qt.SortOrder.AscendingOrder)
    assert [table.item(r, NAME).text() for r in range(3)] == ["a", "b", "C"]
    three.controller.clicks.add(20, 20)
    assert [table.item(r, NAME).text() for r in range(3)] == ["a", "b", "C"]
    table.sortItems(2, Qt.SortOrder.DescendingOrder)
    areas = [int(table.item(r, 2).text().split()[0]) for r in range(3)]
    assert areas == sorted(areas, reverse=True)


def test_several_are_chosen_and_stay_chosen(three):
    table = three.widget.table
    choose(three, 1, 2)
    assert three.workspace.object_id == 3, "the next click is of the object that it was of"
    three.controller.state.solved.emit()
    assert table.chosen == [1, 2]
    three.qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert {click.object_id for click in three.workspace.clicks} == {3}
    three.controller.clicks.undo()
    assert {click.object_id for click in three.workspace.clicks} == {1, 2, 3}, "in one step"


def test_the_menu_does_what_it_says(three):
    choose(three, 1)
    assert not action(three, "Merge").isEnabled()
    action(three, "Open again").trigger()
    assert not three.workspace.work.is_accepted(1)
    choose(three, 1, 2)
    assert not action(three, "Rename").isEnabled()
    action(three, "Keep").trigger()
    assert three.workspace.work.is_accepted(1) and three.workspace.work.is_accepted(2)
    action(three, "Merge").trigger()
    assert {click.object_id for click in three.workspace.clicks} == {1, 3}
    choose(three, 1)
    action(three, "Split off").trigger()
    assert len({click.object_id for click in three.workspace.clicks}) == 3
    choose(three, 3)
    action(three, "Delete").trigger()
    assert 3 not in {click.object_id for click in three.workspace.clicks} and not three.errors


def test_enter_goes_to_an_object(three):
    three.viewer.scene.camera.center = (0, 0)
    choose(three, 2)
    three.qtbot.keyClick(three.widget.table, Qt.Key.Key_Return)
    assert tuple(three.viewer.scene.camera.center[-2:]) == (33, 48)


def test_objects_are_counted(three):
    assert three.widget.objects.count.text() == "3 objects, 3 kept"
    three.widget.console.reopen(1)
    assert three.widget.objects.count.text() == "3 objects, 2 kept"


def test_names_and_areas_are_seen_in_the_narrowest_dock(three):
    three.viewer.window.resize(1100, 700)
    three.controller.edits.describe(1, name="left one")
    three.qtbot.wait(100)
    table = three.widget.table
    for column in (0, NAME, 4, 2):
        assert table.columnWidth(column) > 15
        assert table.columnViewportPosition(column) + table.columnWidth(column) <= table.viewport().width()
