"""Images with every object labelled, and example masks that the engine made of some by simulated clicks."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation, find_objects
from skimage.filters import gaussian
from skimage.transform import resize

from napari_m2n2v2 import Session, compute_features
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.files.read import read_image
from napari_m2n2v2.images.rendering import as_rgb

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared"))
KINDS = {"fluorescence": "fluorescence", "stained": "colour_bright"}
DRAWS = 3
_GOOD, _MOST_CLICKS = 0.8, 5


@dataclass
class Scene:
    """An image, its true labels, and draws of three examples: (label image, clicks each took)."""

    name: str
    image: np.ndarray
    truth: np.ndarray
    draws: list = field(default_factory=list)

    def examples(self, draw, count):
        """Labels of the first examples of a draw, and the clicks they took."""
        labels, clicks = self.draws[draw]
        return np.where(labels <= count, labels, 0), sum(clicks[:count])


def names(kind, half):
    """Names of one half of the images of a kind: "chosen" to choose by, "reported" to report on."""
    found = sorted(p.stem for p in (SHARED / "data/dsb2018_nuclei/instances").glob(f"{KINDS[kind]}-*.png"))
    return found[0::2] if half == "chosen" else found[1::2]


def typical(truth):
    """Ids of objects that a user would take as examples: whole, and neither tiny nor huge."""
    areas = np.bincount(truth.ravel())
    areas[0] = 0
    border = np.unique(np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1]]))
    whole = np.setdiff1d(np.flatnonzero(areas), border)
    whole = whole if whole.size else np.flatnonzero(areas)
    middle = np.median(areas[whole])
    return [int(i) for i in whole if middle / 2 <= areas[i] <= 2 * middle]


def clicked(features, truth, most=_MOST_CLICKS, good=_GOOD):
    """Click on one object by the rule "union" until its mask is good; the mask and the number of clicks."""
    session, mask = Session(features), np.zeros(truth.shape, bool)
    for n in range(most):
        click = next_click_union(mask, truth)
        if click is None:
            return mask, n
        mask = session.click(click).mask
        if intersection_over_union(mask, truth) >= good:
            return mask, n + 1
    return mask, most


def scene(name, folder=None):
    """Read an image, and make its examples or read them from a folder where they are kept."""
    data = SHARED / "data/dsb2018_nuclei"
    image, truth = as_rgb(read_image(data / f"images/{name}.png")), read_image(data / f"instances/{name}.png")
    found = Scene(name, image, truth.astype(np.int32))
    kept = None if folder is None else Path(folder) / f"{name}.npz"
    if kept is not None and kept.exists():
        stored = np.load(kept)
        found.draws = list(zip(stored["labels"], stored["clicks"], strict=True))
        return found
    features = compute_features(image, "offline", "auto", device="cpu")
    known = {}
    for draw in range(DRAWS):
        rng, labels, clicks = np.random.default_rng(draw), np.zeros(truth.shape, np.int32), []
        ids = typical(found.truth)
        for n, i in enumerate(rng.permutation(ids)[:3], start=1):
            known[i] = known.get(i) or clicked(features, found.truth == i)
            labels[known[i][0] & (labels == 0)] = n
            clicks.append(known[i][1])
        found.draws.append((labels, np.array(clicks + [0] * (3 - len(clicks)))))
    if kept is not None:
        np.savez_compressed(
            kept, labels=np.stack([d[0] for d in found.draws]), clicks=np.stack([d[1] for d in found.draws])
        )
    return found


def pasted(source, count=500, side=1024, radius=12, seed=0):
    """Paste real objects of an image at random on its ground, in a size: an image and its exact labels."""
    rng = np.random.default_rng(seed)
    ids = typical(source.truth)
    ground = source.image[source.truth == 0].astype(float)
    image = np.median(ground, axis=0) + gaussian(rng.normal(size=(side, side)), 3)[..., None] * ground.std(axis=0)
    labels, placed = np.zeros((side, side), np.int32), 0
    for _ in range(50 * count):
        if placed == count:
            break
        cut, mask = _cut_out(source, ids[rng.integers(len(ids))], radius * rng.uniform(0.8, 1.2), rng.integers(4))
        row, col = (int(rng.integers(0, side - length)) for length in mask.shape)
        place = slice(row, row + mask.shape[0]), slice(col, col + mask.shape[1])
        if labels[place][binary_dilation(mask)].any():
            continue
        placed += 1
        labels[place][mask] = placed
        alpha = gaussian(mask.astype(float), 0.7)[..., None]
        image[place] = alpha * cut + (1 - alpha) * image[place]
    noisy = image + rng.normal(0, 2, labels.shape)[..., None]
    return noisy.clip(0, 255).astype(np.uint8), labels


def _cut_out(source, i, radius, turns):
    """One object in a size, turned; pixels and mask."""
    rows, cols = find_objects((source.truth == i).astype(np.uint8))[0]
    mask = source.truth[rows, cols] == i
    scale = radius / np.sqrt(mask.sum() / np.pi)
    shape = tuple(max(3, round(length * scale)) for length in mask.shape)
    pixels = resize(source.image[rows, cols].astype(float), shape, anti_aliasing=True, preserve_range=True)
    pixels, mask = (np.rot90(one, turns) for one in (pixels, resize(mask.astype(float), shape) > 0.5))
    room = ((2, 2), (2, 2))
    return np.pad(pixels, (*room, (0, 0)), mode="edge"), np.pad(mask, room)


_PARTIAL = {
    "EM cells": ("isbi2012_em", "em"),
    "stained nuclei": ("histology", "monuseg"),
    "glands": ("histology", "glas"),
}


def partial():
    """Images where at least two objects have a truth, and masks of these, by name of the set."""
    found = {}
    for name, (folder, begin) in _PARTIAL.items():
        for path in sorted((SHARED / "data" / folder / "images").glob(f"{begin}*")):
            masks = sorted((SHARED / "data" / folder / "masks").glob(f"{path.stem}__*.png"))
            objects = [read_image(mask) > 127 for mask in masks]
            if len(objects) > 1:
                found.setdefault(name, []).append((as_rgb(read_image(path)), objects))
    return found
