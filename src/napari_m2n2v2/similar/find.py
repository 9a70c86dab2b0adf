"""Find similar objects: in an image, in many taken alike, in a stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ParameterError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.session import Session
from napari_m2n2v2.similar.candidates import Candidate, candidates
from napari_m2n2v2.similar.certainty import advice, certainty
from napari_m2n2v2.similar.examples import Known, Point, known
from napari_m2n2v2.similar.learned import Learned, Seen, look_at
from napari_m2n2v2.similar.learning import learn
from napari_m2n2v2.similar.pixels import CUES, Cues
from napari_m2n2v2.similar.plane import Part, Plane, PlaneOf, limits_of, parts
from napari_m2n2v2.similar.proposals import Proposal, Proposals

__all__ = ["Likeness", "find_similar", "find_similar_in_stack"]

_SAME = 0.5  # share of the smaller one that both of two parts found


@dataclass(frozen=True, eq=False)
class Likeness:
    """What some examples have in common, to find more of in their own image or in others taken alike.

    Made by :meth:`learn`. The same examples give the same proposals, in every run.

    Parameters
    ----------
    reproduced : float
        Mean IoU of the examples with what is found of them when they are not told.
    limits : tuple of float or None
        Values shown as black and white, in every image alike.
    """

    reproduced: float
    limits: tuple[float, float] | None
    _learned: Learned

    @property
    def radius(self) -> float:
        """Of the examples in pixels, as if they were discs."""
        return self._learned.radius

    @classmethod
    def learn(
        cls,
        examples: Iterable[tuple[Any, Any]],
        *,
        ids: Iterable[int] | None = None,
        cues: Cues = "both",
        contrast_limits: tuple[float, float] | None = None,
        progress: Progress | None = None,
    ) -> Likeness:
        """Learn from examples in one or several images of one magnification.

        Parameters
        ----------
        examples : iterable of tuple
            (image, labels) of each, as :func:`find_similar` takes them.
        ids, cues, contrast_limits, progress
            As :func:`find_similar` takes them. Ids are of all the images.

        Raises
        ------
        ImageError, ParameterError, Cancelled
        """
        pairs = [(_as_array(image), labels) for image, labels in examples]
        limits = contrast_limits or limits_of([image for image, _ in pairs])
        wanted = None if ids is None else {int(i) for i in ids}
        planes = []
        for image, labels in pairs:
            plane = Plane.of(image, limits)
            planes.append((plane, known(plane.shape, labels, wanted, some=len(pairs) > 1)))
        return _learn(planes, cues, progress or silent)[0]

    def find(
        self,
        image: Any,
        occupied: Any = None,
        *,
        rejected: Iterable[Proposal | Boxed] = (),
        background: Iterable[Click | Point] = (),
        progress: Progress | None = None,
    ) -> Proposals:
        """Propose all objects like the examples in an image.

        Parameters
        ----------
        image : array-like
            As :func:`find_similar` takes it.
        occupied : array-like, optional
            ``[H, W]`` labels of the objects that are there already.
        rejected, background
            What is not proposed again, and where nothing is.
        progress : callable, optional
            Called as ``progress(share, stage)``; raise :class:`~napari_m2n2v2.Cancelled` from it to stop.

        Raises
        ------
        ImageError, ParameterError, ClickError, Cancelled
        """
        plane = Plane.of(_as_array(image), self.limits)
        return self._found(plane, known(plane.shape, occupied, (), rejected, background), progress or silent)

    def _found(self, plane: Plane, there: Known, report: Progress, seen: Seen | None = None) -> Proposals:
        divided, found = parts(plane.shape, self.radius), list[Proposal]()
        for n, part in enumerate(divided):
            report(n / len(divided), "looking for more")
            look = seen if seen is not None and seen.part == part else self._look_at(plane, part)
            candidates_here = candidates(self._learned.odds(look), there.regions[part.place], self._learned)
            mine = [self._proposal(one, part) for one in candidates_here if part.owns(*_moved(one.seed, part))]
            near = [one for one in found if _box_meets(one, part)]
            new = [_without(one, near) for one in mine if not _is_there(one, near)]
            found += [one for one in new if one is not None and not _holds(one, there.background)]
        report(1.0, "looking for more")
        found.sort(key=lambda one: (-one.certainty, one.seed))
        return Proposals(plane.shape, tuple(found), self.reproduced, advice(found))

    def _look_at(self, plane: Plane, part: Part) -> Seen:
        return look_at(plane, part, self.radius, self._learned.colour, self._learned.cues)

    def _proposal(self, one: Candidate, part: Part) -> Proposal:
        mask = Boxed(one.mask.row + part.read[0], one.mask.col + part.read[2], one.mask.values)
        return Proposal(mask, _moved(one.seed, part), certainty(one.why, self.reproduced, one.at_border), one.why)


def find_similar(
    source: Any,
    examples: Any = None,
    *,
    ids: Iterable[int] | None = None,
    rejected: Iterable[Proposal | Boxed] = (),
    background: Iterable[Click | Point] = (),
    cues: Cues = "both",
    contrast_limits: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> Proposals:
    """Propose all objects that look like one to a few examples.

    Nothing is changed, and the same input gives the same proposals.

    Parameters
    ----------
    source : array-like, ImageFeatures or Session
        The image, as :func:`~napari_m2n2v2.compute_features` takes it; a large one, also of zarr or memory-mapped, is
        read part by part. Of features and sessions it is what they work on.
    examples : array-like, optional
        ``[H, W]`` labels; those of a session by default.
    ids : iterable of int, optional
        Which of the labels are examples; all by default. The others are objects too: they are not proposed again.
    rejected : iterable of Proposal or Boxed
        Of this image, that were wrong: it is learned what is none, and they are not proposed again.
    background : iterable of Click or of (row, col)
        Where no such object is. Of a session its background clicks count too, but for those on what looks like the
        inside of an object: they may have parted two.
    cues : str
        "both", "colour" or "texture": what objects are told from the rest by.
    contrast_limits : tuple of float, optional
        Values shown black and white, for an image that is not 8 bit.
    progress : callable, optional
        Called as ``progress(share, stage)``; raise :class:`~napari_m2n2v2.Cancelled` from it to stop.

    Raises
    ------
    ImageError
        If the image is not one plane, or the labels do not fit it.
    ParameterError
        If there is no example, or no such cue.
    ClickError
        If a background click is outside the image.
    Cancelled
        If ``progress`` raises it.

    Examples
    --------
    >>> proposals = find_similar(image, labels, ids=[1, 2])
    >>> proposals.advice in ("accept all shown", "check each")
    True
    >>> more = proposals.labels(first_id=labels.max() + 1, at_least=0.7)
    """
    report = progress or silent
    doubtful: tuple[Point, ...] = ()
    if isinstance(source, Session):
        examples = source.result.labels if examples is None else examples
        doubtful = _told_against(source.clicks, source.features.shape)
        source = source.features
    image = _as_array(source)
    plane = Plane.of(image, contrast_limits or limits_of([image]))
    there = known(plane.shape, examples, ids, rejected, background, doubtful)
    likeness, seen = _learn([(plane, there)], cues, lambda share, stage: report(0.6 * share, stage))
    return likeness._found(plane, there, lambda share, stage: report(0.6 + 0.4 * share, stage), seen)


def _learn(planes: Sequence[tuple[Plane, Known]], cues: Cues, report: Progress) -> tuple[Likeness, Seen | None]:
    """Learn, and return what was seen too, if it was one part: nobody has to look at it again."""
    if cues not in CUES:
        raise ParameterError(f"Objects are told by {', '.join(CUES)}, got {cues!r}.")
    lesson = learn(planes, cues, report)
    return Likeness(lesson.reproduced, planes[0][0].limits, lesson.learned), lesson.seen


def find_similar_in_stack(
    stack: Stack,
    examples: Mapping[Index, Any],
    *,
    planes: Iterable[Index] | None = None,
    ids: Iterable[int] | None = None,
    occupied: Mapping[Index, Any] | None = None,
    rejected: Mapping[Index, Iterable[Proposal | Boxed]] | None = None,
    clicks: Mapping[Index, Iterable[Prompt]] | None = None,
    cues: Cues = "both",
    contrast_limits: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Index, Proposals]]:
    """Propose all objects like the examples in the planes of a stack, one plane after the other.

    Parameters
    ----------
    stack : Stack
        Of planes that are shown alike.
    examples : mapping
        ``[H, W]`` labels of some planes, by index. All of them are learned from together.
    planes : iterable of tuple of int, optional
        Where to look, in this order; everywhere by default.
    occupied : mapping, optional
        ``[H, W]`` labels of the objects that are in planes without examples, by index. Each is asked for when its
        plane's turn comes.
    rejected : mapping, optional
        What was wrong, by plane: it is learned what is none, and they are not proposed again.
    clicks : mapping, optional
        What was clicked or scribbled, by plane: background clicks count as those of a session do.
    ids, cues, contrast_limits
        As :func:`find_similar` takes them; without limits, those of the planes with examples.
    progress : callable, optional
        Called with the share of all planes; raise :class:`~napari_m2n2v2.Cancelled` from it to stop within a plane. To
        stop between planes, ask for no more.

    Yields
    ------
    index : tuple of int
        Of the plane.
    proposals : Proposals
        In it. One object in several planes is proposed in each of them, on its own.

    Raises
    ------
    ImageError, ParameterError, Cancelled
    """
    report = progress or silent
    labelled = {stack.check(index): labels for index, labels in examples.items()}
    wanted = [stack.check(index) for index in (stack if planes is None else planes)]
    others = {} if occupied is None else occupied
    wrong = {stack.check(index): tuple(some) for index, some in (rejected or {}).items()}
    doubtful = {index: _told_against(some, stack.plane_shape) for index, some in (clicks or {}).items()}
    limits = contrast_limits or limits_of([PlaneOf(stack, index) for index in labelled])
    chosen = None if ids is None else {int(i) for i in ids}
    told = []
    for index in dict.fromkeys((*labelled, *wrong)):
        plane = Plane.of(PlaneOf(stack, index), limits)
        labels, own = (labelled[index], chosen) if index in labelled else (others.get(index), ())
        around = doubtful.get(index, ())
        there = known(plane.shape, labels, own, wrong.get(index, ()), doubtful=around, some=len(labelled) > 1)
        told.append((plane, there))
    likeness, seen = _learn(told, cues, lambda share, stage: report(share / (len(wanted) + 1), stage))
    seen_of = {next(iter(labelled)): seen} if len(told) == 1 else {}
    return _in_planes(stack, wanted, labelled, others, wrong, likeness, seen_of, report)


def _told_against(prompts: Iterable[Prompt], shape: tuple[int, int]) -> tuple[Point, ...]:
    """Return the pixels that background clicks and scribbles mark."""
    return tuple(pixel for one in prompts if not one.foreground for pixel in one.pixels(shape))


def _in_planes(
    stack: Stack,
    wanted: Sequence[Index],
    labelled: Mapping[Index, Any],
    others: Mapping[Index, Any],
    wrong: Mapping[Index, Sequence[Proposal | Boxed]],
    likeness: Likeness,
    seen: Mapping[Index, Seen | None],
    report: Progress,
) -> Iterator[tuple[Index, Proposals]]:
    for n, index in enumerate(wanted, start=1):

        def share(done: float, stage: str, n: int = n) -> None:
            report((n + done) / (len(wanted) + 1), stage)

        plane = Plane.of(PlaneOf(stack, index), likeness.limits)
        labels = labelled[index] if index in labelled else others.get(index)
        there = known(plane.shape, labels, (), wrong.get(index, ()))
        yield index, likeness._found(plane, there, share, seen.get(index))


def _as_array(source: Any) -> Any:
    """Return what can be sliced: the image that features work on, at the resolution of clicks, or the image itself."""
    if isinstance(source, ImageFeatures):
        if source.image.shape[:2] == source.shape:
            return source.image
        return np.stack([at_resolution(source.image[..., n], source.shape) for n in range(3)], axis=-1)
    return source if hasattr(source, "shape") and hasattr(source, "dtype") else np.asarray(source)


def _moved(seed: tuple[int, int], part: Part) -> tuple[int, int]:
    return seed[0] + part.read[0], seed[1] + part.read[2]


def _box_meets(one: Proposal, part: Part) -> bool:
    """Whether a proposal of another part may reach into masks that are found in this one."""
    top, bottom, left, right = one.mask.box or (0, 0, 0, 0)
    return top < part.read[1] and bottom > part.read[0] and left < part.read[3] and right > part.read[2]


def _is_there(one: Proposal, others: Sequence[Proposal]) -> bool:
    """Whether another part has found the same object already."""
    return any(_common(one, other) > _SAME * min(one.area, other.area) for other in others)


def _without(one: Proposal, others: Sequence[Proposal]) -> Proposal | None:
    """Return a proposal without the pixels of others; None if one of them has its deepest pixel."""
    shared = [other for other in others if _common(one, other)]
    if not shared:
        return one
    box = one.mask.box or (0, 0, 0, 0)
    left = one.mask.values & ~np.any([other.mask.within(box) for other in shared], axis=0)
    row, col = one.seed[0] - one.mask.row, one.seed[1] - one.mask.col
    return replace(one, mask=replace(one.mask, values=left)) if left[row, col] else None


def _common(one: Proposal, other: Proposal) -> int:
    """Count the pixels that two proposals have in common."""
    here, there = one.mask.box, other.mask.box
    if here is None or there is None or here[0] >= there[1] or there[0] >= here[1]:
        return 0
    if here[2] >= there[3] or there[2] >= here[3]:
        return 0
    return int(np.count_nonzero(other.mask.within(here) & one.mask.values))


def _holds(one: Proposal, points: Sequence[tuple[int, int]]) -> bool:
    """Whether any of some pixels is in a proposal."""
    return any(one.mask.within((row, row + 1, col, col + 1))[0, 0] for row, col in points)
