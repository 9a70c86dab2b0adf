"""How clearly a region's clicks say that a pixel is in or out of an object: what is kept to join regions by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.sparse import Box
from napari_m2n2v2.session.diagnostics import clearness, count_doubtful, nearest_of_each_class
from napari_m2n2v2.session.segmentation import Segmentation
from napari_m2n2v2.session.session import Session

__all__ = ["LEAST", "Margin", "ObjectInRegion"]

Floats = NDArray[np.float32]


LEAST = np.float32(1e-6)
"""A pixel in the mask is in it, however little clear that is."""


_FAR = 2.0  # scaled distances beyond which a pixel is clearly out, so that nothing is kept of it


@dataclass(frozen=True, eq=False)
class Margin:
    """A margin at working resolution, kept where it says something.

    Parameters
    ----------
    row, col : int
        Where its box begins.
    values : ndarray
        ``[h, w]`` float32 from -1 (out) to 1 (in); NaN where the region has nothing to say.
    beyond : float
        What it is everywhere else: -1, or NaN.
    """

    row: int
    col: int
    values: Floats
    beyond: float

    @classmethod
    def of(cls, margin: Floats, kept: NDArray[np.bool_], beyond: float) -> Margin:
        """Keep the box around some pixels."""
        rows, cols = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return cls(0, 0, margin[:0, :0], beyond)
        values = margin[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].copy()
        return cls(int(rows[0]), int(cols[0]), values, beyond)

    @property
    def box(self) -> Box | None:
        """The box; None if there is nothing in it."""
        height, width = self.values.shape
        return (self.row, self.row + height, self.col, self.col + width) if self.values.size else None

    def at(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
        """Return it at working rows and columns, ``[rows, cols]``."""
        found = np.full((rows.size, cols.size), self.beyond, dtype=np.float32)
        height, width = self.values.shape
        down = np.flatnonzero((rows >= self.row) & (rows < self.row + height))
        across = np.flatnonzero((cols >= self.col) & (cols < self.col + width))
        found[np.ix_(down, across)] = self.values[np.ix_(rows[down] - self.row, cols[across] - self.col)]
        return found


@dataclass(frozen=True, eq=False)
class ObjectInRegion:
    """What a region says of one object.

    Parameters
    ----------
    found : Segmentation
        What it was solved to.
    doubtful, clear : int
        How many working pixels are in doubt, and how many are clearly inside.
    margin : Margin or None
        To join it with what other regions say; None where there can be none.
    """

    found: Segmentation
    doubtful: int
    clear: int
    margin: Margin | None

    @classmethod
    def of(cls, session: Session, found: Segmentation, *, joins: bool) -> ObjectInRegion:
        """See what a session says, whose present clicks gave ``found``."""
        mask = found.working_mask
        if not found.clicks:  # a mask from before
            said = np.where(mask, LEAST, np.float32(np.nan)).astype(np.float32)
            return cls(found, 0, 0, Margin.of(said, mask, np.nan) if joins else None)
        inside, outside = nearest_of_each_class(session, found)
        clear = clearness(inside, outside)
        counts = count_doubtful(clear, mask)
        if not joins:
            return cls(found, *counts, None)
        signed = np.where(mask, np.maximum(clear, LEAST), np.minimum(clear, -LEAST)).astype(np.float32)
        if found.start is None and any(click.foreground for click in found.clicks):
            return cls(found, *counts, Margin.of(signed, (inside < _FAR) | mask, -1.0))
        # Nothing says where the object ends: only what the clicks reach is known.
        unreached = np.minimum(inside, outside) > 1
        signed[unreached] = np.where(mask[unreached], LEAST, np.float32(np.nan))
        return cls(found, *counts, Margin.of(signed, ~np.isnan(signed), np.nan))
