"""How far one click reaches: its score over every threshold, and a slider to say otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow
from napari_m2n2v2.prompts import Box, Outline

__all__ = ["ReachPanel", "ScorePlot"]

_STEPS = 1000


_BINS = 300


class ScorePlot(QWidget):  # type: ignore[misc]
    """Draws a score curve, its chosen threshold as a line."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(60)
        self.scores = np.zeros(0, dtype=np.float32)  # best score in each of the bins from 0 to 1
        self.chosen = 0.0
        self.top: float | None = None
        self.setToolTip("Score (up) of every threshold (right) of the selected click; the line is the one in use")

    def show_curve(self, curve: Any) -> None:
        """Draw a :class:`~napari_m2n2v2.session.diagnostics.ScoreCurve`, or nothing for None."""
        scores = np.zeros(0 if curve is None else _BINS, dtype=np.float32)
        if curve is not None:
            # Thresholds ascend and are as many as pixels: look for the bins among them, not the other way round.
            first = np.searchsorted(curve.thresholds, np.arange(_BINS, dtype=np.float32) / np.float32(_BINS))
            filled = np.diff(first, append=curve.thresholds.size) > 0
            scores[filled] = np.maximum.reduceat(curve.scores, first[filled])
            self.chosen = curve.chosen
        self.show_values(scores)

    def show_values(self, values: Any, top: float | None = None) -> None:
        """Draw values over equal steps; ``top`` is the height of the plot, the largest by default."""
        self.scores = np.asarray(values, dtype=np.float32)
        self.top = top
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 (Qt's name)
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        painter.setPen(QPen(text, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self.scores.size:
            width, height = self.width(), self.height() - 4
            top = self.top or max(float(self.scores.max()), 1e-12)
            bins = len(self.scores)
            line = [
                QPointF(width * (i + 0.5) / bins, 2 + height * (1 - float(score) / top))
                for i, score in enumerate(self.scores)
            ]
            painter.setPen(QPen(text, 1.5))
            painter.drawPolyline(QPolygonF(line))
            painter.setPen(QPen(QColor("#2e9bff"), 2))
            painter.drawLine(QPointF(width * self.chosen, 0), QPointF(width * self.chosen, self.height()))
        painter.end()


class ReachPanel(QWidget):  # type: ignore[misc]
    """The plot, the slider, and back to automatic.

    Parameters
    ----------
    state : DockState
        Says which click is looked at.
    clicks, solving : ClickController, SolveController
        Change it, and say what its score is.
    """

    def __init__(self, state: DockState, clicks: ClickController, solving: SolveController) -> None:
        super().__init__()
        self._state = state
        self._clicks = clicks
        self._solving = solving
        self.plot = ScorePlot()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setToolTip("How far the selected click reaches")
        self.slider.valueChanged.connect(self._on_slider)
        self.automatic = QPushButton("Automatic")
        self.automatic.setToolTip("Let the score decide how far the selected click reaches")
        self.automatic.clicked.connect(lambda: self._set(None))
        self.title = QLabel()
        row = QHBoxLayout()
        row.addWidget(self.slider)
        row.addWidget(self.automatic)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.plot)
        column.addLayout(row)
        follow(self.refresh, state.solved, state.moved, state.selected, state.activated)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 (Qt's name)
        """Ask for what nobody asked for while nobody saw it."""
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Say which click is selected, and ask for its curve if anybody can see it."""
        workspace = self._state.active
        index = workspace.selected_click if workspace is not None else None
        solved = workspace is not None and workspace.features is not None
        self.setEnabled(index is not None and solved)
        if workspace is None or index is None or not solved:
            self.title.setText("Click on an object first")
            self.plot.show_curve(None)
            return
        click = workspace.clicks[index]
        if isinstance(click, (Box, Outline)):
            self.setEnabled(False)
            self.title.setText(f"{type(click).__name__} {index + 1}: no threshold; clicks and scribbles have one")
            self.plot.show_curve(None)
            return
        how = "automatic" if click.threshold is None else "set by hand"
        self.title.setText(f"{type(click).__name__} {index + 1}, {how}")
        self.automatic.setEnabled(click.threshold is not None)

        if not self.isVisible():  # clicks wait for the worker that would score every threshold
            return

        def question(session: Any) -> Any:
            from napari_m2n2v2.session.diagnostics import score_curve_of

            return score_curve_of(session, index) if index < len(session.clicks) else None

        self._solving.ask("score curve", question, self._show)

    def _show(self, curve: Any) -> None:
        self.plot.show_curve(curve)
        if curve is not None and not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(round(_STEPS * curve.chosen))
            self.slider.blockSignals(False)

    def _on_slider(self, value: int) -> None:
        self._set(value / _STEPS)

    def _set(self, threshold: float | None) -> None:
        workspace = self._state.active
        index = workspace.selected_click if workspace is not None else None
        if index is not None:
            self._clicks.set_threshold(index, threshold)
