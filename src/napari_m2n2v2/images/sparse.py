"""Arrays that are mostly one value: a box of them, or blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Box", "Patch", "Tiles", "tile_box", "tiles_around"]

Box = tuple[int, int, int, int]
"""First row, last + 1, first column, last + 1."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A label image that is 0 outside a box.

    Parameters
    ----------
    row, col : int
        Where the box begins.
    values : ndarray
        int32, the labels in it; of size 0 for an empty plane.
    """

    row: int
    col: int
    values: NDArray[np.int32]

    @classmethod
    def of(cls, labels: NDArray[Any], row: int = 0, col: int = 0) -> Patch:
        """Keep the part of ``labels [h, w]``, which begin at (row, col) of the plane, that is not 0."""
        rows, cols = (np.flatnonzero(labels.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return cls(0, 0, np.zeros((0, 0), dtype=np.int32))
        values = labels[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].astype(np.int32)
        return cls(row + int(rows[0]), col + int(cols[0]), values)

    @property
    def box(self) -> Box | None:
        """The box; None if there is nothing in it."""
        height, width = self.values.shape
        return (self.row, self.row + height, self.col, self.col + width) if self.values.size else None

    def within(self, box: Box) -> NDArray[np.int32]:
        """Return the labels in any box, int32, a new array."""
        top, bottom, left, right = box
        found = np.zeros((bottom - top, right - left), dtype=np.int32)
        if self.box is not None:
            first, last, begin, end = self.box
            rows = slice(max(top, first), min(bottom, last))
            cols = slice(max(left, begin), min(right, end))
            if rows.start < rows.stop and cols.start < cols.stop:
                found[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left] = self.values[
                    rows.start - first : rows.stop - first, cols.start - begin : cols.stop - begin
                ]
        return found


_SIDE = 256


class Tiles:
    """An array that takes memory for the tiles alone that hold anything.

    Parameters
    ----------
    dtype : dtype
        Of its values.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._tiles: dict[tuple[int, int], NDArray[Any]] = {}

    def read(self, box: Box) -> NDArray[Any]:
        """Return the values in a box, a new array."""
        found = np.zeros((box[1] - box[0], box[3] - box[2]), dtype=self._dtype)
        for at, inside, place in _tiles_of(box):
            if at in self._tiles:
                found[place] = self._tiles[at][inside]
        return found

    def write(self, box: Box, values: NDArray[Any]) -> None:
        """Put values into a box."""
        for at, inside, place in _tiles_of(box):
            tile = self._tiles.get(at)
            if tile is None:
                if not values[place].any():
                    continue
                tile = self._tiles[at] = np.zeros((_SIDE, _SIDE), dtype=self._dtype)
            tile[inside] = values[place]
            if not tile.any():
                del self._tiles[at]

    def boxes(self, shape: tuple[int, int]) -> list[Box]:
        """Return where there is anything, tile by tile, in a plane of ``shape``."""
        return [tile_box(at, shape) for at in sorted(self._tiles)]


def tiles_around(box: Box) -> set[tuple[int, int]]:
    """Return the tiles that a box touches."""
    return {at for at, _, _ in _tiles_of(box)}


def tile_box(at: tuple[int, int], shape: tuple[int, int]) -> Box:
    """Return the box of a tile in a plane of ``shape``."""
    row, col = at[0] * _SIDE, at[1] * _SIDE
    return row, min(row + _SIDE, shape[0]), col, min(col + _SIDE, shape[1])


def _tiles_of(box: Box) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice]]]:
    """Go through the tiles of a box: which, what of the tile, and where that is in the box."""
    top, bottom, left, right = box
    for row in range(top // _SIDE, -(-bottom // _SIDE)):
        for col in range(left // _SIDE, -(-right // _SIDE)):
            first, begin = row * _SIDE, col * _SIDE
            rows = slice(max(top, first), min(bottom, first + _SIDE))
            cols = slice(max(left, begin), min(right, begin + _SIDE))
            inside = slice(rows.start - first, rows.stop - first), slice(cols.start - begin, cols.stop - begin)
            place = slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left)
            yield (row, col), inside, place
