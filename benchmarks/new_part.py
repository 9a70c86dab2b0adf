"""How long the first click in a new part of a large image takes: ``python -m benchmarks.new_part``, with a display.

An image of 3200 x 4448 pixels, of two photos again and again, is opened in napari, and the camera moved to one part
after the other at full resolution; each is clicked once, its features not there yet. Printed: the median time from the
click to the mask, and the time to the outline that is there before. Offline weights, default grid, both loaded by a
part before them that is not told of; the rest is as the dock has it by default.
"""

import time
from statistics import median

import numpy as np
from skimage.data import astronaut, coffee

from benchmarks.docked import viewer_and_dock, wait
from benchmarks.page import show, table
from napari_m2n2v2._napari.layers.geometry import show_point

SEEN = 900  # rows of the image in view
LOADING, PLACES = (600, 700), ((600, 3700), (2500, 700), (2500, 3700))
HEAD = ["part", "grid", "click to the first look", "click to the mask"]


def large_image():
    """Two photos side by side, 8 x 4 times: RGB uint8."""
    return np.tile(np.hstack([coffee(), astronaut()[:400]]), (8, 4, 1))


def first_click(viewer, dock, place):
    """The shape of the part around a place, that of its grid, seconds to the first look and to the mask."""
    controller, state = dock.controller, dock.controller.state
    workspace, drawn = state.active, []
    show_point(viewer, workspace.image, workspace.here, *place)
    wait(lambda: workspace.region is not None and workspace.region.holds(*place))
    if workspace.features is not None:
        raise RuntimeError(f"The part around {place} was computed before.")
    begin = time.perf_counter()
    controller.clicks.add(*place)

    def is_solved():
        if not drawn and "first look" in viewer.layers and viewer.layers["first look"].visible:
            drawn.append(time.perf_counter() - begin)
        return workspace.solution is not None and not controller.solving.is_solving

    wait(is_solved)
    took = time.perf_counter() - begin
    return workspace.region.shape, workspace.features.grid_shape, drawn[0] if drawn else took, took


def main():
    with viewer_and_dock() as (viewer, dock):
        dock.controller.settings.change(attention="offline")
        dock.image.value = viewer.add_image(large_image(), name="large")
        wait(least=1)  # until the dock has its width, which is the canvas's loss
        viewer.scene.camera.zoom = viewer.canvas.size[0] / SEEN
        viewer.scene.camera.center = LOADING
        dock.start.click()
        wait(lambda: dock.controller.state.active.features is not None)
        found = [first_click(viewer, dock, place) for place in PLACES]
    parts, grids, looks, masks = zip(*found, strict=True)
    cells = [" x ".join(map(str, sides[0])) for sides in (parts, grids)]
    print(table(HEAD, [[*cells, show(median(looks)), show(median(masks))]]))


if __name__ == "__main__":
    main()
