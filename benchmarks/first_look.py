"""How soon the first look is drawn, and how much like the mask it is: ``python -m benchmarks.first_look``.

It needs a display. For each size a photo is started in the dock and clicked before its features are there. Printed: the
time from attention to the outline, of it processor time (measured alone, afterwards), the time to the mask of the same
click, and their overlap (IoU); offline weights, grid 64. The first line also brings the compiled kernels.
"""

import os
import time
from statistics import median

import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from skimage.data import coffee
from skimage.transform import resize

from napari_m2n2v2 import Session
from napari_m2n2v2.features.coarse import coarse_features

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SIZES = ((480, 854), (480, 854), (1024, 1024))
PLACES = ((0.55, 0.5), (0.15, 0.85), (0.85, 0.25))


def one(viewer, dock, photo, place):
    """Seconds to the outline, its processor time, seconds to the mask, and the overlap of both."""
    state, drawn = dock.controller.state, []
    layer = viewer.add_image(photo, name="photo")
    began = []
    dock.controller.features.nearly.connect(note := lambda *_: began.append(time.perf_counter()))
    dock.image.value = layer
    dock.start.click()
    state.active.points.add([place[0] * photo.shape[0], place[1] * photo.shape[1]])
    while state.active.solution is None:
        QApplication.processEvents()
        if not drawn and "first look" in viewer.layers:
            drawn += [time.perf_counter(), viewer.layers["first look"].data > 0]
        time.sleep(0.001)
    ended, mask = time.perf_counter(), state.active.labels.data > 0
    worked = time.process_time()
    Session(coarse_features(state.active.features)).replay(state.active.clicks)
    worked = time.process_time() - worked
    dock.controller.features.nearly.disconnect(note)
    overlap = np.count_nonzero(drawn[1] & mask) / np.count_nonzero(drawn[1] | mask)
    viewer.layers.clear()
    return drawn[0] - began[0], worked, ended - began[0], overlap


def main():
    viewer = napari.Viewer()
    dock = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")[1]
    dock.controller.features.change(attention="offline", grid=64)
    print("| size | attention to the first look | its processor time | to the mask | IoU of both, least |")
    print("| --- | --- | --- | --- | --- |")
    for turn, (height, width) in enumerate(SIZES):
        photo = (resize(coffee(), (height, width), anti_aliasing=True) * 255).astype(np.uint8)
        found = [one(viewer, dock, np.roll(photo, 3 * turn + n, axis=0), place) for n, place in enumerate(PLACES)]
        look, worked, mask, overlap = zip(*found, strict=True)
        told = (
            f"{1000 * median(look):.0f} ms | {1000 * median(worked):.0f} ms | {median(mask):.2f} s | {min(overlap):.3f}"
        )
        print(f"| {height}x{width} | {told} |", flush=True)
    viewer.close()


if __name__ == "__main__":
    main()
