"""Discs around clicks: what lies so near to a click that nothing else should decide it. Beyond the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel

__all__ = ["UNDECIDED", "discs_around"]

UNDECIDED = 2
"""What pixels are in no disc, beside 1 for foreground and 0 for background."""


def discs_around(
    shape: tuple[int, int], pixels: Sequence[tuple[int, int]], foreground: Sequence[bool], radii: Sequence[float]
) -> NDArray[np.uint8]:
    """Give each pixel in a disc the class of its click, but for pixels nearer to a click of the other class.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)``.
    pixels : sequence of tuple of int
        (row, col) of each click.
    foreground : sequence of bool
        ``y_i`` of each click.
    radii : sequence of float
        Of each click's disc, in pixels, 0 or more and finite; 0 is the click's own pixel.

    Returns
    -------
    ndarray
        uint8 ``[H, W]``: 1, 0 or :data:`UNDECIDED`. Of two clicks on one pixel the later counts.
    """
    decided = np.full(shape, UNDECIDED, dtype=np.uint8)
    at, classes = np.array(pixels, dtype=np.int64).reshape(-1, 2), np.array(foreground, dtype=np.uint8)
    for i in range(len(pixels)):
        # Clicks so far away do not come nearer to any pixel of the disc.
        near = np.hypot(*(at - at[i]).T) <= 2 * radii[i] + 1
        _fill_disc(decided, at[i, 0], at[i, 1], radii[i], classes[i], at[near & (classes != classes[i])])
    for pixel, label in zip(pixels, classes, strict=True):
        decided[pixel] = label
    return decided


@kernel()
def _fill_disc(
    decided: NDArray[np.uint8], row: int, col: int, radius: float, label: int, others: NDArray[np.int64]
) -> None:
    height, width = decided.shape
    reach = math.floor(radius)
    for r in range(max(0, row - reach), min(height, row + reach + 1)):
        for c in range(max(0, col - reach), min(width, col + reach + 1)):
            distance = (r - row) ** 2 + (c - col) ** 2
            if distance > radius * radius:
                continue
            nearest = True
            for k in range(others.shape[0]):
                if (r - others[k, 0]) ** 2 + (c - others[k, 1]) ** 2 < distance:
                    nearest = False
            if nearest:
                decided[r, c] = label
