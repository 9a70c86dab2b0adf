"""Make the pictures of README and docs from real runs: ``python docs/make_pictures.py``, with a display or xvfb-run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from skimage.data import coffee
from skimage.io import imsave

from napari_m2n2v2._napari.workspace import FeatureState

IMAGES = Path(__file__).parent / "images"


def wait(done: Callable[[], bool], seconds: float = 120) -> None:
    """Let Qt work until ``done()``, then a little more so that everything is drawn."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("napari did not get there")
        QApplication.processEvents()
        time.sleep(0.005)
    for _ in range(40):
        QApplication.processEvents()
        time.sleep(0.005)


def save(viewer: napari.Viewer, name: str) -> None:
    """Save the whole window."""
    picture = viewer.screenshot(canvas_only=False, flash=False)[..., :3]
    imsave(IMAGES / f"{name}.png", np.ascontiguousarray(picture), check_contrast=False)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer()
    viewer.window.resize(1250, 760)
    image = viewer.add_image(coffee(), name="coffee")
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    wait(lambda: widget.isVisible())
    viewer.reset_view()
    widget.image.value = image
    widget.start.click()
    controller = widget.controller
    wait(lambda: controller.active.state is FeatureState.READY)
    for row, col, foreground, object_id in ((200, 300, True, 1), (62, 270, True, 1), (40, 60, False, 1)):
        controller.active.object_id = object_id
        controller.set_foreground(foreground)
        controller.active.points.add([row, col])
        wait(lambda: not controller.is_solving)
    controller.set_foreground(True)
    controller.next_object()
    controller.active.points.add([330, 150])
    wait(lambda: not controller.is_solving)
    save(viewer, "dock")
    viewer.close()


if __name__ == "__main__":
    main()
