"""Objects that propagation carried from plane to plane, and which of them nobody touched since."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PlacedClick, PlaneKey
from napari_m2n2v2.session.work import by_object

__all__ = ["Carried", "CarriedPlanes"]


@dataclass(frozen=True)
class Carried:
    """An object in a plane that it was carried to.

    Parameters
    ----------
    plane : PlaneKey
        Which plane.
    object_id : int
        Which object.
    clicks : tuple of Click
        What was clicked for the user.
    doubt : float
        As it was then, from 0 to 1; NaN where it is not known, because the clicks were opened from a file.
    axis, direction : int
        Along which of the stack's index axes it came, and 1 or -1.
    stopped : str
        Why it went no further; empty where it did, or was not asked to.
    """

    plane: PlaneKey
    object_id: int
    clicks: tuple[Prompt, ...]
    doubt: float = math.nan
    axis: int = 0
    direction: int = 0
    stopped: str = ""


@dataclass(eq=False)
class CarriedPlanes:
    """Remembers what was carried by the very clicks that did it, so that undo and redo need no bookkeeping.

    What a user adds, moves, flips or deletes makes the clicks others than those remembered: the plane is his then.
    """

    _known: dict[tuple[PlaneKey, int, tuple[Prompt, ...]], Carried] = field(default_factory=dict)

    def take_up(self, placed: Iterable[PlacedClick]) -> None:
        """Take what a file says of its clicks: planes where propagation placed all those of an object.

        What is known of them already stays.
        """
        for (key, object_id), placed_there in by_object(placed).items():
            if all(p.carried for p in placed_there):
                clicks = tuple(p.click for p in placed_there)
                self._known.setdefault((key, object_id, clicks), Carried(key, object_id, clicks))

    def add(self, carried: Carried) -> None:
        """Remember what was carried."""
        self._known[carried.plane, carried.object_id, carried.clicks] = carried

    def of(self, placed: Iterable[PlacedClick], key: PlaneKey, object_id: int) -> Carried | None:
        """Return what is known of an object in a plane, if these clicks are those that were carried there."""
        clicks = tuple(p.click for p in placed if p.plane == key and p.click.object_id == object_id)
        return self._known.get((key, object_id, clicks))

    def present(self, placed: Iterable[PlacedClick]) -> list[tuple[PlaneKey, int, Carried | None]]:
        """List plane and object of all that was carried and is there; with nothing known where it was corrected."""
        return [
            (key, object_id, self._known.get((key, object_id, tuple(p.click for p in clicks))))
            for (key, object_id), clicks in by_object(placed).items()
            if any(p.carried for p in clicks)
        ]
