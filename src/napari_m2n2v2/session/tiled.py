"""One plane, one region or several: each solved by itself, joined into masks.

Not in the paper, whose rule is kept inside each region. How regions agree:

- A region is solved by all clicks inside it (:func:`~napari_m2n2v2.images.tile.clicks_in`), so a correction where two
  overlap corrects both.
- Where regions of one step overlap, they are asked how clearly a pixel is in or out (the margin between its nearest
  foreground and background click, :mod:`~napari_m2n2v2.session.diagnostics`), and the mean decides. A region counts
  less and less towards its border, where it knows little of what surrounds the pixel, and next to nothing there, so
  that there is hardly a step. Where one is alone, what its session says stands; so without ``compete`` the object on
  top is that of the last click in it, and where several overlap, in any of them.
- A region shows less than the plane, and mostly small objects of it: a first click that nothing limits keeps to the
  share of the prior there (``prior_at_start``), so that it does not claim all of the region.
- An accepted object is its pixels, at full resolution (:mod:`~napari_m2n2v2.session.accepted`), whatever regions come.
- A finer region starts from what the coarser ones gave (``Y_0``), and speaks of what its clicks reach; the rest stays.
  Before all regions is what objects start from, at full resolution.

So the masks depend on the clicks, the regions they were placed in and what objects start from, never on the order in
which regions were solved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.masks import as_known, masks_of
from napari_m2n2v2.images.sparse import Boxed, box_around
from napari_m2n2v2.images.tile import Region, RegionClick, clicks_in, has_parts
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted_in_plane import AcceptedInPlane, InRegions
from napari_m2n2v2.session.blending import Joining, ObjectInRegion, SolvedRegion
from napari_m2n2v2.session.cuts import cut_sides
from napari_m2n2v2.session.doubt import mean_doubt
from napari_m2n2v2.session.result import SessionResult
from napari_m2n2v2.session.session import Session
from napari_m2n2v2.session.starting import StartingMasks, check_starts, starting_masks

__all__ = ["Mosaic"]


class Mosaic:
    """The regions of one plane and the labels they give together.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    parameters : SegmentationParameters, optional
        Of all regions.
    start : array-like, optional
        ``[H, W]`` integer labels to start from instead of nothing. What no click reaches keeps its label.
        :meth:`replay` may change what each object starts from.
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
        self._base = StartingMasks(starting_masks(start, shape))
        self._in_regions = InRegions()
        self._sessions: dict[Region, Session] = {}
        self._features: dict[Region, ImageFeatures] = {}
        self._parts: dict[Region, SolvedRegion] = {}
        self._waiting: set[Region] = set()  # that have to be solved, and for features
        self._order: list[int] = []  # objects by their last clicks
        self._changed: list[Region] = []  # since the last replay that came to its end
        self._accepted = AcceptedInPlane(shape)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Those that say something now, the coarsest first."""
        return tuple(sorted(self._parts, key=_coarsest_first))

    @property
    def doubts(self) -> dict[int, float]:
        """Doubt of every object with clicks, from 0 to 1 (:func:`~napari_m2n2v2.session.doubt.doubt_of`)."""
        told: dict[int, list[tuple[float, int]]] = {}
        for part in self._parts.values():
            for i, doubt in part.doubts.items():
                told.setdefault(i, []).append(doubt)
        return {i: mean_doubt(doubts) for i, doubts in sorted(told.items())}

    @property
    def solved(self) -> dict[Region, tuple[Prompt, ...]]:
        """What each region was last solved by, in pixels of the plane."""
        return {region: part.clicks for region, part in self._parts.items()}

    def result(self, region: Region) -> SessionResult | None:
        """Return what a region's clicks gave, in pixels of the region."""
        return self._parts[region].result if region in self._parts else None

    def session_bytes(self, region: Region) -> int:
        """Return what the session of a region holds beside the features."""
        return self._sessions[region].nbytes if region in self._sessions else 0

    def session(
        self, region: Region, clicks: Iterable[Prompt] | None = None, progress: Progress | None = None
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
        session, starts = self._session(region), self._starts_of(region)
        if clicks is None:
            clicks = self._parts[region].clicks if region in self._parts else ()
        accepted = self._accepted.by(region, clicks := tuple(clicks), starts)
        session.replay(map(region.into, clicks), progress, accepted=accepted, starts=starts)
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
        self,
        placed: Iterable[RegionClick],
        progress: Progress | None = None,
        *,
        partly: bool = False,
        accepted: Mapping[int, Boxed] | None = None,
        starts: Mapping[int, Boxed] | None = None,
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
        accepted : mapping, optional
            The pixels of accepted objects by id (:meth:`pixels_of`); by default of those that were accepted, and whose
            clicks and start are what they were.
        starts : mapping, optional
            The masks that objects start from by id, Boxed bool in pixels of the plane; by default those that they
            start from now.

        Returns
        -------
        list of Region
            Boxes in which labels may have changed since the last time that it came to its end.

        Raises
        ------
        ImageError
            If the features of a region are not there, unless ``partly``; or accepted pixels, or masks to start from,
            are outside the plane.
        """
        placed, report = tuple(placed), progress or silent
        others = set() if starts is None else self.start_from(starts)
        for i, edges in self._accepted.note(placed, accepted, others).items():
            self._changed += map(Region.of_box, (*edges, *self._joining.boxes_of(i)))
        wanted = _wanted(placed)
        changed = self._with_other_clicks(wanted, placed)
        self._note_order(placed)
        gone = [region for region in self._parts if region not in wanted]
        self._changed.extend(self._joining.box_of_change(region, self._parts.pop(region), None) for region in gone)
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
            self._changed.append(self._joining.box_of_change(region, before, after))
        if self._waiting and not partly:
            raise _not_there(min(self._waiting, key=_coarsest_first))
        boxes, self._changed = [box for box in dict.fromkeys(self._changed) if box.height and box.width], []
        return boxes

    def start_from(self, starts: Mapping[int, Boxed]) -> set[int]:
        """Let objects start from these masks, as :meth:`replay` takes them; the next one tells where labels change.

        Returns
        -------
        set of int
            The objects that started from something else.

        Raises
        ------
        ClickError, ImageError
            If no object can start from one of these.
        """
        check_starts(starts, self.shape)
        before, now = self._base.masks, as_known(starts, self._base.masks)
        others = {i for i in {*before, *now} if before.get(i) is not now.get(i)}
        if others:
            boxes = (masks[i].box for masks in (before, now) for i in sorted(others & masks.keys()))
            self._changed += [Region.of_box(box) for box in boxes if box is not None]
            self._base = StartingMasks(now)
        return others

    def labels_in(self, rows: slice, cols: slice) -> NDArray[np.int32]:
        """Return the labels of a part of the plane, int32 ``[rows, cols]``, a new array."""
        return self._joining.labels(rows, cols, self.regions)

    def pixels_of(self, object_id: int) -> Boxed:
        """Return where an object is now, Boxed bool: what :meth:`replay` takes of one that is accepted."""
        boxes = [self._base.box_of(object_id), *self._joining.boxes_of(object_id)]
        if (box := box_around(boxes)) is None:
            return Boxed.of(np.zeros((0, 0), dtype=bool))
        found = Boxed.of(self.labels_in(slice(box[0], box[1]), slice(box[2], box[3])) == object_id)
        return Boxed(found.row + box[0], found.col + box[2], found.values)

    def cuts(self, region: Region) -> dict[int, tuple[str, ...]]:
        """Tell which objects end at which sides of a region only because it does.

        See :func:`~napari_m2n2v2.session.cuts.cut_sides`.
        """
        return cut_sides(self.labels_in, region, self.shape)

    @property
    def _joining(self) -> Joining:
        return Joining(self.shape, self._base, self._parts, self.compete, self._order, self._accepted.masks)

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
        if region in self._features and not self._accepted.is_as_in(region, part.result):
            return True
        touched = any(region.overlap(box) for box in self._changed)  # also by a replay that was stopped
        if part.was_let_go:
            return region in self._features or touched or any(region.overlap(other) for other in changed)
        before = part.result.starts
        return touched and as_known(self._starts_of(region), before) != dict(before)  # coarser ones may have changed

    def _starts_of(self, region: Region) -> dict[int, Boxed]:
        """Return what the objects of a region start from, by id, in its pixels."""
        coarser = [other for other in self._parts if other.step > region.step and other.overlap(region)]
        if coarser:
            known = self._joining.known_to(coarser)
            return masks_of(known.labels(region.rows, region.cols, sorted(coarser, key=_coarsest_first)))
        masks = {i: self._in_regions.of(region, self._base.masks[i]) for i in self._base.where.meeting(region.box)}
        return {i: mask for i, mask in masks.items() if mask.box is not None}

    def _solve(
        self, region: Region, clicks: tuple[Prompt, ...], before: SolvedRegion | None, report: Progress
    ) -> SolvedRegion:
        session, starts = self._session(region), self._starts_of(region)
        accepted = self._accepted.of(region, clicks, starts)
        result = session.replay(map(region.into, clicks), report, accepted=accepted, starts=starts)
        session.forget_history()  # nobody goes back in it, and it holds the masks of every state
        joins = has_parts(self.shape, session.features.parameters.working_side)
        known = before.objects if before is not None else {}
        said = {
            i: known[i] if i in known and known[i].found is found else ObjectInRegion.of(session, found, joins=joins)
            for i, found in result.objects.items()
        }
        return SolvedRegion.of(clicks, result, said)

    def _session(self, region: Region) -> Session:
        if region in self._sessions:
            return self._sessions[region]
        if region not in self._features:
            raise _not_there(region)
        parameters = self.parameters or SegmentationParameters()
        if region.shape != self.shape:
            parameters = replace(parameters, prior_at_start=parameters.score_adaptive)
        self._sessions[region] = session = Session(self._features[region], parameters, compete=self.compete)
        return session


def _not_there(region: Region) -> ImageError:
    return ImageError(
        f"The features of the region at row {region.top}, col {region.left} are needed and not there. Compute them and "
        "put() them first."
    )


def _wanted(placed: Sequence[RegionClick]) -> list[Region]:
    return sorted({p.region for p in placed}, key=_coarsest_first)


def _coarsest_first(region: Region) -> tuple[int, Region]:
    return -region.step, region
