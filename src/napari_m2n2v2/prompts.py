"""What a user may draw where a pixel says too little: a line, a box around an object, its outline. Beyond the paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, NoReturn

from napari_m2n2v2.clicks import Click, checked_object_id, checked_told, keep
from napari_m2n2v2.drawn_lines import DrawnLine, Pixels, Point, checked_points, outside, pixels_along
from napari_m2n2v2.errors import ClickError

__all__ = ["START_THRESHOLD", "Box", "Outline", "Prompt", "Scribble"]

START_THRESHOLD = 0.5
"""Of outlines: their map is this on the mask to begin with, and 1 beyond it."""


@dataclass(frozen=True, slots=True)
class Scribble(DrawnLine):
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

    foreground: bool = True
    object_id: int = 1
    threshold: float | None = None

    def __post_init__(self) -> None:
        told = checked_told(self.foreground, self.object_id, self.threshold)
        keep(self, points=checked_points(self.points, "A scribble"), **told)

    @property
    def marked(self) -> Pixels:
        """The pixels (row, col) of its line, each once, wherever the image ends."""
        return pixels_along(self.points)

    @property
    def drawn(self) -> tuple[Point, ...]:
        """The line to draw it by."""
        return self.points

    def flipped(self) -> Scribble:
        """Return the same of the other class."""
        return replace(self, foreground=not self.foreground)

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
            raise outside("The scribble", self.points[0], shape)
        return found


class _Area:
    """What a box and an outline have in common: they mark no pixel of a class, and tell where the object is."""

    __slots__ = ()

    foreground: ClassVar[bool] = True
    threshold: ClassVar[float | None] = None
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
    """A prompt that the object lies inside, or a part of it: outside all its boxes is background for this object.

    Only a foreground click or scribble of it out there says otherwise: then boxes limit it no more.

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
        corners = checked_points([(self.row0, self.col0), (self.row1, self.col1)], "A box", math.inf)
        (row0, row1), (col0, col1) = (sorted(ends) for ends in zip(*corners, strict=True))
        keep(self, row0=row0, col0=col0, row1=row1, col1=col1, object_id=checked_object_id(self.object_id))

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
            raise outside("The box", (self.row0, self.col0), shape)
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
class Outline(DrawnLine, _Area):
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

    threshold: ClassVar[float | None] = START_THRESHOLD
    object_id: int = 1

    def __post_init__(self) -> None:
        points = checked_points(self.points, "An outline", least=3)
        keep(self, points=points, object_id=checked_object_id(self.object_id))

    @property
    def drawn(self) -> tuple[Point, ...]:
        """The line to draw it by."""
        return (*self.points, self.points[0])

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
            raise outside("The outline", self.points[0], shape)
        return ()


Prompt = Click | Scribble | Box | Outline
"""Whatever can be said of an object."""


def _meets(look: Callable[[tuple[int, int]], object], shape: tuple[int, int]) -> bool:
    try:
        look(shape)
    except ClickError:
        return False
    return True
