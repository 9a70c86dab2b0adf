"""The window of joint bilateral upsampling, and how its pixels fall on the cells of the grid (section 3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.resampling import place_at

__all__ = ["Axis", "Floats", "Indices", "range_scale", "spatial_window"]

_CUT = 3.0  # the spatial Gaussian is cut at this many standard deviations


_DENSE = 16.0  # a window of this standard deviation, in pixels, is dense: that of 1024 pixels at grid 64


Floats = NDArray[np.float32]


Indices = NDArray[np.int32]


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

    def fold(self) -> Floats:
        """Return the share of each window pixel in each cell of the block, ``[window, cells, pixels]`` float32.

        Pixels of the window that lie outside the image have none.
        """
        pixel = np.arange(len(self.lower))
        step = np.arange(-self.radius, self.radius + 1)[:, None]
        source = pixel + step
        inside = (source >= 0) & (source < len(pixel))
        source = source.clip(0, len(pixel) - 1)
        fold = np.zeros((len(step), self.cells, len(pixel)), dtype=np.float32)
        for cell, share in ((self.lower, 1 - self.share), (self.upper, self.share)):
            # Clipped, for a source outside may belong to no cell of the block; it counts for nothing anyway.
            place = (cell[source] - self.first).clip(0, self.cells - 1)
            fold[step + self.radius, place, pixel] += share[source] * inside
        return fold
