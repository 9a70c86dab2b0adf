"""Volumes, time series and pyramids, plane by plane: nothing reads more of them than the plane asked for.

Convention: an index names one plane by its whole-number position on every axis that is not displayed, in the order of
those axes; ``plane_axes`` are (rows, columns), any two axes in any order. A colour axis is last and not counted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ImageError

__all__ = ["Index", "Stack", "nearest_first"]

Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Stack:
    """N-D data seen as 2-D planes. Made by :meth:`of`.

    Parameters
    ----------
    levels : tuple of array-like
        The same planes at falling resolution, the full one first; numpy, dask, zarr or memory-mapped. One where there
        is no pyramid. Levels of a pyramid with fewer planes than the full one are left out: theirs are others.
    plane_axes : tuple of int
        (axis of rows, axis of columns), 0 or more.
    rgb : bool
        Whether a last axis of 3 or 4 is colour.
    """

    levels: tuple[Any, ...]
    plane_axes: tuple[int, int]
    rgb: bool

    @classmethod
    def of(
        cls, data: Any, *, plane_axes: tuple[int, int] = (-2, -1), rgb: bool = False, multiscale: bool = False
    ) -> Stack:
        """Look at data as planes; nothing is read.

        Parameters
        ----------
        data : array-like
            Anything with ``shape``, ``dtype`` and numpy's basic indexing; with ``multiscale`` a sequence of such.
        plane_axes : tuple of int
            (rows, columns); negative ones count from the end, colour left out.
        rgb : bool
            Whether the last axis is colour.
        multiscale : bool
            Whether ``data`` is a pyramid, the largest level first.

        Raises
        ------
        ImageError
            For fewer than two axes, a colour axis that is not 3 or 4 long, axes that are not two different ones, or
            levels that differ in their number of axes or in colour.
        """
        levels = tuple(data) if multiscale else (data,)
        if not levels:
            raise ImageError("A multiscale image needs at least one level.")
        shape = tuple(levels[0].shape)
        if rgb and (len(shape) < 3 or shape[-1] not in (3, 4)):
            raise ImageError(f"Expected a colour axis of 3 or 4 at the end, got shape {shape}.")
        ndim = len(shape) - rgb
        if ndim < 2:
            raise ImageError(f"Expected data of at least two axes, got shape {shape}.")
        rows, columns = (axis + ndim if axis < 0 else axis for axis in plane_axes)
        if rows == columns or not (0 <= rows < ndim and 0 <= columns < ndim):
            raise ImageError(f"The plane needs two different axes of {ndim}, got {plane_axes}.")
        for level in levels[1:]:
            same_kind = len(level.shape) == len(shape) and (not rgb or level.shape[-1] == shape[-1])
            if not same_kind:
                raise ImageError(f"Expected levels of one pyramid, got shapes {shape} and {tuple(level.shape)}.")
        others = [axis for axis in range(ndim) if axis not in (rows, columns)]
        of_all_planes = tuple(level for level in levels if all(level.shape[axis] == shape[axis] for axis in others))
        return cls(of_all_planes, (rows, columns), rgb)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Full-resolution shape, without colour."""
        full = tuple(int(length) for length in self.levels[0].shape)
        return full[:-1] if self.rgb else full

    @cached_property
    def plane_shape(self) -> tuple[int, int]:
        """``(H, W)`` of a plane at full resolution."""
        return self.shape[self.plane_axes[0]], self.shape[self.plane_axes[1]]

    @cached_property
    def index_axes(self) -> tuple[int, ...]:
        """The axes that an index counts on: all that are not displayed."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.plane_axes)

    @cached_property
    def index_shape(self) -> tuple[int, ...]:
        """How many planes there are on each of them; empty for a single plane."""
        return tuple(self.shape[axis] for axis in self.index_axes)

    def __len__(self) -> int:
        """Return the number of planes."""
        return math.prod(self.index_shape)

    def __iter__(self) -> Iterator[Index]:
        """Go through the indices of all planes, the last axis fastest."""
        return itertools.product(*(range(length) for length in self.index_shape))

    def level_for(self, working_side: int, part: tuple[int, int] | None = None) -> int:
        """Return the smallest level with planes of at least ``working_side`` pixels on every side, else 0.

        Parameters
        ----------
        working_side : int
            In pixels of that level.
        part : tuple of int, optional
            ``(height, width)`` at full resolution of the part of a plane that needs them; all of it by default.
        """
        shares = [side / full for side, full in zip(part or self.plane_shape, self.plane_shape, strict=True)]
        fits = [
            n
            for n in range(len(self.levels))
            if min(side * share for side, share in zip(self.shape_at(n), shares, strict=True)) >= working_side
        ]
        return max(fits, default=0)

    def read(
        self, index: Sequence[int], level: int = 0, rows: slice = slice(None), cols: slice = slice(None)
    ) -> NDArray[Any]:
        """Read one plane, or a part of it, and nothing else.

        Parameters
        ----------
        index : sequence of int
            Of the full resolution, one for each of :attr:`index_axes`.
        level : int
            Of the pyramid.
        rows, cols : slice
            Of the full resolution; of a lower one, all pixels that lie in them at least in part are read.

        Returns
        -------
        ndarray
            ``[H, W]`` or ``[H, W, C]``, in the dtype of the data, its own copy of nothing if the data is in memory.

        Raises
        ------
        ImageError
            If there is no such plane.
        """
        data = self.levels[level]
        place: list[Any] = [slice(None)] * data.ndim
        for axis, at in zip(self.index_axes, self.check(index), strict=True):
            place[axis] = at
        for axis, part, height in zip(self.plane_axes, (rows, cols), self.plane_shape, strict=True):
            place[axis] = _at_level(part, height, data.shape[axis])
        plane = np.asarray(data[tuple(place)])
        return plane.swapaxes(0, 1) if self.plane_axes[0] > self.plane_axes[1] else plane

    def check(self, index: Sequence[int]) -> Index:
        """Return an index as a tuple of int.

        Raises
        ------
        ImageError
            If there is no such plane.
        """
        found = tuple(int(at) for at in index)
        inside = all(0 <= at < length for at, length in zip(found, self.index_shape, strict=False))
        if len(found) != len(self.index_shape) or not inside:
            raise ImageError(f"There is no plane {found}: this stack has {self.index_shape} of them.")
        return found

    def split(self, position: Sequence[float]) -> tuple[Index, tuple[float, float]]:
        """Tell which plane a point lies in, and where in it.

        Parameters
        ----------
        position : sequence of float
            One coordinate for each axis, in pixels of the full resolution.

        Returns
        -------
        index : tuple of int
            Rounded, never truncated; halves go up. It may be outside, see :meth:`check`.
        place : tuple of float
            (row, col).
        """
        index = tuple(math.floor(position[axis] + 0.5) for axis in self.index_axes)
        return index, (float(position[self.plane_axes[0]]), float(position[self.plane_axes[1]]))

    def join(self, index: Sequence[float], row: float, col: float) -> tuple[float, ...]:
        """Return the position of a point in a plane on all axes: the reverse of :meth:`split`."""
        position = [0.0] * len(self.shape)
        for axis, at in zip(self.index_axes, index, strict=True):
            position[axis] = float(at)
        position[self.plane_axes[0]], position[self.plane_axes[1]] = row, col
        return tuple(position)

    def shape_at(self, level: int, rows: slice = slice(None), cols: slice = slice(None)) -> tuple[int, int]:
        """Return ``(H, W)`` of what :meth:`read` gives of a plane, or of a part of it, at a level of the pyramid."""
        data, (down, across) = self.levels[level], self.plane_axes
        read_rows = _at_level(rows, self.plane_shape[0], int(data.shape[down]))
        read_cols = _at_level(cols, self.plane_shape[1], int(data.shape[across]))
        return read_rows.stop - read_rows.start, read_cols.stop - read_cols.start


def _at_level(part: slice, full: int, length: int) -> slice:
    start, stop, _ = part.indices(full)
    return slice(start * length // full, -(-stop * length // full))


def nearest_first(stack: Stack, index: Sequence[int]) -> list[Index]:
    """List all planes, those near ``index`` first (Manhattan distance; the earlier of two equally near)."""
    here = stack.check(index)
    return sorted(stack, key=lambda there: (sum(abs(a - b) for a, b in zip(here, there, strict=True)), there))
