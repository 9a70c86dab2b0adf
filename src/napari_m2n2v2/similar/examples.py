"""What examples are: objects of a label image, and what is known not to be one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ImageError, ParameterError
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.similar.proposals import Proposal

__all__ = ["Known", "known"]

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a plane.

    Parameters
    ----------
    regions : ndarray
        int32 ``[H, W]``: the examples from 1 on in the order of their ids, then what else is there, objects and what
        was rejected, of which nothing is proposed again.
    examples, objects : int
        How many of them are examples, and how many objects; those above were rejected.
    background, doubtful : tuple of tuple of int
        (row, col) of pixels that are in no such object; and that are likely in none.
    """

    regions: NDArray[np.int32]
    examples: int
    objects: int
    background: tuple[tuple[int, int], ...] = ()
    doubtful: tuple[tuple[int, int], ...] = ()

    @cached_property
    def boxes(self) -> list[tuple[slice, slice]]:
        """Rows and columns of each example."""
        return list(find_objects(self.regions)[: self.examples])

    @cached_property
    def wrong(self) -> list[tuple[slice, slice]]:
        """Rows and columns of each that was rejected, of which anything is left."""
        return [box for box in find_objects(self.regions)[self.objects :] if box is not None]

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """Of each example, in pixels."""
        return np.bincount(self.regions.ravel(), minlength=self.examples + 1)[1 : self.examples + 1].astype(np.float64)


def known(
    shape: tuple[int, int],
    labels: Any,
    ids: Iterable[int] | None = None,
    rejected: Iterable[Proposal | Boxed] = (),
    background: Iterable[Click | Point] = (),
    doubtful: Iterable[Click | Point] = (),
    *,
    some: bool = False,
) -> Known:
    """Check what is said of a plane of ``shape``; with ``some``, only some of the ids need be there.

    Raises
    ------
    ImageError
        If the labels have another shape, or are not of integers from 0 on.
    ParameterError
        If there is no object with one of the ids.
    ClickError
        If a click is outside the plane.
    """
    plane = np.zeros(shape, dtype=np.uint8) if labels is None else np.asarray(labels)
    if plane.shape != shape or plane.dtype.kind not in "bui":
        raise ImageError(
            f"Examples are a label image: integers of the image's shape {shape}, got {plane.dtype} of {plane.shape}."
        )
    if plane.dtype.kind == "i" and plane.size and int(plane.min()) < 0:
        raise ImageError(f"Labels are 0 for background and higher for objects, got {plane.min()}.")
    plane = plane.astype(np.uint8) if plane.dtype.kind == "b" else plane
    there = np.unique(plane)
    there = there[there > 0]
    chosen = there if ids is None else np.unique(np.fromiter(ids, dtype=np.int64))
    if some:
        chosen = np.intersect1d(chosen, there)
    if missing := np.setdiff1d(chosen, there).tolist():
        raise ParameterError(
            f"There is no object {', '.join(map(str, missing))} to be an example: {_named(there.tolist())}."
        )
    order = np.concatenate([chosen, np.setdiff1d(there, chosen)]).astype(there.dtype)
    regions = _numbered(plane, there, order)
    _paint(regions, rejected, len(order) + 1)
    return Known(regions, len(chosen), len(order), _pixels(background, shape), _pixels(doubtful, shape))


def _numbered(plane: NDArray[Any], there: NDArray[Any], order: NDArray[Any]) -> NDArray[np.int32]:
    """Give each label its position in an order, from 1."""
    numbers = np.zeros(len(there) + 1, dtype=np.int32)
    numbers[1 + np.searchsorted(there, order)] = np.arange(1, len(order) + 1)
    place = np.searchsorted(there, plane.ravel(), side="right").reshape(plane.shape)
    return numbers[place]


def _paint(regions: NDArray[np.int32], rejected: Iterable[Proposal | Boxed], first: int) -> None:
    """Draw what was rejected where no object is, numbered from ``first`` on.

    Raises
    ------
    ParameterError
        If one does not lie in the plane.
    """
    for number, one in enumerate(rejected, start=first):
        mask = one if isinstance(one, Boxed) else one.mask
        if mask.box is None:
            continue
        top, bottom, left, right = mask.box
        box = regions[top:bottom, left:right]
        if box.shape != mask.values.shape:
            raise ParameterError(f"The rejected {one!r} is of another plane: this one has the shape {regions.shape}.")
        box[mask.values & (box == 0)] = number


def _pixels(points: Iterable[Click | Point], shape: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    clicks = [point if isinstance(point, Click) else Click(*point) for point in points]
    return tuple(click.pixel(shape) for click in clicks)


def _named(ids: Sequence[int], most: int = 10) -> str:
    if not ids:
        return "the labels are all background"
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return f"there are {', '.join(map(str, ids[:most]))}{more}"
