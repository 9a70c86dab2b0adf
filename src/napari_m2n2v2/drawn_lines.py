"""Lines that users draw: what scribbles and outlines have in common, and how points are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from numbers import Real
from typing import Self

import numpy as np

from napari_m2n2v2.errors import ClickError

__all__ = ["DrawnLine", "Pixels", "Point", "checked_points", "outside", "pixels_along"]

Pixels = tuple[tuple[int, int], ...]
Point = tuple[float, float]

_LONGEST = 100_000  # pixels of a line, which are held and looked at one by one


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line through points (row, col), at least one: it is where its first point is.

    Parameters
    ----------
    points : tuple of (float, float)
        Its corners.
    """

    points: tuple[Point, ...]

    @property
    def row(self) -> float:
        """Where it is: the row of its first point."""
        return self.points[0][0]

    @property
    def col(self) -> float:
        """Where it is: the column of its first point."""
        return self.points[0][1]

    def moved_to(self, row: float, col: float) -> Self:
        """Return the same elsewhere, its first point at (row, col)."""
        down, across = row - self.row, col - self.col
        return self.mapped(lambda at: at + down, lambda at: at + across)

    def mapped(self, row: Callable[[float], float], col: Callable[[float], float]) -> Self:
        """Return the same in other coordinates, as of a part of the image, or of a smaller copy."""
        return replace(self, points=tuple((row(r), col(c)) for r, c in self.points))


def checked_points(
    given: Iterable[Sequence[float]], what: str, longest: float = _LONGEST, least: int = 1
) -> tuple[Point, ...]:
    """Return points as they are kept.

    Raises
    ------
    ClickError
        If they are no finite points (row, col), fewer than ``least``, or the line through them is longer than
        ``longest`` pixels.
    """
    try:
        points = tuple((row, col) for row, col in given)
    except (TypeError, ValueError) as error:
        raise ClickError(f"{what} is made of points (row, col), got {given!r:.80}.") from error
    if len(points) < least:
        raise ClickError(f"{what} has at least {least} points, got {len(points)}.")
    for row, col in points:
        if not (isinstance(row, Real) and isinstance(col, Real) and math.isfinite(row) and math.isfinite(col)):
            raise ClickError(f"{what} is made of finite points (row, col), got {(row, col)!r}.")
    length = sum(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in pairwise(points))
    if length > longest:
        raise ClickError(f"{what} is at most {longest} pixels long, got {length:g}.")
    return tuple((float(row), float(col)) for row, col in points)


@lru_cache(maxsize=256)
def pixels_along(points: tuple[Point, ...]) -> Pixels:
    """Return the pixels that a line through some points goes through, each once, halves rounded up as of clicks."""
    from skimage.draw import line

    corners = [(math.floor(row + 0.5), math.floor(col + 0.5)) for row, col in points]
    parts = [np.transpose(line(*a, *b)) for a, b in pairwise(corners)] or [np.array(corners)]
    return tuple(dict.fromkeys((int(row), int(col)) for row, col in np.concatenate(parts)))


def outside(what: str, at: Point, shape: tuple[int, int]) -> ClickError:
    """Return what to raise of a prompt that begins at a point and is outside an image of ``shape``."""
    return ClickError(
        f"{what} from row {at[0]:g}, col {at[1]:g} is outside the image of {shape[0]} rows and {shape[1]} columns. "
        "If the two were swapped, note that points are (row, col), not (x, y)."
    )
