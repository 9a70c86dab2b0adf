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

_FEW = 2**16 - 1  # ids so small are noted one by one wherever they are seen


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
        self._taken: set[int] = set()

    @classmethod
    def of(cls, labels: Labels, report: Progress = lambda share, stage: None) -> LabelIds:
        """Look through all planes of a layer, once; twice where the highest id is the last there can be."""
        found, stack = cls(labels), stack_of(labels)
        for one_by_one in (False, True):
            if one_by_one and (found.last <= _FEW or found.highest < found.last):
                break
            for done, index in enumerate(stack):
                found.see(stack.read(index), one_by_one)
                report(done / len(stack), "looking for labels")
        return found

    def see(self, labels: NDArray[Any] | int, one_by_one: bool = False) -> None:
        """Note the ids in an array, or one id: the highest, and where there are few or it is asked each one."""
        ids = np.asarray(labels)
        ids = ids[(ids > 0) & (ids <= self.last)]
        if not ids.size:
            return
        self.highest = max(self.highest, int(ids.max()))
        if one_by_one:
            self._taken.update(np.unique(ids).tolist())
        elif self.last <= _FEW:
            self._taken.update(np.flatnonzero(np.bincount(ids)).tolist())

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
        taken = self._taken | clicked
        first = 1 if self._taken or self.highest == self.last else self.highest + 1
        free = next((i for i in range(first, min(self.last, first + len(taken)) + 1) if i not in taken), None)
        if free is None:
            raise ImageError(
                f"Layer {self.name} of {self.dtype} has no label left for another object: expected a free one from 1 "
                f"to {self.last}. Convert its data to int32, or choose another layer under More settings > Write into."
            )
        return free
