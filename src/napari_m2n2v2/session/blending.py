"""How regions of one plane join into labels: where several say something of a pixel, and where they cannot change it.

The rule is described where it is used, in :mod:`~napari_m2n2v2.session.tiled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.resampling import pixel_at
from napari_m2n2v2.images.sparse import Box, Boxed, box_around
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted import AcceptedMasks
from napari_m2n2v2.session.diagnostics import clearness, nearest_of_each_class
from napari_m2n2v2.session.doubt import doubt_of
from napari_m2n2v2.session.result import SessionResult
from napari_m2n2v2.session.segmentation import Segmentation
from napari_m2n2v2.session.session import Session
from napari_m2n2v2.session.starting import StartingMasks

__all__ = ["Joining", "ObjectInRegion", "SolvedRegion"]

Floats = NDArray[np.float32]


_LEAST = np.float32(1e-6)  # a pixel in the mask is in it, however little clear that is


_FAR = 2.0  # scaled distances beyond which a pixel is clearly out, so that nothing is kept of it


_MARGIN = 0.25  # share of a region's side over which its word counts less and less


_AT_BORDER = 1e-3


_COARSER = 0.02  # how much coarser regions count where a finer one speaks


@dataclass(frozen=True, eq=False)
class ObjectInRegion:
    """What a region says of one object.

    Parameters
    ----------
    found : Segmentation
        What it was solved to.
    doubt : tuple of (float, int)
        How much it is in doubt, and by how many pixels that is told (:func:`~napari_m2n2v2.session.doubt.doubt_of`).
    margin : Boxed or None
        float32 from -1 (out) to 1 (in) at working resolution, NaN where the region has nothing to say: to join it with
        what other regions say. None where there can be none.
    """

    found: Segmentation
    doubt: tuple[float, int]
    margin: Boxed | None

    @classmethod
    def of(cls, session: Session, found: Segmentation, *, joins: bool) -> ObjectInRegion:
        """See what a session says, whose present clicks gave ``found``."""
        mask = found.working_mask
        if not found.clicks:  # a mask from before
            said = np.where(mask, _LEAST, np.float32(np.nan)).astype(np.float32)
            return cls(found, (0.0, 0), Boxed.of(said, mask, np.nan) if joins else None)
        doubt = doubt_of(session.features.image, found)
        if not joins:
            return cls(found, doubt, None)
        inside, outside = nearest_of_each_class(session, found)
        clear = clearness(inside, outside)
        signed = np.where(mask, np.maximum(clear, _LEAST), np.minimum(clear, -_LEAST)).astype(np.float32)
        if found.start is None and any(click.foreground for click in found.clicks):
            return cls(found, doubt, Boxed.of(signed, (inside < _FAR) | mask, -1.0))
        # Nothing says where the object ends: only what the clicks reach is known.
        unreached = np.minimum(inside, outside) > 1
        signed[unreached] = np.where(mask[unreached], _LEAST, np.float32(np.nan))
        return cls(found, doubt, Boxed.of(signed, ~np.isnan(signed), np.nan))


@dataclass(frozen=True, eq=False)
class SolvedRegion:
    """What one region says of the labels of a plane, and what that came from."""

    clicks: tuple[Prompt, ...]
    result: SessionResult
    labels: Boxed  # at working resolution
    objects: Mapping[int, ObjectInRegion]
    box: Box | None  # of working pixels: where it puts labels
    doubts: Mapping[int, tuple[float, int]]  # of every object with clicks
    was_let_go: bool = False  # what it says of objects, beside the labels

    @classmethod
    def of(cls, clicks: tuple[Prompt, ...], result: SessionResult, said: dict[int, ObjectInRegion]) -> SolvedRegion:
        """Note what a region's clicks gave, and what it says of each object."""
        labels = Boxed.of(result.working_labels)
        boxes = [one.margin.box for one in said.values() if one.margin is not None]
        doubts = {i: one.doubt for i, one in said.items() if one.found.clicks}
        return cls(clicks, result, labels, MappingProxyType(said), box_around([labels.box, *boxes]), doubts)

    @property
    def joins(self) -> bool:
        """Whether there may be other regions."""
        return any(one.margin is not None for one in self.objects.values())

    def box_of(self, object_id: int) -> Box | None:
        """Return a box of working pixels that holds all it says of an object; None where it knows none of it."""
        if object_id not in self.result.objects:
            return None
        said = self.objects.get(object_id)
        if said is None:  # it was let go
            return self.box
        return box_around([said.found.squeezed.box, said.margin.box if said.margin is not None else None])

    def let_go(self) -> SolvedRegion:
        """Keep the labels, and what tells whether it has to be solved again."""
        return replace(self, objects=MappingProxyType({}), was_let_go=True)


@dataclass(frozen=True, eq=False)
class Joining:
    """Joins what regions say, as it is when it is asked.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    base : StartingMasks
        What objects start from before all regions.
    parts : mapping
        What each region says.
    compete : bool
        Whether the clearer object gets a pixel, or the one clicked last.
    order : sequence of int
        Objects by their last clicks.
    accepted : AcceptedMasks
        What is closed to whom, in pixels of the plane.
    """

    shape: tuple[int, int]
    base: StartingMasks
    parts: Mapping[Region, SolvedRegion]
    compete: bool
    order: Sequence[int]
    accepted: AcceptedMasks = field(default_factory=AcceptedMasks)

    def known_to(self, regions: Sequence[Region]) -> Joining:
        """Return the same without what is accepted of objects that are in none of these regions, nor from before."""
        known = {*self.base.masks}
        known.update(*(self.parts[region].result.objects for region in regions))
        return replace(self, accepted=self.accepted.among(known))

    def boxes_of(self, object_id: int) -> list[Box]:
        """Return where, in the plane, regions that know an object put any labels."""
        boxes = [(r, part, part.box_of(object_id)) for r, part in self.parts.items()]
        return [_full_box(r, box, part.result) for r, part, box in boxes if box is not None]

    def labels(self, rows: slice, cols: slice, regions: Sequence[Region]) -> NDArray[np.int32]:
        """Return the labels that some regions, the coarsest first, give a part of the plane: int32, a new array."""
        box = Region.at(rows, cols)
        saying = [(region, both) for region in regions if (both := region.overlap(box)) is not None]
        cover = np.zeros(box.shape, dtype=np.uint16)
        for _, both in saying:
            cover[_shifted(both, box)] += 1
        several = (cover > 1).any()
        labels = self._joined(box, [region for region, _ in saying]) if several else self.base.labels(box.box)
        for region, both in saying:
            place, part = _shifted(both, box), self.parts[region]
            if (alone := cover[place] == 1).any():
                own = part.labels.at(*_working(region, both, part.result))
                np.copyto(labels[place], own, where=alone)
        self._keep_accepted(labels, box)
        return labels

    def _keep_accepted(self, labels: NDArray[np.int32], box: Region) -> None:
        """Let accepted objects be their very pixels, which regions at another resolution know coarsely."""
        around = 2 * max((region.step for region in self.parts), default=1)
        wide = box.top - around, box.rows.stop + around, box.left - around, box.cols.stop + around
        for i in self.accepted.where.meeting(wide):
            pixels = self.accepted.pixels[i]
            if i in self.accepted.contested or (own := pixels.box) is None:
                continue
            wide = own[0] - around, own[1] + around, own[2] - around, own[3] + around
            if (both := Region.of_box(wide).overlap(box)) is not None:
                place, inside = labels[_shifted(both, box)], pixels.within(Region.at(*both).box)
                place[(place == i) & ~inside] = 0
                place[inside] = i

    def _joined(self, box: Region, regions: Sequence[Region]) -> NDArray[np.int32]:
        """Let the objects compete by what all regions, and the start, say of them."""
        base = self.base.labels(box.box)
        everywhere: set[int] = set()
        for region in regions:
            part, both = self.parts[region], region.overlap(box)
            if part.was_let_go and both is not None:  # its labels stay where no other says something
                own = part.labels.at(*_working(region, both, part.result))
                np.copyto(base[_shifted(both, box)], own, where=own != 0)
                everywhere.update(map(int, np.unique(own)))
        labels, best = np.zeros_like(base), np.zeros(base.shape, dtype=np.float32)
        ids = {int(i) for i in np.unique(base) if i}.union(*(self.parts[region].objects for region in regions))
        for i in sorted(ids, key=lambda i: (0 if self.compete or i not in self.order else self.order.index(i), i)):
            area = box if i in everywhere else self._area(i, box, regions)
            if area is None:
                continue
            place = _shifted((area.rows, area.cols), box)
            clear = self._margin(i, area, regions, base[place] == i)
            self._close(i, clear, area.box)
            wins = clear > (best[place] if self.compete else 0)
            labels[place][wins], best[place][wins] = i, clear[wins]
        return labels

    def _close(self, object_id: int, clear: Floats, box: Box) -> None:
        """Let an object be nowhere but where it is accepted, or nothing is closed to it."""
        if object_id in self.accepted.pixels:
            inside = self.accepted.pixels[object_id].within(box)
            np.copyto(clear, np.where(inside, np.maximum(clear, _LEAST), np.float32(0)))
        for i in self.accepted.closed_to(object_id, self.accepted.where.meeting(box)):
            clear[self.accepted.pixels[i].within(box)] = 0

    def _area(self, object_id: int, box: Region, regions: Sequence[Region]) -> Region | None:
        """Return the part of a box in which an object can be: where any region, or the start, has it."""
        boxes = [self.base.box_of(object_id)]
        for region in regions:
            said = self.parts[region].objects.get(object_id)
            if said is not None and said.margin is not None and (own := said.margin.box) is not None:
                boxes.append(_full_box(region, own, self.parts[region].result))
        around = box_around(boxes)
        both = None if around is None else Region.of_box(around).overlap(box)
        return None if both is None else Region.at(*both)

    def _margin(self, object_id: int, box: Region, regions: Sequence[Region], base: NDArray[np.bool_]) -> Floats:
        """Join what the regions say of one object: the coarsest first, and where finer ones speak, those."""
        joined = np.where(base, _LEAST, np.float32(0))
        weights = base.astype(np.float32)
        step = None
        for region in regions:
            both, part = region.overlap(box), self.parts[region]
            said = part.objects.get(object_id)
            if both is None or said is None or said.margin is None:
                continue
            if region.step != step:
                step, weights = region.step, np.where(weights > 0, np.float32(_COARSER), np.float32(0))
            place = _shifted(both, box)
            margin = said.margin.at(*_working(region, both, part.result))
            weight = np.where(np.isnan(margin), 0, _weight(region, both, self.shape)).astype(np.float32)
            total = weights[place] + weight
            joined[place] += (np.nan_to_num(margin) - joined[place]) * weight / np.maximum(total, _LEAST)
            weights[place] = total
        return joined

    def box_of_change(self, region: Region, before: SolvedRegion | None, after: SolvedRegion | None) -> Region:
        """Return the box outside which labels cannot have changed; of no size where they have not."""
        parts = [part for part in (before, after) if part is not None]
        others = [r for r, part in self.parts.items() if r != region and part.box is not None and r.overlap(region)]
        is_alone = not any(r != region and r.overlap(region) for r in self.parts)
        if len(parts) == 2 and is_alone:  # what it says stands
            box = _difference(parts[0].labels, parts[1].labels)
            boxes = [] if box is None else [_full_box(region, box, parts[0].result)]
        elif len(parts) == 2 and all(part.joins and not part.was_let_go for part in parts):
            old, new = parts[0].objects, parts[1].objects
            differ = [i for i in {*old, *new} if old.get(i) is not new.get(i)]
            said = [part.objects[i].margin for part in parts for i in differ if i in part.objects]
            boxes = [_full_box(region, m.box, parts[0].result) for m in said if m is not None and m.box is not None]
            # What is said of an object counts wherever another region has it.
            boxes += [area.box for i in differ if (area := self._area(i, region, others)) is not None]
        else:
            boxes = [_full_box(region, part.box, part.result) for part in parts if part.box is not None]
            # It speaks, or speaks no more, where others did: finer or coarser regions, or the start at full resolution.
            starts = [self.base.box_of(i) for i in self.base.where.meeting(region.box)]
            heard = [*others, *(Region.of_box(box) for box in starts if box is not None)]
            boxes += [Region.at(*both).box for other in heard if (both := other.overlap(region)) is not None]
        around = box_around(boxes)
        return Region(region.top, region.left, 0, 0) if around is None else Region.of_box(around)


def _difference(one: Boxed, other: Boxed) -> Box | None:
    """Return the box around all pixels that differ; None where none does."""
    if (box := box_around([one.box, other.box])) is None:
        return None
    differ = Boxed.of(one.within(box) != other.within(box)).box
    return None if differ is None else (differ[0] + box[0], differ[1] + box[0], differ[2] + box[2], differ[3] + box[2])


def _shifted(part: tuple[slice, slice], box: Region) -> tuple[slice, slice]:
    rows, cols = part
    return slice(rows.start - box.top, rows.stop - box.top), slice(cols.start - box.left, cols.stop - box.left)


def _working(
    region: Region, part: tuple[slice, slice], result: SessionResult
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return working rows and columns of a part."""
    pixels = (np.arange(some.start, some.stop) for some in _shifted(part, region))
    rows, cols = map(pixel_at, pixels, region.shape, result.working_shape)
    return rows, cols


def _full_box(region: Region, box: Box, result: SessionResult) -> Box:
    """Return the box in the plane that holds all pixels of a box of working pixels."""
    (top, bottom), (left, right) = (
        (first + max(0, low * full // small - 1), first + min(full, -(-high * full // small) + 1))
        for first, full, small, low, high in zip(
            (region.top, region.left), region.shape, result.working_shape, box[::2], box[1::2], strict=True
        )
    )
    return top, bottom, left, right


def _weight(region: Region, part: tuple[slice, slice], shape: tuple[int, int]) -> Floats:
    """How much a region's word counts: less towards its border, but for where that is the border of the plane."""
    spans = ((region.rows, part[0], shape[0]), (region.cols, part[1], shape[1]))
    down, across = (_ramp(own, some, length) for own, some, length in spans)
    return np.minimum(down[:, None], across[None, :])


def _ramp(own: slice, part: slice, length: int) -> Floats:
    pixels = np.arange(part.start, part.stop)
    before = pixels - own.start + 0.5 if own.start > 0 else np.full(pixels.shape, np.inf)
    after = own.stop - pixels - 0.5 if own.stop < length else np.full(pixels.shape, np.inf)
    depth = np.minimum(before, after) / (_MARGIN * (own.stop - own.start))
    ramp: Floats = np.clip(depth, _AT_BORDER, 1).astype(np.float32)
    return ramp
