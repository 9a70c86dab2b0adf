"""Peak memory and reads of a stack larger than memory should hold: ``python benchmarks/large_stack.py``.

Makes a zarr of PLANES x 2048 x 2048 uint16, one chunk a plane (1.6 GB for 200), opens it in napari, clicks on an object
in each of ten slices, then carries three objects from the middle slice up and down. Prints, as JSON: the slices looked
at, the chunks of the image that were read and how often, the masks that came out against the known truth, and the peak
memory of the process. Needs a display.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore, WrapperStore

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that this is a script as well

from benchmarks.docked import open_dock, own_folder, wait

_SIDE = 2048
_OBJECTS = ((500, 600, 130), (1400, 800, 180), (1000, 1500, 150))  # row, col, radius


class Counting(WrapperStore):  # type: ignore[type-arg]
    """Counts the chunks that are read, by plane."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.read: Counter[int] = Counter()

    async def get(self, key: str, *arguments: Any, **named: Any) -> Any:
        if key.startswith("c/"):
            self.read[int(key.split("/")[1])] += 1
        return await self._store.get(key, *arguments, **named)


def truth(plane: int) -> np.ndarray:
    """Return the objects of a plane by their ids: discs that wander slowly and change their size."""
    row, col = np.ogrid[:_SIDE, :_SIDE]
    labels = np.zeros((_SIDE, _SIDE), np.uint8)
    for i, (down, across, radius) in enumerate(_OBJECTS, 1):
        down, across = down + 60 * np.sin(plane / 30 + i), across + 60 * np.cos(plane / 25 + i)
        labels[(row - down) ** 2 + (col - across) ** 2 < (radius * (1 + 0.2 * np.sin(plane / 15))) ** 2] = i
    return labels


def make(folder: Path, planes: int) -> None:
    """Write the stack."""
    stack = zarr.create_array(
        LocalStore(folder), shape=(planes, _SIDE, _SIDE), chunks=(1, _SIDE, _SIDE), dtype=np.uint16, compressors=None
    )
    random = np.random.default_rng(0)
    noise = random.normal(0, 300, (_SIDE, _SIDE)).astype(np.float32)
    for plane in range(planes):
        image = 2000 + 1500.0 * truth(plane) + np.roll(noise, (37 * plane, 91 * plane), (0, 1))
        stack[plane] = image.clip(0, 65535).astype(np.uint16)


def run(folder: Path, planes: int, slices: int, steps: int, attention: str) -> dict[str, Any]:
    """Open, click, carry; return what there is to say."""
    import napari

    from napari_m2n2v2.features.states import FeatureState

    store = Counting(LocalStore(folder, read_only=True))
    viewer = napari.Viewer()
    # Without limits given, napari reads planes to find some.
    layer = viewer.add_image(zarr.open_array(store, mode="r"), name="stack", contrast_limits=(1000, 8000))
    middle = planes // 2
    viewer.dims.set_current_step(0, middle)
    dock = open_dock(viewer)
    control, state = dock.controller, dock.controller.state
    control.settings.change(attention=attention, device="cpu")
    errors: list[str] = []
    state.failed.connect(errors.append)
    dock.image.value = layer
    store.read.clear()
    viewer.dims.set_current_step(0, middle + 1)  # so that the middle one is read again
    viewer.dims.set_current_step(0, middle)
    control.images.start(layer)
    wait(lambda: state.active.state is FeatureState.READY)
    seen = {middle, middle + 1}
    quality = []

    def settle() -> None:
        wait(lambda: control.activity.present is None and not control.solving.is_solving)

    for n in range(slices):
        plane = (middle + n * (planes // slices)) % planes
        seen.add(plane)
        viewer.dims.set_current_step(0, plane)
        control.objects.select(1 + n % 3)
        row, col = np.argwhere(truth(plane) == 1 + n % 3).mean(axis=0)
        control.clicks.add(float(row), float(col))
        settle()
        found, real = state.active.labels.data[plane] == 1 + n % 3, truth(plane) == 1 + n % 3
        quality.append(float((found & real).sum() / (found | real).sum()))
    viewer.dims.set_current_step(0, middle)
    carried, reached = [], dict.fromkeys((1, 2, 3), 0)
    for i in (1, 2, 3):
        viewer.dims.set_current_step(0, middle)
        control.objects.select(i)
        if not (state.active.labels.data[middle] == i).any():
            row, col = np.argwhere(truth(middle) == i).mean(axis=0)
            control.clicks.add(float(row), float(col))
            settle()
        for direction in (1, -1):
            viewer.dims.set_current_step(0, middle)  # a single step takes the viewer along
            control.propagation.propagate(direction, steps)
            settle()
            for plane in range(middle + direction, middle + direction * (steps + 1), direction):
                seen.add(plane)
                found, real = state.active.labels.data[plane] == i, truth(plane) == i
                reached[i] += bool(found.any())
                carried.append(float(2 * (found & real).sum() / max(found.sum() + real.sum(), 1)))
    answer = {
        "planes": planes,
        "gigabytes": planes * _SIDE * _SIDE * 2 / 1e9,
        "slices seen": sorted(seen),
        "chunks read": {plane: store.read[plane] for plane in sorted(store.read)},
        "IoU of one click, worst": min(quality),
        "Dice carried, worst": min(carried),
        "objects carried": reached,
        "errors": errors,
        "peak GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }
    viewer.close()
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--slices", type=int, default=10, help="that are clicked in (%(default)s)")
    parser.add_argument("--steps", type=int, default=5, help="slices that objects are carried each way (%(default)s)")
    parser.add_argument("--attention", default="auto", help="backbone (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, own_folder():
        stack = Path(folder) / "stack.zarr"
        make(stack, options.planes)
        print(json.dumps(run(stack, options.planes, options.slices, options.steps, options.attention)))


if __name__ == "__main__":
    main()
