"""What needs Qt beside the widgets: the bridge from threads to its event loop, pictures, the folder for autosaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPoint, QStandardPaths, Qt, QTimer, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

__all__ = ["MainThread", "VerticalScroll", "add_fold", "autosave_folder", "follow", "make_button", "thumbnail"]

_THUMBNAIL_HEIGHT = 110

_UNFOLDING = 60  # milliseconds


class MainThread(QObject):  # type: ignore[misc]
    """Calls what it is given in the thread that made it, at the next turn of the event loop."""

    _requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._requested.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Callable[[], None]) -> None:
        self._requested.emit(call)

    @staticmethod
    def _call(call: Callable[[], None]) -> None:
        call()


class VerticalScroll(QScrollArea):  # type: ignore[misc]
    """Scrolls its widget up and down, and is always wide enough for it."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows what the keyboard is on
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Follow the widget when it gets wider: a fold was opened, the font changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            bar = self.verticalScrollBar().sizeHint().width()
            self.setMinimumWidth(self.widget().minimumSizeHint().width() + bar)
        return bool(super().eventFilter(watched, event))

    def reveal(self, part: QWidget) -> None:
        """Scroll as little as shows all of a part of the widget; its top, where there is no room for all."""
        bar, room = self.verticalScrollBar(), self.viewport().height()
        top = part.mapTo(self.widget(), QPoint(0, 0)).y()
        bar.setValue(min(top, max(bar.value(), top + part.height() - room)))


def make_button(text: str, tip: str, action: Callable[[], object]) -> QPushButton:
    """Make a button that says what it does, and does it."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda: action())
    return button


def add_fold(column: QVBoxLayout, title: str, *panels: QWidget) -> QCollapsible:
    """Add panels that unfold below their title, and are scrolled into view then."""
    fold = QCollapsible(title, collapsedIcon="▶")
    fold.setDuration(_UNFOLDING)
    fold.layout().setContentsMargins(0, 0, 0, 0)
    fold.layout().setSpacing(0)
    for panel in panels:
        fold.addWidget(panel)
    column.addWidget(fold)

    def reveal() -> None:
        around = fold.parentWidget()
        while around is not None and not isinstance(around, VerticalScroll):
            around = around.parentWidget()
        if around is not None and fold.isExpanded():
            around.reveal(fold)

    unfolded = QTimer(fold)
    unfolded.setSingleShot(True)
    unfolded.timeout.connect(reveal)
    fold.toggled.connect(lambda: unfolded.start(2 * _UNFOLDING))
    return fold


def follow(call: Callable[..., object], *signals: Any) -> None:
    """Call something whenever one of these psygnal signals is emitted."""
    for signal in signals:
        signal.connect(call)


def autosave_folder() -> Path:
    """Return where sessions are saved by themselves: the user's data folder, or ``NAPARI_M2N2V2_AUTOSAVE``."""
    chosen = os.environ.get("NAPARI_M2N2V2_AUTOSAVE")
    if chosen:
        return Path(chosen)
    data = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)
    return Path(data) / "napari-m2n2v2" / "autosave"


def thumbnail(features: Any) -> QPixmap:
    """Return a small picture of what the engine sees: the image, the guide beside it; empty for None."""
    if features is None:
        return QPixmap()
    pictures = [features.image]
    if features.guide is not None:
        grey = (255 * features.guide).astype(np.uint8)
        pictures.append(np.repeat(grey[..., None], 3, axis=2))
    row = np.ascontiguousarray(np.concatenate(pictures, axis=1))
    height, width = row.shape[:2]
    image = QImage(row.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image).scaledToHeight(_THUMBNAIL_HEIGHT, Qt.TransformationMode.SmoothTransformation)
