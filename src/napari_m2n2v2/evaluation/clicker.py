"""The simulated user of section 4: where the next click goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_m2n2v2.clicks import Click

__all__ = ["next_click_union"]


def next_click_union(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], ignore: NDArray[np.bool_] | None = None
) -> Click | None:
    """Click the deepest point of everything that is wrong, M2N2's rule "union".

    Parameters
    ----------
    mask, truth : ndarray
        bool ``[H, W]``.
    ignore : ndarray, optional
        bool ``[H, W]``; pixels that are neither wrong nor right.

    Returns
    -------
    Click or None
        With the class the truth has there; the first in row-major order on ties; None when nothing is wrong.

    Notes
    -----
    False positives and false negatives share one Euclidean distance transform, and outside the image counts as
    right. The rule "split" of RITM and SimpleClick transforms them apart and gives other numbers.
    """
    wrong = mask != truth
    if ignore is not None:
        wrong &= ~ignore
    if not wrong.any():
        return None
    depth = distance_transform_edt(np.pad(wrong, 1))[1:-1, 1:-1]
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return Click(int(row), int(col), foreground=bool(truth[row, col]))
