"""What is worked on, as undo and redo go through it: the clicks of all planes, what is accepted, what objects are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

__all__ = ["About", "Accepted", "Work", "by_object", "changed_clicks", "changed_planes", "keep_carried"]


@dataclass(eq=False)
class Accepted:
    """An object in a plane, as it was when it was accepted (:mod:`~napari_m2n2v2.session.accepted`).

    Parameters
    ----------
    plane : PlaneKey
        Which plane.
    object_id : int
        Which object.
    pixels : Boxed or None
        bool, in pixels of the plane; None until what was clicked by then is solved. Until then it competes.
    since : Work or None
        What there was when it was accepted, which its pixels come from; None once these are known.
    """

    plane: PlaneKey
    object_id: int
    pixels: Boxed | None = None
    since: Work | None = None

    def settle(self, pixels: Boxed) -> None:
        """Take its pixels, once and for all."""
        self.pixels, self.since = pixels, None

    def onto(self, plane: PlaneKey) -> Accepted:
        """Return the same in another plane."""
        return Accepted(plane, self.object_id, self.pixels, None if self.since is None else self.since.onto(plane))


@dataclass(frozen=True)
class About:
    """What the user says of an object: its name and its class, empty where nothing is said."""

    object_id: int
    name: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Work:
    """One state of it.

    Parameters
    ----------
    placed : tuple of PlacedClick
        All clicks, in the order they were placed.
    accepted : tuple of Accepted
        In the order they were accepted.
    about : tuple of About
        Of objects of which something is said, by id.
    """

    placed: tuple[PlacedClick, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    about: tuple[About, ...] = ()

    def with_clicks(self, placed: Iterable[PlacedClick]) -> Work:
        """Change the clicks; what is clicked of an accepted object in a plane opens it there again."""
        placed = tuple(placed)
        if not self.accepted or placed == self.placed:
            return replace(self, placed=placed)
        was, now = _clicks(self.placed), _clicks(placed)
        places = ((one.plane, one.object_id) for one in self.accepted)
        same = [was.get(place) == now.get(place) for place in places]
        accepted = tuple(one for one, stays in zip(self.accepted, same, strict=True) if stays)
        return replace(self, placed=placed, accepted=accepted)

    def accept(self, object_id: int, also: Iterable[PlaneKey] = ()) -> Work:
        """Accept an object in all planes with clicks of it, and others; where it is accepted already it stays so."""
        clicked = (p.plane for p in self.placed if p.click.object_id == object_id)
        known = {one.plane for one in self.accepted if one.object_id == object_id}
        planes = [plane for plane in dict.fromkeys((*clicked, *also)) if plane not in known]
        return replace(self, accepted=(*self.accepted, *(Accepted(plane, object_id, since=self) for plane in planes)))

    def reopen(self, object_id: int) -> Work:
        """Let an object compete again, in all planes."""
        return replace(self, accepted=tuple(one for one in self.accepted if one.object_id != object_id))

    def about_of(self, object_id: int) -> About:
        """Return what is said of an object."""
        return next((one for one in self.about if one.object_id == object_id), About(object_id))

    def describe(self, about: About) -> Work:
        """Say something of an object, in place of what was said of it."""
        others = [one for one in self.about if one.object_id != about.object_id]
        said = [about] if about.name or about.kind else []
        return replace(self, about=tuple(sorted((*others, *said), key=lambda one: one.object_id)))

    def without(self, object_ids: Collection[int]) -> Work:
        """Delete objects: their clicks in all planes, and all that is said of them."""
        return Work(
            tuple(p for p in self.placed if p.click.object_id not in object_ids),
            tuple(one for one in self.accepted if one.object_id not in object_ids),
            tuple(one for one in self.about if one.object_id not in object_ids),
        )

    def with_object(self, places: Collection[int], object_id: int) -> Work:
        """Let some clicks, by their places among all, be of another object; what that changes is opened again."""
        moved = (
            replace(p, click=replace(p.click, object_id=object_id), carried=False) if n in places else p
            for n, p in enumerate(self.placed)
        )
        return self.with_clicks(moved)

    def accepted_in(self, plane: PlaneKey) -> tuple[Accepted, ...]:
        """Return what is accepted in a plane."""
        return tuple(one for one in self.accepted if one.plane == plane)

    def is_accepted(self, object_id: int) -> bool:
        """Whether an object is accepted in every plane in which it was clicked."""
        planes = {one.plane for one in self.accepted if one.object_id == object_id}
        return bool(planes) and all(p.plane in planes for p in self.placed if p.click.object_id == object_id)

    def onto(self, plane: PlaneKey) -> Work:
        """Return the same, all of it in another plane."""
        accepted = tuple(one.onto(plane) for one in self.accepted)
        return Work(tuple(replace(placed, plane=plane) for placed in self.placed), accepted, self.about)

    def changed_planes(self, before: Work) -> list[PlaneKey]:
        """List the planes in which clicks, or what is accepted, are not what they were."""
        differ = {*self.accepted} ^ {*before.accepted}
        return list(dict.fromkeys((*changed_planes(before.placed, self.placed), *(one.plane for one in differ))))


def _clicks(placed: Iterable[PlacedClick]) -> dict[tuple[PlaneKey, int], list[tuple[Prompt, Region | None]]]:
    return {place: [(p.click, p.region) for p in there] for place, there in by_object(placed).items()}


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

    def clicks(all_of_them: Sequence[PlacedClick]) -> dict[PlaneKey, list[tuple[Prompt, Region | None]]]:
        found: dict[PlaneKey, list[tuple[Prompt, Region | None]]] = {}
        for placed in all_of_them:
            found.setdefault(placed.plane, []).append((placed.click, placed.region))
        return found

    was, now = clicks(before), clicks(after)
    return [plane for plane in planes if was.get(plane) != now.get(plane)]


def changed_clicks(before: Sequence[PlacedClick], after: Sequence[PlacedClick]) -> list[PlacedClick]:
    """List the clicks that are in one of both alone, the latest that are there first."""
    same = set(before) & set(after)
    return [placed for placed in (*reversed(after), *reversed(before)) if placed not in same]
