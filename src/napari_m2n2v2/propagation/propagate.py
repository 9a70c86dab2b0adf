"""Carry objects from the plane where they were segmented through the planes beside it (``docs/stacks.md``).

Planes come one at a time, when they are asked for: whoever asks can write each, show it, and stop between two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ImageError, ParameterError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.resampling import at_resolution, place_at
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import PropagationParameters, SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.propagation.expectation import (
    Appearance,
    Expectation,
    Floats,
    Mask,
    deepest_contradiction,
    doubt_of_carried,
    expect,
    smoothed,
)
from napari_m2n2v2.session.segmentation import Segmentation
from napari_m2n2v2.session.session import Session

__all__ = ["PropagatedPlane", "Walk", "for_review", "propagate"]


@dataclass(frozen=True)
class Walk:
    """Planes to carry objects through, going away from where they were segmented.

    Parameters
    ----------
    start : tuple of int
        The plane that is segmented already.
    planes : tuple of tuple of int
        The others, in the order they are visited.
    """

    start: Index
    planes: tuple[Index, ...]

    @classmethod
    def along(cls, stack: Stack, start: Index, last: int, *, axis: int = 0, step: int = 1) -> Walk:
        """Walk along one axis, from the plane after ``start`` to ``last``, or in reverse if ``last`` is before it.

        Parameters
        ----------
        stack : Stack
            What the planes are of.
        start : tuple of int
            Where to leave from, see :class:`~napari_m2n2v2.images.stack.Stack`.
        last : int
            Position on the axis, included; 0 or the last one to go on until the objects end.
        axis : int
            Which of the stack's index axes, counted among them.
        step : int
            Go to every such plane, at least 1.

        Raises
        ------
        ImageError
            If there is no plane ``start`` or ``last``.
        ParameterError
            For an axis that there is not, or a step below 1.
        """
        start = stack.check(start)
        if not 0 <= axis < len(start) or step < 1:
            raise ParameterError(
                f"Expected an axis from 0 to {len(start) - 1}, a step of 1 or more; got {axis}, {step}."
            )
        stack.check((*start[:axis], last, *start[axis + 1 :]))
        away = step if last >= start[axis] else -step
        positions = range(start[axis] + away, last + (1 if away > 0 else -1), away)
        return cls(start, tuple((*start[:axis], position, *start[axis + 1 :]) for position in positions))

    def after(self, corrected: Index) -> Walk:
        """Return the walk from a plane that was corrected onward: what must be computed again, and nothing else.

        Raises
        ------
        ImageError
            If the plane is not on this walk.
        """
        if corrected == self.start:
            return self
        if corrected not in self.planes:
            raise ImageError(
                f"Plane {corrected} is not on the way from {self.start} through {len(self.planes)} planes."
            )
        return Walk(corrected, self.planes[self.planes.index(corrected) + 1 :])


@dataclass(frozen=True, eq=False)
class PropagatedPlane:
    """One plane with the objects that reached it.

    Parameters
    ----------
    index : tuple of int
        Which plane.
    clicks : tuple of Click
        What was clicked for the user; ``Session(features).replay(clicks)`` gives these labels, bit for bit.
    labels : ndarray
        int32 ``[H, W]``, the objects by their ids, 0 for background. Those that ended here are not in it.
    doubts : mapping
        Doubt of each object in it, from 0 to 1: the largest on its way so far
        (:func:`~napari_m2n2v2.propagation.expectation.doubt_of_carried`).
    ended : mapping
        Why the others went no further, by id.
    """

    index: Index
    clicks: tuple[Prompt, ...]
    labels: NDArray[np.int32]
    doubts: Mapping[int, float]
    ended: Mapping[int, str]

    @property
    def doubt(self) -> float:
        """The largest of the doubts; 0 where nothing arrived."""
        return max(self.doubts.values(), default=0.0)


def propagate(
    features_of: Callable[[Index], ImageFeatures],
    walk: Walk,
    labels: Any,
    *,
    doubts: Mapping[int, float] | None = None,
    parameters: SegmentationParameters | None = None,
    propagation: PropagationParameters | None = None,
    progress: Progress | None = None,
    session_of: Callable[[ImageFeatures], Session] | None = None,
) -> Iterator[PropagatedPlane]:
    """Carry every object of a segmented plane along a walk, until it ends.

    Parameters
    ----------
    features_of : callable
        Gives the features of a plane, all of one working shape and rendered with the same contrast limits. Called for
        the start at once, for every other plane when its turn comes.
    walk : Walk
        Where to. After a correction in one of its planes, ``walk.after(plane)``, with that plane's labels.
    labels : array-like
        ``[H, W]`` integers: the objects in the plane ``walk.start``. Their ids are kept.
    doubts : mapping, optional
        Of objects that were carried to the plane ``walk.start`` themselves, by id: what they had gathered by then.
    parameters : SegmentationParameters, optional
        As for a :class:`~napari_m2n2v2.Session`.
    propagation : PropagationParameters, optional
        How objects are carried and when they stop.
    progress : callable, optional
        Called as ``progress(share, stage)`` before each click; raise :class:`~napari_m2n2v2.Cancelled` from it to stop
        within a plane. To stop between planes, ask for no more.
    session_of : callable, optional
        Gives the session to click in, whose clicks are replaced; a new one by default. A caller who goes on with the
        clicks of a plane need not have their Markov-maps computed again.

    Returns
    -------
    iterator of PropagatedPlane
        One for each plane of the walk, the last being the one where the last object ended.

    Raises
    ------
    ImageError
        If the labels have another shape, are not integers or hold no object, or a plane has another working shape.

    Examples
    --------
    >>> up = Walk.along(stack, (75,), len(stack) - 1)
    >>> for plane in propagate(features_of, up, session.result.labels):
    ...     volume[plane.index] = plane.labels
    """
    before = features_of(walk.start)
    objects = Session(before, start=labels).result.objects
    if not objects:
        raise ImageError("There is nothing to carry: every label is 0. Segment an object in this plane first.")
    propagation = propagation or PropagationParameters()
    smooth = smoothed(before.image)
    known = doubts or {}
    carried = [_Carried.begin(i, found, smooth, propagation.band, known.get(i, 0.0)) for i, found in objects.items()]
    begin = session_of or partial(Session, parameters=parameters)
    return _planes(features_of, walk, carried, smooth, begin, propagation, progress or silent)


class _Doubtful(Protocol):
    @property
    def doubt(self) -> float: ...


D = TypeVar("D", bound=_Doubtful)


def for_review(planes: Iterable[D]) -> list[D]:
    """Return planes, or what else has a ``doubt``, the most doubtful first; of equally doubtful ones as they came."""
    return sorted(planes, key=lambda plane: -plane.doubt)


@dataclass(frozen=True, eq=False)
class _Carried:
    """An object in the plane reached last."""

    object_id: int
    mask: Mask  # [H', W']
    area: int  # in pixels of the image given
    appearance: Appearance
    doubt: float = 0.0  # the largest on its way so far

    @classmethod
    def begin(cls, object_id: int, found: Segmentation, smooth: Floats, band: float, doubt: float) -> _Carried:
        mask = found.working_mask
        return cls(object_id, mask, int(found.mask.sum()), Appearance.of(smooth, mask, band), doubt)


def _planes(
    features_of: Callable[[Index], ImageFeatures],
    walk: Walk,
    carried: list[_Carried],
    before: Floats,
    session_of: Callable[[ImageFeatures], Session],
    propagation: PropagationParameters,
    report: Progress,
) -> Iterator[PropagatedPlane]:
    for n, index in enumerate(walk.planes):
        # In a function of its own, so that no features are held while nobody asks for the next plane.
        on_click = partial(report, n / len(walk.planes), "propagation")
        plane, before = _go_on(session_of(features_of(index)), index, carried, before, propagation, on_click)
        yield plane
        carried = [_after(old, plane) for old in carried if old.object_id in plane.doubts]
        if not carried:
            return


def _go_on(
    session: Session,
    index: Index,
    carried: list[_Carried],
    before: Floats,
    propagation: PropagationParameters,
    on_click: Callable[[], None],
) -> tuple[PropagatedPlane, Floats]:
    """Carry objects to one plane; return it, and what it looks like."""
    here = smoothed(session.features.image)
    if here.shape != before.shape:
        raise ImageError(f"Plane {index} is worked on at {here.shape[:2]}, the one before at {before.shape[:2]}.")
    expected = {old.object_id: expect(old.mask, before, here, old.appearance, propagation) for old in carried}
    session.reset()
    for object_id, expectation in expected.items():
        expectation = expectation.without(session.closed_to(object_id))
        if expectation.match >= propagation.least_match:
            _click(session, object_id, expectation, propagation.most_clicks, on_click)
    return _settle(index, session, carried, here, expected, propagation), here


def _click(session: Session, object_id: int, expectation: Expectation, most: int, report: Callable[[], None]) -> None:
    """Click whatever contradicts the expectation, the deepest first."""
    mask = np.zeros_like(expectation.wanted)
    for _ in range(most):
        report()
        pixel = deepest_contradiction(mask, expectation)
        if pixel is None:
            return
        row, col = (place_at(*at) for at in zip(pixel, mask.shape, session.features.shape, strict=True))
        session.click(Click(row, col, bool(expectation.wanted[pixel]), object_id))
        mask = session.result.objects[object_id].working_mask


def _settle(
    index: Index,
    session: Session,
    carried: list[_Carried],
    here: Floats,
    expected: Mapping[int, Expectation],
    limits: PropagationParameters,
) -> PropagatedPlane:
    """Let go of the objects that ended; take the others as they are."""
    labels = session.result.working_labels
    pixels = math.prod(session.features.shape) / labels.size  # of the mask, in one worked on
    doubts, ended = {}, {}
    for old in carried:
        i = old.object_id
        mask, own = labels == i, expected[i]
        # What was lost once is not found again by being the same from there on.
        doubt = max(old.doubt, doubt_of_carried(mask, old.mask, here, own, old.appearance, limits))
        area = round(pixels * np.count_nonzero(mask))
        reason = _reason_to_stop(own.match, old.area, area, doubt, limits)
        if reason:
            ended[i] = reason
        else:
            doubts[i] = doubt
    result = session.replay(click for click in session.clicks if click.object_id in doubts)
    return PropagatedPlane(index, result.clicks, result.labels, MappingProxyType(doubts), MappingProxyType(ended))


def _reason_to_stop(match: float, before: int, area: int, doubt: float, limits: PropagationParameters) -> str:
    """Say why an object goes no further, in the user's words; nothing if it does."""
    if match < limits.least_match:
        return f"It ends: {match:.0%} of where it was still looks like it, {limits.least_match:.0%} are needed."
    if area < limits.least_area:
        return f"It ends: {area} pixels are left of {before}, {limits.least_area} are needed."
    if area > before * limits.most_jump or area * limits.most_jump < before:
        verb = "grew" if area > before else "shrank"
        return f"It {verb} from {before} to {area} pixels, more than {limits.most_jump:g} times."
    if doubt > limits.most_doubt:
        return f"{doubt:.0%} of it are in doubt, the limit is {limits.most_doubt:.0%}."
    return ""


def _after(old: _Carried, plane: PropagatedPlane) -> _Carried:
    mask = plane.labels == old.object_id
    doubt = plane.doubts[old.object_id]
    return replace(old, mask=at_resolution(mask, old.mask.shape), area=int(mask.sum()), doubt=doubt)
