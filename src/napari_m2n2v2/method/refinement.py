"""Move a mask's outline to the image's colours, within a narrow band. Beyond the paper.

The grid's cells are far larger than pixels, so an outline can be half a cell off. In the band, a guided filter (He, Sun
and Tang 2013) fits the mask by the colours of each small window, and what it says is rounded; a few times, each time
from where the last one ended. It is a local model of the colours inside and outside with a closed solution, so nothing
is random and nothing has to converge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel
from napari_m2n2v2.parallel import for_row_blocks

__all__ = ["near_outline", "refine"]

Mask = NDArray[np.bool_]

_LEAST_OVERLAP = 0.6  # IoU with the mask as it was; below it, refinement ran away and is given up


def refine(
    mask: Mask,
    image: NDArray[np.uint8],
    half_width: float,
    fixed: Mask,
    radius: int,
    epsilon: float,
    rounds: int,
    trust: int = 1,
) -> Mask:
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
    rounds : int
        How often, at least 1.
    trust : int
        How many pixels a fixed one counts for in the windows around it, at least 1.

    Returns
    -------
    ndarray
        bool ``[H, W]``; the mask as it was where the result overlaps it by an IoU under 0.6.
    """
    box = _box_around(mask, math.ceil(half_width) + 2 * radius + 1)
    if box is None:
        return mask
    before, pixels = np.ascontiguousarray(mask[box]), np.ascontiguousarray(image[box])
    band = near_outline(before, half_width) & ~fixed[box]
    weight = np.where(fixed[box], np.int32(trust), np.int32(1))
    guided, after = _guided_filter(pixels, band, weight, radius, epsilon), before
    for _ in range(rounds):
        after = np.where(band, guided(after) > 0.5, after)
    both, either = np.count_nonzero(after & before), np.count_nonzero(after | before)
    if both < _LEAST_OVERLAP * either:
        return mask
    refined = mask.copy()
    refined[box] = after
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
    near = np.zeros_like(mask)
    _near(mask, distance, near)
    return near


@kernel()
def _near(mask: Mask, distance: float, near: Mask) -> None:
    height, width = mask.shape
    reach = int(distance)
    half = np.array([int(math.sqrt(distance * distance - d * d)) for d in range(reach + 1)])
    for r in range(height):
        for c in range(width):
            # The nearest pixel of the other class is always one that touches this class.
            touches = (
                (r > 0 and mask[r - 1, c] != mask[r, c])
                or (r < height - 1 and mask[r + 1, c] != mask[r, c])
                or (c > 0 and mask[r, c - 1] != mask[r, c])
                or (c < width - 1 and mask[r, c + 1] != mask[r, c])
            )
            if not touches:
                continue
            for k in range(max(0, r - reach), min(height, r + reach + 1)):
                span = half[abs(k - r)]
                for m in range(max(0, c - span), min(width, c + span + 1)):
                    near[k, m] |= mask[k, m] != mask[r, c]


def _guided_filter(
    image: NDArray[np.uint8], wanted: Mask, weight: NDArray[np.int32], radius: int, epsilon: float
) -> Callable[[Mask], NDArray[np.float32]]:
    """Return the guided filter of masks by an image at the pixels wanted: float32 ``[H, W]``, 0 elsewhere.

    Each call writes into the same array.
    """
    needed = _spread(wanted, radius)
    fit = np.zeros((*wanted.shape, 4), dtype=np.float32)
    share = np.zeros(wanted.shape, dtype=np.float32)

    def filtered(mask: Mask) -> NDArray[np.float32]:
        given = mask, image, needed, weight, radius, epsilon * 255**2, fit
        _in_blocks(lambda a, b: _fit_windows(*given, a, b), len(mask))
        _in_blocks(lambda a, b: _average_fits(image, wanted, fit, radius, share, a, b), len(mask))
        return share

    return filtered


def _in_blocks(work: Callable[[int, int], None], rows: int) -> None:
    for_row_blocks(work, rows, 64)


@kernel()
def _spread(wanted: Mask, radius: int) -> Mask:
    """Return which pixels have one wanted in their window."""
    height, width = wanted.shape
    across = np.zeros(wanted.shape, dtype=np.bool_)
    spread = np.zeros(wanted.shape, dtype=np.bool_)
    for r in range(height):
        end = 0
        for c in range(width):
            if wanted[r, c]:
                end, begin = min(width, c + radius + 1), max(end, c - radius)
                across[r, begin:end] = True
    for r in range(height):
        for k in range(max(0, r - radius), min(height, r + radius + 1)):
            for c in range(width):
                spread[r, c] |= across[k, c]
    return spread


@kernel()
def _columns_around(wanted: Mask, radius: int, start: int, stop: int) -> NDArray[np.int64]:
    """Return the columns of windows of wanted pixels in some rows."""
    width = wanted.shape[1]
    used = np.zeros(width, dtype=np.bool_)
    for r in range(start, stop):
        end = 0
        for c in range(width):
            if wanted[r, c]:
                end, begin = min(width, c + radius + 1), max(end, c - radius)
                used[begin:end] = True
    return np.flatnonzero(used)


_SUMS = 14  # of the mask, the channels, their products with the mask and with each other, and of the weights


@kernel()
def _add_row(
    mask: Mask, image: NDArray[np.uint8], weight: NDArray[np.int32], row: int, columns: NDArray[np.int64], add: int,
    sums: NDArray[np.int32],
) -> None:  # fmt: skip
    for c in columns:
        sign = add * weight[row, c]
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
        column[13] += sign


@kernel()
def _fit_windows(
    mask: Mask, image: NDArray[np.uint8], needed: Mask, weight: NDArray[np.int32], radius: int, epsilon: float,
    fit: NDArray[np.float32], start: int, stop: int,
) -> None:  # fmt: skip
    """Fit the mask in each needed pixel's window as a linear function of colour; sums of whole numbers are exact."""
    height, width = mask.shape
    columns = _columns_around(needed, radius, start, stop)
    sums = np.zeros((width, _SUMS), dtype=np.int32)  # over the rows of the windows
    total = np.zeros(_SUMS, dtype=np.int64)
    for r in range(max(0, start - radius), min(height, start + radius)):
        _add_row(mask, image, weight, r, columns, 1, sums)
    for r in range(start, stop):
        if r + radius < height:
            _add_row(mask, image, weight, r + radius, columns, 1, sums)
        begin, end = 0, 0  # total is of these columns
        for c in range(width):
            if needed[r, c]:
                begin, end = _slide(sums, c, radius, begin, end, total)
                _solve(total, epsilon, fit[r, c])
        if r - radius >= 0:
            _add_row(mask, image, weight, r - radius, columns, -1, sums)


@kernel()
def _slide(sums: NDArray[Any], column: int, radius: int, begin: int, end: int, total: NDArray[Any]) -> tuple[int, int]:
    """Move the total of some columns' sums on to a window; return which columns it is of."""
    first, last = max(0, column - radius), min(len(sums), column + radius + 1)
    if end <= first:
        total[:] = 0
        begin = end = first
    for k in range(end, last):
        for i in range(total.size):
            total[i] += sums[k, i]
    for k in range(begin, first):
        for i in range(total.size):
            total[i] -= sums[k, i]
    return first, last


@kernel()
def _solve(total: NDArray[np.int64], epsilon: float, fit: NDArray[np.float32]) -> None:
    n = 1.0 / total[13]
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


@kernel()
def _average_fits(
    image: NDArray[np.uint8], wanted: Mask, fit: NDArray[np.float32], radius: int,
    share: NDArray[np.float32], start: int, stop: int,
) -> None:  # fmt: skip
    """Say what the windows around each wanted pixel make of its colour, on average."""
    height, width = wanted.shape
    columns = _columns_around(wanted, radius, start, stop)
    sums = np.zeros((width, 4), dtype=np.float64)  # over the rows of the windows
    total = np.zeros(4, dtype=np.float64)
    for r in range(max(0, start - radius), min(height, start + radius)):
        _add_fits(fit, r, columns, 1.0, sums)
    for r in range(start, stop):
        if r + radius < height:
            _add_fits(fit, r + radius, columns, 1.0, sums)
        rows = min(height, r + radius + 1) - max(0, r - radius)
        begin, end = 0, 0  # total is of these columns
        for c in range(width):
            if wanted[r, c]:
                begin, end = _slide(sums, c, radius, begin, end, total)
                value = total[0] * image[r, c, 0] + total[1] * image[r, c, 1] + total[2] * image[r, c, 2] + total[3]
                share[r, c] = value / (rows * (end - begin))
        if r - radius >= 0:
            _add_fits(fit, r - radius, columns, -1.0, sums)


@kernel()
def _add_fits(
    fit: NDArray[np.float32], row: int, columns: NDArray[np.int64], sign: float, sums: NDArray[np.float64]
) -> None:
    for c in columns:
        for i in range(4):
            sums[c, i] += sign * fit[row, c, i]
