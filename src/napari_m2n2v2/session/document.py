"""An image being segmented, without napari: where clicks were placed, and what is known of their planes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import Reach, SegmentationParameters

if TYPE_CHECKING:
    from napari_m2n2v2.images.sparse import Patch
    from napari_m2n2v2.session.provenance import Provenance
    from napari_m2n2v2.session.result import SessionResult
    from napari_m2n2v2.session.tiled import Mosaic

__all__ = [
    "Carried",
    "CarriedPlanes",
    "PartKey",
    "PlacedClick",
    "PlaneKey",
    "Rules",
    "Solution",
    "changed_clicks",
    "changed_planes",
    "keep_carried",
    "plane_text",
]


@dataclass(frozen=True, slots=True)
class PlaneKey:
    """One plane of an image layer.

    Parameters
    ----------
    axes : tuple of int
        Its (rows, columns) among the layer's axes, ascending.
    index : tuple of int
        Its position on each of the other axes, see :class:`~napari_m2n2v2.images.stack.Stack`.
    """

    axes: tuple[int, int] = (0, 1)
    index: Index = ()


@dataclass(frozen=True, slots=True)
class PartKey:
    """A part of a plane that is worked on like an image of its own; all of it where it fits the working resolution."""

    plane: PlaneKey
    region: Region


@dataclass(frozen=True, slots=True)
class PlacedClick:
    """A click and where it was placed.

    Parameters
    ----------
    plane : PlaneKey
        In which plane.
    click : Click
        In pixels of the plane.
    carried : bool
        Whether propagation placed it, and not the user.
    region : Region or None
        In which part of the plane; None is all of it, as coarse as it has to be.
    """

    plane: PlaneKey
    click: Click
    carried: bool = False
    region: Region | None = None


@dataclass(frozen=True)
class Rules:
    """How clicks become masks, for all images.

    Parameters
    ----------
    compete : bool
        Whether objects compete for pixels, or the one clicked last lies on top.
    reach : str
        What one click may claim, see :class:`~napari_m2n2v2.SegmentationParameters`.
    """

    compete: bool = True
    reach: Reach = "connected"

    @property
    def parameters(self) -> SegmentationParameters:
        """What clicks are solved with."""
        return SegmentationParameters(reach=self.reach)

    def mosaic(self, shape: tuple[int, int], start: Patch) -> Mosaic:
        """Begin with a plane; on the worker, because it imports what computes."""
        from napari_m2n2v2.session.tiled import Mosaic

        return Mosaic(shape, self.parameters, start=start, compete=self.compete)


@dataclass(frozen=True, eq=False)
class Solution:
    """What the clicks of a part gave, in its pixels, and what that came from; kept when the features go."""

    result: SessionResult
    provenance: Provenance
    rules: Rules

    @cached_property
    def labels_sha256(self) -> str:
        """Of the labels at working resolution."""
        from napari_m2n2v2.session.provenance import digest

        return digest(self.result.working_labels)


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
    clicks: tuple[Click, ...]
    doubt: float = math.nan
    axis: int = 0
    direction: int = 0
    stopped: str = ""


@dataclass(eq=False)
class CarriedPlanes:
    """Remembers what was carried by the very clicks that did it, so that undo and redo need no bookkeeping.

    What a user adds, moves, flips or deletes makes the clicks others than those remembered: the plane is his then.
    """

    _known: dict[tuple[PlaneKey, int, tuple[Click, ...]], Carried] = field(default_factory=dict)

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


def by_object(placed: Iterable[PlacedClick]) -> dict[tuple[PlaneKey, int], list[PlacedClick]]:
    """Sort clicks by plane and object, in their order."""
    found: dict[tuple[PlaneKey, int], list[PlacedClick]] = {}
    for click in placed:
        found.setdefault((click.plane, click.click.object_id), []).append(click)
    return found


def keep_carried(before: Iterable[PlacedClick], after: Iterable[PlacedClick]) -> tuple[PlacedClick, ...]:
    """Mark those clicks as carried that were carried before and are the same still: what a user touches is his."""
    known = {(placed.plane, placed.click) for placed in before if placed.carried}
    return tuple(replace(placed, carried=(placed.plane, placed.click) in known) for placed in after)


def changed_planes(before: Sequence[PlacedClick], after: Sequence[PlacedClick]) -> list[PlaneKey]:
    """List the planes whose clicks are not the same, those with later clicks first."""
    if len(after) == len(before) + 1 and after[:-1] == before:
        return [after[-1].plane]
    planes = dict.fromkeys(placed.plane for placed in (*reversed(after), *reversed(before)))

    def clicks(all_of_them: Sequence[PlacedClick]) -> dict[PlaneKey, list[tuple[Click, Region | None]]]:
        found: dict[PlaneKey, list[tuple[Click, Region | None]]] = {}
        for placed in all_of_them:
            found.setdefault(placed.plane, []).append((placed.click, placed.region))
        return found

    was, now = clicks(before), clicks(after)
    return [plane for plane in planes if was.get(plane) != now.get(plane)]


def changed_clicks(before: Sequence[PlacedClick], after: Sequence[PlacedClick]) -> list[PlacedClick]:
    """List the clicks that are in one of both alone, the latest that are there first."""
    same = set(before) & set(after)
    return [placed for placed in (*reversed(after), *reversed(before)) if placed not in same]


def plane_text(key: PlaneKey, names: Sequence[str] = ()) -> str:
    """Name a plane of a stack, as napari's sliders count; empty for an image that is one plane.

    Parameters
    ----------
    key : PlaneKey
        Which plane.
    names : sequence of str
        Of all axes of the image, "" for one without; such as ("z", "channel", "y", "x").
    """
    if not key.index:
        return ""
    axes = [axis for axis in range(len(key.index) + 2) if axis not in key.axes]
    named = zip((names[axis] if names else "" for axis in axes), key.index, strict=True)
    return f"slice {', '.join(f'{name} {at}'.strip() for name, at in named)}"
