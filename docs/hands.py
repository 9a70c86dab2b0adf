"""A user's hands in the real dock, for scripts that make pictures: real mouse and key events."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel
from superqt import QCollapsible


def wait(done: Callable[[], bool] = lambda: True, seconds: float = 180) -> None:
    """Let Qt work until ``done()``, then until all is drawn."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("the dock did not get there")
        QApplication.processEvents()
        time.sleep(0.005)
    for _ in range(60):
        QApplication.processEvents()
        time.sleep(0.005)


def open_dock(viewer: napari.Viewer) -> Any:
    """Open the dock, under the title that it has when the menu opens it."""
    window, dock = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    for label in window.findChildren(QLabel):
        label.setText(label.text().replace("(napari-m2n2v2)", "(M2N2V2)"))
    return dock


class Hands:
    """What a user does with mouse and keys."""

    def __init__(self) -> None:
        # What is clicked for a picture is no work of the user's.
        self._autosaves = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        os.environ["NAPARI_M2N2V2_AUTOSAVE"] = self._autosaves.name
        self.open()

    def open(self) -> None:
        """Open a window with the dock in it."""
        self.viewer = napari.Viewer()
        self.viewer.window.resize(1250, 800)
        self.dock = open_dock(self.viewer)
        self.dock.tour.hide()
        self.state = self.dock.controller.state
        self.native = self.viewer.window._qt_viewer.canvas.native
        self.viewer.window._qt_window.activateWindow()
        wait(self.dock.isVisible)

    def settle(self) -> None:
        """Wait until nothing runs."""
        wait(lambda: self.dock.controller.activity.present is None and not self.dock.controller.solving.is_solving)

    def where(self, row: float, col: float) -> QPoint:
        """The canvas pixel at which an image's pixel is drawn."""
        workspace = self.state.active
        image = workspace.image if workspace is not None else self.dock.image.value
        index = [self.viewer.dims.current_step[axis] for axis in range(image.ndim - 2)]
        down, right = image.data_to_world([*index, row, col])[-2:]
        canvas = self.viewer.window._qt_viewer.canvas
        x, y = (canvas.view.transform * canvas.view.scene.transform).map([right, down, 0, 1])[:2]
        return QPoint(round(x), round(y))

    def click(self, row: float, col: float, button: Any = Qt.MouseButton.LeftButton) -> None:
        """Click on the image."""
        wait()
        QTest.mouseClick(self.native, button, pos=self.where(row, col))
        self.settle()

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Drag with the left button."""
        self.draw(
            [start, *((a + share * (b - a) for a, b in zip(start, stop, strict=True)) for share in (0.3, 0.6)), stop]
        )

    def draw(
        self,
        line: list[Any],
        modifier: Any = Qt.KeyboardModifier.NoModifier,
        button: Any = Qt.MouseButton.LeftButton,
    ) -> None:
        """Drag along a line of places, a key held."""
        wait()
        places = [self.where(*place) for place in line]
        QTest.mouseMove(self.native, places[0])
        QTest.qWait(30)
        QTest.mousePress(self.native, button, modifier, pos=places[0])
        for at in places[1:]:
            QTest.qWait(30)
            held = QMouseEvent(
                QEvent.Type.MouseMove, QPointF(at), QPointF(self.native.mapToGlobal(at)), Qt.MouseButton.NoButton,
                button, modifier,
            )  # fmt: skip
            QApplication.sendEvent(self.native, held)
        QTest.qWait(30)
        QTest.mouseRelease(self.native, button, modifier, pos=places[-1])
        self.settle()

    def key(self, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key over the image."""
        QTest.keyClick(self.native, key, modifier)
        self.settle()

    def press(self, button: Any) -> None:
        """Press a button of the dock."""
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle()

    def unfold(self, title: str) -> None:
        """Open one fold of the dock, and bring it into view."""
        for fold in self.dock.findChildren(QCollapsible):
            (fold.expand if fold.text() == title else fold.collapse)(animate=False)
        wait()

    def fold(self) -> None:
        """Close all folds of the dock."""
        self.unfold("")

    @property
    def masks(self) -> np.ndarray:
        """The Labels layer's data."""
        return np.asarray(self.state.active.labels.data)

    def shot(self) -> np.ndarray:
        """Return a picture of the whole window, uint8 ``[H, W, 3]``."""
        wait()
        return np.ascontiguousarray(self.viewer.screenshot(canvas_only=False, flash=False)[..., :3])

    def add(self, image: np.ndarray, name: str, **named: Any) -> Any:
        """Add an image, all of it in view."""
        layer = self.viewer.add_image(image, name=name, **named)
        self.viewer.reset_view()
        wait()
        return layer
