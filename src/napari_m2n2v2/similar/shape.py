"""Size and shape of masks."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

__all__ = ["Mask", "compactness", "depth", "distance_to"]

Mask = NDArray[np.bool_]


def compactness(mask: Mask) -> float:
    """Return the area as a share of that of the convex hull of all pixels' squares, in ``(0, 1]``."""
    rows = np.flatnonzero(mask.any(axis=1))
    left = mask.argmax(axis=1)[rows]
    right = mask.shape[1] - mask[:, ::-1].argmax(axis=1)[rows]
    edges = np.concatenate([rows, rows[-1:] + 1])  # a row of pixels ends where the next one begins
    first = np.minimum(np.append(left, left[-1]), np.append(left[0], left))
    last = np.maximum(np.append(right, right[-1]), np.append(right[0], right))
    hull = _under(edges.tolist(), last.tolist()) + _under(edges.tolist(), (-first).tolist())
    return float(np.count_nonzero(mask) / hull)


def _under(at: list[int], heights: list[int]) -> float:
    """Return the area under the concave hull of points, given from left to right."""
    kept: list[tuple[int, int]] = []
    for x, y in zip(at, heights, strict=True):
        while len(kept) > 1 and (kept[-1][0] - kept[-2][0]) * (y - kept[-2][1]) >= (kept[-1][1] - kept[-2][1]) * (
            x - kept[-2][0]
        ):
            kept.pop()
        kept.append((x, y))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(kept))


def depth(mask: Mask) -> NDArray[np.float64]:
    """Return how far each pixel is from the nearest outside the mask; the border of the image is no end of it."""
    if mask.all():
        return np.full(mask.shape, float(max(mask.shape)))
    inside: NDArray[np.float64] = distance_transform_edt(mask)
    return inside


def distance_to(mask: Mask) -> NDArray[np.float64]:
    """Return how far each pixel is from the mask; infinite if that is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    outside: NDArray[np.float64] = distance_transform_edt(~mask)
    return outside
