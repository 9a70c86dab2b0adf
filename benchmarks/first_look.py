"""How soon the first look is drawn, and how much like the mask it is: ``python -m benchmarks.first_look``.

It needs a display. For each size a photo is started in the dock and clicked before its features are there. Printed: the
time from attention to the outline, of it processor time (measured alone, afterwards), the time to the mask of the same
click, and their overlap (IoU); offline weights, grid 64. A photo before them, not told of, brings the compiled kernels.
"""

import time
from statistics import median

import numpy as np

from benchmarks.conftest import photo_of
from benchmarks.docked import viewer_and_dock, wait
from benchmarks.page import show, table
from napari_m2n2v2 import Session
from napari_m2n2v2.features.coarse import coarse_features

SIZES = ("480x854", "1024x1024")
PLACES = ((0.55, 0.5), (0.15, 0.85), (0.85, 0.25))
HEAD = ["size", "attention to the first look", "its processor time", "to the mask", "IoU of both, least"]


def one(viewer, dock, photo, place):
    """Seconds to the outline, its processor time, seconds to the mask, and the overlap of both."""
    state, drawn = dock.controller.state, []
    layer = viewer.add_image(photo, name="photo")
    began = []
    dock.controller.features.nearly.connect(note := lambda *_: began.append(time.perf_counter()))
    dock.image.value = layer
    dock.start.click()
    state.active.points.add([place[0] * photo.shape[0], place[1] * photo.shape[1]])

    def is_solved():
        if not drawn and "first look" in viewer.layers:
            drawn.extend([time.perf_counter(), viewer.layers["first look"].data > 0])
        return state.active.solution is not None

    wait(is_solved)
    ended, mask = time.perf_counter(), state.active.labels.data > 0
    worked = time.process_time()
    Session(coarse_features(state.active.features)).replay(state.active.clicks)
    worked = time.process_time() - worked
    dock.controller.features.nearly.disconnect(note)
    overlap = np.count_nonzero(drawn[1] & mask) / np.count_nonzero(drawn[1] | mask)
    viewer.layers.clear()
    return drawn[0] - began[0], worked, ended - began[0], overlap


def main():
    rows = []
    with viewer_and_dock() as (viewer, dock):
        dock.controller.settings.change(attention="offline", grid=64)
        one(viewer, dock, photo_of("321x481"), PLACES[0])
        for size in SIZES:
            photos = [np.roll(photo_of(size), n, axis=0) for n in range(len(PLACES))]
            found = [one(viewer, dock, *of_one) for of_one in zip(photos, PLACES, strict=True)]
            look, worked, mask, overlap = zip(*found, strict=True)
            rows.append([size, *(show(median(times)) for times in (look, worked, mask)), f"{min(overlap):.3f}"])
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
