"""One plane, several regions: each solved by itself, joined into masks without a visible step.

Not in the paper, whose rule is kept inside each region. How regions agree:

- A region is solved by all clicks inside it (:func:`~napari_m2n2v2.regions.clicks_in`), so a correction where two
  overlap corrects both.
- Regions of one step are asked how clearly a pixel is in or out (the margin between its nearest foreground and
  background click, :mod:`~napari_m2n2v2.diagnostics`), and the mean decides. A region counts less and less towards its
  border, where it knows little of what surrounds the pixel, and next to nothing there, so that there is no step.
- A finer region starts from what the coarser ones gave (``Y_0``), and speaks of what its clicks reach; the rest stays.

So the masks depend on the clicks and the regions they were placed in, never on the order in which regions were solved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.diagnostics import nearest_of_each_class
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features import ImageFeatures, Progress, compute_features, silent
from napari_m2n2v2.parameters import FeatureParameters, SegmentationParameters
from napari_m2n2v2.regions import Region, RegionClick, clicks_in
from napari_m2n2v2.segmentation import Segmentation
from napari_m2n2v2.session import Session
from napari_m2n2v2.stacks import Stack

__all__ = ["Mosaic", "region_features"]

Floats = NDArray[np.float32]
_LEAST = np.float32(1e-6)  # a pixel in the mask is in it, however little clear that is
_MARGIN = 0.25  # share of a region's side over which its word counts less and less
_AT_BORDER = 1e-3
_COARSER = 0.02  # how much coarser regions count where a finer one speaks


@dataclass(frozen=True, eq=False)
class _Part:
    """What one region says, and what that came from.

    ``margins`` has, for each of its objects, how clearly it is there: ``[H', W']`` float32 from -1 (out) to 1 (in),
    NaN where the region has nothing to say.
    """

    clicks: tuple[Click, ...]
    start: str
    margins: dict[int, Floats]


class Mosaic:
    """The regions of one plane and the labels they give together.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    parameters : SegmentationParameters, optional
        Of all regions.
    compete : bool
        As :class:`~napari_m2n2v2.Session` takes it.

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
        self, shape: tuple[int, int], parameters: SegmentationParameters | None = None, *, compete: bool = True
    ) -> None:
        self.shape = shape
        self.parameters = parameters
        self.compete = compete
        self._sessions: dict[Region, tuple[str, Session]] = {}  # with a digest of what each starts from
        self._features: dict[Region, ImageFeatures] = {}
        self._given: dict[Region, NDArray[np.int32]] = {}  # labels from before
        self._parts: dict[Region, _Part] = {}
        self._order: dict[int, int] = {}  # place of each object's last click
        self._changed: set[Region] = set()  # since the last replay that came to its end

    @property
    def regions(self) -> tuple[Region, ...]:
        """Those that say something now, the coarsest first."""
        return tuple(sorted(self._parts, key=_coarsest_first))

    def session(self, region: Region) -> Session | None:
        """Return the session of a region, whose clicks are in pixels of the region; not to be changed."""
        return self._sessions[region][1] if region in self._sessions else None

    def put(self, region: Region, features: ImageFeatures, start: NDArray[np.int32] | None = None) -> None:
        """Give a region its features, of its box alone (:func:`region_features`).

        Parameters
        ----------
        region : Region
            Which.
        features : ImageFeatures
            Of its shape.
        start : ndarray, optional
            ``[H, W]`` int32 labels of the region to start from, for a region that no coarser one overlaps.

        Raises
        ------
        ImageError
            If they are of another shape.
        """
        if features.shape != region.shape:
            raise ImageError(f"Features of {features.shape} pixels are not of a region of {region.shape}.")
        if self._features.get(region) is not features:
            self.drop(region)
            self._parts.pop(region, None)
            self._features[region] = features
            if start is not None:
                self._given[region] = start

    def drop(self, region: Region) -> None:
        """Let a region's features go; what it said stays until its clicks change."""
        self._features.pop(region, None)
        self._sessions.pop(region, None)

    def lacking(self, placed: Iterable[RegionClick]) -> list[Region]:
        """List the regions whose features are needed for these clicks and not there, the coarsest first."""
        placed = tuple(placed)
        return [
            region
            for region in self._wanted(placed)
            if region not in self._features
            and (region not in self._parts or self._parts[region].clicks != clicks_in(region, placed))
        ]

    def replay(self, placed: Iterable[RegionClick], progress: Progress | None = None) -> list[Region]:
        """Make these the clicks.

        Parameters
        ----------
        placed : iterable of RegionClick
            All of the plane, in order.
        progress : callable, optional
            Called as ``progress(share, stage)``; what it raises stops the work, and nothing is lost.

        Returns
        -------
        list of Region
            Where labels may have changed since the last time that it came to its end.

        Raises
        ------
        ImageError
            If the features of a region are not there, see :meth:`lacking`.
        """
        placed, report = tuple(placed), progress or silent
        self._order = {p.click.object_id: n for n, p in enumerate(placed)}
        regions = self._wanted(placed)
        for region in set(self._parts).difference(regions):
            del self._parts[region]
            self._changed.add(region)
        for done, region in enumerate(regions):
            report(done / len(regions), "clicks")
            part = self._solve(region, clicks_in(region, placed), report)
            if part is not self._parts.get(region):
                self._parts[region] = part
                self._changed.add(region)
        changed, self._changed = sorted(self._changed), set()
        return changed

    def _wanted(self, placed: Sequence[RegionClick]) -> list[Region]:
        return sorted({*self._given, *(p.region for p in placed)}, key=_coarsest_first)

    def labels_in(self, rows: slice, cols: slice) -> NDArray[np.int32]:
        """Return the labels of a part of the plane, int32 ``[rows, cols]``, a new array."""
        return self._labels(rows, cols, self.regions)

    def _labels(self, rows: slice, cols: slice, regions: Sequence[Region]) -> NDArray[np.int32]:
        box = Region(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
        labels = np.zeros(box.shape, dtype=np.int32)
        best = np.zeros(box.shape, dtype=np.float32)
        objects = {object_id for region in regions for object_id in self._parts[region].margins}
        for object_id in sorted(objects, key=lambda i: i if self.compete else self._order.get(i, -1)):
            clear = self._margins(object_id, box, regions)
            wins = clear > (best if self.compete else 0)
            labels[wins], best[wins] = object_id, clear[wins]
        return labels

    def _margins(self, object_id: int, box: Region, regions: Sequence[Region]) -> Floats:
        """Join what the regions say of one object: the coarsest first, and where finer ones speak, those."""
        joined = np.zeros(box.shape, dtype=np.float32)
        weights = np.zeros(box.shape, dtype=np.float32)
        step = 0
        for region in regions:
            both, part = region.overlap(box), self._parts[region]
            if both is None or object_id not in part.margins:
                continue
            if region.step != step:
                step, weights = region.step, np.where(weights > 0, np.float32(_COARSER), np.float32(0))
            place = _shifted(both, box)
            said = _sampled(part.margins[object_id], region, both)
            weight = np.where(np.isnan(said), 0, _weight(region, both, self.shape)).astype(np.float32)
            total = weights[place] + weight
            joined[place] += (np.nan_to_num(said) - joined[place]) * weight / np.maximum(total, _LEAST)
            weights[place] = total
        return joined

    def _solve(self, region: Region, clicks: tuple[Click, ...], report: Progress) -> _Part:
        coarser = [other for other in self._parts if other.step > region.step and other.overlap(region) is not None]
        start = self._labels(region.rows, region.cols, sorted(coarser, key=_coarsest_first)) if coarser else None
        start = self._given.get(region) if start is None else start
        digest = "" if start is None or not start.any() else hashlib.sha256(start.tobytes()).hexdigest()
        known = self._parts.get(region)
        if known is not None and (known.clicks, known.start) == (clicks, digest):
            return known
        session = self._session(region, start if digest else None, digest)
        result = session.replay((region.into(click) for click in clicks), report)
        ids = sorted({click.object_id for click in clicks} if region not in self._given else result.objects)
        return _Part(clicks, digest, {i: _margins_of(session, result.objects[i]) for i in ids})

    def _session(self, region: Region, start: NDArray[np.int32] | None, digest: str) -> Session:
        if region not in self._features:
            raise ImageError(
                f"The features of the region at row {region.top}, col {region.left} are needed and not there. Compute "
                "them and put() them first."
            )
        if region not in self._sessions or self._sessions[region][0] != digest:
            session = Session(self._features[region], self.parameters, start=start, compete=self.compete)
            self._sessions[region] = digest, session
        return self._sessions[region][1]


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


def _margins_of(session: Session, found: Segmentation) -> Floats:
    """Tell how clearly an object is in or out at each working pixel, see :class:`_Part`."""
    mask = found.working_mask
    if not found.clicks:  # a mask from before
        return np.where(mask, _LEAST, np.float32(np.nan)).astype(np.float32)
    inside, outside = nearest_of_each_class(session, found)
    beyond = np.minimum(outside, np.float32(1))
    clear = (beyond - inside) / np.maximum(beyond + inside, np.float32(1e-12))
    signed = np.where(mask, np.maximum(clear, _LEAST), np.minimum(clear, -_LEAST)).astype(np.float32)
    if found.start is not None:
        unreached = np.minimum(inside, outside) > 1
        signed[unreached] = np.where(mask[unreached], _LEAST, np.float32(np.nan))
    return signed


def _coarsest_first(region: Region) -> tuple[int, Region]:
    return -region.step, region


def _shifted(part: tuple[slice, slice], box: Region) -> tuple[slice, slice]:
    rows, cols = part
    return slice(rows.start - box.top, rows.stop - box.top), slice(cols.start - box.left, cols.stop - box.left)


def _sampled(working: Floats, region: Region, part: tuple[slice, slice]) -> Floats:
    """Enlarge a part of a working-resolution array, as :func:`~napari_m2n2v2.segmentation.at_full_resolution` does."""
    rows, cols = (
        np.minimum((np.arange(s.start, s.stop) + 0.5) * small / full, small - 1).astype(int)
        for s, full, small in zip(_shifted(part, region), region.shape, working.shape, strict=True)
    )
    enlarged: Floats = working[rows[:, None], cols[None, :]]
    return enlarged


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
