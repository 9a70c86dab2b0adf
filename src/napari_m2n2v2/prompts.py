"""What a user may draw where a pixel says too little: a line, a box around an object, its outline. Beyond the paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from numbers import Real
from typing import ClassVar, NoReturn

import numpy as np

from napari_m2n2v2.clicks import Click, check_object_id, check_told
from napari_m2n2v2.errors import ClickError

__all__ = ["START_THRESHOLD", "Box", "Outline", "Prompt", "Scribble"]

Pixels = tuple[tuple[int, int], ...]
Point = tuple[float, float]

_LONGEST = 100_000  # pixels of a line, which are held and looked at one by one
_ANY_LENGTH = math.inf

START_THRESHOLD = 0.5
"""Of boxes and outlines: their map is this or less on the mask to begin with, and 1 beyond it."""


@dataclass(frozen=True, slots=True)
class Scribble:
    """A prompt with many pixels: a line, drawn on the object or beside it.

    Its Markov-map begins at all of them, and it has one threshold. With one pixel it is as a click.

    Parameters
    ----------
    points : sequence of (float, float)
        The corners of the line, (row, col) in pixels of the image as those of a :class:`~napari_m2n2v2.Click` are, at
        least one. What lies beyond the image does not count.
    foreground, object_id, threshold
        As a click has them.

    Raises
    ------
    ClickError
        If any of these is of another kind or out of its range, or the line is longer than 100000 pixels.
    """

    points: tuple[Point, ...]
    foreground: bool = True
    object_id: int = 1
    threshold: float | None = None

    def __post_init__(self) -> None:
        check_told(self.foreground, self.object_id, self.threshold)
        object.__setattr__(self, "points", _points(self.points, "A scribble"))

    @property
    def row(self) -> float:
        """Where it is: the row of its first point."""
        return self.points[0][0]

    @property
    def col(self) -> float:
        """Where it is: the column of its first point."""
        return self.points[0][1]

    @property
    def marked(self) -> Pixels:
        """The pixels (row, col) of its line, each once, wherever the image ends."""
        return _along(self.points)

    @property
    def drawn(self) -> tuple[Point, ...]:
        """The line to draw it by."""
        return self.points

    def flipped(self) -> Scribble:
        """Return the same of the other class."""
        return replace(self, foreground=not self.foreground)

    def moved_to(self, row: float, col: float) -> Scribble:
        """Return the same elsewhere, its first point at (row, col)."""
        down, across = row - self.points[0][0], col - self.points[0][1]
        return self.mapped(lambda at: at + down, lambda at: at + across)

    def mapped(self, row: Callable[[float], float], col: Callable[[float], float]) -> Scribble:
        """Return the same in other coordinates, as of a part of the image, or of a smaller copy."""
        return replace(self, points=tuple((row(r), col(c)) for r, c in self.points))

    def pixel(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the first of its :meth:`pixels`."""
        return self.pixels(shape)[0]

    def meets(self, shape: tuple[int, int]) -> bool:
        """Whether any of it is inside an image of ``shape``."""
        return any(0 <= row < shape[0] and 0 <= col < shape[1] for row, col in self.marked)

    def pixels(self, shape: tuple[int, int]) -> Pixels:
        """Return what it marks in an image of ``shape``: each pixel (row, col) once, along the line.

        Raises
        ------
        ClickError
            If none of it is in the image.
        """
        found = tuple(p for p in self.marked if 0 <= p[0] < shape[0] and 0 <= p[1] < shape[1])
        if not found:
            raise _outside("The scribble", self.points[0], shape)
        return found


class _Area:
    """What a box and an outline have in common: they mark no pixel of a class, and tell where the object is."""

    __slots__ = ()

    foreground: ClassVar[bool] = True
    threshold: ClassVar[float] = START_THRESHOLD
    marked: ClassVar[Pixels] = ()

    def flipped(self) -> NoReturn:
        """Complain: only clicks and scribbles have a class.

        Raises
        ------
        ClickError
        """
        raise ClickError("Only clicks and scribbles are foreground or background; a box or an outline says where.")


@dataclass(frozen=True, slots=True)
class Box(_Area):
    """A prompt that the object lies inside. Everything outside is background for this object, whatever else is said.

    Parameters
    ----------
    row0, col0, row1, col1 : float
        Two opposite corners, in pixels of the image as clicks are: the pixels that they fall on are inside. They are
        kept with the smaller row and column first. What lies beyond the image does not count.
    object_id : int
        Which object, as a click has it.

    Raises
    ------
    ClickError
        If any of these is of another kind or out of its range.
    """

    row0: float
    col0: float
    row1: float
    col1: float
    object_id: int = 1

    def __post_init__(self) -> None:
        check_object_id(self.object_id)
        corners = _points([(self.row0, self.col0), (self.row1, self.col1)], "A box", _ANY_LENGTH)
        for name, (first, last) in zip(("row", "col"), zip(*corners, strict=True), strict=True):
            object.__setattr__(self, f"{name}0", min(first, last))
            object.__setattr__(self, f"{name}1", max(first, last))

    @property
    def row(self) -> float:
        """Where it is: its first row."""
        return self.row0

    @property
    def col(self) -> float:
        """Where it is: its first column."""
        return self.col0

    @property
    def drawn(self) -> tuple[Point, ...]:
        """The line to draw it by."""
        first, second = (self.row0, self.col0), (self.row1, self.col1)
        return first, (first[0], second[1]), second, (second[0], first[1]), first

    def moved_to(self, row: float, col: float) -> Box:
        """Return the same elsewhere, its first row and column at (row, col)."""
        return replace(self, row0=row, col0=col, row1=row + self.row1 - self.row0, col1=col + self.col1 - self.col0)

    def mapped(self, row: Callable[[float], float], col: Callable[[float], float]) -> Box:
        """Return the same in other coordinates, as of a part of the image, or of a smaller copy."""
        return replace(self, row0=row(self.row0), col0=col(self.col0), row1=row(self.row1), col1=col(self.col1))

    def edges(self, shape: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the first row inside and the one after the last, and the same of columns, in an image of ``shape``.

        Raises
        ------
        ClickError
            If none of it is in the image.
        """
        rows, cols = (
            (max(math.floor(first + 0.5), 0), min(math.floor(last + 0.5) + 1, size))
            for first, last, size in ((self.row0, self.row1, shape[0]), (self.col0, self.col1, shape[1]))
        )
        if rows[0] >= rows[1] or cols[0] >= cols[1]:
            raise _outside("The box", (self.row0, self.col0), shape)
        return *rows, *cols

    def meets(self, shape: tuple[int, int]) -> bool:
        """Whether any of it is inside an image of ``shape``."""
        return _meets(self.edges, shape)

    def pixel(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the pixel (row, col) in the middle of what is inside in an image of ``shape``.

        Raises
        ------
        ClickError
            If none of it is in the image.
        """
        top, bottom, left, right = self.edges(shape)
        return (top + bottom) // 2, (left + right) // 2

    def pixels(self, shape: tuple[int, int]) -> Pixels:
        """Return no pixel: it says of none which class it has.

        Raises
        ------
        ClickError
            If none of it is in the image.
        """
        self.edges(shape)
        return ()


@dataclass(frozen=True, slots=True)
class Outline(_Area):
    """A prompt that the object is about what a line encloses: a mask to begin with, which clicks correct.

    Parameters
    ----------
    points : sequence of (float, float)
        The corners of the line, (row, col) in pixels of the image as those of clicks are, at least three; the last is
        joined to the first. What lies beyond the image does not count.
    object_id : int
        Which object, as a click has it.

    Raises
    ------
    ClickError
        If any of these is of another kind or out of its range, or the line is longer than 100000 pixels.
    """

    points: tuple[Point, ...]
    object_id: int = 1

    def __post_init__(self) -> None:
        check_object_id(self.object_id)
        object.__setattr__(self, "points", _points(self.points, "An outline", least=3))

    @property
    def row(self) -> float:
        """Where it is: the row of its first point."""
        return self.points[0][0]

    @property
    def col(self) -> float:
        """Where it is: the column of its first point."""
        return self.points[0][1]

    @property
    def drawn(self) -> tuple[Point, ...]:
        """The line to draw it by."""
        return (*self.points, self.points[0])

    def moved_to(self, row: float, col: float) -> Outline:
        """Return the same elsewhere, its first point at (row, col)."""
        down, across = row - self.row, col - self.col
        return self.mapped(lambda at: at + down, lambda at: at + across)

    def mapped(self, row: Callable[[float], float], col: Callable[[float], float]) -> Outline:
        """Return the same in other coordinates, as of a part of the image, or of a smaller copy."""
        return replace(self, points=tuple((row(r), col(c)) for r, c in self.points))

    @property
    def around(self) -> Box:
        """The box around it."""
        rows, cols = zip(*self.points, strict=True)
        return Box(min(rows), min(cols), max(rows), max(cols), self.object_id)

    def meets(self, shape: tuple[int, int]) -> bool:
        """Whether the box around it is inside an image of ``shape``, or some of it."""
        return self.around.meets(shape)

    def pixel(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the pixel (row, col) in the middle of the box around it in an image of ``shape``."""
        return self.around.pixel(shape)

    def pixels(self, shape: tuple[int, int]) -> Pixels:
        """Return no pixel: what it encloses is where to begin, and of none the last word.

        Raises
        ------
        ClickError
            If it is outside the image.
        """
        if not self.meets(shape):
            raise _outside("The outline", self.points[0], shape)
        return ()


Prompt = Click | Scribble | Box | Outline
"""Whatever can be said of an object."""


def _points(
    given: Iterable[Sequence[float]], what: str, longest: float = _LONGEST, least: int = 1
) -> tuple[Point, ...]:
    """Return points as they are kept, checked."""
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
def _along(points: tuple[Point, ...]) -> Pixels:
    """Return the pixels that a line through some points goes through, each once, halves rounded up as of clicks."""
    from skimage.draw import line

    corners = [(math.floor(row + 0.5), math.floor(col + 0.5)) for row, col in points]
    parts = [np.transpose(line(*a, *b)) for a, b in pairwise(corners)] or [np.array(corners)]
    return tuple(dict.fromkeys((int(row), int(col)) for row, col in np.concatenate(parts)))


def _outside(what: str, at: Point, shape: tuple[int, int]) -> ClickError:
    return ClickError(
        f"{what} from row {at[0]:g}, col {at[1]:g} is outside the image of {shape[0]} rows and {shape[1]} columns. "
        "If the two were swapped, note that points are (row, col), not (x, y)."
    )


def _meets(look: Callable[[tuple[int, int]], object], shape: tuple[int, int]) -> bool:
    try:
        look(shape)
    except ClickError:
        return False
    return True
