"""How deep pixels lie in a region: where a user would click, and where a region is most itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

__all__ = ["deepest", "depth_of"]


def depth_of(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far each pixel of a region is from what is beside it, in pixels; beyond the array nothing is of it.

    Parameters
    ----------
    region : ndarray
        bool ``[H, W]``.

    Returns
    -------
    ndarray
        float64 ``[H, W]``, 0 outside the region.
    """
    depth: NDArray[np.float64] = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    return depth


def deepest(region: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the deepest pixel (row, col) of a region that is not empty, the first in row-major order of several."""
    rows, cols = find_objects(region.astype(np.uint8))[0]
    depth = depth_of(region[rows, cols])
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(rows.start + row), int(cols.start + col)
