"""What was used last, as much of it as fits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

__all__ = ["ByteLRU"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _nbytes(value: Any) -> int:
    return int(value.nbytes)


class ByteLRU(Generic[K, V]):
    """Values by key, the least recently used dropped once they take more than a limit; the latest always stays.

    Parameters
    ----------
    most : int
        What all may take together. It may be changed, and counts from the next :meth:`put` on.
    size : callable, optional
        What one takes: its ``nbytes`` by default. Asked anew each time, because values may grow while they are here.
    """

    def __init__(self, most: int, size: Callable[[V], int] = _nbytes) -> None:
        self.most = most
        self._size = size
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return a value, which counts as a use; None if it is not here."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep a value, make room for it, and return it."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        taken = self.nbytes
        while taken > self.most and len(self._kept) > 1:
            taken -= self._size(self._kept.popitem(last=False)[1])
        return value

    def get_or(self, key: K, make: Callable[[], V]) -> V:
        """Return a value, made and kept if it is not here."""
        found = self.get(key)
        return self.put(key, make()) if found is None else found

    def clear(self) -> None:
        """Drop all."""
        self._kept.clear()

    @property
    def values(self) -> tuple[V, ...]:
        """All, the least recently used first."""
        return tuple(self._kept.values())

    @property
    def nbytes(self) -> int:
        """What all take together."""
        return sum(map(self._size, self._kept.values()))
