"""Memory while many images are opened in turn: ``python -m benchmarks.many_images``, with a display.

Crops of 480 x 640 of photos that scikit-image ships, each opened in napari, started and clicked on three times through
the console; all of them stay open. Prints what the cache holds and what all open images hold against the limit, and the
process: before the first image, after each tenth, and its peak.
"""

import argparse

import numpy as np
import psutil
from skimage import data

from napari_m2n2v2 import attach

from .conftest import BACKBONE
from .docked import viewer_and_dock, wait
from .memory import peak

SHAPE = (480, 640)
PHOTOS = (data.coffee, data.astronaut, data.cat, data.chelsea, data.rocket, data.immunohistochemistry)


def crops(count):
    """Give so many different images: crops of photos, enlarged where these are too small."""
    random = np.random.default_rng(0)
    for number in range(count):
        photo = PHOTOS[number % len(PHOTOS)]()
        factor = -(-max(SHAPE[0] - photo.shape[0], SHAPE[1] - photo.shape[1], 0) // min(photo.shape[:2])) + 1
        photo = photo.repeat(factor, 0).repeat(factor, 1)
        row, col = (random.integers(0, 1 + side - want) for side, want in zip(photo.shape, SHAPE, strict=False))
        yield np.roll(photo[row : row + SHAPE[0], col : col + SHAPE[1]], 7 * number, axis=1)


def held_by(controller):
    """Return the bytes of all features that anything open holds, each once."""
    parts = [part for workspace in controller.state.workspaces for part in workspace.parts]
    return sum(one.nbytes for one in {id(part.features): part.features for part in parts if part.features}.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--limit", type=float, default=0.8, help="GB that features may take in memory")
    asked = parser.parse_args()
    with viewer_and_dock() as (viewer, _):
        measure(viewer, asked)


def measure(viewer, asked):
    dock = attach(viewer)
    dock.change_settings(attention=BACKBONE, grid=asked.grid)
    controller = dock._controller
    store, process = controller.features.store, psutil.Process()
    store.use_memory(int(asked.limit * 1e9))
    print("| images | cache, MB | open images, MB | limit, MB | process, MB | peak, MB |\n" + "| --- " * 6 + "|")

    def tell(number):
        told = (store.nbytes, held_by(controller), store.memory_bytes, process.memory_info().rss / 1.024)  # as the peak
        print(f"| {number} | " + " | ".join(f"{x / 1e6:.0f}" for x in told) + f" | {peak():.0f} |", flush=True)

    for number, image in enumerate(crops(asked.images), start=1):
        dock.start(viewer.add_image(image, name=f"image {number}"))
        wait(lambda: not dock.is_busy)
        for row, col, foreground in ((0.5, 0.5, True), (0.1, 0.1, False), (0.7, 0.3, True)):
            dock.click(SHAPE[0] * row, SHAPE[1] * col, foreground)
            wait(lambda: not dock.is_busy)
        if number == 1 or number % 10 == 0:
            tell(number)


if __name__ == "__main__":
    main()
