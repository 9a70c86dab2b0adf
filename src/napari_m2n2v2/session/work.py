"""What undo and redo go through: the clicks of all planes, the masks objects start from, what is accepted, names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from napari_m2n2v2.images.masks import NO_PIXELS, joined
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

__all__ = [
    "About",
    "Accepted",
    "Rejected",
    "Started",
    "Work",
    "by_object",
    "changed_clicks",
    "changed_planes",
    "keep_carried",
]


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


@dataclass(frozen=True, eq=False)
class Started:
    """The mask that an object starts from in a plane, ``Y_0``: its clicks there correct it.

    Parameters
    ----------
    plane : PlaneKey
        Which plane.
    object_id : int
        Which object.
    pixels : Boxed
        bool, in pixels of the plane, not empty.
    origin : str
        What it was placed by, as the user reads it: "labels", "similar".
    """

    plane: PlaneKey
    object_id: int
    pixels: Boxed
    origin: str

    def onto(self, plane: PlaneKey) -> Started:
        """Return the same in another plane."""
        return replace(self, plane=plane)


@dataclass(frozen=True, eq=False)
class Rejected:
    """What was proposed as an object of a plane and is none. It is not saved.

    Parameters
    ----------
    plane : PlaneKey
        Which plane.
    pixels : Boxed
        bool, in pixels of the plane.
    """

    plane: PlaneKey
    pixels: Boxed


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
    starts : tuple of Started
        Of objects that start from a mask, one at most for each in a plane.
    gone : frozenset
        Ids and planes of objects that started from a mask there once, and do no more: what was a label before is none
        any more.
    rejected : tuple of Rejected
        What was proposed and is no object.
    """

    placed: tuple[PlacedClick, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    about: tuple[About, ...] = ()
    starts: tuple[Started, ...] = ()
    gone: frozenset[tuple[int, PlaneKey]] = frozenset()
    rejected: tuple[Rejected, ...] = ()

    @property
    def objects(self) -> set[int]:
        """The objects there are: with clicks, or a mask to start from, in any plane."""
        return {*(p.click.object_id for p in self.placed), *(one.object_id for one in self.starts)}

    @property
    def planes(self) -> Mapping[int, set[PlaneKey]]:
        """The planes in which each object is, by ascending id: those where it has clicks, or starts from a mask."""
        return _planes([*((p.click.object_id, p.plane) for p in self.placed), *map(_place, self.starts)])

    @property
    def kept(self) -> set[int]:
        """The objects that are accepted in every plane in which they are."""
        accepted, planes = _planes(map(_place, self.accepted)), self.planes
        return {i for i, there in accepted.items() if there >= planes.get(i, set())}

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

    def start_from(self, plane: PlaneKey, masks: Mapping[int, Boxed], origin: str, accepted: bool = False) -> Work:
        """Let objects of a plane start from masks, in place of what they started from there; it opens them again.

        Parameters
        ----------
        plane : PlaneKey
            Which plane.
        masks : mapping
            Boxed bool by id, in pixels of the plane; an empty one lets an object start from nothing.
        origin : str
            What they were placed by, as the user reads it: "labels", "similar".
        accepted : bool
            Whether they are accepted as well, with exactly these pixels at full resolution, until they are clicked.
        """

        def stays(one: Accepted | Started) -> bool:
            return one.plane != plane or one.object_id not in masks

        new = [(i, pixels) for i, pixels in masks.items() if pixels.box is not None]
        had = frozenset(_place(one) for one in self.starts if not stays(one))
        kept = tuple(Accepted(plane, i, pixels) for i, pixels in new if accepted)
        return replace(
            self,
            starts=(*filter(stays, self.starts), *(Started(plane, i, pixels, origin) for i, pixels in new)),
            accepted=(*filter(stays, self.accepted), *kept),
            gone=(self.gone | had) - {(i, plane) for i, _ in new},
        )

    def starts_in(self, plane: PlaneKey) -> dict[int, Boxed]:
        """Return the masks that objects of a plane start from, by id: Boxed bool."""
        return {one.object_id: one.pixels for one in self.starts if one.plane == plane}

    def gone_in(self, plane: PlaneKey) -> set[int]:
        """Return the objects that start from nothing any more in a plane, where they did from a mask once."""
        return {i for i, there in self.gone if there == plane}

    def accept(self, *object_ids: int) -> Work:
        """Accept objects in all planes in which they are; where one is accepted already it stays so."""
        known = {(one.object_id, one.plane) for one in self.accepted}
        there = [(p.click.object_id, p.plane) for p in self.placed] + [*map(_place, self.starts)]
        wanted = {*object_ids}
        new = [place for place in dict.fromkeys(there) if place[0] in wanted and place not in known]
        return replace(self, accepted=(*self.accepted, *(Accepted(plane, i, since=self) for i, plane in new)))

    def reopen(self, *object_ids: int) -> Work:
        """Let objects compete again, in all planes."""
        return replace(self, accepted=tuple(one for one in self.accepted if one.object_id not in object_ids))

    def about_of(self, object_id: int) -> About:
        """Return what is said of an object."""
        return next((one for one in self.about if one.object_id == object_id), About(object_id))

    def describe(self, about: About) -> Work:
        """Say something of an object, in place of what was said of it."""
        others = [one for one in self.about if one.object_id != about.object_id]
        said = [about] if about.name or about.kind else []
        return replace(self, about=tuple(sorted((*others, *said), key=lambda one: one.object_id)))

    def without(self, object_ids: Collection[int]) -> Work:
        """Delete objects: their clicks and what they start from in all planes, and all that is said of them."""
        return replace(
            self,
            placed=tuple(p for p in self.placed if p.click.object_id not in object_ids),
            accepted=tuple(one for one in self.accepted if one.object_id not in object_ids),
            about=tuple(one for one in self.about if one.object_id not in object_ids),
            starts=tuple(one for one in self.starts if one.object_id not in object_ids),
            gone=self.gone | {_place(one) for one in self.starts if one.object_id in object_ids},
        )

    def without_in(self, plane: PlaneKey, object_ids: Collection[int]) -> Work:
        """Delete objects from one plane: their clicks there, and what they start from."""
        there = (one.object_id for one in self.starts if one.plane == plane and one.object_id in object_ids)
        cleared = self.start_from(plane, dict.fromkeys(there, NO_PIXELS), "")
        kept = (p for p in self.placed if p.plane != plane or p.click.object_id not in object_ids)
        return cleared.with_clicks(kept)

    def with_object(self, places: Collection[int], object_id: int) -> Work:
        """Let some clicks, by their places among all, be of another object; what that changes is opened again.

        Their objects keep the masks that they start from (:meth:`merged`).
        """
        moved = (
            replace(p, click=replace(p.click, object_id=object_id), carried=False) if n in places else p
            for n, p in enumerate(self.placed)
        )
        return self.with_clicks(moved)

    def merged(self, object_ids: Collection[int], into: int) -> Work:
        """Let objects be one: it has their clicks, and starts in every plane from all that they started from."""
        others = {*object_ids} - {into}
        places = {n for n, p in enumerate(self.placed) if p.click.object_id in others}
        work = self.with_object(places, into)
        for plane in dict.fromkeys(one.plane for one in self.starts if one.object_id in others):
            own = [one for one in self.starts if one.plane == plane and one.object_id in others | {into}]
            masks = {**dict.fromkeys(others, NO_PIXELS), into: joined([one.pixels for one in own])}
            work = work.start_from(plane, masks, own[0].origin)
        return work

    def reject(self, plane: PlaneKey, masks: Iterable[Boxed]) -> Work:
        """Note that what was proposed in a plane is no object."""
        return replace(self, rejected=(*self.rejected, *(Rejected(plane, pixels) for pixels in masks)))

    def forget_rejected(self) -> Work:
        """Let what was proposed and rejected be proposed again."""
        return replace(self, rejected=())

    def accepted_in(self, plane: PlaneKey) -> tuple[Accepted, ...]:
        """Return what is accepted in a plane."""
        return tuple(one for one in self.accepted if one.plane == plane)

    def is_accepted(self, object_id: int) -> bool:
        """Whether an object is accepted in every plane in which it is (:attr:`kept`)."""
        planes = {one.plane for one in self.accepted if one.object_id == object_id}
        clicked = all(p.plane in planes for p in self.placed if p.click.object_id == object_id)
        return bool(planes) and clicked and all(o.plane in planes for o in self.starts if o.object_id == object_id)

    def onto(self, plane: PlaneKey) -> Work:
        """Return the same, all of it in another plane."""
        return Work(
            tuple(replace(placed, plane=plane) for placed in self.placed),
            tuple(one.onto(plane) for one in self.accepted),
            self.about,
            tuple(one.onto(plane) for one in self.starts),
            frozenset((i, plane) for i, _ in self.gone),
        )

    def changed_planes(self, before: Work) -> list[PlaneKey]:
        """List the planes in which clicks, starts, or what is accepted, are not what they were."""
        differ = _in_one(before.accepted, self.accepted) + _in_one(before.starts, self.starts)
        return list(dict.fromkeys((*changed_planes(before.placed, self.placed), *(one.plane for one in differ))))


def _in_one(before: Sequence[Accepted | Started], after: Sequence[Accepted | Started]) -> list[Accepted | Started]:
    """List what is in one of both alone, in an order."""
    if before is after:
        return []
    same = set(before) & set(after)
    return [one for one in (*after, *before) if one not in same]


def _place(one: Accepted | Started) -> tuple[int, PlaneKey]:
    return one.object_id, one.plane


def _planes(places: Iterable[tuple[int, PlaneKey]]) -> dict[int, set[PlaneKey]]:
    found: dict[int, set[PlaneKey]] = {}
    for object_id, plane in places:
        found.setdefault(object_id, set()).add(plane)
    return dict(sorted(found.items()))


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
