"""A click: where the user points, and which class is there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Protocol, TypeVar

from napari_m2n2v2.errors import ClickError

__all__ = ["LARGEST_ID", "Click", "checked_object_id", "checked_told", "clicks_by_object", "keep"]


class _OfObject(Protocol):
    @property
    def object_id(self) -> int: ...


_Said = TypeVar("_Said", bound=_OfObject)

LARGEST_ID = 2**31 - 1
"""Of an object: what a signed label of 32 bits holds."""


@dataclass(frozen=True, slots=True)
class Click:
    """A prompt point ``x_i`` with its class ``y_i`` (section 3.4).

    Parameters
    ----------
    row, col : float
        Position in pixels of the image given to :func:`~napari_m2n2v2.compute_features`; ``(0, 0)`` is the centre of
        the top-left pixel, so the image covers ``[-0.5, H - 0.5) x [-0.5, W - 0.5)``.
    foreground : bool
        ``True`` for "this belongs to the object" (class 1), ``False`` for "this does not" (class 0).
    object_id : int
        Which object is meant, from 1 to 2147483647: its value in a label image. A background click says "not this
        object".
    threshold : float or None
        Use this ``lambda`` in ``[0, 1]`` instead of the best one: how far the click reaches, as the user set it.

    Raises
    ------
    ClickError
        If any of these is of another kind or out of its range; :meth:`pixel` tells whether it is in an image.
    """

    row: float
    col: float
    foreground: bool = True
    object_id: int = 1
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.row, Real) and isinstance(self.col, Real)):
            raise ClickError(f"A click is at a number of rows and columns, got row {self.row!r}, col {self.col!r}.")
        told = checked_told(self.foreground, self.object_id, self.threshold)
        keep(self, row=_plain(self.row), col=_plain(self.col), **told)

    @property
    def marked(self) -> tuple[tuple[int, int], ...]:
        """The pixel (row, col) that it is on, halves rounded up, wherever the image ends."""
        return ((math.floor(self.row + 0.5), math.floor(self.col + 0.5)),)

    @property
    def drawn(self) -> tuple[tuple[float, float], ...]:
        """The line to draw it by: a point."""
        return ((self.row, self.col),)

    def flipped(self) -> Click:
        """Return the same of the other class."""
        return replace(self, foreground=not self.foreground)

    def moved_to(self, row: float, col: float) -> Click:
        """Return the same elsewhere."""
        return replace(self, row=row, col=col)

    def mapped(self, row: Callable[[float], float], col: Callable[[float], float]) -> Click:
        """Return the same in other coordinates, as of a part of the image, or of a smaller copy."""
        return replace(self, row=row(self.row), col=col(self.col))

    def meets(self, shape: tuple[int, int]) -> bool:
        """Whether it is inside an image of ``shape``."""
        return -0.5 <= self.row < shape[0] - 0.5 and -0.5 <= self.col < shape[1] - 0.5

    def pixels(self, shape: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Return what it marks in an image of ``shape``, its :meth:`pixel` alone.

        Raises
        ------
        ClickError
            As :meth:`pixel` does.
        """
        return (self.pixel(shape),)

    def pixel(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the ``(row, col)`` index of the pixel that was clicked, halves rounded up.

        Parameters
        ----------
        shape : tuple of int
            Height and width of the image, in pixels.

        Raises
        ------
        ClickError
            If the position is not finite or lies outside the image.
        """
        height, width = shape
        if not (math.isfinite(self.row) and math.isfinite(self.col)):
            raise ClickError(f"A click needs finite coordinates, got row {self.row}, col {self.col}.")
        row, col = math.floor(self.row + 0.5), math.floor(self.col + 0.5)
        if not (0 <= row < height and 0 <= col < width):
            raise ClickError(
                f"Click at row {self.row:g}, col {self.col:g} is outside the image of {height} rows and {width} "
                f"columns: rows go from 0 to {height - 1}, columns from 0 to {width - 1}. "
                "If the two were swapped, note that clicks are (row, col), not (x, y)."
            )
        return row, col


def checked_object_id(object_id: Any) -> int:
    """Return an id of an object as it is kept.

    Raises
    ------
    ClickError
        If it is none.
    """
    if not (isinstance(object_id, Integral) and 1 <= int(object_id) <= LARGEST_ID):
        raise ClickError(
            f"An object id is a whole number from 1 to {LARGEST_ID} (0 is the background of a label image), "
            f"got {object_id!r}."
        )
    return int(object_id)


def checked_told(foreground: Any, object_id: Any, threshold: Any) -> dict[str, Any]:
    """Return what is said of a click or a scribble beside where it is, as it is kept: by field.

    Raises
    ------
    ClickError
        If it is of another kind, or out of its range.
    """
    if foreground not in (True, False):  # of a word such as "background", Python says that it is true
        raise ClickError(f"foreground is True or False, got {foreground!r}.")
    if threshold is not None and not (isinstance(threshold, Real) and 0 <= float(threshold) <= 1):
        raise ClickError(f"The threshold of a click is between 0 and 1, or None, got {threshold!r}.")
    return {
        "foreground": bool(foreground),
        "object_id": checked_object_id(object_id),
        "threshold": None if threshold is None else _plain(threshold),
    }


def _plain(number: Any) -> float:
    """Return a number of Python; a whole one of its own stays one, and a file with it the same to the byte."""
    return number if type(number) is int else float(number)


def keep(prompt: object, **fields: Any) -> None:
    """Set fields of a frozen prompt that is being made: numbers of numpy are not to be met in files and tables."""
    for name, value in fields.items():
        object.__setattr__(prompt, name, value)


def clicks_by_object(clicks: Iterable[_Said]) -> dict[int, tuple[_Said, ...]]:
    """Sort clicks, or other prompts, by object, in their order."""
    found: dict[int, list[_Said]] = {}
    for click in clicks:
        found.setdefault(click.object_id, []).append(click)
    return {object_id: tuple(own) for object_id, own in found.items()}
