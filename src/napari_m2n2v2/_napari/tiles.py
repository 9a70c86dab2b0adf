"""A 2-D array that is mostly 0, kept where it is not: what is known of a plane that may be very large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_m2n2v2.patches import Box

__all__ = ["Tiles", "tile_box", "tiles_around"]

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
