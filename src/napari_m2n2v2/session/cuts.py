"""Where a mask ends because its tile ends: a straight cut that is no outline of the object."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.tile import Region

__all__ = ["cut_sides"]

_LEAST = 8  # worked-on pixels along the border; fewer are where an outline happens to touch it

Labels = Callable[[slice, slice], NDArray[np.int32]]


def cut_sides(labels_in: Labels, tile: Region, shape: tuple[int, int]) -> dict[int, tuple[str, ...]]:
    """Tell at which sides of a tile objects end in a straight cut.

    An object is cut where most of its pixels along the border, and at least eight of those that were worked on, have
    something else just beyond it. The border of the plane cuts nothing, and a neighbour that goes on with the object
    heals the cut.

    Parameters
    ----------
    labels_in : callable
        Given rows and columns of the plane, its labels there, int32 ``[rows, cols]``.
    tile : Region
        Of the plane.
    shape : tuple of int
        ``(H, W)`` of the plane.

    Returns
    -------
    dict
        By object id, which of "top", "left", "bottom" and "right"; only objects that are cut.
    """
    top, bottom, left, right = tile.box
    sides = {
        "top": (top > 0, slice(top - 1, top + 1), tile.cols),
        "left": (left > 0, tile.rows, slice(left - 1, left + 1)),
        "bottom": (bottom < shape[0], slice(bottom - 1, bottom + 1), tile.cols),
        "right": (right < shape[1], tile.rows, slice(right - 1, right + 1)),
    }
    found: dict[int, tuple[str, ...]] = {}
    for side, (is_inner, rows, cols) in sides.items():
        if not is_inner:
            continue
        lines = labels_in(rows, cols)
        first, second = lines if side in ("top", "bottom") else lines.T
        inside, beyond = (second, first) if side in ("top", "left") else (first, second)
        for object_id in np.unique(inside[inside > 0]).tolist():
            here = inside == object_id
            ends = np.count_nonzero(here & (beyond != object_id))
            if ends >= _LEAST * tile.step and 2 * ends > np.count_nonzero(here):
                found[object_id] = (*found.get(object_id, ()), side)
    return found
