"""Depth-guided joint bilateral upsampling as a fixed linear operator of the image (section 3.3).

The published filter interpolates a low-resolution map bilinearly to the image, then averages it over a dense window of
pixels. Both steps are linear and neither depends on the click, so together they are one matrix from grid cells to
pixels with a small block of cells per pixel. It is built once per image; a click then costs one product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.images.resampling import place_at
from napari_m2n2v2.method.kernel import kernel
from napari_m2n2v2.parallel import for_row_blocks

__all__ = [
    "Axis",
    "UpsamplingOperator",
    "build_dense",
    "build_upsampling_operator",
    "range_scale",
    "spatial_window",
]

_CUT = 3.0  # the spatial Gaussian is cut at this many standard deviations


_DENSE = 16.0  # a window of this standard deviation, in pixels, is dense: that of 1024 pixels at grid 64


_ROWS_PER_BLOCK = 16


_ROWS_ON_DEVICE = 128


Floats = NDArray[np.float32]


Indices = NDArray[np.int32]


BuildDense = Callable[
    ["Floats", "Axis", "Axis", float, "Callable[[float], None] | None"], "tuple[NDArray[np.uint16], Floats]"
]


@dataclass(frozen=True)
class UpsamplingOperator:
    """What :func:`build_upsampling_operator` makes: for each pixel, a block of weights on grid cells.

    Weights are 16-bit whole numbers, which halves the memory and the time of a product; a mask differs from one with
    exact weights in fewer than one pixel of a thousand (``docs/performance.md``).

    Parameters
    ----------
    weights : ndarray
        ``[H, kr, kc, W]`` uint16; the pixel is the last axis, so that a product runs along image rows.
    unit : ndarray
        ``[H, W]`` float32: one over the sum of each pixel's block, which makes its weights sum to 1.
    first_row, first_col : ndarray
        ``[H]`` and ``[W]`` int32: the block of pixel ``(r, c)`` begins at cell ``(first_row[r], first_col[c])``.
    """

    weights: NDArray[np.uint16] = field(repr=False)
    unit: Floats = field(repr=False)
    first_row: Indices = field(repr=False)
    first_col: Indices = field(repr=False)
    _on_device: dict[torch.device, tuple[Tensor, Tensor, Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.weights.nbytes + self.unit.nbytes + self.first_row.nbytes + self.first_col.nbytes

    def __call__(self, low_resolution: Tensor) -> Tensor:
        """Upsample a ``[h, w]`` float32 map to ``[H, W]`` float32: on CUDA there, else on the CPU.

        The result is *not* divided by its maximum.
        """
        if low_resolution.device.type == "cuda":
            return self.apply_in_torch(low_resolution)
        cells = low_resolution.detach().cpu().numpy()
        height, _, kc, width = self.weights.shape
        # What each pixel of a row reads, side by side: [h, kc, W].
        spread = np.ascontiguousarray(cells[:, self.first_col + np.arange(kc)[:, None]], dtype=np.float32)
        out = np.empty((height, width), dtype=np.float32)

        def rows(start: int, stop: int) -> None:
            _apply_rows(self.weights, self.unit, self.first_row, spread, out, start, stop)

        for_row_blocks(rows, height, max(1, math.ceil(height / torch.get_num_threads())))
        return torch.from_numpy(out)

    def apply_in_torch(self, low_resolution: Tensor) -> Tensor:
        """Upsample by tensor operations alone, for devices; the weights stay there after the first time."""
        device = low_resolution.device
        if device not in self._on_device:
            _, kr, kc, _ = self.weights.shape
            rows = self.first_row[:, None] + np.arange(kr)
            cols = self.first_col[None, :] + np.arange(kc)[:, None]
            parts = torch.from_numpy(self.weights), torch.from_numpy(self.unit), torch.tensor(rows), torch.tensor(cols)
            self._on_device[device] = tuple(part.to(device) for part in parts)  # type: ignore[assignment]
        weights, unit, cell_rows, cell_cols = self._on_device[device]
        spread = low_resolution[:, cell_cols]
        out = torch.empty(unit.shape, dtype=torch.float32, device=device)
        for start in range(0, len(out), _ROWS_ON_DEVICE):  # else the products of all pixels would lie side by side
            block = slice(start, start + _ROWS_ON_DEVICE)
            products = spread[cell_rows[block]].mul_(weights[block].to(torch.float32))
            out[block] = products.sum(dim=(1, 2))
        return out.mul_(unit)


def build_upsampling_operator(
    guide: Floats,
    grid_shape: tuple[int, int],
    sigma_spatial: float,
    sigma_range: float,
    finished: Callable[[float], None] | None = None,
    *,
    dense: BuildDense | None = None,
) -> UpsamplingOperator:
    """Build the operator of an image.

    Parameters
    ----------
    guide : ndarray
        ``[C, H, W]`` float32 in ``[0, 1]``: red, green, blue, and for V2 the guide channel.
    grid_shape : tuple of int
        ``(h, w)`` of the maps to upsample.
    sigma_spatial : float
        Spatial standard deviation in grid cells along each axis.
    sigma_range : float
        Standard deviation on each channel of ``guide``.
    finished : callable, optional
        Called with the share done, in ``(0, 1]``; raising from it stops the build.
    dense : callable, optional
        What builds it where every pixel of a window counts, in place of :func:`build_dense`.

    Notes
    -----
    The window is an ellipse of pixels: a circle of 3 standard deviations in grid units. It is cut at the image border,
    and weights are divided by their sum. The bilinear step takes pixel centres (``align_corners=False``).

    Where a standard deviation is 32 pixels or more, the window is sampled: of every axis each n-th pixel, so that one
    is 16 to 32 samples (``docs/paper.md`` has the error). A pixel then sees only those of its own remainders of row and
    column, so what is built are the dense operators of n x m smaller images.
    """
    _, height, width = guide.shape
    rows = Axis.of(height, grid_shape[0], sigma_spatial)
    cols = Axis.of(width, grid_shape[1], sigma_spatial)
    weights = np.empty((height, rows.cells, cols.cells, width), dtype=np.uint16)
    unit = np.empty((height, width), dtype=np.float32)
    # An image may have fewer rows or columns than its windows have strides.
    lattices = [(row, col) for row in range(min(rows.stride, height)) for col in range(min(cols.stride, width))]
    for done, (row, col) in enumerate(lattices):
        some_rows, some_cols = slice(row, None, rows.stride), slice(col, None, cols.stride)
        share = None if finished is None else partial(_finished_part, finished, done, len(lattices))
        weights[some_rows, :, :, some_cols], unit[some_rows, some_cols] = (dense or build_dense)(
            np.ascontiguousarray(guide[:, some_rows, some_cols], dtype=np.float32),
            rows.every(row), cols.every(col), sigma_range, share,
        )  # fmt: skip
    return UpsamplingOperator(weights, unit, rows.first, cols.first)


def _finished_part(finished: Callable[[float], None], done: int, count: int, share: float) -> None:
    finished((done + share) / count)


def build_dense(
    guide: Floats, rows: Axis, cols: Axis, sigma_range: float, finished: Callable[[float], None] | None
) -> tuple[NDArray[np.uint16], Floats]:
    """Return weights and units of an image, every pixel of whose windows counts.

    Parameters
    ----------
    guide : ndarray
        ``[C, H, W]`` float32, contiguous.
    rows, cols : Axis
        Of its two axes.
    sigma_range, finished
        As :func:`build_upsampling_operator` takes them.

    Returns
    -------
    weights, unit : ndarray
        Those of :class:`UpsamplingOperator`.
    """
    _, height, width = guide.shape
    log_spatial = spatial_window(rows, cols)
    reach = np.array([(np.flatnonzero(line > -np.inf).size - 1) // 2 for line in log_spatial], dtype=np.int32)
    scale = range_scale(sigma_range)
    weights = np.empty((height, rows.cells, cols.cells, width), dtype=np.uint16)
    unit = np.empty((height, width), dtype=np.float32)

    def block(start: int, stop: int) -> None:
        _build_rows(
            guide, log_spatial, reach, scale,
            rows.lower, rows.upper, rows.share, rows.first,
            cols.lower, cols.upper, cols.share, cols.first,
            weights, unit, start, stop,
        )  # fmt: skip

    for_row_blocks(block, height, _ROWS_PER_BLOCK, finished)
    return weights, unit


def spatial_window(rows: Axis, cols: Axis) -> Floats:
    """Return the base-2 logarithm of the spatial Gaussian, ``[window rows, window columns]``; -inf beyond its cut."""
    y = (np.arange(-rows.radius, rows.radius + 1) / rows.sigma)[:, None]
    x = (np.arange(-cols.radius, cols.radius + 1) / cols.sigma)[None, :]
    distance = y**2 + x**2
    return np.where(distance <= _CUT**2, -0.5 * distance * math.log2(math.e), -np.inf).astype(np.float32)


def range_scale(sigma_range: float) -> np.float32:
    """Return what the squared distance of two colours is multiplied by for the same logarithm."""
    return np.float32(-0.5 * math.log2(math.e) / sigma_range**2)


@dataclass(frozen=True)
class Axis:
    """Bilinear interpolation and window along one axis, from ``cells`` of the grid to pixels."""

    lower: Indices  # [pixels] the two cells a pixel lies between ...
    upper: Indices
    share: Floats  # [pixels] ... and the weight of the upper one
    first: Indices  # [pixels] first cell the pixel's window touches
    cells: int  # how many cells every window fits in
    radius: int  # of the window, in pixels
    sigma: float  # of the window, in pixels
    stride: int  # of the window's samples: each how many pixels

    @classmethod
    def of(cls, pixels: int, grid: int, sigma_spatial: float) -> Axis:
        """Return the axis of so many pixels and cells."""
        sigma = sigma_spatial * pixels / grid
        radius = min(math.floor(_CUT * sigma + 1e-9), pixels - 1)
        position = place_at(np.arange(pixels, dtype=np.float64), pixels, grid).clip(0, grid - 1)
        lower = np.floor(position).astype(np.int32)
        upper = np.minimum(lower + 1, grid - 1).astype(np.int32)
        pixel = np.arange(pixels)
        touched_first = lower[(pixel - radius).clip(0)]
        touched_last = upper[(pixel + radius).clip(max=pixels - 1)]
        cells = int((touched_last - touched_first).max()) + 1
        first = np.minimum(touched_first, grid - cells).astype(np.int32)
        stride = max(1, int(sigma / _DENSE))
        return cls(lower, upper, (position - lower).astype(np.float32), first, cells, radius, sigma, stride)

    def every(self, first: int) -> Axis:
        """Return the axis of each ``stride``-th pixel, from ``first`` on."""
        some = slice(first, None, self.stride)
        return Axis(
            np.ascontiguousarray(self.lower[some]), np.ascontiguousarray(self.upper[some]),
            np.ascontiguousarray(self.share[some]), np.ascontiguousarray(self.first[some]),
            self.cells, self.radius // self.stride, self.sigma / self.stride, stride=1,
        )  # fmt: skip


@kernel(inline="always")
def _exp2(x: np.float32) -> np.float32:
    """``2 ** x`` for ``x <= 0``, to 3e-6 relative; written out because a call to libm stops vectorisation."""
    shifted = max(x, np.float32(-126.0)) + np.float32(127.0)
    whole = np.int32(shifted)
    f = shifted - np.float32(whole)
    # Minimax polynomial of 2**f on [0, 1].
    p = np.float32(1.877562971e-3)
    p = p * f + np.float32(8.989337169e-3)
    p = p * f + np.float32(5.582635878e-2)
    p = p * f + np.float32(2.401535846e-1)
    p = p * f + np.float32(6.931530810e-1)
    p = p * f + np.float32(9.999999246e-1)
    return p * np.int32(whole << np.int32(23)).view(np.float32)


@kernel(fastmath={"contract"})
def _build_rows(
    guide: Floats, log_spatial: Floats, reach: Indices, range_scale: np.float32,
    row_lower: Indices, row_upper: Indices, row_share: Floats, row_first: Indices,
    col_lower: Indices, col_upper: Indices, col_share: Floats, col_first: Indices,
    weights: NDArray[np.uint16], unit: Floats, start: int, stop: int,
) -> None:  # fmt: skip
    channels, height, width = guide.shape
    radius_r, radius_c = log_spatial.shape[0] // 2, log_spatial.shape[1] // 2
    kr, kc = weights.shape[1], weights.shape[2]
    block = np.empty((kr, kc), dtype=np.float32)
    # Window weights folded onto the grid's rows; its columns still are the window's pixels.
    folded = np.empty((kr, 2 * radius_c + 1), dtype=np.float32)
    window = np.empty(2 * radius_c + 1, dtype=np.float32)
    for r in range(start, stop):
        for c in range(width):
            folded[:] = np.float32(0.0)
            for dr in range(max(-radius_r, -r), min(radius_r, height - 1 - r) + 1):
                row = r + dr
                span = reach[dr + radius_r]
                low, high = max(-span, -c), min(span, width - 1 - c)
                near = folded[row_lower[row] - row_first[r]]
                far = folded[row_upper[row] - row_first[r]]
                share = row_share[row]
                n = high - low + 1
                spatial = log_spatial[dr + radius_r, low + radius_c : high + radius_c + 1]
                w = window[:n]
                # One short loop per channel and per fold: each touches few enough arrays to be vectorised.
                w[:] = np.float32(0.0)
                for k in range(channels):
                    line = guide[k, row, c + low : c + high + 1]
                    here = guide[k, r, c]
                    for j in range(n):
                        w[j] += (line[j] - here) * (line[j] - here)
                for j in range(n):
                    w[j] = _exp2(spatial[j] + range_scale * w[j])
                near_part = near[low + radius_c : high + radius_c + 1]
                for j in range(n):
                    near_part[j] += w[j] * (np.float32(1.0) - share)
                far_part = far[low + radius_c : high + radius_c + 1]
                for j in range(n):
                    far_part[j] += w[j] * share
            block[:] = np.float32(0.0)
            for k in range(kr):
                for dc in range(max(-radius_c, -c), min(radius_c, width - 1 - c) + 1):
                    value = folded[k, dc + radius_c]
                    share = col_share[c + dc]
                    block[k, col_lower[c + dc] - col_first[c]] += value * (np.float32(1.0) - share)
                    block[k, col_upper[c + dc] - col_first[c]] += value * share
            largest = np.float32(0.0)
            for k in range(kr):
                for m in range(kc):
                    largest = max(largest, block[k, m])
            scale = np.float32(65535.0) / largest
            total = np.int64(0)
            left = np.float32(0.0)  # what rounding took goes to the next cell, where the map is much the same
            for k in range(kr):
                for m in range(kc):
                    exact = block[k, m] * scale + left
                    whole = np.uint16(min(max(exact + np.float32(0.5), np.float32(0.0)), np.float32(65535.0)))
                    left = exact - np.float32(whole)
                    weights[r, k, m, c] = whole
                    total += whole
            unit[r, c] = np.float32(1.0) / np.float32(total)


@kernel(fastmath={"contract"})
def _apply_rows(
    weights: NDArray[np.uint16], unit: Floats, first_row: Indices, spread: Floats, out: Floats, start: int, stop: int
) -> None:
    _, kr, kc, width = weights.shape
    for r in range(start, stop):
        line = out[r]
        line[:] = np.float32(0.0)
        for k in range(kr):
            for m in range(kc):
                weight = weights[r, k, m]
                cell = spread[first_row[r] + k, m]
                for c in range(width):
                    line[c] += np.float32(weight[c]) * cell[c]
        for c in range(width):
            line[c] *= unit[r, c]
