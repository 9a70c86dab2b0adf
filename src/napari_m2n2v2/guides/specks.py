"""Taking lighter and darker spots of few pixels away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel

__all__ = ["without_specks"]

Steps = NDArray[np.uint8]


def without_specks(steps: Steps, area: int) -> Steps:
    """Take lighter spots of fewer than ``area`` pixels away, then darker ones: an area opening and an area closing.

    Parameters
    ----------
    steps : ndarray
        ``[H, W]`` uint8.
    area : int
        Pixels, joined by their sides.

    Returns
    -------
    ndarray
        ``[H, W]`` uint8.

    Notes
    -----
    Union-find of Meijster and Wilkinson (2002, IEEE PAMI 24:484). The results are those of scikit-image's
    ``area_opening`` and ``area_closing``, which take a hundred times as long; but an image of fewer than ``area``
    pixels becomes one of its own values, and not 0 or 255.
    """
    return 255 - _opened(255 - _opened(steps, area), area)


def _opened(steps: Steps, area: int) -> Steps:
    order = np.argsort(steps, axis=None, kind="stable")[::-1].astype(np.int32)
    opened: Steps = _area_opening(steps.ravel(), order, steps.shape[1], area)
    return opened.reshape(steps.shape)


@kernel()
def _area_opening(values: Steps, order: NDArray[np.int32], width: int, area: int) -> Steps:
    """Join pixels, the lightest first, to what they touch, as long as that is as light or has too few pixels."""
    parent = np.full(values.size, values.size, dtype=np.int32)  # of roots, minus their pixels; no pixel yet
    for p in order:
        parent[p] = -1
        col = p % width
        for k in range(4):
            if (k == 0 and col == 0) or (k == 1 and col == width - 1):
                continue
            near = p + (-1, 1, -width, width)[k]
            if near < 0 or near >= values.size or parent[near] == values.size:
                continue
            root = near
            while parent[root] >= 0:
                root = parent[root]
            while parent[near] >= 0:  # the way is shorter from now on
                parent[near], near = root, parent[near]
            if root == p:
                continue
            if values[root] == values[p] or -parent[root] < area:
                parent[p] += parent[root]
                parent[root] = p
            else:
                parent[p] = min(parent[p], -area)  # it is part of something large
    out = values.copy()
    for p in order[::-1]:
        if parent[p] >= 0:
            out[p] = out[parent[p]]
    return out
