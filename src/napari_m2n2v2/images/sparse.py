"""Arrays that are mostly one value: a box of them, or blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["BlockSparse", "Box", "Boxed", "block_box", "blocks_around", "box_around"]

Box = tuple[int, int, int, int]
"""First row, last + 1, first column, last + 1."""


_Part = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Boxed:
    """An array ``[H, W]`` that is the same everywhere outside a box.

    Parameters
    ----------
    row, col : int
        Where the box begins.
    values : ndarray
        What is in it; of size 0 where all is the same.
    beyond : float
        What it is everywhere else.
    """

    row: int
    col: int
    values: NDArray[Any]
    beyond: float = 0

    @classmethod
    def of(cls, values: NDArray[Any], kept: NDArray[np.bool_] | None = None, beyond: float = 0) -> Boxed:
        """Keep a copy of the box around some pixels, by default those that are not 0."""
        kept = values != 0 if kept is None else kept
        rows, cols = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return cls(0, 0, values[:0, :0].copy(), beyond)
        part = values[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].copy()
        return cls(int(rows[0]), int(cols[0]), part, beyond)

    @property
    def box(self) -> Box | None:
        """The box; None if there is nothing in it."""
        return self._box if self.values.size else None

    @property
    def _box(self) -> Box:
        height, width = self.values.shape
        return self.row, self.row + height, self.col, self.col + width

    def within(self, box: Box) -> NDArray[Any]:
        """Return the values in any box, a new array."""
        found = np.full((box[1] - box[0], box[3] - box[2]), self.beyond, dtype=self.values.dtype)
        place, inside = _shared(box, self._box)
        found[place] = self.values[inside]
        return found

    def at(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[Any]:
        """Return the values at ascending rows and columns, ``[rows, cols]``."""
        box = int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1
        found: NDArray[Any] = self.within(box)[np.ix_(rows - rows[0], cols - cols[0])]
        return found


_SIDE = 256


class BlockSparse:
    """An array that takes memory for the blocks alone that hold anything.

    Parameters
    ----------
    dtype : dtype
        Of its values.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._blocks: dict[tuple[int, int], NDArray[Any]] = {}

    def read(self, box: Box) -> NDArray[Any]:
        """Return the values in a box, a new array."""
        found = np.zeros((box[1] - box[0], box[3] - box[2]), dtype=self._dtype)
        for at, inside, place in _blocks_of(box):
            if at in self._blocks:
                found[place] = self._blocks[at][inside]
        return found

    def write(self, box: Box, values: NDArray[Any]) -> None:
        """Put values into a box."""
        for at, inside, place in _blocks_of(box):
            block = self._blocks.get(at)
            if block is None:
                if not values[place].any():
                    continue
                block = self._blocks[at] = np.zeros((_SIDE, _SIDE), dtype=self._dtype)
            block[inside] = values[place]
            if not block.any():
                del self._blocks[at]

    def boxes(self, shape: tuple[int, int]) -> list[Box]:
        """Return where there is anything, block by block, in a plane of ``shape``."""
        return [block_box(at, shape) for at in sorted(self._blocks)]


def blocks_around(box: Box) -> set[tuple[int, int]]:
    """Return the blocks that a box touches."""
    return {at for at, _, _ in _blocks_of(box)}


def block_box(at: tuple[int, int], shape: tuple[int, int]) -> Box:
    """Return the box of a block in a plane of ``shape``."""
    row, col = at[0] * _SIDE, at[1] * _SIDE
    return row, min(row + _SIDE, shape[0]), col, min(col + _SIDE, shape[1])


def box_around(boxes: Iterable[Box | None]) -> Box | None:
    """Return the box around boxes; None if there is none."""
    edges = [box for box in boxes if box is not None]
    if not edges:
        return None
    tops, bottoms, lefts, rights = zip(*edges, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _blocks_of(box: Box) -> Iterator[tuple[tuple[int, int], _Part, _Part]]:
    """Go through the blocks of a box: which, what of the block, and where that is in the box."""
    for row in range(box[0] // _SIDE, -(-box[1] // _SIDE)):
        for col in range(box[2] // _SIDE, -(-box[3] // _SIDE)):
            block = row * _SIDE, (row + 1) * _SIDE, col * _SIDE, (col + 1) * _SIDE
            yield (row, col), *_shared(block, box)


def _shared(one: Box, other: Box) -> tuple[_Part, _Part]:
    """Return where, in each of two boxes, that is what both have; of no size where they have nothing in common."""
    top, left = max(one[0], other[0]), max(one[2], other[2])
    bottom, right = max(top, min(one[1], other[1])), max(left, min(one[3], other[3]))
    first, second = (
        (slice(top - box[0], bottom - box[0]), slice(left - box[2], right - box[2])) for box in (one, other)
    )
    return first, second
