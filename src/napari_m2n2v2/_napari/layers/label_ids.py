"""Which ids the labels of a layer have, and which a new object gets: those of clicks are int32, layers hold others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2.clicks import LARGEST_ID
from napari_m2n2v2.errors import ImageError

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_m2n2v2.parallel import Progress

__all__ = ["LabelIds"]


class LabelIds:
    """The ids that a Labels layer is known to hold, as far as an object could have them.

    Parameters
    ----------
    labels : Labels
        Of any integer dtype. Nothing is read yet.

    Notes
    -----
    A new object gets one more than the highest id, because ids that objects had once may come back by undo. Only where
    that is more than the layer's dtype holds, or than :data:`~napari_m2n2v2.clicks.LARGEST_ID`, it gets the lowest that
    is free. Higher ids, as of layers of 64 bit, are in nobody's way.
    """

    def __init__(self, labels: Labels) -> None:
        dtype = np.dtype(labels.data.dtype)
        self.name, self.dtype = f"'{labels.name}'", dtype
        self.last = min(int(np.iinfo(dtype).max), LARGEST_ID)
        self.highest = 0
        self._below = 0  # the highest but for the last there can be
        self._taken: set[int] | None = None  # each of them, looked for where the last is in use

    @classmethod
    def of(cls, labels: Labels, report: Progress = lambda share, stage: None) -> LabelIds:
        """Look through all planes of a layer, once; twice where the highest id is the last there can be."""
        found, stack = cls(labels), stack_of(labels)
        for done, index in enumerate(stack):
            found.see(stack.read(index))
            report(done / len(stack), "looking for labels")
        if found.highest == found.last:
            found._taken = set()
            for index in stack:
                found._taken.update(np.unique(found._fitting(stack.read(index))).tolist())
                report(1.0, "looking for free labels")
        return found

    def see(self, labels: NDArray[Any] | int) -> None:
        """Note the ids in an array, or one id."""
        ids = np.asarray(labels)
        if ids.size and int(ids.max()) >= self.last:  # seldom, and slower
            ids = self._fitting(ids)
            if self._taken is not None:
                self._taken.update(np.unique(ids).tolist())
            self.highest = self.last if (ids == self.last).any() else self.highest
            ids = ids[ids < self.last]
        if ids.size:
            self._below = max(self._below, int(ids.max()))
            self.highest = max(self.highest, self._below)

    def _fitting(self, ids: NDArray[Any]) -> NDArray[Any]:
        return ids[(ids > 0) & (ids <= self.last)]

    def free(self, clicked: Iterable[int] = ()) -> int:
        """Return an id that neither a label nor any of these objects has.

        Raises
        ------
        ImageError
            If there is none that fits.
        """
        clicked = set(clicked)
        if (highest := max(self.highest, *clicked, 0)) < self.last:
            return highest + 1
        taken, first = (clicked, self._below + 1) if self._taken is None else (clicked | self._taken, 1)
        free = next((i for i in range(first, min(self.last, first + len(taken)) + 1) if i not in taken), None)
        if free is None:
            raise ImageError(
                f"Layer {self.name} of {self.dtype} has no label left for another object: expected a free one from 1 "
                f"to {self.last}. Convert its data to int32, or choose another layer under More > Write into."
            )
        return free
