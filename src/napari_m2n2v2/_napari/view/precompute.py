"""Prepare all slices of a stack: what to press, how far it is, and a mark for every slice."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QGridLayout, QToolTip, QWidget

from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.precompute import PrecomputeController, room_for, summary
from napari_m2n2v2._napari.controller.store import GIGABYTE, Store
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2._napari.view.text import TextLabel
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["PreparePanel", "SliceStrip"]

# Height and pattern tell them apart as well as colour.
_LOOKS: dict[FeatureState, tuple[str, float, Qt.BrushStyle]] = {
    FeatureState.MISSING: ("#808080", 0.12, Qt.BrushStyle.SolidPattern),
    FeatureState.LEFT_OUT: ("#808080", 0.12, Qt.BrushStyle.SolidPattern),
    FeatureState.STALE: ("#e69f00", 0.7, Qt.BrushStyle.BDiagPattern),
    FeatureState.READY: ("#009e73", 1.0, Qt.BrushStyle.SolidPattern),
    FeatureState.COMPUTING: ("#56b4e9", 0.5, Qt.BrushStyle.SolidPattern),
    FeatureState.FAILED: ("#d55e00", 1.0, Qt.BrushStyle.DiagCrossPattern),
}


_LEGEND = (
    "Every slice: full and green is ready, half and blue is being computed, striped is out of date, "
    "crossed has failed. Click on one to go there"
)


_MOST_TELLING = (
    FeatureState.COMPUTING,
    FeatureState.FAILED,
    FeatureState.STALE,
    FeatureState.MISSING,
    FeatureState.LEFT_OUT,
    FeatureState.READY,
)


class SliceStrip(QWidget):  # type: ignore[misc]
    """Draws a mark for each slice, side by side; of slices that share a pixel, the one that tells most."""

    chosen = Signal(object)  # the index of a slice

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(26)
        self.setMouseTracking(True)
        self.setAccessibleName("Slices")
        self.setAccessibleDescription(_LEGEND)
        self.marks: dict[Index, FeatureState] = {}
        self.here: Index | None = None
        self._indices: list[Index] = []

    def show_marks(self, marks: dict[Index, FeatureState], here: Index | None) -> None:
        """Draw marks, and which slice is shown."""
        self.marks, self.here, self._indices = marks, here, list(marks)
        self.update()

    def at(self, x: float) -> Index | None:
        """Return the slice that is drawn there."""
        if not self._indices:
            return None
        place = int(x * len(self._indices) / max(1, self.width()))
        return self._indices[min(max(place, 0), len(self._indices) - 1)]

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 (Qt's name)
        """Draw."""
        painter = QPainter(self)
        total, width, height = len(self._indices), self.width(), self.height() - 4
        columns = min(total, width)
        for column in range(columns):
            first, last = column * total // columns, (column + 1) * total // columns
            mark = min((self.marks[index] for index in self._indices[first:last]), key=_MOST_TELLING.index)
            colour, share, pattern = _LOOKS[mark]
            left, right = column * width / columns, (column + 1) * width / columns
            gap = 1.0 if right - left > 4 else 0.0
            bar = QRectF(left, 2 + height * (1 - share), right - left - gap, height * share)
            painter.fillRect(bar, QBrush(QColor(colour), pattern))
        if self.here in self.marks:
            at = (self._indices.index(self.here) + 0.5) * width / total
            painter.setPen(QPen(self.palette().text().color(), 2))
            painter.drawLine(QPoint(round(at), 0), QPoint(round(at), self.height()))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Go to a slice."""
        index = self.at(event.position().x())
        if index is not None:
            self.chosen.emit(index)

    def event(self, event: QEvent) -> bool:
        """Tell of the slice below the cursor."""
        if event.type() == QEvent.Type.ToolTip:
            index = self.at(event.pos().x())
            if index is not None:
                QToolTip.showText(event.globalPos(), f"Slice {_text(index)}: {self.marks[index].value}\n\n{_LEGEND}")
                return True
        return bool(super().event(event))


class PreparePanel(QWidget):  # type: ignore[misc]
    """Start, pause, and the strip; the dock's bar says how far it is.

    Parameters
    ----------
    state : DockState
        Whose active image is prepared.
    field : FieldOfView
        Goes to a slice.
    preparing : PrecomputeController
        Prepares.
    store : Store
        Where slices are kept.
    """

    def __init__(self, state: DockState, field: FieldOfView, preparing: PrecomputeController, store: Store) -> None:
        super().__init__()
        self._state = state
        self._field = field
        self._store = store
        self.preparing = preparing
        tip = (
            "Compute ahead what clicks need: this slice first, then the nearest. Clicks always go before it.\n"
            "Clicks and masks stay as they are"
        )
        self.start = make_button("Prepare all slices", tip, preparing.start)
        self.pause = make_button("Pause", "Stops within the slice; goes on with it when you resume", self._on_pause)
        self.strip = SliceStrip()
        self.strip.chosen.connect(self._go)
        self.told = TextLabel()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.start, 0, 0)
        grid.addWidget(self.pause, 0, 1)
        grid.addWidget(self.strip, 1, 0, 1, 2)
        grid.addWidget(self.told, 2, 0, 1, 2)
        follow(self._show_running, preparing.changed)
        follow(self.refresh, preparing.marked, state.moved)
        self.destroyed.connect(partial(PrecomputeController.end, preparing))
        self.refresh()
        self._show_running()

    @property
    def is_ready_here(self) -> bool:
        """Whether a click on the slice that is shown has nothing to wait for."""
        return self.strip.here is not None and self.strip.marks.get(self.strip.here) is FeatureState.READY

    def refresh(self) -> None:
        """Show what is known of every slice."""
        workspace = self._state.active
        here = workspace.here if workspace is not None else None
        marks = self.preparing.marks()
        self.start.setEnabled(len(marks) > 1 and not self.preparing.is_running)
        self.strip.setVisible(len(marks) > 1)
        if workspace is None or here is None or len(marks) < 2:
            self.strip.show_marks({}, None)
            self.told.setText("For stacks and time series, once they are started.")
            return
        self.strip.show_marks(marks, here.index)
        shown = f"{workspace.name_of(here).capitalize()}: {marks[here.index].value}."
        failure = self.preparing.failure(here.index) if marks[here.index] is FeatureState.FAILED else ""
        lines = [f"{shown} {failure}".strip(), f"{summary(marks)}.", self._room(len(marks))]
        self.told.setText("\n".join(filter(None, lines)))

    def _room(self, slices: int) -> str:
        """Say how many slices there is room for, before anybody waits for them."""
        store, each = self._store, self.preparing.slice_bytes()
        fits = room_for(each, store.most_bytes, slices)
        limit = f"{store.most_bytes / GIGABYTE:.3g} GB"
        where = "memory" if store.disk is None else f"the folder {store.disk.folder.name}"
        if fits is None or each is None:
            return f"They are kept in {where}, up to {limit}."
        if fits >= slices:
            return f"All fit into {where}: about {slices * each / GIGABYTE:.2g} of {limit}."
        more = "Choose a folder" if store.disk is None else "Raise its limit"
        return (
            f"About {fits} of them, the nearest, fit into {where} ({limit}); all take {slices * each / GIGABYTE:.2g} "
            f"GB. {more} under More to keep more."
        )

    def _show_running(self) -> None:
        self.pause.setEnabled(self.preparing.is_running)
        self.pause.setText("Resume" if self.preparing.is_paused else "Pause")

    def _on_pause(self) -> None:
        (self.preparing.resume if self.preparing.is_paused else self.preparing.pause)()

    def _go(self, index: Index) -> None:
        workspace = self._state.active
        if workspace is not None and workspace.here is not None:
            self._field.show_plane(PlaneKey(workspace.here.axes, index))


def _text(index: Index) -> str:
    return ", ".join(map(str, index))
