"""Undo and redo without limit."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["History"]

T = TypeVar("T")


class History(Generic[T]):
    """A stack of states and where we are in it.

    Parameters
    ----------
    first : T
        The state before any change.
    """

    def __init__(self, first: T) -> None:
        self._states = [first]
        self._now = 0

    @property
    def present(self) -> T:
        """The state we are in."""
        return self._states[self._now]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._now > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later state."""
        return self._now < len(self._states) - 1

    def push(self, state: T) -> None:
        """Go on to a new state; later ones are dropped. The present state again changes nothing."""
        if state != self.present:
            del self._states[self._now + 1 :]
            self._states.append(state)
            self._now += 1

    def undo(self) -> T:
        """Go back one state, if there is one, and return it."""
        self._now = max(self._now - 1, 0)
        return self.present

    def redo(self) -> T:
        """Go forward one state, if there is one, and return it."""
        self._now = min(self._now + 1, len(self._states) - 1)
        return self.present
