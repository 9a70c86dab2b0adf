"""Building the upsampling operator by compiled code (section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel
from napari_m2n2v2.method.window import Axis, Floats, Indices, range_scale, spatial_window
from napari_m2n2v2.parallel import for_row_blocks

__all__ = ["build_dense"]

_ROWS_PER_BLOCK = 16


_PIXELS_AT_ONCE = 512  # neighbours in a row, whose lines of every channel fit in the first cache


_AT_ONCE = 4  # channels: red, green, blue and one guide


_GAP = 24  # pixels after each line: lines that are whole pages apart push each other out of caches


_ROUNDS = np.float32(1.5 * 2**23)  # added to a small number, leaves no room for its fraction


def build_dense(
    guide: Floats, rows: Axis, cols: Axis, sigma_range: float, finished: Callable[[float], None] | None
) -> tuple[NDArray[np.uint16], Floats]:
    """Return weights and units of an image, every pixel of whose windows counts.

    Parameters
    ----------
    guide : ndarray
        ``[C, H, W]`` float32.
    rows, cols : Axis
        Of its two axes.
    sigma_range, finished
        As :func:`~napari_m2n2v2.method.upsampling.build_upsampling_operator` takes them.

    Returns
    -------
    weights, unit : ndarray
        Those of :class:`~napari_m2n2v2.method.upsampling.UpsamplingOperator`.
    """
    channels, height, width = guide.shape
    # In units in which the squared distance of two colours is the exponent. Four channels at least: one of zeros is
    # cheaper than a loop over channels.
    scaled = np.zeros((max(channels, _AT_ONCE), height, width + _GAP), dtype=np.float32)
    np.multiply(guide, math.sqrt(-range_scale(sigma_range)), out=scaled[:channels, :, :width])
    spatial = np.exp2(spatial_window(rows, cols))
    reach = ((spatial > 0).sum(axis=0, dtype=np.int32) - 1) // 2
    fold = cols.fold()
    touched = fold.max(axis=2) > 0
    first, stop_at = touched.argmax(axis=1), cols.cells - touched[:, ::-1].argmax(axis=1)
    weights = np.empty((height, rows.cells, cols.cells, width), dtype=np.uint16)
    unit = np.empty((height, width), dtype=np.float32)

    def block(start: int, stop: int) -> None:
        _build_rows(
            scaled, spatial, reach, rows.lower, rows.share, rows.first, fold, first, stop_at, weights, unit, start, stop
        )

    for_row_blocks(block, height, _ROWS_PER_BLOCK, finished)
    return weights, unit


@kernel(fastmath={"contract"})
def _build_rows(
    guide: Floats, spatial: Floats, reach: Indices, row_lower: Indices, row_share: Floats, row_first: Indices,
    fold: Floats, first: Indices, stop_at: Indices, weights: NDArray[np.uint16], unit: Floats, start: int, stop: int,
) -> None:  # fmt: skip
    """Weigh the windows of some rows. Neighbours in a row go side by side, so that loops are long and vectorised."""
    width = unit.shape[1]
    radius = spatial.shape[1] // 2
    block = np.empty((weights.shape[1], weights.shape[2], width), dtype=np.float32)
    # Window weights folded onto the grid's rows. The last row belongs to no cell: it takes the zero share that a pixel
    # below the last cell's centre has in the next.
    folded = np.empty((weights.shape[1] + 1, width + 2 * _GAP), dtype=np.float32)
    more = np.zeros(width, dtype=np.float32)  # what pixels differ by in further channels
    for r in range(start, stop):
        block[:] = np.float32(0.0)
        for begin in range(0, width, _PIXELS_AT_ONCE):
            for dc in range(-radius, radius + 1):
                low, high = max(begin, -dc), min(begin + _PIXELS_AT_ONCE, width, width - dc)
                if low >= high:
                    continue
                _fold_rows(
                    guide, spatial[:, dc + radius], reach[dc + radius], row_lower, row_share, row_first,
                    more, folded, r, low, high, dc,
                )  # fmt: skip
                for m in range(first[dc + radius], stop_at[dc + radius]):
                    _fold_columns(folded, fold[dc + radius, m], low, high, m, block)
        _in_whole_numbers(block, weights[r], unit[r])


@kernel(fastmath={"contract"}, apart=True)
def _fold_rows(
    guide: Floats, spatial: Floats, reach: int, row_lower: Indices, row_share: Floats, row_first: Indices,
    more: Floats, folded: Floats, r: int, low: int, high: int, dc: int,
) -> None:  # fmt: skip
    """Weigh one column of the windows of the pixels ``low`` to ``high`` of row ``r``."""
    channels, height, _ = guide.shape
    folded[:, low:high] = np.float32(0.0)
    begin, end = low + dc, high + dc
    here0, here1 = guide[0, r, low:high], guide[1, r, low:high]
    here2, here3 = guide[2, r, low:high], guide[3, r, low:high]
    for row in range(max(0, r - reach), min(height - 1, r + reach) + 1):
        if channels > _AT_ONCE:
            _unlike_in_others(guide, r, row, low, high, dc, more)
        weight = spatial[row - r + spatial.size // 2]
        to_near, to_far = weight * (np.float32(1.0) - row_share[row]), weight * row_share[row]
        cell = row_lower[row] - row_first[r]
        near, far = folded[cell, low:high], folded[cell + 1, low:high]
        there0, there1 = guide[0, row, begin:end], guide[1, row, begin:end]
        there2, there3 = guide[2, row, begin:end], guide[3, row, begin:end]
        for c in range(high - low):
            d0, d1 = here0[c] - there0[c], here1[c] - there1[c]
            d2, d3 = here2[c] - there2[c], here3[c] - there3[c]
            seen = _exp2_of_minus(d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3 + more[c])
            near[c] += seen * to_near
            far[c] += seen * to_far


@kernel(fastmath={"contract"})
def _unlike_in_others(guide: Floats, r: int, row: int, low: int, high: int, dc: int, out: Floats) -> None:
    out[: high - low] = np.float32(0.0)
    for k in range(_AT_ONCE, guide.shape[0]):
        here, there = guide[k, r, low:high], guide[k, row, low + dc : high + dc]
        for c in range(high - low):
            out[c] += (here[c] - there[c]) * (here[c] - there[c])


@kernel(fastmath={"contract"}, inline="always")
def _exp2_of_minus(x: np.float32) -> np.float32:
    """Return ``2 ** -x`` for ``x >= 0``, to 2e-7 relative; written out because a call to libm stops vectorisation."""
    # Less counts for nothing, and sums of its products would be denormal: those take a processor 100 times as long.
    x = min(x, np.float32(100.0))
    shifted = _ROUNDS - x  # its last bits are the nearest whole number
    f = -x - (shifted - _ROUNDS)
    # Minimax polynomial of 2**f on [-0.5, 0.5].
    p = np.float32(1.32779e-3)
    p = p * f + np.float32(9.67576e-3)
    p = p * f + np.float32(5.550710e-2)
    p = p * f + np.float32(2.4022114e-1)
    p = p * f + np.float32(6.9314697e-1)
    p = p * f + np.float32(1.00000007)
    return np.int32(np.float32(p).view(np.int32) + (np.float32(shifted).view(np.int32) << np.int32(23))).view(
        np.float32
    )


@kernel(fastmath={"contract"}, apart=True)
def _fold_columns(folded: Floats, share: Floats, low: int, high: int, m: int, block: Floats) -> None:
    for k in range(block.shape[0]):
        line, of_cell, out = folded[k, low:high], share[low:high], block[k, m, low:high]
        for c in range(high - low):
            out[c] += line[c] * of_cell[c]


@kernel(fastmath={"contract"})
def _in_whole_numbers(block: Floats, weights: NDArray[np.uint16], unit: Floats) -> None:
    """Scale each pixel's weights to 16 bits; what rounding takes goes to the next cell, where the map is the same."""
    cells_r, cells_c, width = block.shape
    scale = np.zeros(width, dtype=np.float32)
    for k in range(cells_r):
        for m in range(cells_c):
            _keep_largest(block[k, m], scale)
    for c in range(width):
        scale[c] = np.float32(65535.0) / scale[c]
    left = np.zeros(width, dtype=np.float32)
    total = np.zeros(width, dtype=np.int32)
    for k in range(cells_r):
        for m in range(cells_c):
            _round_cell(block[k, m], scale, left, total, weights[k, m])
    for c in range(width):
        unit[c] = np.float32(1.0) / np.float32(total[c])


@kernel(apart=True)
def _keep_largest(line: Floats, largest: Floats) -> None:
    for c in range(line.size):
        largest[c] = max(largest[c], line[c])


@kernel(fastmath={"contract"}, apart=True)
def _round_cell(line: Floats, scale: Floats, left: Floats, total: Indices, out: NDArray[np.uint16]) -> None:
    for c in range(line.size):
        exact = line[c] * scale[c] + left[c]
        whole = np.int32(min(max(exact + np.float32(0.5), np.float32(0.0)), np.float32(65535.0)))
        left[c] = exact - np.float32(whole)
        total[c] += whole
        out[c] = np.uint16(whole)
