"""How visible seams between regions are: ``python -m benchmarks.seams``.

A winding band, brighter than the uneven ground around it, goes through several regions of a synthetic plane of known
truth. A simulated user walks along it and corrects each region with at most four clicks. Printed, as the mean over
three planes: IoU of the masks with the truth; IoU of what two regions say alone where they overlap; and the pixels that
change from one column to the next, inside the masks and where a region begins or ends.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from napari_m2n2v2 import (
    Click,
    FeatureParameters,
    Mosaic,
    Region,
    RegionClick,
    Session,
    Stack,
    region_features,
    region_of_view,
)

_SHAPE = 900, 1200
_SIDE = 256
_CLICKS = 4
_PARAMETERS = FeatureParameters(grid=24, working_side=_SIDE)

Mask = NDArray[np.bool_]


def plane(seed: int) -> tuple[NDArray[np.uint8], Mask, NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    row, col = np.mgrid[: _SHAPE[0], : _SHAPE[1]]
    middle = 450 + 120 * np.sin(col / 220 + seed)
    truth = (np.abs(row - middle) < 60 + 20 * np.sin(col / 90 + 2 * seed)) & (col > 150)
    image = 90 + 1000 * gaussian_filter(random.normal(size=_SHAPE), 40) + 45.0 * truth + random.normal(0, 14, _SHAPE)
    return np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2), truth, middle[0]


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


def corrected(mosaic: Mosaic, placed: list[RegionClick], region: Region, truth: Mask) -> None:
    for _ in range(_CLICKS):
        wrong = mosaic.labels_in(region.rows, region.cols).astype(bool) != truth[region.rows, region.cols]
        depth = distance_transform_edt(np.pad(wrong, 1))[1:-1, 1:-1]
        if depth.max() < 4:
            return
        row, col = (int(at) for at in np.unravel_index(depth.argmax(), depth.shape))
        row, col = row + region.top, col + region.left
        placed.append(RegionClick(region, Click(row, col, bool(truth[row, col]))))
        mosaic.replay(placed)


def alone(session: Session, region: Region, part: tuple[slice, slice]) -> Mask:
    mask = np.zeros(_SHAPE, dtype=bool)
    mask[region.rows, region.cols] = session.result.mask
    return mask[part]


def measure(seed: int) -> tuple[float, float, float, float]:
    image, truth, middle = plane(seed)
    stack, mosaic, placed = Stack.of(image, rgb=True), Mosaic(_SHAPE), []
    regions = []
    for col in range(300, 1000, 200):
        row = float(middle[col])
        regions.append(region_of_view(_SHAPE, (row - 100, col - 100, row + 100, col + 100), _SIDE))
    for region in regions:
        mosaic.put(region, region_features(stack, (), region, attention="appearance", parameters=_PARAMETERS))
        corrected(mosaic, placed, region, truth)
    seen = np.zeros(_SHAPE, dtype=np.int32)
    for region in regions:
        seen[region.rows, region.cols] += 1
    mask = mosaic.labels_in(slice(0, _SHAPE[0]), slice(0, _SHAPE[1])) > 0
    agreed, steps = [], []
    changes = (mask[:, 1:] != mask[:, :-1]) & (seen[:, 1:] > 0) & (seen[:, :-1] > 0)
    at_seam = np.zeros(changes.shape, dtype=bool)
    for one, other in pairwise(regions):
        if (both := one.overlap(other)) is None:
            continue
        agreed.append(iou(alone(mosaic.session(one), one, both), alone(mosaic.session(other), other, both)))
        for col in (other.cols.start - 1, one.cols.stop - 1):
            at_seam[both[0], col] = True
            steps.append(int(changes[both[0], col].sum()))
    elsewhere = (changes & ~at_seam).sum(axis=0)[regions[0].left : regions[-1].cols.stop - 1]
    return (
        iou(mask & (seen > 0), truth & (seen > 0)),
        float(np.mean(agreed)),
        float(elsewhere.mean()),
        float(np.mean(steps)),
    )


if __name__ == "__main__":
    found = np.mean([measure(seed) for seed in range(3)], axis=0)
    names = ("IoU with the truth", "IoU of two regions alone", "pixels changed a column", "at a seam")
    print(", ".join(f"{name} {value:.3f}" for name, value in zip(names, found, strict=True)))
