"""Where features that were computed are kept: one memory for all images, and a folder if the user chooses one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2v2.features.disk import FeatureFolder

if TYPE_CHECKING:
    from napari_m2n2v2.features.cache import FeatureCache
    from napari_m2n2v2.features.image_features import ImageFeatures

__all__ = ["GIGABYTE", "Store"]

GIGABYTE = 10**9


class Store:
    """The cache of the dock, made when it is first needed: it brings torch, whose import is slow.

    Parameters
    ----------
    tell : callable
        Given a sentence for the user, from any thread.
    memory_bytes : int
        Most that features take in memory; what parts of images hold beyond it is bounded by
        :class:`~napari_m2n2v2._napari.model.tiles.Parts`.
    """

    def __init__(self, tell: Callable[[str], None], memory_bytes: int = 4 * GIGABYTE // 5) -> None:
        self.memory_bytes = memory_bytes
        self.disk: FeatureFolder | None = None
        self._tell = tell
        self._cache: FeatureCache | None = None
        self._making = threading.Lock()

    def cache(self) -> FeatureCache:
        """Return the cache. Slow the first time, so called by workers."""
        from napari_m2n2v2.features.cache import FeatureCache

        with self._making:
            if self._cache is None:
                self._cache = FeatureCache(memory_bytes=self.memory_bytes, notify=self._tell)
                self._cache.disk = self.disk
            return self._cache

    def holds(self, features: ImageFeatures) -> bool:
        """Whether these are in the memory of the cache, and so need none elsewhere."""
        return self._cache is not None and self._cache.holds(features)

    def use_folder(self, folder: Path | None, most_bytes: int) -> None:
        """Keep features in a folder from now on, or in memory alone.

        Parameters
        ----------
        folder : Path or None
            Made when it is first written to.
        most_bytes : int
            That it may take; more than that is dropped with the next entry written, the least recently used first.
        """
        disk = None if folder is None else FeatureFolder(folder, most_bytes, self._tell)
        with self._making:
            self.disk = disk
            if self._cache is not None:
                self._cache.disk = disk

    def use_memory(self, most_bytes: int) -> None:
        """Hold no more than so much in memory, from the next features on."""
        with self._making:
            self.memory_bytes = most_bytes
            if self._cache is not None:
                self._cache.memory_bytes = most_bytes

    def clear(self) -> None:
        """Let go of everything in memory and in the folder; it will be computed again where it is needed."""
        if self.disk is not None:
            self.disk.clear()
        if self._cache is not None:
            self._cache.forget()

    def close(self) -> None:
        """Let go of the memory."""
        if self._cache is not None:
            self._cache.forget()

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return 0 if self._cache is None else self._cache.nbytes

    @property
    def most_bytes(self) -> int:
        """What all prepared planes together may take: of the folder, else of memory."""
        return self.memory_bytes if self.disk is None else self.disk.most_bytes
