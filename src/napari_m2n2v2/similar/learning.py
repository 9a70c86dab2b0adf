"""Learning what the examples have in common, from them and what lies around them alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_m2n2v2.errors import ParameterError
from napari_m2n2v2.parallel import Progress
from napari_m2n2v2.similar.basins import Sizes
from napari_m2n2v2.similar.candidates import reproduction
from napari_m2n2v2.similar.examples import Known
from napari_m2n2v2.similar.learned import Learned, Odds, Seen, look_at
from napari_m2n2v2.similar.logistic import Separation, separate
from napari_m2n2v2.similar.outlines import LEVELS, Place, Rough, around, outline, rough_example
from napari_m2n2v2.similar.pixels import Cues, Floats, has_colour
from napari_m2n2v2.similar.plane import Part, Plane, parts
from napari_m2n2v2.similar.shape import Mask, compactness, distance_to

__all__ = ["Lesson", "learn"]

_NEAREST, _FARTHEST = 1.5, 3.5  # pixels: where the ring around an example begins, and the least it goes to
_MOST_PIXELS = 20_000  # of a class, that are learned from
_SPREAD = 0.5  # of the logarithm of the area, at least
_CLICKED = 0.3  # radii around a background click
_MOST_REPRODUCED_PARTS = 4
_STAGE = "learning from the examples"
_LEAST_DEVIATION = 1e-6  # of features that are the same everywhere


@dataclass(frozen=True, eq=False)
class Lesson:
    """What came of learning.

    Parameters
    ----------
    learned : Learned
        What the examples have in common.
    reproduced : float
        Mean IoU of examples with what is found of them when they are not told.
    seen : Seen or None
        The part that was looked at, if it was one alone: nobody has to look again.
    """

    learned: Learned
    reproduced: float
    seen: Seen | None


def learn(planes: Sequence[tuple[Plane, Known]], cues: Cues, report: Progress) -> Lesson:
    """Learn from the examples in one or several planes.

    Raises
    ------
    ParameterError
        If there are no examples.
    """
    areas = np.concatenate([known.areas for _, known in planes])
    if not areas.size:
        raise ParameterError("There is no example: segment one object first, or give labels with one in it.")
    radius = float(np.sqrt(areas.mean() / np.pi))
    views = _Views(planes, radius, cues)
    samples = [_Sample.of(seen, known, radius) for seen, known in views.each(report)]
    inside = _separated([sample.features for sample in samples])
    axis = _separated([sample.lab for sample in samples])
    told: list[_Told] = []
    looks: list[tuple[Odds, Known, Part]] = []
    for seen, known in views.each(report):
        odds = Odds.of(seen, inside, axis, cues)
        told.extend(_told(odds, known, seen.part, radius))
        has_examples = any(_is_of(seen.part, box) for box in known.boxes)  # or what was rejected alone
        if has_examples and len(looks) < _MOST_REPRODUCED_PARTS:
            looks.append((odds, known, seen.part))
    level, contrast = _level(told)
    learned = Learned(
        radius=radius, area=float(areas.mean()), sizes=_sizes(areas),
        compact=float(np.mean([compactness(one.mask) for one in told])), contrast=contrast,
        look=float(np.mean([one.look for one in told])), inside=inside, axis=axis, level=level, colour=views.colour,
        cues=cues,
    )  # fmt: skip
    report(1.0, _STAGE)
    found = [iou for odds, known, part in looks for iou in _reproduced(odds, known, part, learned)]
    return Lesson(learned, float(np.mean(found)), views.seen)


def _sizes(areas: NDArray[np.float64]) -> Sizes:
    logs = np.log(areas)
    return Sizes(float(logs.mean()), max(float(logs.std()), _SPREAD))


class _Views:
    """The parts of planes that hold examples or what was rejected, looked at again each time, unless it is one."""

    def __init__(self, planes: Sequence[tuple[Plane, Known]], radius: float, cues: Cues) -> None:
        self.radius, self.cues = radius, cues
        self.wanted = [
            (plane, known, part)
            for plane, known in planes
            for part in parts(plane.shape, radius)
            if any(_is_of(part, box) for box in (*known.boxes, *known.wrong))
        ]
        self.colour = any(has_colour(plane.rgb(part)) for plane, _, part in self.wanted)
        self.seen: Seen | None = None

    def each(self, report: Progress) -> Iterator[tuple[Seen, Known]]:
        for n, (plane, known, part) in enumerate(self.wanted):
            report(n / len(self.wanted), _STAGE)
            seen = self.seen or look_at(plane, part, self.radius, self.colour, self.cues)
            if len(self.wanted) == 1:
                self.seen = seen
            yield seen, known


def _is_of(part: Part, box: tuple[slice, slice]) -> bool:
    """Whether a part is the one that an object is counted in: by the middle of its box."""
    row, col = ((side.start + side.stop) // 2 for side in box)
    return part.owns(row, col)


@dataclass(frozen=True, eq=False)
class _Pixels:
    """Features of pixels: inside, around, never, each ``[n, F]``, and mean and deviation of all, ``[F]``."""

    inside: NDArray[Any]
    around: NDArray[Any]
    never: NDArray[Any]
    mean: NDArray[Any]
    deviation: NDArray[Any]

    @classmethod
    def of(cls, features: Floats, inside: Mask, around: Mask, never: Mask) -> _Pixels:
        mean, deviation = features.mean(axis=(1, 2), dtype=np.float64), features.std(axis=(1, 2), dtype=np.float64)
        parts = [_thinned(features[:, kind].T) for kind in (inside, around, never)]
        return cls(parts[0], parts[1], parts[2], mean, deviation)


@dataclass(frozen=True, eq=False)
class _Sample:
    """What is learned from in a part."""

    features: _Pixels
    lab: _Pixels

    @classmethod
    def of(cls, seen: Seen, known: Known, radius: float) -> _Sample:
        regions = known.regions[seen.part.place]
        inside = (regions > 0) & (regions <= known.examples)
        away = distance_to(inside)
        ring = (away > _NEAREST) & (away <= max(radius, _FARTHEST)) & (regions == 0)
        around = ring | _near(known.doubtful, seen.part, regions.shape, radius) & (regions == 0)
        rejected = regions > known.objects
        never = (rejected | _near(known.background, seen.part, regions.shape, radius)) & ~inside
        kinds = inside, around & ~never, never
        return cls(_Pixels.of(seen.features, *kinds), _Pixels.of(seen.lab, *kinds))


def _near(points: Sequence[tuple[int, int]], part: Part, shape: tuple[int, ...], radius: float) -> Mask:
    """Return the discs around clicks, in a part."""
    found = np.zeros(shape, dtype=bool)
    for row, col in points:
        at = row - part.read[0], col - part.read[2]
        if 0 <= at[0] < shape[0] and 0 <= at[1] < shape[1]:
            found[at] = True
    return distance_to(found) <= max(1.0, _CLICKED * radius) if found.any() else found


def _thinned(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return at most so many of ``[n, F]``, evenly spread."""
    step = -(-len(pixels) // _MOST_PIXELS)
    return pixels[:: max(step, 1)].astype(np.float64)


def _separated(samples: Sequence[_Pixels]) -> Separation:
    """Learn from the samples of all parts together."""
    inside, around, never = (
        _thinned(np.concatenate([getattr(one, kind) for one in samples])) for kind in ("inside", "around", "never")
    )
    mean = np.mean([one.mean for one in samples], axis=0)
    variance = np.mean([one.deviation**2 + (one.mean - mean) ** 2 for one in samples], axis=0)
    return separate(inside, around, never, mean, np.sqrt(variance) + _LEAST_DEVIATION)


@dataclass(frozen=True, eq=False)
class _Told:
    """An example as an object to be outlined."""

    mask: Mask
    rough: Rough
    look: float


def _told(odds: Odds, known: Known, part: Part, radius: float) -> Iterator[_Told]:
    regions = known.regions[part.place]
    for number, box in enumerate(known.boxes, start=1):
        if _is_of(part, box):
            place = around(_within(box, part), radius, regions.shape)
            mask = regions[place] == number
            look = float(expit(odds.inside[place][mask]).mean())
            yield _Told(mask, rough_example(place, mask, odds.inside[place] > 0, odds.values[place], radius), look)


def _within(box: Place, part: Part) -> Place:
    rows, cols = (
        slice(max(0, side.start - start), min(stop - start, side.stop - start))
        for side, start, stop in zip(box, part.read[::2], part.read[1::2], strict=True)
    )
    return rows, cols


def _level(told: Sequence[_Told]) -> tuple[float, float]:
    """Return the level that outlines the examples best, the lowest of several, and their mean contrast."""
    agreement = [np.mean([_agreement(outline(one.rough, level), one.mask) for one in told]) for level in LEVELS]
    contrast = float(np.mean([one.rough.core - one.rough.around for one in told]))
    return LEVELS[int(np.argmax(agreement))], contrast


def _agreement(one: Mask, other: Mask) -> float:
    """Return the IoU of two masks that are not both empty."""
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


def _reproduced(odds: Odds, known: Known, part: Part, learned: Learned) -> list[float]:
    boxes = [(n, _within(box, part)) for n, box in enumerate(known.boxes, start=1) if _is_of(part, box)]
    return reproduction(odds, known.regions[part.place], boxes, learned)
