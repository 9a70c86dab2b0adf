"""One step of the method: from the previous segmentation and one more click to the next, as a pure function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.method.adaptive_size import largest_size_change, largest_threshold, size_switches
from napari_m2n2v2.method.nearest_neighbour import nearest_click, scale
from napari_m2n2v2.method.scoring import (
    ScoreFactors,
    first_maximum,
    prior_threshold,
    score_curve,
    score_factors,
)
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.click_map import ClickMap
from napari_m2n2v2.session.effects import Effect, effect_of
from napari_m2n2v2.session.finishing import Finishing, pixel_radii
from napari_m2n2v2.session.nearest import LatestNearest, Nearest
from napari_m2n2v2.session.seed import Pixel, Seed, outside_boxes, working_seed

__all__ = [
    "Segmentation",
    "advance",
    "distance_to_clicks",
    "maps_as_scored",
    "score_of_click",
]

_BYTES_PER_CLICK, _BYTES_PER_PIXEL = 60, 32  # in tuples


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmentation:
    """One object after some clicks.

    Parameters
    ----------
    clicks : tuple of Prompt
        In the order they were placed, which matters.
    thresholds : tuple of float
        ``lambda*`` of every click, in click order.
    ceilings : tuple of float
        The threshold at which each click would have changed the mask too much when it was placed (Eq. 8); infinite
        where there was no limit.
    discarded : tuple of bool
        Clicks that the scores of earlier clicks ignore (section 3.4, the discard rule).
    pixel_radii : tuple of tuple of float
        ``r_i`` of every click when it was placed, in working pixels (Eq. 9), of each pixel that it marks; infinite
        where nothing of its class was there.
    effects : tuple of Effect
        What each click did when it was placed.
    shape : tuple of int
        ``(H, W)`` of the mask.
    start : Segmentation or None
        The mask this began with, if it was not empty: ``Y_0``, and the class of pixels that no click reaches.
    squeezed : Squeezed
        The mask at working resolution, and where it is.
    """

    clicks: tuple[Prompt, ...]
    thresholds: tuple[float, ...]
    ceilings: tuple[float, ...]
    discarded: tuple[bool, ...]
    pixel_radii: tuple[tuple[float, ...], ...]
    effects: tuple[Effect, ...]
    shape: tuple[int, int]
    start: Segmentation | None
    squeezed: Squeezed  # undo without limit keeps one of these per click

    @classmethod
    def begin(cls, working_mask: NDArray[np.bool_] | Squeezed, shape: tuple[int, int]) -> Segmentation:
        """Return ``Y_0``: no clicks, and a mask at working resolution, empty in the paper."""
        squeezed = working_mask if isinstance(working_mask, Squeezed) else Squeezed.of(working_mask)
        first = cls(
            clicks=(), thresholds=(), ceilings=(), discarded=(), pixel_radii=(), effects=(),
            shape=shape, start=None, squeezed=squeezed,
        )  # fmt: skip
        return replace(first, start=first) if squeezed.box is not None else first

    @property
    def radii(self) -> tuple[float, ...]:
        """``r_i`` of every click: of one that marks several pixels, the largest; infinite of one that marks none."""
        return tuple(max(radii, default=math.inf) for radii in self.pixel_radii)

    @property
    def working_mask(self) -> NDArray[np.bool_]:
        """The mask at working resolution, bool ``[H', W']``, a new array."""
        return self.squeezed.as_mask()

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        pixels = sum(map(len, self.pixel_radii))
        return self.squeezed.nbytes + _BYTES_PER_CLICK * len(self.clicks) + _BYTES_PER_PIXEL * pixels

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask at the resolution of the image given, bool ``[H, W]``, a new array."""
        return at_resolution(self.working_mask, self.shape)


def advance(
    before: Segmentation,
    click: Prompt,
    features: ImageFeatures,
    parameters: SegmentationParameters,
    map_at: Callable[[Seed], ClickMap],
    latest: LatestNearest | None = None,
) -> Segmentation:
    """Add one click to a segmentation (sections 3.4 and 3.5).

    Parameters
    ----------
    before : Segmentation
        ``Y_{N-1}`` with its history.
    click : Prompt
        Click N.
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters
        The same for the whole history.
    map_at : callable
        Gives the :class:`ClickMap` of working pixels; a cache of :func:`click_map`.
    latest : LatestNearest, optional
        What is known of ``before``, and what will be of the state returned.

    Raises
    ------
    ClickError
        If the click is outside the image.
    """
    clicks = (*before.clicks, click)
    seeds = [working_seed(c, features) for c in clicks]
    labels = [c.foreground for c in clicks]
    maps = [map_at(seed) for seed in seeds]
    mask = before.working_mask
    outside = outside_boxes(seeds, labels, (mask.shape[0], mask.shape[1]))

    radii = (*before.pixel_radii, pixel_radii(mask, seeds[-1], click.foreground, parameters))
    radius = max(radii[-1], default=math.inf)
    limit, ceiling = math.inf, math.inf
    latest = latest or LatestNearest()
    earlier = latest.of(before, _values(maps[:-1])) if before.clicks else None  # as they stood
    if parameters.score_adaptive or parameters.discard_rule:
        limit = largest_size_change(radius, parameters.sigma_adaptive)
    if parameters.score_adaptive and limit < math.inf:
        near = earlier[1] if earlier else None
        if near is not None and outside is not None:
            near = np.where(outside, np.float32(0), near)  # what cannot be of the object never switches
        switches = size_switches(maps[-1].values, near, mask, click.foreground)
        ceiling = largest_threshold(switches, limit)
    elif parameters.prior_at_start and limit == math.inf and seeds[-1].pixels:
        ceiling = prior_threshold(maps[-1].candidates, parameters.sigma_prior)
    ceilings = (*before.ceilings, ceiling)
    maps = maps_as_scored(maps, (*before.radii, radius))

    beyond = before.start.working_mask if before.start is not None else None
    finish = Finishing(features, parameters, seeds, labels, radii, beyond, outside)

    def solve(discarded: tuple[bool, ...]) -> tuple[tuple[float, ...], NDArray[np.bool_], Nearest]:
        thresholds = _best_thresholds(maps, seeds, clicks, ceilings, discarded, parameters)
        known = earlier if thresholds[:-1] == before.thresholds else None
        nearest = nearest_click(_values(maps), thresholds, known)
        return thresholds, finish(*nearest), nearest

    discarded = (*before.discarded, False)
    thresholds, solved, nearest = solve(discarded)
    change = abs(np.count_nonzero(solved) - np.count_nonzero(mask))
    if parameters.discard_rule and before.clicks and change > limit:
        discarded = (*before.discarded, True)
        thresholds, solved, nearest = solve(discarded)
    found = Segmentation(
        clicks=clicks,
        thresholds=thresholds,
        ceilings=ceilings,
        discarded=discarded,
        pixel_radii=radii,
        effects=(*before.effects, effect_of(mask, solved, seeds[-1].pixels, click.foreground, *nearest)),
        shape=before.shape,
        start=before.start,
        squeezed=Squeezed.of(solved),
    )
    latest.keep(found, nearest)
    return found


def maps_as_scored(maps: Sequence[ClickMap], radii: Sequence[float]) -> list[ClickMap]:
    """Return the maps of clicks with the edge scores that count for each, given their ``r_i`` when they were placed."""
    return [found.unlimited if radius == math.inf else found for found, radius in zip(maps, radii, strict=True)]


def distance_to_clicks(
    segmentation: Segmentation,
    features: ImageFeatures,
    map_at: Callable[[Seed], ClickMap],
    pixels: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return ``min_i S_i`` over the clicks of a segmentation, at least one, at flat pixels, float32 (Eq. 11)."""
    maps = (map_at(working_seed(click, features)).values.ravel()[pixels] for click in segmentation.clicks)
    scaled = (scale(values, threshold) for values, threshold in zip(maps, segmentation.thresholds, strict=True))
    return reduce(np.minimum, scaled)


def _values(maps: Sequence[ClickMap]) -> list[NDArray[np.float32]]:
    return [m.values for m in maps]


def _best_thresholds(
    maps: Sequence[ClickMap],
    seeds: Sequence[Seed],
    clicks: Sequence[Prompt],
    ceilings: Sequence[float],
    discarded: Sequence[bool],
    parameters: SegmentationParameters,
) -> tuple[float, ...]:
    """``lambda*`` of every click, each by its own map and all clicks it may know of (Eq. 5)."""
    best = []
    for i, click in enumerate(clicks):
        if click.threshold is not None:
            best.append(click.threshold)
        else:
            factors = _factors_of_click(i, maps, seeds, clicks, ceilings, discarded, parameters)
            best.append(float(maps[i].candidates.values[first_maximum(maps[i].candidates, factors)]))
    return tuple(best)


def score_of_click(
    i: int,
    maps: Sequence[ClickMap],
    seeds: Sequence[Seed],
    clicks: Sequence[Prompt],
    ceilings: Sequence[float],
    discarded: Sequence[bool],
    parameters: SegmentationParameters,
) -> NDArray[np.float32]:
    """Score every candidate threshold of click ``i`` (Eq. 6): ``[K]`` float32, in the order of its candidates.

    The other arguments are what :class:`Segmentation` holds of all clicks, with their maps and seeds.
    """
    factors = _factors_of_click(i, maps, seeds, clicks, ceilings, discarded, parameters)
    return score_curve(maps[i].candidates, factors)


def _factors_of_click(
    i: int,
    maps: Sequence[ClickMap],
    seeds: Sequence[Seed],
    clicks: Sequence[Prompt],
    ceilings: Sequence[float],
    discarded: Sequence[bool],
    parameters: SegmentationParameters,
) -> ScoreFactors:
    known = [j for j in range(len(maps)) if j <= i or not discarded[j]]
    told = [(_told(seeds[j], maps[j]), clicks[j].foreground == clicks[i].foreground) for j in known]
    told = [(pixels, is_same) for pixels, is_same in told if pixels]
    every = np.array([pixel for pixels, _ in told for pixel in pixels], dtype=np.intp).reshape(-1, 2)
    at_all = maps[i].values[every[:, 0], every[:, 1]]  # at once: there may be many
    ends = list(accumulate((len(pixels) for pixels, _ in told), initial=0))
    values = [(at_all[begin:end], is_same) for (begin, end), (_, is_same) in zip(pairwise(ends), told, strict=True)]
    same = [of_prompt for of_prompt, is_same in values if is_same]
    # A threshold may reach less than half of a scribble of the other class: one pixel of many is easily misplaced.
    opposite = [np.sort(of_prompt)[of_prompt.size // 2] for of_prompt, is_same in values if not is_same]
    marks = bool(seeds[i].pixels)  # a box marks none: its own score, and what is said not to be of the object, decide
    return score_factors(
        maps[i].candidates,
        np.concatenate(same) if same else np.zeros(0, dtype=np.float32),
        np.array(opposite, dtype=np.float32),
        edge=parameters.score_edge or not marks,
        positive=parameters.score_positive and marks,
        negative=parameters.score_negative,
        prior=parameters.sigma_prior if parameters.score_prior and marks else 1.0,
        below=ceilings[i],
    )


def _told(seed: Seed, found: ClickMap) -> tuple[Pixel, ...]:
    """Return the pixels that scores take to be of a prompt's class."""
    return seed.pixels or (() if found.core is None else (found.core,))
