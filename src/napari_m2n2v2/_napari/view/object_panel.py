"""The table of objects, how many there are, and their export."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from napari_m2n2v2._napari.controller.object_table import ObjectTable
from napari_m2n2v2._napari.layers.sources import folder_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.objects import ObjectsTable
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2._napari.view.session import file_name
from napari_m2n2v2._napari.view.text import TextLabel

__all__ = ["ObjectPanel"]


class ObjectPanel(QWidget):  # type: ignore[misc]
    """What there is of objects.

    Parameters
    ----------
    state : DockState
        Whose active image it is of.
    rows : ObjectsTable
        Takes the room.
    table : ObjectTable
        Exports.
    """

    def __init__(self, state: DockState, rows: ObjectsTable, table: ObjectTable) -> None:
        super().__init__()
        self._state = state
        self._table = table
        self.count = TextLabel()
        self.export = make_button(
            "Export table…",
            "A CSV file with a row for each object in each slice: name, class, area, centroid, bounding box\n"
            "and mean intensity, in the units of the image",
            self._export,
        )
        below = QHBoxLayout()
        below.addWidget(self.count, 1)
        below.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(rows, 1)
        column.addLayout(below)
        follow(self.refresh, state.activated, state.clicks_changed, state.selected)
        self.refresh()

    def refresh(self) -> None:
        """Say how many objects there are."""
        workspace = self._state.active
        ids, kept = (workspace.about.said, len(workspace.about.kept)) if workspace is not None else ({}, 0)
        self.count.setText(f"{len(ids)} object{'' if len(ids) == 1 else 's'}, {kept} kept" if ids else "No object yet")
        self.export.setEnabled(bool(ids))

    def _export(self) -> None:
        image = self._state.active.image if self._state.active is not None else None
        dialog = QFileDialog(self, "Export table", folder_of(image) if image is not None else "", "Table (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        if image is not None:
            dialog.selectFile(file_name(image.name).removesuffix(".json") + ".csv")
        if dialog.exec():
            self._table.export(dialog.selectedFiles()[0])
