"""Which object gets a pixel that several claim: decided anew only where an object changed.

An extension of Eq. 11 to several objects. Each is first solved by its own clicks as the paper says, so with one object
nothing is different, and a background click of one object never takes pixels from another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.sparse import Box
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["Claim", "Competition"]

Floats = NDArray[np.float32]
Pixels = NDArray[np.intp]


class Claim(NamedTuple):
    """What one object brings.

    Parameters
    ----------
    found : Segmentation or None
        What its own clicks gave; None if it has none here, and began with nothing.
    claimed : Squeezed
        The mask that it claims (:class:`~napari_m2n2v2.session.claims.Claims`).
    option : int or None
        By which choice of guides; None without clicks.
    bid : float or None
        The same for all of its pixels, the lowest wins; None to bid how far its clicks are.
    """

    found: Segmentation | None
    claimed: Squeezed
    option: int | None
    bid: float | None = None


class Competition:
    """Gives each claimed pixel to the object that bids least there, of equal ones to that of the lowest id.

    It remembers the last claims and who won what. Of objects that are as they were only those are asked that claim a
    pixel which another has lost, so a click costs nothing for objects elsewhere.

    Parameters
    ----------
    shape : tuple of int
        ``(H', W')`` of the working resolution.
    distance : callable
        Tells how far some flat pixels are from the clicks of a claim, float32.
    """

    def __init__(self, shape: tuple[int, int], distance: Callable[[Claim, Pixels], Floats]) -> None:
        self._shape = shape
        self._distance = distance
        self._claims: dict[int, Claim] = {}
        self._winner = np.zeros(0, dtype=np.int32)
        self._bid = np.zeros(0, dtype=np.float32)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes, without the claims."""
        return self._winner.nbytes + self._bid.nbytes

    def labels(self, claims: Mapping[int, Claim]) -> NDArray[np.int32]:
        """Return the id of the object that gets each pixel, 0 where no one claims it: int32 ``[H', W']``, a new array.

        Parameters
        ----------
        claims : mapping
            Of all objects, by id.
        """
        if len(claims) < 2:
            only = np.zeros(self._shape, dtype=np.int32)
            for object_id, claim in claims.items():
                only[claim.claimed.as_mask()] = object_id
            return only
        known, self._claims = self._claims, {}  # nothing is known any more if what follows is stopped
        changed = sorted(i for i in {*known, *claims} if known.get(i) != claims.get(i))
        if 2 * len(changed) > len(claims):
            known, changed = {}, sorted(claims)
            self._winner = np.zeros(math.prod(self._shape), dtype=np.int32)
            self._bid = np.full(self._winner.shape, np.inf, dtype=np.float32)
        for i in changed:
            self._change(i, known.pop(i, None), claims.get(i), known)
        self._claims = known
        return self._winner.reshape(self._shape).copy()

    def _change(self, object_id: int, before: Claim | None, claim: Claim | None, others: dict[int, Claim]) -> None:
        """Let an object, which is not among the others now, bid anew, or not at all."""
        pixels, bids = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32)
        if claim is not None:
            pixels = claim.claimed.pixels
            bids = self._bids(claim, pixels)
        if before is not None:
            had = before.claimed.pixels
            had = had[self._winner[had] == object_id]
            now = np.full(had.shape, np.inf, dtype=np.float32)
            _, at, again = np.intersect1d(had, pixels, assume_unique=True, return_indices=True)
            now[at] = bids[again]
            self._release(had[now > self._bid[had]], others)
        self._offer(object_id, pixels, bids)
        if claim is not None:
            others[object_id] = claim

    def _release(self, pixels: Pixels, others: dict[int, Claim]) -> None:
        """Give pixels to whoever of the others bids least."""
        if not pixels.size:
            return
        self._winner[pixels], self._bid[pixels] = 0, np.inf
        rows, cols = pixels // self._shape[1], pixels % self._shape[1]
        box = int(rows.min()), int(rows.max()) + 1, int(cols.min()), int(cols.max()) + 1
        for i, other in others.items():
            if _meet(box, other.claimed.box):
                claimed = pixels[np.isin(pixels, other.claimed.pixels, assume_unique=True)]
                if claimed.size:
                    self._offer(i, claimed, self._bids(other, claimed))

    def _offer(self, object_id: int, pixels: Pixels, bids: Floats) -> None:
        best = self._bid[pixels]
        wins = (bids < best) | ((bids == best) & (object_id < self._winner[pixels]))
        self._winner[pixels[wins]], self._bid[pixels[wins]] = object_id, bids[wins]

    def _bids(self, claim: Claim, pixels: Pixels) -> Floats:
        if claim.bid is None:
            return self._distance(claim, pixels)
        return np.full(pixels.size, claim.bid, dtype=np.float32)


def _meet(one: Box, other: Box | None) -> bool:
    return other is not None and one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
