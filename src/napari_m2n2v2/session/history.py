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
        self._notes: list[object] = [None]
        self._now = 0
        self._merging: object = None

    @property
    def present(self) -> T:
        """The state we are in."""
        return self._states[self._now]

    @property
    def note(self) -> object:
        """What was noted of the step that led to the state we are in; None where nothing was."""
        return self._notes[self._now]

    @property
    def states(self) -> tuple[T, ...]:
        """All that one can go to, the oldest first."""
        return tuple(self._states)

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._now > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later state."""
        return self._now < len(self._states) - 1

    def push(self, state: T, merge: object = None, note: object = None) -> None:
        """Go on to a new state; later ones are dropped. The present state again changes nothing.

        Parameters
        ----------
        state : T
            The new state.
        merge : object, optional
            Changes pushed one after the other with the same ``merge`` are one step to undo, as while a slider is drawn.
        note : object, optional
            Kept with the step (:attr:`note`).
        """
        if state == self.present:
            return
        del self._states[self._now + 1 :], self._notes[self._now + 1 :]
        if merge is not None and merge == self._merging and self._now > 0:
            self._states[self._now], self._notes[self._now] = state, note
        else:
            self._states.append(state)
            self._notes.append(note)
            self._now += 1
        self._merging = merge

    def undo(self) -> T:
        """Go back one state, if there is one, and return it."""
        self._merging = None
        self._now = max(self._now - 1, 0)
        return self.present

    def redo(self) -> T:
        """Go forward one state, if there is one, and return it."""
        self._merging = None
        self._now = min(self._now + 1, len(self._states) - 1)
        return self.present
