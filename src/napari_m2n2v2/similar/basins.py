"""From log-odds of pixels to one region an object: seeds, watershed, and joining what was parted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_laplace
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from napari_m2n2v2.similar.pixels import Floats
from napari_m2n2v2.similar.shape import Mask, compactness, depth

__all__ = ["Sizes", "basins", "joined", "seeds"]

_LOWEST, _HIGHEST = -4.0, 8.0  # log-odds, beyond which all are alike
_SCALES = (0.5, 0.75, 1.0, 1.4)  # of the examples' radius
_APART, _DEEP = 0.4, 0.2  # radii
_DEEPEST = 1.5
_LESS_COMPACT = 0.02  # than the examples, and still as they are
_LESS_THAN_PARTS = 0.03

_Part = tuple[slice, slice]


@dataclass(frozen=True)
class Sizes:
    """How large objects are: a normal distribution of the logarithm of their area in pixels.

    Parameters
    ----------
    middle, spread : float
        Mean and standard deviation.
    """

    middle: float
    spread: float

    def likeness(self, area: float) -> float:
        """Return the log-likelihood of an area but for a constant: 0 at best."""
        return -0.5 * ((float(np.log(area)) - self.middle) / self.spread) ** 2


def seeds(odds: Floats, inside: Mask, taken: Mask, radius: float) -> NDArray[np.intp]:
    """Return where objects are, ``[n, 2]`` rows and columns: maxima over position of blob detectors at four scales.

    Parameters
    ----------
    odds : ndarray
        Log-odds ``[H, W]``.
    inside, taken : ndarray
        bool ``[H, W]``: where objects may be, and where some are already.
    radius : float
        Of the examples, in pixels.
    """
    bounded = np.clip(odds, _LOWEST, _HIGHEST)
    response = np.full(odds.shape, -np.inf, dtype=np.float32)
    for scale in _SCALES:
        sigma = scale * radius / np.sqrt(2)
        response = np.maximum(response, -(sigma**2) * gaussian_laplace(bounded, sigma, mode="nearest"))
    peaks = peak_local_max(response, min_distance=max(1, round(_APART * radius)), threshold_abs=0, exclude_border=False)
    at = tuple(peaks.T)
    kept: NDArray[np.intp] = peaks[(depth(inside)[at] >= _DEEP * radius) & ~taken[at]]
    return kept


def basins(
    odds: Floats, inside: Mask, known: NDArray[np.int32], points: NDArray[np.intp], radius: float
) -> NDArray[np.int32]:
    """Divide where objects may be among seeds and known objects by a watershed.

    Parameters
    ----------
    odds, inside, radius
        As for :func:`seeds`.
    known : ndarray
        int32 ``[H, W]``: objects that are there, counted from 1.
    points : ndarray
        ``[n, 2]``, see :func:`seeds`.

    Returns
    -------
    ndarray
        int32 ``[H, W]``: the known objects by their numbers, then a basin for each seed in order.
    """
    markers = known.copy()
    first = int(known.max(initial=0)) + 1
    markers[tuple(points.T)] = np.arange(first, first + len(points))
    height = np.clip(odds, 0, _HIGHEST) / _HIGHEST + np.minimum(depth(inside) / radius, _DEEPEST)
    found: NDArray[np.int32] = watershed(-height, markers, mask=inside)
    return found


def joined(regions: NDArray[np.int32], first: int, sizes: Sizes, compact: float) -> NDArray[np.int32]:
    """Join touching regions whose union is as compact as the examples, and likelier in size than its worse part.

    The pair that gains most is joined first (the first of several by number), then what is left is looked at again.

    Parameters
    ----------
    regions : ndarray
        int32 ``[H, W]``, see :func:`basins`; not changed.
    first : int
        Regions below this number stay as they are.
    sizes, compact
        Of the examples.
    """
    return _Joining(regions.copy(), sizes, compact).run(first)


class _Joining:
    """Regions while they are being joined."""

    def __init__(self, regions: NDArray[np.int32], sizes: Sizes, compact: float) -> None:
        self.regions, self.sizes, self.compact = regions, sizes, compact
        self.boxes: dict[int, _Part] = {n: box for n, box in enumerate(find_objects(regions), start=1) if box}
        areas = np.bincount(regions.ravel())
        self.areas = {n: int(areas[n]) for n in self.boxes}

    def run(self, first: int) -> NDArray[np.int32]:
        gains: dict[tuple[int, int], float] = {}
        for pair in _touching(self.regions, first):
            gains[pair] = self._gain(*pair)
        while gains:
            one, other = min(gains, key=lambda pair: (-gains[pair], pair))
            if gains[one, other] <= 0:
                break
            self._join(one, other)
            near = {n for pair in gains if one in pair or other in pair for n in pair} - {one, other}
            gains = {pair: gain for pair, gain in gains.items() if one not in pair and other not in pair}
            for n in sorted(near):
                pair = min(one, n), max(one, n)
                gains[pair] = self._gain(*pair)
        return self.regions

    def _gain(self, one: int, other: int) -> float:
        """Return how much likelier in size the union is; 0 if it must not be made."""
        areas, likeness = (self.areas[one], self.areas[other]), self.sizes.likeness
        gain = likeness(sum(areas)) - min(map(likeness, areas))
        if gain <= 0:
            return 0.0
        part = self.regions[self._box(one, other)]
        parts = part == one, part == other
        need = min(self.compact - _LESS_COMPACT, max(map(compactness, parts)) - _LESS_THAN_PARTS)
        return gain if compactness(parts[0] | parts[1]) >= need else 0.0

    def _box(self, one: int, other: int) -> _Part:
        (rows, cols), (more_rows, more_cols) = self.boxes[one], self.boxes[other]
        return _around(rows, more_rows), _around(cols, more_cols)

    def _join(self, one: int, other: int) -> None:
        place = self._box(one, other)
        part = self.regions[place]
        part[part == other] = one
        self.boxes[one] = place
        self.areas[one] += self.areas.pop(other)


def _around(one: slice, other: slice) -> slice:
    return slice(min(one.start, other.start), max(one.stop, other.stop))


def _touching(regions: NDArray[np.int32], first: int) -> list[tuple[int, int]]:
    """List the pairs of regions that have an edge in common, the lower number first."""
    found: set[tuple[int, int]] = set()
    for before, after in ((regions[:-1], regions[1:]), (regions[:, :-1], regions[:, 1:])):
        edge = (before != after) & (before >= first) & (after >= first)
        pairs = np.sort(np.stack([before[edge], after[edge]], axis=1), axis=1)
        found.update((int(one), int(other)) for one, other in np.unique(pairs, axis=0))
    return sorted(found)
