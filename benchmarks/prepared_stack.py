"""Going through a stack that was prepared in a folder: ``python -m benchmarks.prepared_stack``, with a display.

In a real napari window, slices of 480 x 854 (or as ``--size`` says) at grid 64: arriving at a slice, looking for so
many seconds, clicking, and waiting for the mask. Taking turns, the folder is as version 0.1 filled it (matrices and
upsampling operators) or as it is filled now, and slices are made ready ahead of clicks or not. Each line is of the
seconds from arriving to the mask, less those spent looking.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from skimage.data import coffee
from skimage.transform import resize

from napari_m2n2v2 import attach
from napari_m2n2v2.features.disk import write_entry
from napari_m2n2v2.features.keys import FeatureKeys

from .conftest import BACKBONE
from .docked import viewer_and_dock, wait

DEPTH = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="480x854")
    parser.add_argument("--looking", type=float, nargs="+", default=[0.0, 2.0])
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    photo = resize(coffee(), tuple(map(int, asked.size.split("x"))), anti_aliasing=True) * 255
    volume = np.stack([np.roll(photo, 9 * z, axis=1) for z in range(DEPTH)]).round().astype(np.uint8)
    with tempfile.TemporaryDirectory() as place, viewer_and_dock() as (viewer, _):
        tour = Tour(viewer, volume)
        folders = {"0.1": Path(place) / "old", "now": Path(place) / "new"}
        tour.prepare(folders)
        for name, folder in folders.items():
            print(f"a plane as {name}: {sum(f.stat().st_size for f in folder.iterdir()) / DEPTH / 1e6:.1f} MB")
        print("\n| seconds of looking | folder | ahead of clicks | in the page cache | median, s | all, s |")
        print("| --- " * 6 + "|")
        for looking in asked.looking:
            ways = [("0.1", False, True), ("0.1", False, False), ("now", False, True), ("now", True, True)]
            found = {way: [] for way in ways}
            for _ in range(asked.rounds):
                for way in ways:
                    folder, ahead, cached = way
                    found[way] += tour.go(folders[folder], looking, ahead, cached)
            for (folder, ahead, cached), seconds in found.items():
                words = (f"{looking:g}", folder, "yes" if ahead else "no", "yes" if cached else "no")
                every = " ".join(f"{one:.2f}" for one in seconds)
                print("| " + " | ".join(words) + f" | {median(seconds):.2f} | {every} |", flush=True)


class Tour:
    """A window with a stack, and who goes through it."""

    def __init__(self, viewer, volume):
        self.viewer = viewer
        self.dock = attach(viewer)
        self.dock.change_settings(attention=BACKBONE, grid=64)
        self.controller = self.dock._controller
        self.store = self.controller.features.store
        self.layer = self.viewer.add_image(volume, rgb=True, name="stack")
        self.viewer.dims.set_current_step(0, 0)
        self.dock.start(self.layer)
        wait(lambda: not self.dock.is_busy)
        self.dock.click(240, 300)
        wait(lambda: not self.dock.is_busy)

    def prepare(self, folders):
        """Fill both folders."""
        self.store.close()
        self.store.use_folder(folders["now"], 10**11)
        self.dock.precompute()
        wait(lambda: not self.controller.precompute.is_running, 0.5)
        folders["0.1"].mkdir()
        cache, focus = self.store.cache(), self.controller.state.active.focus
        recipe = self.controller.settings.recipe_of(self.controller.state.active, focus)
        for z in range(DEPTH):
            request = recipe.at((z,)).request()
            keys, features = FeatureKeys.of(request), cache.find(request, lambda *_: None)
            operator = features.upsampling_operator(guided=True)
            arrays = {name: getattr(operator, name) for name in ("weights", "unit", "first_row", "first_col")}
            about = {"grid": features.grid_shape, "note": ""}
            for key, some in ((keys.transition, {"transition": features.transition.numpy()}), (keys.operator, arrays)):
                write_entry(folders["0.1"] / f"{key}.1.safetensors", key, some, about)

    def look_ahead(self, ahead):
        """Let the dock do so, or not."""
        moved, controller = self.controller.state.moved, self.controller.ahead
        controller._seen = None
        moved.disconnect(controller._on_moved, missing_ok=True)
        if ahead:
            moved.connect(controller._on_moved)

    def go(self, folder, looking, ahead, cached):
        """Go from slice to slice and click; return the seconds waited for in each, without those of looking."""
        self.store.use_folder(None, 0)
        self.viewer.dims.set_current_step(0, 0)
        self.controller.clicks.set_clicks([])
        for z in range(1, DEPTH):
            for part in self.controller.state.active.parts:
                if part.key.plane.index == (z,):
                    part.forget_features()
        self.store.close()
        for path in folder.iterdir():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED if cached else os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
        wait(lambda: not self.dock.is_busy, 0.5)
        self.store.use_folder(folder, 10**11)
        self.look_ahead(ahead)
        waited = []
        for z in range(1, DEPTH):
            began = time.perf_counter()
            self.viewer.dims.set_current_step(0, z)
            wait(least=looking)
            self.dock.click(240, 300)
            wait(lambda: not self.dock.is_busy)
            waited.append(time.perf_counter() - began - looking)
            wait(least=0.5)  # before one goes on
            self.dock.set_clicks([])
        return waited


if __name__ == "__main__":
    main()
