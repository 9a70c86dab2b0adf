"""Parts of a plane too large to be worked on as a whole: which part is meant, and where it is.

Convention: a region is in pixels of the full resolution. Its place is on a lattice, so that the same view, and one that
is hardly moved, gives the same region, whose features are there already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.resampling import working_shape
from napari_m2n2v2.images.sparse import Box
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.prompts import Prompt

__all__ = [
    "Region",
    "RegionClick",
    "View",
    "clicks_in",
    "counts_in",
    "fits_whole",
    "has_parts",
    "holds_view",
    "region_of_view",
]

View = tuple[float, float, float, float]
"""Top, left, bottom, right of what is seen, in pixels; it may reach beyond the image."""


_WORKING_SIDE = FeatureParameters().working_side


_CELLS = 4  # of the lattice, along the working side


_LONG = 2  # times as long as wide is too long for all of it, where a part is as coarse


_MOST_SQUARES = 3  # of the working side, in the pixels that a part is worked on with: what a wide window shows


_MOST_PIXELS = 1 << 24  # that are worked on at once, of which attention and maps fit into memory


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """A part of a plane that is worked on like an image of its own.

    Parameters
    ----------
    top, left : int
        Its first row and column.
    height, width : int
        Of the part, in pixels.
    step : int
        1 for full resolution; else about so many pixels are worked on as one: a power of 2.
    """

    top: int
    left: int
    height: int
    width: int
    step: int = 1

    @classmethod
    @lru_cache(maxsize=256)
    def whole(cls, shape: tuple[int, int], working_side: int = _WORKING_SIDE) -> Region:
        """Return all of a plane of ``shape``, as coarse as it has to be."""
        return cls(0, 0, *shape, _step(min(shape), min(shape), working_side))

    @classmethod
    def at(cls, rows: slice, cols: slice) -> Region:
        """Return some rows and columns of a plane, at full resolution."""
        return cls(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)

    @classmethod
    def of_box(cls, box: Box) -> Region:
        """Return a box of a plane, at full resolution."""
        return cls(box[0], box[2], box[1] - box[0], box[3] - box[2])

    @property
    def box(self) -> Box:
        """First row, row after the last, first column, column after the last."""
        return self.top, self.top + self.height, self.left, self.left + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return self.height, self.width

    @property
    def rows(self) -> slice:
        """Its rows of the plane."""
        return slice(self.top, self.top + self.height)

    @property
    def cols(self) -> slice:
        """Its columns of the plane."""
        return slice(self.left, self.left + self.width)

    def holds(self, row: float, col: float) -> bool:
        """Whether a point of the plane is inside."""
        row, col = row - self.top, col - self.left
        return -0.5 <= row < self.height - 0.5 and -0.5 <= col < self.width - 0.5

    def is_inside(self, shape: tuple[int, int]) -> bool:
        """Whether all of it is in a plane of ``shape``."""
        ends = self.rows.stop <= shape[0] and self.cols.stop <= shape[1]
        return ends and min(self.top, self.left) >= 0 and min(self.height, self.width, self.step) > 0

    def overlap(self, other: Region) -> tuple[slice, slice] | None:
        """Return rows and columns of the plane that both have, or None."""
        rows = slice(max(self.top, other.top), min(self.rows.stop, other.rows.stop))
        cols = slice(max(self.left, other.left), min(self.cols.stop, other.cols.stop))
        return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None

    def into(self, click: Prompt) -> Prompt:
        """Move a click from the plane into the region."""
        if self.top == self.left == 0:  # of most images, whose clicks are asked for again and again
            return click
        return click.mapped(lambda row: row - self.top, lambda col: col - self.left)

    def out_of(self, click: Prompt) -> Prompt:
        """Move a click from the region into the plane: the reverse of :meth:`into`."""
        return click.mapped(lambda row: row + self.top, lambda col: col + self.left)

    def meets(self, click: Prompt) -> bool:
        """Whether any of what a prompt in the plane marks is inside."""
        return self.into(click).meets(self.shape)


@dataclass(frozen=True, slots=True)
class RegionClick:
    """A click in a plane, and the region it was placed in.

    Parameters
    ----------
    region : Region
        Which.
    click : Prompt
        In pixels of the plane, some of it inside the region.

    Raises
    ------
    ClickError
        If it is outside.
    """

    region: Region
    click: Prompt

    def __post_init__(self) -> None:
        if not self.region.meets(self.click):
            raise ClickError(
                f"Click at row {self.click.row:g}, col {self.click.col:g} is outside its region of rows "
                f"{self.region.top} to {self.region.rows.stop - 1} and columns {self.region.left} to "
                f"{self.region.cols.stop - 1}. Place it in a region that holds it."
            )


def has_parts(shape: tuple[int, int], working_side: int = _WORKING_SIDE) -> bool:
    """Whether parts of a plane of this shape can be worked on finer than all of it (:func:`region_of_view`)."""
    long = max(shape) > max(_LONG * min(shape), working_side)
    return long or Region.whole(shape, working_side).step > 1


def fits_whole(shape: tuple[int, int], working_side: int = _WORKING_SIDE) -> bool:
    """Whether all of a plane of this shape can be worked on at once; one that is very long for its width cannot."""
    return math.prod(working_shape(shape, working_side)) <= _MOST_PIXELS


def clicks_in(region: Region, placed: Iterable[RegionClick]) -> tuple[Prompt, ...]:
    """List the clicks that a region is solved by, in their order and in pixels of the plane."""
    return tuple(p.click for p in placed if counts_in(region, p))


def counts_in(region: Region, placed: RegionClick) -> bool:
    """Whether a region is solved by a click.

    All that lie in it count, whichever region they were placed in, so that two regions agree where they overlap; but
    not those that were placed at a finer step, which correct what this one gives. Of a scribble that crosses several
    regions, in each what lies in it.
    """
    return placed.region.step >= region.step and region.meets(placed.click)


def region_of_view(
    shape: tuple[int, int],
    view: View,
    working_side: int = _WORKING_SIDE,
    *,
    at: tuple[float, float] | None = None,
    known: Iterable[Region] = (),
) -> Region:
    """Choose the region for what is seen of a plane.

    Full resolution where the shortest side of the view is no longer than ``working_side``, else as many pixels to one
    as the view asks for, in powers of 2; in the end, all of the plane. Of a view that is very long for its width, a
    piece around ``at`` or the middle, worked on with at most 3 times the pixels of a square of ``working_side``.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    view : tuple of float
        Top, left, bottom, right of the visible field, in pixels.
    working_side : int
        Pixels along the shortest side of what is worked on.
    at : tuple of float, optional
        (row, col) that has to be inside. A point beyond the view is the middle of a view of the same size.
    known : iterable of Region
        One of these is taken if it holds the view at the same step, the one whose middle is nearest.

    Raises
    ------
    ClickError
        If ``at`` is outside the plane.
    """
    if at is not None:
        Click(*at).pixel(shape)
        view = _around(view, at)
    top, left, bottom, right = edges = _clipped(view, shape)
    step = _step(min(bottom - top, right - left), min(shape), working_side)
    cell = max(working_side * step // _CELLS, 1)
    (top, left, bottom, right), needed = _bounded(edges, shape, working_side, cell, at)
    corners = (needed[0], needed[1]), (math.ceil(needed[2]) - 1, math.ceil(needed[3]) - 1)
    points = [*corners, *([] if at is None else [at])]
    holding = [region for region in known if region.step == step and all(region.holds(*point) for point in points)]
    if holding:
        middle = (top + bottom) / 2, (left + right) / 2
        return min(holding, key=lambda region: (_away(region, middle), region))
    first, height = _span(top, bottom, shape[0], cell, None if at is None else at[0])
    second, width = _span(left, right, shape[1], cell, None if at is None else at[1])
    found, whole = Region(first, second, height, width, step), Region.whole(shape, working_side)
    no_finer = step == whole.step and max(shape) <= _LONG * min(shape)
    return whole if no_finer or found.shape == shape else found


def holds_view(region: Region, shape: tuple[int, int], view: View) -> bool:
    """Whether a region holds all that is seen of a plane of ``shape``; of a long strip it is a piece."""
    top, left, bottom, right = _clipped(view, shape)
    return region.holds(top, left) and region.holds(math.ceil(bottom) - 1, math.ceil(right) - 1)


def _step(visible: float, shortest: int, working_side: int) -> int:
    step = 1
    while working_side * step < min(visible, shortest):
        step *= 2
    return step


def _around(view: View, at: tuple[float, float]) -> View:
    top, left, bottom, right = view
    if top <= at[0] < bottom and left <= at[1] < right:
        return view
    down, across = at[0] - (top + bottom) / 2, at[1] - (left + right) / 2
    return top + down, left + across, bottom + down, right + across


def _clipped(view: View, shape: tuple[int, int]) -> View:
    """Return the part of a view that lies in the plane; its nearest pixel if there is none."""
    top, bottom = (min(max(edge, 0.0), float(shape[0])) for edge in (view[0], view[2]))
    left, right = (min(max(edge, 0.0), float(shape[1])) for edge in (view[1], view[3]))
    top, left = min(top, shape[0] - 1.0), min(left, shape[1] - 1.0)
    return top, left, max(bottom, top + 1), max(right, left + 1)


def _bounded(
    view: View, shape: tuple[int, int], working_side: int, cell: int, at: tuple[float, float] | None
) -> tuple[View, View]:
    """Return a view, or the piece of a very long one that is worked on at once; and what a known region has to hold."""
    spans = [(view[0], view[2]), (view[1], view[3])]
    sizes = [min(_cells(*span, cell) * cell, length) for span, length in zip(spans, shape, strict=True)]
    long = int(sizes[1] > sizes[0])
    short = sizes[1 - long]
    most = _MOST_SQUARES * max(working_side, short) ** 2 // short
    if sizes[long] <= most:
        return view, view
    middle = sum(spans[long]) / 2 if at is None else at[long]
    half = (max(most // cell, _CELLS) * cell - 1) / 2
    bounded, needed = list(view), list(view)
    bounded[long::2] = middle - half, middle + half
    needed[long::2] = max(middle - cell, 0.0), min(middle + cell, float(shape[long]))
    return (bounded[0], bounded[1], bounded[2], bounded[3]), (needed[0], needed[1], needed[2], needed[3])


def _cells(start: float, stop: float, cell: int) -> int:
    return max(_CELLS, math.ceil((stop - start) / cell))


def _span(start: float, stop: float, length: int, cell: int, at: float | None) -> tuple[int, int]:
    """Return the first pixel and the number of pixels of a region along one axis."""
    cells = _cells(start, stop, cell)
    size = min(cells * cell, length)
    first = math.floor((start + stop) / 2 / cell - cells / 2 + 0.5)
    if at is not None:
        pixel = math.floor(at + 0.5)
        first = min(max(first, pixel // cell - cells + 1), pixel // cell)
    return min(max(first * cell, 0), length - size), size


def _away(region: Region, middle: tuple[float, float]) -> float:
    return math.hypot(region.top + region.height / 2 - middle[0], region.left + region.width / 2 - middle[1])
