"""From a rough region to an outline: cut between the object's own level and that around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, find_objects, label
from skimage.segmentation import expand_labels

from napari_m2n2v2.similar.pixels import Floats
from napari_m2n2v2.similar.shape import Mask, distance_to

__all__ = ["LEVELS", "Place", "Rough", "around", "large_enough", "outline", "rough_example", "rough_regions"]

LEVELS = tuple(round(0.1 + 0.05 * n, 2) for n in range(17))
"""Of cuts, that the examples choose from: 0 is what lies around an object, 1 its core."""

Place = tuple[slice, slice]
"""Rows and columns."""

_WIDENED, _RING = 0.5, 1.0  # radii
_CORE = 75  # percentile
_FEW = 5  # pixels, of which no median is taken
_LEAST, _LEAST_AT_BORDER = 0.08, 0.04  # of the examples' area


@dataclass(frozen=True, eq=False)
class Rough:
    """A region that holds an object, before it is outlined.

    Parameters
    ----------
    row, col : int
        Where the box of the arrays begins.
    allowed, free : ndarray
        bool: where the outline may go, and what may lie in its holes: nothing of another object.
    values : ndarray
        float32: brightness along the examples' axis of colour.
    core, around : float
        What it is in the object, and beside it.
    """

    row: int
    col: int
    allowed: Mask
    free: Mask
    values: Floats
    core: float
    around: float


def rough_regions(regions: NDArray[np.int32], first: int, values: Floats, radius: float) -> Iterator[tuple[Rough, int]]:
    """Go through regions, widened by half a radius where no other is, with the number of each.

    Parameters
    ----------
    regions : ndarray
        int32 ``[H, W]``.
    first : int
        The number to begin with.
    values : ndarray
        float32 ``[H, W]``.
    radius : float
        In pixels.
    """
    wide = expand_labels(regions, _WIDENED * radius)
    for number, box in enumerate(find_objects(wide), start=1):
        if number < first or box is None:
            continue
        place = around(box, radius, wide.shape)
        near = regions[place] == number
        if near.any():
            part = wide[place]
            yield _rough(place, near, part == number, (part > 0) & (part != number), values[place], radius), number


def rough_example(place: Place, example: Mask, likely: Mask, values: Floats, radius: float) -> Rough:
    """Make the same of an example.

    Parameters
    ----------
    place : tuple of slice
        Rows and columns of the arrays, see :func:`around`.
    example, likely : ndarray
        bool: the example, and where the inside of objects is likely.
    values : ndarray
        float32.
    radius : float
        In pixels.
    """
    allowed = distance_to(example) <= _WIDENED * radius
    return _rough(place, example, allowed, likely & ~allowed, values, radius)


def around(box: Place, radius: float, shape: tuple[int, ...]) -> Place:
    """Return the box with room for what lies around an object, within a plane of ``shape``."""
    margin = int(np.ceil(2 * _RING * radius)) + 1
    rows, cols = (
        slice(max(0, side.start - margin), min(length, side.stop + margin))
        for side, length in zip(box, shape, strict=True)
    )
    return rows, cols


def _rough(box: Place, near: Mask, allowed: Mask, others: Mask, values: Floats, radius: float) -> Rough:
    away = distance_to(near)
    ring = (away <= _RING * radius) & ~(allowed | others)
    if np.count_nonzero(ring) < _FEW:
        ring = (away <= 2 * _RING * radius) & ~near
    around = float(np.median(values[ring])) if ring.any() else float(values.min())
    return Rough(
        box[0].start, box[1].start, allowed, ~others, values, float(np.percentile(values[near], _CORE)), around
    )


def outline(rough: Rough, level: float) -> Mask:
    """Return the object in a rough region's box: the largest piece above a level, its holes filled; maybe nothing."""
    above = rough.allowed & (rough.values > rough.around + level * (rough.core - rough.around))
    pieces, count = label(above)
    if count > 1:
        above = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    filled: Mask = binary_fill_holes(above) & rough.free
    return filled


def large_enough(area: int, example_area: float, at_border: bool) -> bool:
    """Whether an outline is no crumb; one that the image's border cuts may be smaller."""
    return area >= (_LEAST_AT_BORDER if at_border else _LEAST) * example_area
