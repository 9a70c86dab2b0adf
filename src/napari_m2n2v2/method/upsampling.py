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

from napari_m2n2v2.method.kernel import kernel
from napari_m2n2v2.method.operator_compiled import build_dense
from napari_m2n2v2.method.window import Axis, Floats, Indices
from napari_m2n2v2.parallel import for_row_blocks

__all__ = ["BuildDense", "UpsamplingOperator", "build_upsampling_operator"]

_ROWS_ON_DEVICE = 128


BuildDense = Callable[[Floats, Axis, Axis, float, Callable[[float], None] | None], tuple[NDArray[np.uint16], Floats]]


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
        What builds it where every pixel of a window counts, in place of the compiled
        :func:`~napari_m2n2v2.method.operator_compiled.build_dense`.

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
