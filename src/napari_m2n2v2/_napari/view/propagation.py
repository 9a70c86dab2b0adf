"""Carrying an object through a stack: where to, how far it got and why, what to look at again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHeaderView,
    QLabel,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.controller.propagation import PropagationController
from napari_m2n2v2._napari.layers.geometry import axis_names, stack_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2._napari.view.text import TextLabel, elide
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["PropagationPanel", "ReviewTable", "Row", "rows_of"]

_COLUMNS = ("Slice", "Object", "Doubt", "Note")


@dataclass(frozen=True)
class Row:
    """A slice that an object was carried to.

    Parameters
    ----------
    plane : PlaneKey
        Which slice.
    object_id : int
        Which object.
    doubt : float
        From 0 to 1, NaN where it is not known.
    note : str
        Why it went no further, or that the user corrected it.
    name : str
        Of the slice, in words.
    """

    plane: PlaneKey
    object_id: int
    doubt: float
    note: str
    name: str


def rows_of(workspace: Workspace | None) -> list[Row]:
    """List what was carried and is there still, the most doubtful first, those of unknown doubt at the end."""
    if workspace is None:
        return []
    rows = []
    for key, object_id, carried in workspace.carried.present(workspace.placed):
        of_clicks = workspace.masks_of(key).doubts.get(object_id, math.nan)
        doubt = carried.doubt if carried is not None else of_clicks
        note = "corrected by you" if carried is None else carried.stopped
        rows.append(Row(key, object_id, doubt, note, workspace.name_of(key).removeprefix("slice ")))
    known = [row for row in rows if not math.isnan(row.doubt)]
    return [*sorted(known, key=lambda row: -row.doubt), *(row for row in rows if math.isnan(row.doubt))]


class ReviewTable(QTableWidget):  # type: ignore[misc]
    """Lists carried slices; a click on a row shows the slice and goes on with its object."""

    def __init__(self, state: DockState, field: FieldOfView, objects: ObjectController) -> None:
        super().__init__(0, len(_COLUMNS))
        self._state = state
        self._field = field
        self._objects = objects
        self.rows: list[Row] = []
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setToolTip(
            "Slices that an object was carried to, the most doubtful first. A click on a row shows it.\n"
            "Doubt: how much it moved, changed its look or was not as expected, anywhere on its way to the slice"
        )
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._name_width = 16 * self.fontMetrics().averageCharWidth()  # axes may have long names
        line = self.fontMetrics().height()
        self.setMinimumHeight(5 * line)
        self.setMaximumHeight(14 * line)
        self.cellClicked.connect(lambda row, _: self._show(row))

    def refresh(self) -> None:
        """Show what was carried, as it is now."""
        rows = rows_of(self._state.active)
        if rows == self.rows:
            return
        self.rows = rows
        self.setRowCount(len(rows))
        for n, row in enumerate(rows):
            doubt = "" if math.isnan(row.doubt) else f"{row.doubt:.0%}"
            name = self.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, self._name_width)
            for column, text in enumerate((name, f"{row.object_id}", doubt, row.note)):
                item = QTableWidgetItem(text)
                item.setToolTip("\n".join(filter(None, (row.name if name != row.name else "", row.note))))
                self.setItem(n, column, item)

    def _show(self, row: int) -> None:
        chosen = self.rows[row]
        self._field.show_plane(chosen.plane)
        self._objects.select(chosen.object_id)


class PropagationPanel(QWidget):  # type: ignore[misc]
    """Buttons for where to, the reason it stopped, and the slices to look at again.

    Parameters
    ----------
    state : DockState
        Whose objects are carried.
    field : FieldOfView
        Goes to a slice.
    objects : ObjectController
        Goes on with an object.
    propagation : PropagationController
        Carries.
    """

    def __init__(
        self, state: DockState, field: FieldOfView, objects: ObjectController, propagation: PropagationController
    ) -> None:
        super().__init__()
        self._state = state
        self._propagation = propagation
        self.back = make_button("", "Carry the present object to the slice before, and show it", self._step(-1))
        self.next = make_button("", "Carry the present object to the slice after, and show it", self._step(1))
        self.back_to_end = make_button("◀◀ Until it ends", "To lower slices, until it ends", self._until(-1))
        self.next_to_end = make_button("Until it ends ▶▶", "To higher slices, until it ends", self._until(1))
        self.both = make_button(
            "◀◀ Both ways ▶▶", "From the slice that is shown, until it ends", propagation.propagate_both_ways
        )
        self.again = make_button(
            "Carry on from here again",
            "After you corrected this slice: what was carried from here on is carried anew, the rest stays",
            propagation.propagate_again,
        )
        self.to = make_button("To slice", "To this slice and all between", self._on_to)
        self.slice = QSpinBox()
        self.slice.setToolTip("As the slider counts")
        self.axis = QComboBox()
        elide(self.axis)
        self.axis.setToolTip("Along which slider; the one moved last, until you choose")
        self.axis.activated.connect(self._on_axis)
        self.limit = QSpinBox()
        self.limit.setRange(0, 100)
        self.limit.setSuffix(" %")
        self.limit.setToolTip("It stops where more of it than this is in doubt; 100 % never stops it")
        self.limit.setValue(round(100 * propagation.limits.most_doubt))
        self.limit.valueChanged.connect(self._on_limit)
        self.message = TextLabel()
        self.table = ReviewTable(state, field, objects)
        self._lay_out()
        queue = propagation.queue
        follow(self.refresh, state.activated, state.moved, state.selected, state.clicks_changed, queue.changed)
        follow(self.table.refresh, state.solved)
        self.refresh()

    def refresh(self) -> None:
        """Show where things stand."""
        workspace, queue = self._state.active, self._propagation.queue
        here = workspace.here if workspace is not None else None
        can = workspace is not None and here is not None and here.index != () and not queue.is_running
        for control in (self.back, self.next, self.back_to_end, self.next_to_end, self.both, self.to, self.slice):
            control.setEnabled(can)
        forward = self._propagation.direction > 0
        self.back.setText("◀ Previous (Shift+W)" if forward else "◀ Previous (W)")
        self.next.setText("Next (W) ▶" if forward else "Next (Shift+W) ▶")
        self.again.setEnabled(can and bool(self._propagation.onward()))
        self.message.setText(queue.message)
        self.message.setVisible(bool(queue.message))
        if workspace is not None and here is not None and here.index:
            self._show_axes(workspace, here)
        self.table.refresh()

    def _show_axes(self, workspace: Workspace, here: PlaneKey) -> None:
        stack = stack_of(workspace.image, here.axes)
        labels = axis_names(workspace.dims, workspace.image)
        names = [labels[axis] or f"axis {axis}" for axis in stack.index_axes]
        if names != [self.axis.itemText(n) for n in range(self.axis.count())]:
            self.axis.clear()
            self.axis.addItems(names)
        chosen = self._propagation.axis_of(workspace, here)
        self.axis.setCurrentIndex(chosen)
        self.axis.setVisible(len(names) > 1)
        self.slice.setMaximum(stack.index_shape[chosen] - 1)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        pairs = (
            (self.back, self.next), (self.back_to_end, self.next_to_end), (self.both, self.axis), (self.to, self.slice),
            (QLabel("Stop above a doubt of"), self.limit),
        )  # fmt: skip
        for row, pair in enumerate(pairs):
            for column, part in enumerate(pair):
                grid.addWidget(part, row, column)
        row = len(pairs)
        grid.addWidget(self.again, row, 0, 1, 2)
        grid.addWidget(self.message, row + 1, 0, 1, 2)
        grid.addWidget(self.table, row + 2, 0, 1, 2)

    def _step(self, direction: int) -> Callable[[], None]:
        return lambda: self._propagation.propagate(direction, 1)

    def _until(self, direction: int) -> Callable[[], None]:
        return lambda: self._propagation.propagate(direction)

    def _on_to(self) -> None:
        self._propagation.propagate_to(self.slice.value())

    def _on_axis(self, chosen: int) -> None:
        workspace = self._state.active
        if workspace is not None and (here := workspace.here) is not None:
            stack = stack_of(workspace.image, here.axes)
            self._propagation.choose_axis(stack.index_axes[chosen] - len(stack.shape))
        self.refresh()

    def _on_limit(self, percent: int) -> None:
        self._propagation.limits = replace(self._propagation.limits, most_doubt=percent / 100)
