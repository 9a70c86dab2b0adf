"""The table of objects: id, colour, clicks, area in physical units, doubt, whether it is accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2._napari.view.qt import follow

__all__ = ["ObjectsTable", "area_text"]

_COLUMNS = ("Object", "Clicks", "Area", "Doubt", "Keep")


_KEEP = _COLUMNS.index("Keep")


class ObjectsTable(QTableWidget):  # type: ignore[misc]
    """Lists the objects of the active image; choosing one lets the next clicks be of it.

    Parameters
    ----------
    state : DockState
        Whose active image is listed.
    objects : ObjectController
        Goes on with an object.
    """

    def __init__(self, state: DockState, objects: ObjectController) -> None:
        super().__init__(0, len(_COLUMNS))
        self._state = state
        self._objects = objects
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setToolTip(
            "Doubt: the share of the object whose border could as well be elsewhere.\n"
            "Keep (K, and Next object): it is accepted, and clicks of others leave it as it is;\n"
            "a click of its own, or the box, opens it again.\n"
            "Delete removes the clicks of the chosen one in this slice (undo brings them back).\n"
            "Of a stack, all objects are listed, with what they are in the slice that is shown"
        )
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        line = self.fontMetrics().height()
        self.setMinimumHeight(5 * line)
        self.itemSelectionChanged.connect(self._choose)
        self.itemChanged.connect(self._keep)
        follow(self.refresh, state.activated, state.clicks_changed, state.solved, state.moved, state.selected)

    def refresh(self) -> None:
        """Show the objects as they are now."""
        workspace = self._state.active
        self.blockSignals(True)
        try:
            if workspace is None:
                self.setRowCount(0)
                return
            ids = object_ids(workspace)
            self.setRowCount(len(ids))
            for row, object_id in enumerate(ids):
                for column, text in enumerate(_describe(workspace, object_id)):
                    item = QTableWidgetItem(text)
                    item.setData(Qt.ItemDataRole.UserRole, object_id)
                    if column == 0:
                        item.setData(Qt.ItemDataRole.DecorationRole, _colour(workspace, object_id))
                    if column == _KEEP:
                        kept = workspace.work.is_accepted(object_id)
                        item.setCheckState(Qt.CheckState.Checked if kept else Qt.CheckState.Unchecked)
                    self.setItem(row, column, item)
                if object_id == workspace.object_id:
                    self.selectRow(row)
        finally:
            self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Let Delete remove the clicks of the object that is shown as chosen, in the slice that is shown."""
        items = self.selectedItems()
        if items and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._objects.reset(int(items[0].data(Qt.ItemDataRole.UserRole)))
        else:
            super().keyPressEvent(event)

    def _keep(self, item: QTableWidgetItem) -> None:
        """Accept an object whose box was ticked, or open it again; nothing where it is so already."""
        workspace, object_id = self._state.active, int(item.data(Qt.ItemDataRole.UserRole))
        if workspace is None or item.column() != _KEEP:
            return
        wanted = item.checkState() == Qt.CheckState.Checked
        if wanted != workspace.work.is_accepted(object_id):
            (self._objects.accept if wanted else self._objects.reopen)(object_id)
            self.refresh()  # what cannot be accepted is not

    def _choose(self) -> None:
        items = self.selectedItems()
        if items:
            self._objects.select(int(items[0].data(Qt.ItemDataRole.UserRole)))


def object_ids(workspace: Workspace) -> list[int]:
    """Return the ids of the objects with clicks in any plane, and of the one that the next click is of."""
    return sorted({placed.click.object_id for placed in workspace.placed} | {workspace.object_id})


def area_text(pixels: int, scale: Any, units: Any) -> str:
    """Say an area in the layer's units, in pixels where it has none.

    Parameters
    ----------
    pixels : int
        Area.
    scale : sequence of float
        Size of a pixel along both axes.
    units : sequence of pint.Unit
        Of both axes.
    """
    if any(f"{unit:~}" in ("px", "pixel", "") for unit in units[-2:]):
        return f"{pixels} px"
    area = pixels * float(np.prod(np.abs(scale[-2:])))
    first, second = (f"{unit:~}" for unit in units[-2:])
    return f"{area:.4g} {first}²" if first == second else f"{area:.4g} {first}·{second}"


def _describe(workspace: Workspace, object_id: int) -> tuple[str, ...]:
    here, image = workspace.here, workspace.image
    clicks = sum(click.object_id == object_id for click in workspace.clicks_in(here))
    masks = workspace.masks_of(here) if here is not None else None
    pixels = masks.areas.get(object_id, 0) if masks is not None else 0
    doubt = masks.doubts.get(object_id) if masks is not None else None
    axes = list(here.axes) if here is not None else [-2, -1]
    area = area_text(pixels, image.scale[axes], [image.units[axis] for axis in axes])
    return f"{object_id}", f"{clicks}", area, "" if doubt is None else f"{doubt:.0%}", ""


def _colour(workspace: Workspace, object_id: int) -> QColor:
    colour = workspace.labels.get_color(object_id)
    return QColor("gray") if colour is None else QColor.fromRgbF(*(float(value) for value in colour[:3]))
