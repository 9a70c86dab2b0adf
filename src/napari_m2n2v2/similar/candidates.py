"""All objects in a part of a plane, outlined and compared with the examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_m2n2v2.images.deepest import deepest
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.similar.basins import basins, joined, seeds
from napari_m2n2v2.similar.learned import Learned, Odds
from napari_m2n2v2.similar.outlines import Place, Rough, around, large_enough, outline, rough_regions
from napari_m2n2v2.similar.pixels import Floats
from napari_m2n2v2.similar.proposals import Why
from napari_m2n2v2.similar.shape import Mask, compactness

__all__ = ["Candidate", "candidates", "reproduction"]

_MOST_REPRODUCED = 20
_SHAPE_SPREAD = 0.06  # of compactness


@dataclass(frozen=True, eq=False)
class Candidate:
    """An object that was found in a part.

    Parameters
    ----------
    mask : Boxed
        bool, in pixels of the part.
    seed : tuple of int
        Its deepest pixel.
    why : Why
        How it compares with the examples.
    at_border : bool
        Whether the border of the part cuts it.
    """

    mask: Boxed
    seed: tuple[int, int]
    why: Why
    at_border: bool


def candidates(odds: Odds, regions: NDArray[np.int32], learned: Learned) -> Iterator[Candidate]:
    """Find all objects.

    Parameters
    ----------
    odds : Odds
        How the part looks.
    regions : ndarray
        int32 ``[h, w]``: what is there already, of any numbers from 1 on.
    learned : Learned
        What to look for.
    """
    taken = regions > 0
    inside = (odds.inside > 0) | taken
    points = seeds(odds.inside, inside, taken, learned.radius)
    known = np.searchsorted(np.unique(regions[taken]), regions, side="left").astype(np.int32) + 1
    known[~taken] = 0
    first = int(known.max(initial=0)) + 1
    divided = basins(odds.inside, inside, known, points, learned.radius)
    divided = joined(divided, first, learned.sizes, learned.compact)
    for rough, _ in rough_regions(divided, first, odds.values, learned.radius):
        found = _candidate(rough, odds.inside, taken, learned)
        if found is not None:
            yield found


def _candidate(rough: Rough, odds: Floats, taken: Mask, learned: Learned) -> Candidate | None:
    height, width = rough.values.shape
    place = slice(rough.row, rough.row + height), slice(rough.col, rough.col + width)
    inside = outline(rough, learned.level) & ~taken[place]
    mask = Boxed.of(inside)
    if mask.box is None:
        return None
    area = int(np.count_nonzero(inside))
    mask = Boxed(mask.row + rough.row, mask.col + rough.col, mask.values)
    at_border = _touches_border(mask, odds.shape)
    if not large_enough(area, learned.area, at_border):
        return None
    row, col = deepest(mask.values)
    look = float(expit(odds[place][inside]).mean())
    why = _why(learned, area, compactness(mask.values), rough.core - rough.around, look)
    return Candidate(mask, (mask.row + row, mask.col + col), why, at_border)


def _touches_border(mask: Boxed, shape: tuple[int, ...]) -> bool:
    height, width = mask.values.shape
    return mask.row == 0 or mask.col == 0 or mask.row + height == shape[0] or mask.col + width == shape[1]


def _why(learned: Learned, area: int, compact: float, contrast: float, look: float) -> Why:
    return Why(
        size=float(np.exp(learned.sizes.likeness(area))),
        shape=float(np.exp(-0.5 * (max(0.0, learned.compact - compact) / _SHAPE_SPREAD) ** 2)),
        contrast=float(np.clip(contrast / learned.contrast, 0, 1)) if learned.contrast > 0 else 0.0,
        look=min(1.0, look / learned.look),
        area=area / learned.area,
    )


def reproduction(
    odds: Odds, regions: NDArray[np.int32], boxes: list[tuple[int, Place]], learned: Learned
) -> list[float]:
    """Tell how well examples would have been found: the IoU of each with the nearest candidate, were it not known.

    Parameters
    ----------
    odds, regions, learned
        As for :func:`candidates`.
    boxes : list of tuple
        Number and box of each example; of many, some are taken.
    """
    found = []
    numbers = [number for number, _ in boxes]
    for number, box in boxes[:: max(1, -(-len(boxes) // _MOST_REPRODUCED))]:
        place = around(box, 2 * learned.radius, regions.shape)
        before = regions[place]
        others = np.where(np.isin(before, numbers), 0, before)
        best = 0.0
        for one in candidates(Odds(odds.inside[place], odds.values[place]), others, learned):
            mask = one.mask.within((0, before.shape[0], 0, before.shape[1]))
            true = before == number
            best = max(best, float(np.count_nonzero(mask & true) / np.count_nonzero(mask | true)))
        found.append(best)
    return found
