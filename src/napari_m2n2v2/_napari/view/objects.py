"""The table of objects: id, colour, clicks, area in physical units, doubt, whether it is accepted, name and class."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QInputDialog, QMenu, QStyle, QTableWidget, QTableWidgetItem

from napari_m2n2v2._napari.controller.object_edits import ObjectEdits
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2._napari.view.keys import KEYS
from napari_m2n2v2._napari.view.object_rows import COLUMNS, Cells, longest, rows_of
from napari_m2n2v2._napari.view.qt import follow

__all__ = ["ObjectsTable"]

_KEEP, _NAME, _CLASS = (COLUMNS.index(title) for title in ("Keep", "Name", "Class"))


_SEEN = ("Object", "Name", "Class", "Keep", "Area", "Clicks", "Doubt")
"""From left to right: what is narrow enough for the dock comes first."""


_ID, _RANK = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


_LEAST_NAME = 7  # letters


_NOTHING = (None, None)  # what no image looks like


_MEASURED = 25  # rows that are looked at one by one for how wide they are


_TIP = (
    "Doubt: high where colours hardly part along the outline, or the last click still changed much.\n"
    "Keep (K, and Next object): it is accepted, and clicks of others leave it as it is;\n"
    "a click of its own, or the box, opens it again.\n"
    "Name, Class: yours, F2 or a double click to write; saved with the session.\n"
    "Delete removes the chosen ones from this slice (undo brings them back).\n"
    "Enter goes to the object. Right-click for more; a title sorts.\n"
    "Of a stack, all objects are listed, with what they are in the slice that is shown"
)


class _Item(QTableWidgetItem):  # type: ignore[misc]
    """A cell that sorts by what it means, not by how that is written."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(_RANK) < other.data(_RANK))


class ObjectsTable(QTableWidget):  # type: ignore[misc]
    """Lists the objects of the active image; choosing one lets the next clicks be of it.

    Parameters
    ----------
    state : DockState
        Whose active image is listed.
    objects : ObjectController
        Goes on with an object, accepts it.
    edits : ObjectEdits
        Does the rest to objects.
    """

    like_these_wanted = Signal(list)  # others like these objects, by id
    own_keys = ("accept",)

    def __init__(self, state: DockState, objects: ObjectController, edits: ObjectEdits) -> None:
        super().__init__(0, len(COLUMNS))
        self._state = state
        self._objects = objects
        self._edits = edits
        self._is_stale = False  # something changed while a cell was written in
        self._shown: tuple[Any, dict[int, Cells]] = (_NOTHING, {})  # of which image in which colours, and what it says
        self.setHorizontalHeaderLabels(COLUMNS)
        self.setToolTip(_TIP)
        self.verticalHeader().hide()
        self._lay_out(self.horizontalHeader())
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        self.setAccessibleName("Objects")
        self.setMinimumHeight(5 * self.fontMetrics().height())
        self.itemSelectionChanged.connect(self._choose)
        self.itemChanged.connect(self._take)
        follow(self.refresh, state.activated, state.clicks_changed, state.solved, state.moved)
        follow(self._follow_object, state.selected)

    def _lay_out(self, header: QHeaderView) -> None:
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(1)
        header.setResizeContentsPrecision(_MEASURED)
        header.setStyleSheet("QHeaderView::section { padding: 1px 2px; }")  # napari's is for wide tables
        header.sortIndicatorChanged.connect(lambda *_: self._fit())
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        for place, title in enumerate(_SEEN):
            header.moveSection(header.visualIndex(COLUMNS.index(title)), place)
        self.setColumnHidden(_CLASS, True)

    def _fit(self) -> None:
        """Make columns as wide as they have to be, for all to be seen in a narrow dock; names get the rest.

        Qt's own way keeps room in every title for the arrow of the one that sorts.
        """
        header = self.horizontalHeader()
        bold = header.font()
        bold.setBold(True)  # as napari's style draws titles
        font, sorts = QFontMetrics(bold), header.sortIndicatorSection()
        letter = font.averageCharWidth()
        rest = self.viewport().width()
        for column, title in enumerate(COLUMNS):
            arrow = 3 * letter if column == sorts else letter
            width = max(self._width_of(column), font.horizontalAdvance(title) + arrow)
            if column != _NAME and not self.isColumnHidden(column):
                self.setColumnWidth(column, width)
                rest -= width
        self.setColumnWidth(_NAME, max(rest, _LEAST_NAME * letter))

    def _width_of(self, column: int) -> int:
        """Return how wide the cells of a column are: of many, some, and the one that says most."""
        width, rows = int(self.sizeHintForColumn(column)), self._shown[1]
        if len(rows) > _MEASURED:
            longest = max((cells[column][0] for cells in rows.values()), key=len)
            letter = self.fontMetrics().averageCharWidth()
            icon = 0 if column else self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
            beside = icon + 3 * letter
            width = max(width, self.fontMetrics().horizontalAdvance(longest) + beside)
        return width

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Follow the dock."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for little height: it takes what is left."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    @property
    def chosen(self) -> list[int]:
        """The objects whose rows are selected."""
        return sorted({int(item.data(_ID)) for item in self.selectedItems()})

    def refresh(self) -> None:
        """Show the objects as they are now; later, while somebody writes in a cell."""
        self._is_stale = self.state() == QAbstractItemView.State.EditingState
        if self._is_stale:
            return
        workspace = self._state.active
        rows = rows_of(workspace) if workspace is not None else {}
        looks = workspace, _colours_of(workspace)
        before, self._shown = self._shown, (looks, rows)
        if before == self._shown:
            if workspace is not None and self.chosen != [workspace.object_id] and len(self.chosen) < 2:
                self._show_chosen([workspace.object_id])
            return
        chosen = self.chosen
        self.blockSignals(True)
        try:
            if looks != before[0]:
                self.setRowCount(0)
            self._update(before[1] if looks == before[0] else {}, rows)
            self.setColumnHidden(_CLASS, not any(cells[_CLASS][0] for cells in rows.values()))
            if longest(rows) != longest(before[1]):
                self._fit()
            if workspace is not None:
                self._select(chosen if len(chosen) > 1 else [workspace.object_id])
        finally:
            self.blockSignals(False)

    def _update(self, before: dict[int, Cells], rows: dict[int, Cells]) -> None:
        """Change what is another than before: rows that came or went, and cells that say something else."""
        places = {self.item(row, 0).data(_ID): row for row in range(self.rowCount())}
        changed = [
            (self.item(places[object_id], column), column, cell)
            for object_id, cells in rows.items()
            if object_id in before and cells != before[object_id]
            for column, cell in enumerate(cells)
            if cell != before[object_id][column]
        ]
        for item, column, cell in changed:  # which may move the row that it is in
            _say(item, column, *cell)
        if rows.keys() != before.keys():
            self.setSortingEnabled(False)  # else rows move while they are filled
            self._remove(before.keys() - rows.keys())
            self._add({object_id: cells for object_id, cells in rows.items() if object_id not in before})
            self.setSortingEnabled(True)

    def _remove(self, object_ids: Collection[int]) -> None:
        for row in reversed(range(self.rowCount())):
            if self.item(row, 0).data(_ID) in object_ids:
                self.removeRow(row)

    def _add(self, rows: dict[int, Cells]) -> None:
        if not rows or (workspace := self._state.active) is None:
            return
        first = self.rowCount()
        self.setRowCount(first + len(rows))
        colours = workspace.labels.colormap.map(np.array(list(rows)))
        origins = {one.object_id: one.origin for one in workspace.work.starts}
        for row, ((object_id, cells), colour) in enumerate(zip(rows.items(), colours, strict=True), start=first):
            for column, cell in enumerate(cells):
                item = _Item()
                item.setData(_ID, object_id)
                if column == 0:
                    item.setData(Qt.ItemDataRole.DecorationRole, QColor.fromRgbF(*map(float, colour[:3])))
                    item.setToolTip(f"placed by: {origins[object_id]}" if object_id in origins else "")
                if column not in (_NAME, _CLASS):
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                _say(item, column, *cell)
                self.setItem(row, column, item)

    def _show_chosen(self, object_ids: list[int]) -> None:
        self.blockSignals(True)
        try:
            self._select(object_ids)
        finally:
            self.blockSignals(False)

    def _follow_object(self) -> None:
        """Choose the row of the object that the next click is of, and no other."""
        self.blockSignals(True)
        self.clearSelection()
        self.blockSignals(False)
        self.refresh()

    def _select(self, object_ids: list[int]) -> None:
        self.clearSelection()
        model, flags = self.selectionModel(), self.selectionModel().SelectionFlag
        for row in range(self.rowCount()):
            if self.item(row, 0).data(_ID) in object_ids:
                model.select(self.model().index(row, 0), flags.Select | flags.Rows)
                if len(object_ids) == 1:
                    model.setCurrentIndex(self.model().index(row, 0), flags.NoUpdate)

    def closeEditor(self, editor: Any, hint: Any) -> None:  # noqa: N802 (Qt's name)
        """Show what changed while a cell was written in."""
        super().closeEditor(editor, hint)
        if self._is_stale:
            self.refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Let Delete remove clicks in the slice that is shown, Enter go to an object, F2 write its name, K keep all."""
        chosen = self.chosen
        if chosen and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._objects.reset(*chosen)
        elif chosen and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._edits.jump(chosen[0])
        elif chosen and event.key() == Qt.Key.Key_F2:
            self._write(chosen[0], _NAME)
        elif event.text().upper() == KEYS["accept"]:
            self._objects.toggle_accepted(*chosen)
        else:
            super().keyPressEvent(event)

    def menu(self) -> QMenu:
        """Return what can be done to the chosen objects."""
        chosen, menu = self.chosen, QMenu(self)
        if not chosen or (workspace := self._state.active) is None:
            return menu
        kept = all(workspace.work.is_accepted(i) for i in chosen)
        several = len(chosen) > 1
        actions: tuple[tuple[str, bool, Callable[[], object]], ...] = (
            ("Go to it\tEnter", not several, lambda: self._edits.jump(chosen[0])),
            ("Open again\tK" if kept else "Keep as it is\tK", True, lambda: self._objects.toggle_accepted(*chosen)),
            ("Rename…\tF2", not several, lambda: self._write(chosen[0], _NAME)),
            ("Class…", True, lambda: self._ask_class(chosen)),
            ("Find similar", True, lambda: self.like_these_wanted.emit(chosen)),
            ("Merge", several, lambda: self._edits.merge(chosen)),
            ("Split off a part", not several, lambda: self._edits.split(chosen[0])),
            ("Remove it from this slice\tDel", True, lambda: self._objects.reset(*chosen)),
            ("Delete it in all slices", True, lambda: self._edits.delete(chosen)),
        )
        for text, enabled, call in actions:
            action = menu.addAction(text)
            action.setEnabled(enabled)
            action.triggered.connect(lambda _=False, call=call: call())
        return menu

    def _show_menu(self, at: QPoint) -> None:
        menu = self.menu()
        if not menu.isEmpty():
            menu.popup(self.viewport().mapToGlobal(at))

    def _ask_class(self, object_ids: list[int]) -> None:
        """Let a class be written for objects; the work goes on meanwhile."""
        if (workspace := self._state.active) is None:
            return
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Class")
        dialog.setLabelText(f"Class of object {', '.join(map(str, object_ids))}")
        dialog.setTextValue(workspace.work.about_of(object_ids[0]).kind)
        dialog.textValueSelected.connect(lambda text: self._edits.describe(*object_ids, kind=text))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _write(self, object_id: int, column: int) -> None:
        for row in range(self.rowCount()):
            if self.item(row, 0).data(_ID) == object_id:
                self.editItem(self.item(row, column))

    def _take(self, item: QTableWidgetItem) -> None:
        """Take what was written or ticked in a cell; nothing where it is so already."""
        workspace, object_id, column = self._state.active, int(item.data(_ID)), item.column()
        if workspace is None:
            return
        if object_id in self._shown[1]:  # the cell says what was written, whatever comes of it
            self._shown[1][object_id] = tuple(("", None) for _ in COLUMNS)
        if column == _KEEP:
            wanted = item.checkState() == Qt.CheckState.Checked
            if wanted != workspace.work.is_accepted(object_id):
                (self._objects.accept if wanted else self._objects.reopen)(object_id)
                self.refresh()  # what cannot be accepted is not
        elif column == _NAME:
            self._edits.describe(object_id, name=item.text())
        elif column == _CLASS:
            self._edits.describe(object_id, kind=item.text())

    def _choose(self) -> None:
        if len(chosen := self.chosen) == 1:
            self._objects.select(chosen[0])


def _say(item: QTableWidgetItem, column: int, text: str, rank: Any) -> None:
    item.setData(_RANK, rank)
    item.setText(text)
    if column == _KEEP:
        item.setCheckState(Qt.CheckState.Checked if rank else Qt.CheckState.Unchecked)


def _colours_of(workspace: Workspace | None) -> object:
    """Return what is another where objects have other colours, but for how strong these are."""
    colours = workspace.labels.colormap if workspace is not None else None
    values = getattr(colours, "colors", None)
    return id(colours) if values is None else (values[:, :3].tobytes(), getattr(colours, "seed", 0))
