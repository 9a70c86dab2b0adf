"""Each pixel's nearest click, kept from one click to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.nearest_neighbour import nearest_click

if TYPE_CHECKING:
    from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["LatestNearest", "Nearest"]

Nearest = tuple[NDArray[np.int32], NDArray[np.float32]]
"""What :func:`~napari_m2n2v2.method.nearest_neighbour.nearest_click` returns; not to be changed."""


class LatestNearest:
    """Remembers the nearest clicks of the state that was solved last, from which the next click mostly goes on."""

    def __init__(self) -> None:
        self._latest: tuple[Segmentation, Nearest] | None = None

    def of(self, state: Segmentation, maps: Sequence[NDArray[np.float32]]) -> Nearest:
        """Return what :func:`nearest_click` gives of the clicks of a state, at least one, and their maps."""
        if self._latest is not None and self._latest[0] is state:
            return self._latest[1]
        return nearest_click(maps, state.thresholds)

    def keep(self, state: Segmentation, nearest: Nearest) -> None:
        """Remember those of a state, and no others."""
        self._latest = state, nearest

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return 0 if self._latest is None else sum(some.nbytes for some in self._latest[1])
