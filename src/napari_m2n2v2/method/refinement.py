"""Move a mask's outline to the image's colours, within a narrow band. Beyond the paper.

The grid's cells are far larger than pixels, so an outline can be half a cell off. In the band, a guided filter (He, Sun
and Tang 2013) fits the mask by the colours of each small window, and what it says is rounded. It is a local model of the
colours inside and outside with a closed solution, so nothing is random and nothing has to converge.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_m2n2v2.parallel import for_row_blocks

__all__ = ["near_outline", "refine"]

Mask = NDArray[np.bool_]

_LEAST_OVERLAP = 0.6  # IoU with the mask as it was; below it, refinement ran away and is given up


def refine(mask: Mask, image: NDArray[np.uint8], half_width: float, fixed: Mask, radius: int, epsilon: float) -> Mask:
    """Refine a mask by the colours around its outline.

    Parameters
    ----------
    mask : ndarray
        bool ``[H, W]``.
    image : ndarray
        uint8 ``[H, W, 3]``.
    half_width : float
        Only pixels within so many pixels of one of the other class may change.
    fixed : ndarray
        bool ``[H, W]``, pixels that may not change.
    radius : int
        Of the filter's square windows, in pixels, at least 1.
    epsilon : float
        Variance of colour, in ``[0, 1]`` squared, below which a window counts as of one colour; above 0.

    Returns
    -------
    ndarray
        bool ``[H, W]``; the mask as it was where the result overlaps it by an IoU under 0.6.
    """
    box = _box_around(mask, math.ceil(half_width) + 2 * radius + 1)
    if box is None:
        return mask
    inside = np.ascontiguousarray(mask[box])
    band = near_outline(inside, half_width) & ~fixed[box]
    share = _guided_filter(inside, np.ascontiguousarray(image[box]), band, radius, epsilon)
    changed = np.where(band, share > 0.5, inside)
    both, either = np.count_nonzero(changed & inside), np.count_nonzero(changed | inside)
    if both < _LEAST_OVERLAP * either:
        return mask
    refined = mask.copy()
    refined[box] = changed
    return refined


def _box_around(mask: Mask, margin: int) -> tuple[slice, slice] | None:
    """Return rows and columns of the mask with a margin; None if there is no outline."""
    rows, cols = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size or mask.all():
        return None
    return (
        slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
        slice(max(0, cols[0] - margin), cols[-1] + margin + 1),
    )


def near_outline(mask: Mask, distance: float) -> Mask:
    """Return which pixels are within a distance of one of the other class, bool ``[H, W]``."""
    near = np.empty_like(mask)
    _near(mask, distance, near)
    return near


@njit(cache=True, nogil=True)
def _near(mask: Mask, distance: float, near: Mask) -> None:
    height, width = mask.shape
    reach = int(distance)
    far = np.int32(2 * reach + 1)
    vertical = np.full(mask.shape, far, dtype=np.int32)  # to the next pixel of the other class in the column
    for r in range(1, height):
        for c in range(width):
            vertical[r, c] = min(vertical[r - 1, c] + 1, far) if mask[r, c] == mask[r - 1, c] else 1
    for r in range(height - 2, -1, -1):
        for c in range(width):
            below = min(vertical[r + 1, c] + 1, far) if mask[r, c] == mask[r + 1, c] else 1
            vertical[r, c] = min(vertical[r, c], below)
    for r in range(height):
        for c in range(width):
            near[r, c] = False
            for other in range(max(0, c - reach), min(width, c + reach + 1)):
                v = vertical[r, other] if mask[r, other] == mask[r, c] else 0
                if v * v + (other - c) * (other - c) <= distance * distance:
                    near[r, c] = True
                    break


def _guided_filter(
    mask: Mask, image: NDArray[np.uint8], wanted: Mask, radius: int, epsilon: float
) -> NDArray[np.float32]:
    """Return the guided filter of a mask at the pixels wanted, float32 ``[H, W]``, 0 elsewhere."""
    needed = _spread(wanted, radius)
    fit = np.empty((*mask.shape, 4), dtype=np.float32)
    share = np.zeros(mask.shape, dtype=np.float32)
    _in_blocks(lambda a, b: _fit_windows(mask, image, needed, radius, epsilon * 255**2, fit, a, b), len(mask))
    _in_blocks(lambda a, b: _average_fits(image, wanted, fit, radius, share, a, b), len(mask))
    return share


def _in_blocks(work: Callable[[int, int], None], rows: int) -> None:
    for_row_blocks(work, rows, 64)


@njit(cache=True, nogil=True)
def _spread(wanted: Mask, radius: int) -> Mask:
    """Return which pixels have one wanted in their window."""
    height, width = wanted.shape
    across = np.zeros(wanted.shape, dtype=np.bool_)
    spread = np.zeros(wanted.shape, dtype=np.bool_)
    for r in range(height):
        for c in range(width):
            if wanted[r, c]:
                across[r, max(0, c - radius) : c + radius + 1] = True
    for r in range(height):
        for k in range(max(0, r - radius), min(height, r + radius + 1)):
            for c in range(width):
                spread[r, c] |= across[k, c]
    return spread


_SUMS = 13  # of the mask, the channels, their products with the mask, and their products with each other


@njit(cache=True, nogil=True)
def _add_row(mask: Mask, image: NDArray[np.uint8], row: int, sign: int, sums: NDArray[np.int32]) -> None:
    for c in range(mask.shape[1]):
        x, y, z = np.int32(image[row, c, 0]), np.int32(image[row, c, 1]), np.int32(image[row, c, 2])
        column = sums[c]
        if mask[row, c]:
            column[0] += sign
            column[4] += sign * x
            column[5] += sign * y
            column[6] += sign * z
        column[1] += sign * x
        column[2] += sign * y
        column[3] += sign * z
        column[7] += sign * x * x
        column[8] += sign * x * y
        column[9] += sign * x * z
        column[10] += sign * y * y
        column[11] += sign * y * z
        column[12] += sign * z * z


@njit(cache=True, nogil=True)
def _fit_windows(
    mask: Mask, image: NDArray[np.uint8], needed: Mask, radius: int, epsilon: float,
    fit: NDArray[np.float32], start: int, stop: int,
) -> None:  # fmt: skip
    """Fit the mask in each needed pixel's window as a linear function of colour; sums of whole numbers are exact."""
    height, width = mask.shape
    sums = np.zeros((width, _SUMS), dtype=np.int32)  # over the rows of the windows
    total = np.zeros(_SUMS, dtype=np.int64)
    for r in range(max(0, start - radius), min(height, start + radius)):
        _add_row(mask, image, r, 1, sums)
    for r in range(start, stop):
        if r + radius < height:
            _add_row(mask, image, r + radius, 1, sums)
        rows = min(height, r + radius + 1) - max(0, r - radius)
        end = 0  # total is of the columns begin to end - 1, or of none
        begin = 0
        for c in range(width):
            if not needed[r, c]:
                continue
            first, last = max(0, c - radius), min(width, c + radius + 1)
            if end <= first:
                total[:] = 0
                begin = end = first
            for k in range(end, last):
                for i in range(_SUMS):
                    total[i] += sums[k, i]
            for k in range(begin, first):
                for i in range(_SUMS):
                    total[i] -= sums[k, i]
            begin, end = first, last
            _solve(total, rows * (last - first), epsilon, fit[r, c])
        if r - radius >= 0:
            _add_row(mask, image, r - radius, -1, sums)


@njit(cache=True, nogil=True)
def _solve(total: NDArray[np.int64], count: int, epsilon: float, fit: NDArray[np.float32]) -> None:
    n = 1.0 / count
    p, x, y, z = total[0] * n, total[1] * n, total[2] * n, total[3] * n
    px, py, pz = total[4] * n - p * x, total[5] * n - p * y, total[6] * n - p * z
    xx, xy, xz = total[7] * n - x * x + epsilon, total[8] * n - x * y, total[9] * n - x * z
    yy, yz, zz = total[10] * n - y * y + epsilon, total[11] * n - y * z, total[12] * n - z * z + epsilon
    # The inverse of a symmetric 3 x 3 matrix, by cofactors; epsilon keeps it far from singular.
    cxx, cxy, cxz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    cyy, cyz, czz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    inverse = 1.0 / (xx * cxx + xy * cxy + xz * cxz)
    a = (cxx * px + cxy * py + cxz * pz) * inverse
    b = (cxy * px + cyy * py + cyz * pz) * inverse
    d = (cxz * px + cyz * py + czz * pz) * inverse
    fit[0], fit[1], fit[2] = a, b, d
    fit[3] = p - a * x - b * y - d * z


@njit(cache=True, nogil=True)
def _average_fits(
    image: NDArray[np.uint8], wanted: Mask, fit: NDArray[np.float32], radius: int,
    share: NDArray[np.float32], start: int, stop: int,
) -> None:  # fmt: skip
    height, width = wanted.shape
    mean = np.empty(4, dtype=np.float32)
    for r in range(start, stop):
        top, bottom = max(0, r - radius), min(height, r + radius + 1)
        for c in range(width):
            if not wanted[r, c]:
                continue
            left, right = max(0, c - radius), min(width, c + radius + 1)
            mean[:] = np.float32(0.0)
            for k in range(top, bottom):
                for m in range(left, right):
                    for i in range(4):
                        mean[i] += fit[k, m, i]
            value = mean[0] * image[r, c, 0] + mean[1] * image[r, c, 1] + mean[2] * image[r, c, 2] + mean[3]
            share[r, c] = value / ((bottom - top) * (right - left))
