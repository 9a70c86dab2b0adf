"""A click: where the user points, and which class is there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real

from napari_m2n2v2.errors import ClickError

__all__ = ["LARGEST_ID", "Click", "clicks_by_object"]

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
        if self.foreground not in (True, False):  # of a word such as "background", Python says that it is true
            raise ClickError(f"foreground is True or False, got {self.foreground!r}.")
        if not (isinstance(self.object_id, Integral) and 1 <= self.object_id <= LARGEST_ID):
            raise ClickError(
                f"An object id is a whole number from 1 to {LARGEST_ID} (0 is the background of a label image), "
                f"got {self.object_id!r}."
            )
        if self.threshold is not None and not (isinstance(self.threshold, Real) and 0 <= self.threshold <= 1):
            raise ClickError(f"The threshold of a click is between 0 and 1, or None, got {self.threshold!r}.")

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


def clicks_by_object(clicks: Iterable[Click]) -> dict[int, tuple[Click, ...]]:
    """Sort clicks by object, in their order."""
    found: dict[int, list[Click]] = {}
    for click in clicks:
        found.setdefault(click.object_id, []).append(click)
    return {object_id: tuple(own) for object_id, own in found.items()}
