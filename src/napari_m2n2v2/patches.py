"""A label image that is mostly nothing: what is kept of a large plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "Patch"]

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
