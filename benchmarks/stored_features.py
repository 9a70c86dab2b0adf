"""What to store of an image's features: size, time to save and load, and what it does to masks.

"Load" is the least of some turns, in which all forms are loaded one after the other: with the file in the page cache,
and dropped from it.

    python -m benchmarks.stored_features ../shared/data/davis345 ../shared/data/ct ...

Each folder is a data set as ``napari-m2n2v2 evaluate`` takes it; one object of each is clicked on five times by the
evaluator's clicker with exact features, then the same clicks are replayed with what comes back from storage.
"""

import os
import sys
import tempfile
import time
import zlib
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from napari_m2n2v2 import Session
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.compute import assemble
from napari_m2n2v2.features.disk import read_entry, write_entry
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.features.stored import from_entry, to_entry
from napari_m2n2v2.files.read import read_image
from napari_m2n2v2.parallel import silent

from .conftest import BACKBONE

SPEC = FeatureSpec(BACKBONE, device="cpu")
CLICKS = 5
TURNS = 5
TOP = 256  # cells a row keeps
KEY = "0" * 64
OPERATOR = ("weights", "unit", "first_row", "first_col")


def timed(work):
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin


def plain(matrix):
    return {"a": matrix}


def half(matrix):
    return {"a": np.ascontiguousarray(matrix.astype(np.float16).view(np.uint16))}


def from_half(arrays):
    return arrays["a"].view(np.float16).astype(np.float32)


def squeezed(matrix):
    """All first bytes, then all second ones ...: those of the exponents compress."""
    parts = [zlib.compress(np.ascontiguousarray(part), 1) for part in matrix.view(np.uint8).reshape(-1, 4).T]
    filled = [part + b"\0" * (-len(part) % 2) for part in parts]
    return {str(i): np.frombuffer(part, np.uint16).copy() for i, part in enumerate(filled)} | {
        "shape": np.array(matrix.shape, np.int32)
    }


def from_squeezed(arrays):
    parts = [zlib.decompressobj().decompress(arrays[str(i)].tobytes()) for i in range(4)]
    together = np.stack([np.frombuffer(part, np.uint8) for part in parts], axis=1)
    return together.reshape(-1).view(np.float32).reshape(arrays["shape"])


def top(matrix):
    cells = np.argpartition(matrix, -min(TOP, len(matrix)), axis=1)[:, -TOP:]
    return {"cells": cells.astype(np.uint16), "a": np.take_along_axis(matrix, cells, axis=1)}


def from_top(arrays):
    n = len(arrays["a"])
    matrix = np.zeros((n, n), np.float32)
    np.put_along_axis(matrix, arrays["cells"].astype(np.int64), arrays["a"], axis=1)
    return matrix


FORMS = {
    "float32": (plain, lambda arrays: arrays["a"]),
    "float32, bytes grouped, zlib": (squeezed, from_squeezed),
    "float16": (half, from_half),
    f"{TOP} largest of a row": (top, from_top),
}


def clicked(features, truth, ignore):
    """Let the evaluator click."""
    session, mask = Session(features), np.zeros(truth.shape, bool)
    for _ in range(CLICKS):
        click = next_click_union(mask, truth, ignore)
        if click is None:
            break
        mask = session.click(click).mask
    return session.result.clicks, mask


def main(folders):
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for folder in folders:
            sample = open_dataset(Path(folder), 1).samples[0]
            if not found:  # loads the weights, compiles
                FeatureRequest.of(read_image(sample.image), SPEC).read_transition(silent)
            rows = measure(sample, Path(place) / "entry") | through_the_cache(sample, Path(place) / "cache")
            for name, values in rows.items():
                found.setdefault(name, []).append(values)
            print(f"{folder}: {sample.name}, {sample.read_truth().shape}", file=sys.stderr, flush=True)
    print("| stored | MB | save | load | load, dropped | other pixels in 1000 | worst IoU |")
    print("| --- " * 7 + "|")
    for name, rows in found.items():
        size, save, load, dropped, differ, iou = zip(*rows, strict=True)
        worst = "" if iou[0] is None else f"{min(iou):.4f}"
        other = "" if differ[0] is None else f"{1000 * max(differ):.2f}"
        saved = "" if save[0] is None else f"{median(save):.2f} s"
        cold = "" if dropped[0] is None else f"{median(dropped):.2f} s"
        print(f"| {name} | {median(size):.1f} | {saved} | {median(load):.2f} s | {cold} | {other} | {worst} |")


def measure(sample, path):
    image = read_image(sample.image)
    request = FeatureRequest.of(image, SPEC)
    transition, seconds = timed(lambda: request.read_transition(silent, keep=True))
    exact = assemble(request, transition, request.guides(request.read_depth(silent)))
    operator, build = timed(lambda: exact.upsampling_operator(guided=True))
    clicks, mask = clicked(exact, sample.read_truth(), sample.read_ignore())
    matrix, parts = transition.matrix.numpy(), {name: getattr(operator, name) for name in OPERATOR}
    made_of, about = to_entry(transition)
    stored = {f"transition matrix, {name}": (store(matrix), {}, restore) for name, (store, restore) in FORMS.items()}
    stored["what the matrix is made of"] = (made_of, about, lambda arrays: made_again(request, arrays, about))
    stored["upsampling operator"] = (parts, {}, lambda arrays: arrays)
    paths = {name: path.with_name(f"{path.name} {number}") for number, name in enumerate(stored)}
    save = {name: timed(lambda name=name: write_entry(paths[name], KEY, *stored[name][:2]))[1] for name in stored}
    back, load = loaded(stored, paths)
    rows = {}
    for name in stored:
        differ, iou = 0.0, 1.0
        if name != "upsampling operator":
            other = Session(replace(exact, transition=torch.from_numpy(back[name]))).replay(clicks).mask
            differ, iou = (other != mask).mean(), intersection_over_union(other, mask)
        rows[name] = (paths[name].stat().st_size / 1e6, save[name], *load[name], differ, iou)
    rows["transition matrix, computed again"] = (0.0, None, seconds, None, None, None)
    rows["upsampling operator, computed again"] = (0.0, None, build, None, None, None)
    return rows


def made_again(request, arrays, about):
    return from_entry(arrays, about, request, silent).matrix.numpy()


def loaded(stored, paths):
    """Load all, taking turns: what came back, and the least seconds with the file in the page cache, and dropped."""
    back, least = {}, {name: [float("inf")] * 2 for name in stored}
    for turn in range(2 * TURNS):
        for name, (_, _, restore) in stored.items():
            if turn % 2:
                drop(paths[name])
            back[name], seconds = timed(lambda name=name, restore=restore: restore(read_entry(paths[name], KEY)[0]))
            least[name][turn % 2] = min(least[name][turn % 2], seconds)
    return back, least


def drop(path):
    """Take a file out of the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def through_the_cache(sample, folder):
    """A plane as users meet it, with the rendering, the key and the checks."""
    image = read_image(sample.image)
    computed, miss = timed(lambda: FeatureCache(folder).features(image, BACKBONE, device="cpu"))
    cache = FeatureCache(folder)
    stored, hit = timed(lambda: cache.features(image, BACKBONE, device="cpu"))
    size = sum(cache.sizes_on_disk(FeatureRequest.of(image, SPEC)).values()) / 1e6
    _, held = timed(lambda: cache.features(image, BACKBONE, device="cpu"))
    clicks, mask = clicked(computed, sample.read_truth(), sample.read_ignore())
    other = Session(stored).replay(clicks).mask
    same = (other != mask).mean(), intersection_over_union(other, mask)
    return {
        "a plane from the folder": (size, None, hit, None, *same),
        "a plane from memory": (stored.nbytes / 1e6, None, held, None, *same),
        "a plane computed and stored": (size, None, miss, None, None, None),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
