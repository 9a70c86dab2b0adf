"""Features of images that are left alone, kept for when these are begun again, by this dock or the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.tiles import Part

__all__ = ["KEPT", "KeptFeatures"]

_MOST_BYTES = 500_000_000

Kept = tuple[Part, Recipe]
"""A part, and what its features were computed from."""


class KeptFeatures:
    """By image layer, as long as there is one; the oldest go first beyond a bound.

    Parameters
    ----------
    most_bytes : int
        What all may take together.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._of: WeakKeyDictionary[Any, list[Kept]] = WeakKeyDictionary()

    def put(self, image: Any, parts: Iterable[Kept]) -> None:
        """Keep parts of an image, those used last at the end, in place of what was kept of it."""
        self.forget(image)
        self._of[image] = list(parts)
        held = self.nbytes
        for kept in list(self._of.values()):
            while kept and held > self.most_bytes:
                held -= kept.pop(0)[0].nbytes

    def take(self, image: Any) -> list[Kept]:
        """Return what is kept of an image, and keep it no longer."""
        return self._of.pop(image, [])

    def forget(self, image: Any) -> None:
        """Let go of what is kept of an image."""
        self._of.pop(image, None)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(part.nbytes for kept in self._of.values() for part, _ in kept)


KEPT = KeptFeatures()
"""Shared by all docks, because it outlives each."""
