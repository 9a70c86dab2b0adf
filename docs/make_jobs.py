"""Ten everyday jobs, played with real mouse and key events in the real dock, with a picture of each.

``python docs/make_jobs.py [NAME ...]``, with a display or xvfb-run; makes docs/images/jobs/. Each job looks at what
came of it and fails where that is not what docs/jobs.md says. Images of ../shared/data.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog
from skimage.data import coffee, retina
from skimage.io import imread, imsave
from superqt import QCollapsible

IMAGES = Path(__file__).parent / "images" / "jobs"
DATA = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared")) / "data"
NUCLEI = DATA / "dsb2018_nuclei"
RIGHT = Qt.MouseButton.RightButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Hands:
    """What a user does with mouse and keys."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open a window with the dock in it."""
        self.viewer = napari.Viewer()
        self.viewer.window.resize(1250, 800)
        _, self.dock = self.viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
        self.dock.tour.hide()
        self.state = self.dock.controller.state
        self.native = self.viewer.window._qt_viewer.canvas.native
        self.viewer.window._qt_window.activateWindow()
        self.wait(self.dock.isVisible)

    def wait(self, done: Callable[[], bool] = lambda: True, seconds: float = 180) -> None:
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

    def settle(self) -> None:
        """Wait until nothing runs."""
        self.wait(lambda: self.dock.controller.activity.present is None and not self.dock.controller.solving.is_solving)

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
        self.wait()
        QTest.mouseClick(self.native, button, pos=self.where(row, col))
        self.settle()

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Drag with the left button."""
        self.wait()
        QTest.mouseMove(self.native, self.where(*start))
        QTest.qWait(30)
        QTest.mousePress(self.native, Qt.MouseButton.LeftButton, pos=self.where(*start))
        for share in (0.3, 0.6, 1.0):
            QTest.qWait(30)
            at = self.where(*(a + share * (b - a) for a, b in zip(start, stop, strict=True)))
            held = QMouseEvent(
                QEvent.Type.MouseMove, QPointF(at), QPointF(self.native.mapToGlobal(at)), Qt.MouseButton.NoButton,
                Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
            )  # fmt: skip
            QApplication.sendEvent(self.native, held)
        QTest.qWait(30)
        QTest.mouseRelease(self.native, Qt.MouseButton.LeftButton, pos=self.where(*stop))
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
        self.wait()

    @property
    def masks(self) -> np.ndarray:
        """The Labels layer's data."""
        return np.asarray(self.state.active.labels.data)

    def picture(self, name: str) -> None:
        """Save the whole window."""
        self.wait()
        shot = self.viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        imsave(IMAGES / f"{name}.png", np.ascontiguousarray(shot), check_contrast=False)

    def add(self, image: np.ndarray, name: str, **named: Any) -> Any:
        """Add an image, all of it in view."""
        layer = self.viewer.add_image(image, name=name, **named)
        self.viewer.reset_view()
        self.wait()
        return layer


def check(condition: bool, what: str) -> None:
    """Stop where a job did not come to what it should."""
    if not condition:
        raise RuntimeError(f"Not so: {what}")


def nuclei(colour: str = "fluorescence") -> tuple[np.ndarray, np.ndarray, str]:
    """An image of nuclei with its instances, which say where the simulated user looks."""
    path = next(iter(sorted((NUCLEI / "images").glob(f"{colour}*.png"))))
    return imread(path), imread(NUCLEI / "instances" / path.name), path.stem


def middle(mask: np.ndarray) -> tuple[float, float]:
    """A pixel well inside."""
    from scipy.ndimage import distance_transform_edt

    row, col = np.unravel_index(distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1].argmax(), mask.shape)
    return float(row), float(col)


# -- the jobs --------------------------------------------------------------------------------------------------------


def first_mask(hands: Hands) -> None:
    """An image, a click."""
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    hands.wait(lambda: hands.masks.any())
    hands.picture("1_first_mask")


def five_nuclei(hands: Hands) -> None:
    """Click, N, click ..."""
    image, truth, name = nuclei()
    hands.add(image, name)
    ids = sorted(np.unique(truth[truth > 0]), key=lambda i: -(truth == i).sum())[:5]
    for n, i in enumerate(ids):
        if n:
            hands.key(Qt.Key.Key_N)
        hands.click(*middle(truth == i))
    check(len(np.unique(hands.masks)) == 6, "five objects")
    hands.picture("2_five_nuclei")


def correct(hands: Hands) -> None:
    """A right-click where it is wrong."""
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    check(bool(hands.masks[230, 300]), "the mask of the saucer takes in the cup")
    hands.click(230, 300, RIGHT)
    check(not hands.masks[230, 300] and bool(hands.masks[330, 150]), "a background click takes the cup away")
    hands.picture("3_correct")


def lock(hands: Hands) -> None:
    """N keeps an object: clicks beside it change nothing of it."""
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    hands.click(230, 300, RIGHT)
    kept = hands.masks == 1
    hands.key(Qt.Key.Key_N)
    hands.click(240, 300)
    check(bool(((hands.masks == 1) == kept).all()), "what was accepted is as it was")
    check(bool((hands.masks == 2).any()), "the cup has a mask")
    hands.picture("4_lock")


def stack(hands: Hands) -> None:
    """W carries the object to the next slice."""
    import tifffile

    volume = tifffile.imread(DATA / "mni152_stack" / "volume.tif")
    truth = tifffile.imread(DATA / "mni152_stack" / "labels.tif")
    hands.add(volume, "brain", axis_labels=("z", "y", "x"))
    hands.viewer.dims.set_current_step(0, 70)
    hands.wait()
    hands.click(*middle(truth[70] > 0))
    first = hands.masks[70].copy()
    hands.key(Qt.Key.Key_W)
    hands.key(Qt.Key.Key_W)
    check(bool(first.any()) and bool(hands.masks[72].any()), "the object is in slice 72")
    check(hands.viewer.dims.current_step[0] == 72, "slice 72 is shown")
    hands.unfold("Stack")
    hands.picture("5_stack")


def large(hands: Hands) -> None:
    """Zoom in: what is in view is worked on."""
    hands.add(np.kron(retina(), np.ones((2, 2, 1), np.uint8)), "retina")
    hands.press(hands.dock.start)
    hands.dock.controller.field.set_by_view(True)
    hands.viewer.scene.camera.zoom, hands.viewer.scene.camera.center = 0.7, (0, 1250, 650)
    hands.click(1340, 500)
    check(hands.state.active.region is not None, "a part is worked on")
    check(bool(hands.masks.any()), "a mask is there")
    hands.picture("6_large")


def existing(hands: Hands) -> None:
    """Labels of another program, one of them corrected."""
    image, truth, name = nuclei()
    hands.add(image, name)
    wrong = truth.astype(np.int32).copy()
    missing = sorted(np.unique(truth[truth > 0]), key=lambda i: -(truth == i).sum())[0]
    wrong[truth == missing] = 0
    layer = hands.viewer.add_labels(wrong.copy(), name="from elsewhere")
    hands.dock.settings.labels.value = layer
    hands.press(hands.dock.start)
    hands.click(*middle(truth == missing))
    now = np.asarray(layer.data)
    check(bool((now[wrong > 0] == wrong[wrong > 0]).all()), "labels that were there are as they were")
    check(bool(((now > 0) & (wrong == 0) & (truth == missing)).any()), "the missing nucleus is there")
    hands.picture("7_existing")


def again(hands: Hands) -> None:
    """Save, begin anew, load, go on."""
    with tempfile.TemporaryDirectory() as folder:
        hands.add(coffee(), "coffee")
        hands.click(330, 150)
        answer(Path(folder) / "coffee")
        hands.unfold("Save")
        hands.press(hands.dock.session.save)
        before = hands.masks.copy()
        hands.viewer.close()
        hands.open()
        hands.add(coffee(), "coffee")
        hands.unfold("Save")
        QFileDialog.getOpenFileName = lambda *_: (str(Path(folder) / "coffee.json"), "")
        hands.press(hands.dock.session.load)
        hands.wait(lambda: hands.state.active is not None and hands.masks.any())
        check(bool((hands.masks == before).all()), "the same masks, to the pixel")
        hands.key(Qt.Key.Key_N)
        hands.click(200, 300)
        check(len(np.unique(hands.masks)) == 3, "one can go on")
        hands.picture("8_again")


def export(hands: Hands) -> None:
    """Masks as a file that others read."""
    with tempfile.TemporaryDirectory() as folder:
        hands.add(coffee(), "coffee")
        hands.click(330, 150)
        answer(Path(folder) / "masks")
        hands.unfold("Save")
        hands.dock.session.masks.setCurrentText("PNG")
        hands.press(hands.dock.session.save)
        check(bool((imread(Path(folder) / "masks.png") == hands.masks).all()), "the file holds the masks")
        hands.picture("9_export")


def undo(hands: Hands) -> None:
    """A click in the wrong place, dragged; another, undone."""
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    right = hands.masks.copy()
    hands.click(60, 500)
    check(bool((hands.masks != right).any()), "the slip did something")
    hands.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    check(bool((hands.masks == right).all()), "undo gives the mask of before")
    hands.picture("10_undo")


def answer(path: Path) -> None:
    """Answer the next question where to save."""
    QFileDialog.exec = lambda dialog: dialog.selectFile(str(path)) or 1


JOBS = (first_mask, five_nuclei, correct, lock, stack, large, existing, again, export, undo)


def main(wanted: list[str]) -> None:
    """Play the jobs, each in a window of its own."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    for job in JOBS:
        if not wanted or job.__name__ in wanted:
            began, hands, came_to = time.monotonic(), Hands(), "done"
            try:
                job(hands)
            except (RuntimeError, TimeoutError) as error:
                came_to = str(error)
                failed.append(job.__name__)
                hands.picture(f"failed_{job.__name__}")
            print(f"{job.__name__}: {came_to}, {time.monotonic() - began:.0f} s", flush=True)
            hands.viewer.close()
    if failed:
        sys.exit(f"Not done: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
