"""One plane, one region or several: each solved by itself, joined into masks without a visible step.

Not in the paper, whose rule is kept inside each region. How regions agree:

- A region is solved by all clicks inside it (:func:`~napari_m2n2v2.regions.clicks_in`), so a correction where two
  overlap corrects both.
- Where regions of one step overlap, they are asked how clearly a pixel is in or out (the margin between its nearest
  foreground and background click, :mod:`~napari_m2n2v2.diagnostics`), and the mean decides. A region counts less and
  less towards its border, where it knows little of what surrounds the pixel, and next to nothing there, so that there
  is no step. Where one is alone, what its session says stands; so without ``compete`` the object on top is that of the
  last click in it, and where several overlap, in any of them.
- A region shows less than the plane, and mostly small objects of it: a first click that nothing limits keeps to the
  share of the prior there (``prior_at_start``), so that it does not claim all of the region.
- A finer region starts from what the coarser ones gave (``Y_0``), and speaks of what its clicks reach; the rest stays.

So the masks depend on the clicks and the regions they were placed in, never on the order in which regions were solved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features import ImageFeatures, Progress, compute_features, silent
from napari_m2n2v2.margins import LEAST, ObjectInRegion
from napari_m2n2v2.parameters import FeatureParameters, SegmentationParameters
from napari_m2n2v2.patches import Box, Patch
from napari_m2n2v2.regions import Region, RegionClick, clicks_in, has_parts
from napari_m2n2v2.session import Session, SessionResult
from napari_m2n2v2.stacks import Stack

__all__ = ["Mosaic", "region_features"]

Floats = NDArray[np.float32]
_MARGIN = 0.25  # share of a region's side over which its word counts less and less
_AT_BORDER = 1e-3
_COARSER = 0.02  # how much coarser regions count where a finer one speaks


@dataclass(frozen=True, eq=False)
class _Part:
    """What one region says, and what that came from."""

    clicks: tuple[Click, ...]
    start: str  # a digest of the labels it began with
    result: SessionResult
    labels: Patch  # at working resolution
    objects: Mapping[int, ObjectInRegion]
    box: Box | None  # of working pixels: where it puts labels
    doubtful: Mapping[int, tuple[int, int]]  # of every object with clicks: pixels in doubt, and clearly inside
    was_let_go: bool = False  # what it says of objects, beside the labels

    @classmethod
    def of(cls, start: str, clicks: tuple[Click, ...], result: SessionResult, said: dict[int, ObjectInRegion]) -> _Part:
        labels = Patch.of(result.working_labels)
        boxes = [one.margin.box for one in said.values() if one.margin is not None]
        doubtful = {i: (one.doubtful, one.clear) for i, one in said.items() if one.found.clicks}
        return cls(clicks, start, result, labels, MappingProxyType(said), _around([labels.box, *boxes]), doubtful)

    @property
    def joins(self) -> bool:
        """Whether there may be other regions."""
        return any(one.margin is not None for one in self.objects.values())

    def let_go(self) -> _Part:
        """Keep the labels, and what tells whether it has to be solved again."""
        return replace(self, objects=MappingProxyType({}), was_let_go=True)


class Mosaic:
    """The regions of one plane and the labels they give together.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    parameters : SegmentationParameters, optional
        Of all regions.
    start : Patch or array-like, optional
        ``[H, W]`` integer labels to start from instead of nothing. What no click reaches keeps its label.
    compete : bool
        As :class:`~napari_m2n2v2.Session` takes it.

    Notes
    -----
    Not for two threads at once. A plane that fits the working resolution has one region, all of it, and its labels are
    those of its :class:`~napari_m2n2v2.Session`, bit for bit.

    Examples
    --------
    >>> stack = Stack.of(slide)  # 40000 x 60000, dask or zarr
    >>> region = region_of_view(stack.plane_shape, view=(8000, 9000, 8900, 10200))
    >>> mosaic = Mosaic(stack.plane_shape)
    >>> mosaic.put(region, region_features(stack, (), region))
    >>> changed = mosaic.replay([RegionClick(region, Click(8450, 9600))])
    >>> labels = mosaic.labels_in(region.rows, region.cols)
    """

    def __init__(
        self,
        shape: tuple[int, int],
        parameters: SegmentationParameters | None = None,
        *,
        start: Any = None,
        compete: bool = True,
    ) -> None:
        self.shape = shape
        self.parameters = parameters
        self.compete = compete
        self._base = start if isinstance(start, Patch) else Patch.of(_as_labels(start, shape))
        self._sessions: dict[Region, tuple[str, Session]] = {}  # with a digest of what each starts from
        self._features: dict[Region, ImageFeatures] = {}
        self._parts: dict[Region, _Part] = {}
        self._waiting: set[Region] = set()  # that have to be solved, and for features
        self._order: list[int] = []  # objects by their last clicks
        self._changed: list[Region] = []  # since the last replay that came to its end

    @property
    def regions(self) -> tuple[Region, ...]:
        """Those that say something now, the coarsest first."""
        return tuple(sorted(self._parts, key=_coarsest_first))

    @property
    def doubts(self) -> dict[int, float]:
        """Doubt of every object with clicks, from 0 to 1 (:func:`~napari_m2n2v2.diagnostics.doubt_of`)."""
        counts: dict[int, tuple[int, int]] = {}
        for part in self._parts.values():
            for i, (doubtful, clear) in part.doubtful.items():
                before = counts.get(i, (0, 0))
                counts[i] = before[0] + doubtful, before[1] + clear
        return {i: doubtful / max(doubtful + clear, 1) for i, (doubtful, clear) in sorted(counts.items())}

    @property
    def solved(self) -> dict[Region, tuple[Click, ...]]:
        """What each region was last solved by, in pixels of the plane."""
        return {region: part.clicks for region, part in self._parts.items()}

    def result(self, region: Region) -> SessionResult | None:
        """Return what a region's clicks gave, in pixels of the region."""
        return self._parts[region].result if region in self._parts else None

    def session_bytes(self, region: Region) -> int:
        """Return what the session of a region holds beside the features."""
        return self._sessions[region][1].nbytes if region in self._sessions else 0

    def session(
        self, region: Region, clicks: Iterable[Click] | None = None, progress: Progress | None = None
    ) -> Session:
        """Return the session of a region, which is in pixels of the region.

        Parameters
        ----------
        region : Region
            Which.
        clicks : iterable of Click, optional
            What to ask it about, in pixels of the plane; by default what the region was last solved by.
        progress : callable, optional
            As for :meth:`replay`.

        Raises
        ------
        ImageError
            If its features are not there.
        """
        session = self._session(region, *self._start_of(region))
        if clicks is None:
            clicks = self._parts[region].clicks if region in self._parts else ()
        session.replay(map(region.into, clicks), progress)
        session.forget_history()
        return session

    def put(self, region: Region, features: ImageFeatures) -> None:
        """Give a region its features, of its box alone (:func:`region_features`).

        Raises
        ------
        ImageError
            If they are of another shape.
        """
        if features.shape != region.shape:
            raise ImageError(f"Features of {features.shape} pixels are not of a region of {region.shape}.")
        if self._features.get(region) is not features:
            self.drop(region)
            if region in self._parts:
                self._parts[region] = self._parts[region].let_go()
            self._features[region] = features

    def drop(self, region: Region) -> None:
        """Let go of what a region holds; what other regions are joined with stays, the rest is solved when needed."""
        self._features.pop(region, None)
        self._sessions.pop(region, None)
        if region in self._parts and not any(r != region and r.overlap(region) for r in self._parts):
            self._parts[region] = self._parts[region].let_go()

    def lacking(self, placed: Iterable[RegionClick]) -> list[Region]:
        """List the regions whose features are needed for these clicks and not there, the coarsest first."""
        placed = tuple(placed)
        wanted = _wanted(placed)
        changed = self._with_other_clicks(wanted, placed)
        without = [region for region in wanted if region not in self._features]
        return [region for region in without if region in self._waiting or self._has_to_be_solved(region, changed)]

    def replay(
        self, placed: Iterable[RegionClick], progress: Progress | None = None, *, partly: bool = False
    ) -> list[Region]:
        """Make these the clicks.

        Parameters
        ----------
        placed : iterable of RegionClick
            All of the plane, in order.
        progress : callable, optional
            Called as ``progress(share, stage)``; what it raises stops the work, and nothing is lost.
        partly : bool
            Leave the regions that are then :meth:`lacking` as they are, for a replay when their features are there.

        Returns
        -------
        list of Region
            Boxes in which labels may have changed since the last time that it came to its end.

        Raises
        ------
        ImageError
            If the features of a region are not there, unless ``partly``.
        """
        placed, report = tuple(placed), progress or silent
        wanted = _wanted(placed)
        changed = self._with_other_clicks(wanted, placed)
        self._note_order(placed)
        gone = [region for region in self._parts if region not in wanted]
        self._changed.extend(self._box_of_change(region, self._parts.pop(region), None) for region in gone)
        self._waiting &= set(wanted)
        for done, region in enumerate(wanted):
            report(done / len(wanted), "clicks")
            if region not in self._waiting and not self._has_to_be_solved(region, changed):
                continue
            if region not in self._features:
                self._waiting.add(region)
                continue
            before = self._parts.get(region)
            self._parts[region] = after = self._solve(region, clicks_in(region, placed), before, report)
            self._waiting.discard(region)
            self._changed.append(self._box_of_change(region, before, after))
        if self._waiting and not partly:
            raise _not_there(min(self._waiting, key=_coarsest_first))
        boxes, self._changed = [box for box in dict.fromkeys(self._changed) if box.height and box.width], []
        return boxes

    def labels_in(self, rows: slice, cols: slice) -> NDArray[np.int32]:
        """Return the labels of a part of the plane, int32 ``[rows, cols]``, a new array."""
        return self._labels(rows, cols, self.regions)

    # -- joining -------------------------------------------------------------------------------------------------

    def _labels(self, rows: slice, cols: slice, regions: Sequence[Region]) -> NDArray[np.int32]:
        box = _region_of(rows, cols)
        saying = [(region, both) for region in regions if (both := region.overlap(box)) is not None]
        cover = np.zeros(box.shape, dtype=np.uint16)
        for _, both in saying:
            cover[_shifted(both, box)] += 1
        if (cover > 1).any():
            labels = self._joined(box, [region for region, _ in saying])
        else:
            labels = self._base.within(_edges(box))
        for region, both in saying:
            place, part = _shifted(both, box), self._parts[region]
            if (alone := cover[place] == 1).any():
                own = _at(part.labels, *_working(region, both, part.result))
                np.copyto(labels[place], own, where=alone)
        return labels

    def _joined(self, box: Region, regions: Sequence[Region]) -> NDArray[np.int32]:
        """Let the objects compete by what all regions, and the start, say of them."""
        base = self._base.within(_edges(box))
        everywhere: set[int] = set()
        for region in regions:
            part, both = self._parts[region], region.overlap(box)
            if part.was_let_go and both is not None:  # its labels stay where no other says something
                own = _at(part.labels, *_working(region, both, part.result))
                np.copyto(base[_shifted(both, box)], own, where=own != 0)
                everywhere.update(map(int, np.unique(own)))
        labels, best = np.zeros_like(base), np.zeros(base.shape, dtype=np.float32)
        ids = {int(i) for i in np.unique(base) if i}.union(*(self._parts[region].objects for region in regions))
        for i in sorted(ids, key=lambda i: (0 if self.compete or i not in self._order else self._order.index(i), i)):
            area = box if i in everywhere else self._area(i, box, regions)
            if area is None:
                continue
            place = _shifted((area.rows, area.cols), box)
            clear = self._margin(i, area, regions, base[place] == i)
            wins = clear > (best[place] if self.compete else 0)
            labels[place][wins], best[place][wins] = i, clear[wins]
        return labels

    def _area(self, object_id: int, box: Region, regions: Sequence[Region]) -> Region | None:
        """Return the part of a box in which an object can be: where any region, or the start, has it."""
        boxes = [self._base.box] if (self._base.values == object_id).any() else []
        for region in regions:
            said = self._parts[region].objects.get(object_id)
            if said is not None and said.margin is not None and (own := said.margin.box) is not None:
                boxes.append(_full_box(region, own, self._parts[region].result))
        around = _around(boxes)
        both = None if around is None else _region_of(*_slices(around)).overlap(box)
        return None if both is None else _region_of(*both)

    def _margin(self, object_id: int, box: Region, regions: Sequence[Region], base: NDArray[np.bool_]) -> Floats:
        """Join what the regions say of one object: the coarsest first, and where finer ones speak, those."""
        joined = np.where(base, LEAST, np.float32(0))
        weights = base.astype(np.float32)
        step = None
        for region in regions:
            both, part = region.overlap(box), self._parts[region]
            said = part.objects.get(object_id)
            if both is None or said is None or said.margin is None:
                continue
            if region.step != step:
                step, weights = region.step, np.where(weights > 0, np.float32(_COARSER), np.float32(0))
            place = _shifted(both, box)
            margin = said.margin.at(*_working(region, both, part.result))
            weight = np.where(np.isnan(margin), 0, _weight(region, both, self.shape)).astype(np.float32)
            total = weights[place] + weight
            joined[place] += (np.nan_to_num(margin) - joined[place]) * weight / np.maximum(total, LEAST)
            weights[place] = total
        return joined

    # -- solving -------------------------------------------------------------------------------------------------

    def _note_order(self, placed: Sequence[RegionClick]) -> None:
        """Notice which object lies on top, where that counts."""
        last = {p.click.object_id: n for n, p in enumerate(placed)}
        order = sorted(last, key=last.__getitem__)
        if not self.compete and order != self._order:
            self._changed.extend(self._parts)
        self._order = order

    def _with_other_clicks(self, wanted: Sequence[Region], placed: Sequence[RegionClick]) -> list[Region]:
        return [r for r in wanted if r not in self._parts or self._parts[r].clicks != clicks_in(r, placed)]

    def _has_to_be_solved(self, region: Region, changed: Sequence[Region]) -> bool:
        """Tell whether a region is solved anew, given those with other clicks."""
        part = self._parts.get(region)
        if part is None or region in changed:
            return True
        if part.was_let_go:
            return region in self._features or any(region.overlap(other) for other in changed)
        # Where coarser ones changed, also in a replay that was stopped, it may start from something else.
        return any(region.overlap(box) for box in self._changed) and self._start_of(region)[1] != part.start

    def _start_of(self, region: Region) -> tuple[NDArray[np.int32] | None, str]:
        """Return what a region starts from, and its digest; None and "" where that is nothing."""
        coarser = [other for other in self._parts if other.step > region.step and other.overlap(region)]
        if not coarser and self._base.box is None:
            return None, ""
        start = self._labels(region.rows, region.cols, sorted(coarser, key=_coarsest_first))
        return (start, hashlib.sha256(start.tobytes()).hexdigest()) if start.any() else (None, "")

    def _solve(self, region: Region, clicks: tuple[Click, ...], before: _Part | None, report: Progress) -> _Part:
        start, digest = self._start_of(region)
        session = self._session(region, start, digest)
        result = session.replay(map(region.into, clicks), report)
        session.forget_history()  # nobody goes back in it, and it holds the masks of every state
        joins = has_parts(self.shape, session.features.parameters.working_side)
        known = before.objects if before is not None else {}
        said = {
            i: known[i] if i in known and known[i].found is found else ObjectInRegion.of(session, found, joins=joins)
            for i, found in result.objects.items()
        }
        return _Part.of(digest, clicks, result, said)

    def _box_of_change(self, region: Region, before: _Part | None, after: _Part | None) -> Region:
        """Return the box outside which labels cannot have changed; of no size where they have not."""
        parts = [part for part in (before, after) if part is not None]
        others = [r for r, part in self._parts.items() if r != region and part.box is not None and r.overlap(region)]
        if len(parts) == 2 and all(part.joins and not part.was_let_go for part in parts):
            old, new = parts[0].objects, parts[1].objects
            differ = [i for i in {*old, *new} if old.get(i) is not new.get(i)]
            said = [part.objects[i].margin for part in parts for i in differ if i in part.objects]
            boxes = [_full_box(region, m.box, parts[0].result) for m in said if m is not None and m.box is not None]
            # What is said of an object counts wherever another region has it.
            boxes += [_edges(area) for i in differ if (area := self._area(i, region, others)) is not None]
        else:
            boxes = [_full_box(region, part.box, part.result) for part in parts if part.box is not None]
            boxes += [_edges(_region_of(*both)) for other in others if (both := other.overlap(region)) is not None]
        around = _around(boxes)
        return Region(region.top, region.left, 0, 0) if around is None else _region_of(*_slices(around))

    def _session(self, region: Region, start: NDArray[np.int32] | None, digest: str) -> Session:
        known = self._sessions.get(region)
        if known is not None and known[0] == digest:
            return known[1]
        if region not in self._features:
            raise _not_there(region)
        parameters = self.parameters or SegmentationParameters()
        if region.shape != self.shape:
            parameters = replace(parameters, prior_at_start=parameters.score_adaptive)
        session = Session(self._features[region], parameters, start=start, compete=self.compete)
        self._sessions[region] = digest, session
        return session


def region_features(stack: Stack, index: Sequence[int], region: Region, **named: Any) -> ImageFeatures:
    """Compute the features of a region, reading its box alone, of a pyramid at the level that fits.

    Parameters
    ----------
    stack : Stack
        Of the planes.
    index : sequence of int
        Which plane.
    region : Region
        Which part of it.
    **named
        As :func:`~napari_m2n2v2.compute_features` takes it.

    Returns
    -------
    ImageFeatures
        Of the region's shape.
    """
    parameters = named.get("parameters") or FeatureParameters()
    level = stack.level_for(parameters.working_side, region.shape)
    features = compute_features(stack.read(index, level, region.rows, region.cols), **named)
    return features if features.shape == region.shape else replace(features, shape=region.shape)


def _not_there(region: Region) -> ImageError:
    return ImageError(
        f"The features of the region at row {region.top}, col {region.left} are needed and not there. Compute them and "
        "put() them first."
    )


def _as_labels(start: Any, shape: tuple[int, int]) -> NDArray[Any]:
    labels = np.zeros((0, 0), dtype=np.int32) if start is None else np.asarray(start)
    if start is not None and (labels.shape != shape or labels.dtype.kind not in "bui"):
        raise ImageError(
            f"The labels to start from must be integers of the plane's shape {shape}, "
            f"got {labels.dtype} of shape {labels.shape}."
        )
    return labels


def _wanted(placed: Sequence[RegionClick]) -> list[Region]:
    return sorted({p.region for p in placed}, key=_coarsest_first)


def _coarsest_first(region: Region) -> tuple[int, Region]:
    return -region.step, region


def _shifted(part: tuple[slice, slice], box: Region) -> tuple[slice, slice]:
    rows, cols = part
    return slice(rows.start - box.top, rows.stop - box.top), slice(cols.start - box.left, cols.stop - box.left)


def _region_of(rows: slice, cols: slice) -> Region:
    return Region(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)


def _edges(region: Region) -> Box:
    return region.top, region.rows.stop, region.left, region.cols.stop


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(box[0], box[1]), slice(box[2], box[3])


def _working(
    region: Region, part: tuple[slice, slice], result: SessionResult
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return working rows and columns of a part, as :func:`~napari_m2n2v2.segmentation.at_full_resolution` does."""
    rows, cols = (
        np.minimum((np.arange(s.start, s.stop) + 0.5) * small / full, small - 1).astype(np.intp)
        for s, full, small in zip(_shifted(part, region), region.shape, result.working_shape, strict=True)
    )
    return rows, cols


def _at(patch: Patch, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the labels at ascending rows and columns."""
    box = int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1
    found: NDArray[np.int32] = patch.within(box)[np.ix_(rows - rows[0], cols - cols[0])]
    return found


def _full_box(region: Region, box: Box, result: SessionResult) -> Box:
    """Return the box in the plane that holds all pixels of a box of working pixels."""
    (top, bottom), (left, right) = (
        (first + max(0, low * full // small - 1), first + min(full, -(-high * full // small) + 1))
        for first, full, small, low, high in zip(
            (region.top, region.left), region.shape, result.working_shape, box[::2], box[1::2], strict=True
        )
    )
    return top, bottom, left, right


def _around(boxes: Iterable[Box | None]) -> Box | None:
    """Return the box around boxes."""
    edges = [box for box in boxes if box is not None]
    if not edges:
        return None
    tops, bottoms, lefts, rights = zip(*edges, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


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
