"""From each pixel's nearest click to a mask: truncation as published, then what is beyond the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.method.discs import UNDECIDED, discs_around
from napari_m2n2v2.method.nearest_neighbour import truncate
from napari_m2n2v2.method.refinement import refine
from napari_m2n2v2.method.scoring import distance_to_class
from napari_m2n2v2.parameters import SegmentationParameters

__all__ = ["Finishing", "click_radius"]

_PINNED_SHARE, _PINNED_CELLS = 1.5, 0.9  # of r_i, and at most so many cells: what refinement leaves to a click

Mask = NDArray[np.bool_]


def click_radius(mask: Mask, pixel: tuple[int, int], foreground: bool, parameters: SegmentationParameters) -> float:
    """Return ``r_i`` of a click, in pixels (Eq. 9): infinite where nothing of its class is there.

    Where its pixel has its class already it is 0, or with ``boundary_distance`` how deep the pixel lies.
    """
    radius = distance_to_class(mask, pixel, foreground)
    if radius > 0 or not parameters.boundary_distance:
        return radius
    depth = distance_to_class(mask, pixel, not foreground)
    return depth if depth < math.inf else 0.0


@dataclass(frozen=True, eq=False)
class Finishing:
    """Makes the mask of an object's clicks.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters
        Which of the steps beyond the paper are taken.
    pixels : sequence of tuple of int
        The clicks, (row, col).
    foreground : sequence of bool
        Their classes.
    radii : sequence of float
        Their :func:`click_radius`, each when it was placed.
    beyond : ndarray or None
        The mask that the object began with, bool ``[H', W']``.
    """

    features: ImageFeatures
    parameters: SegmentationParameters
    pixels: Sequence[tuple[int, int]]
    foreground: Sequence[bool]
    radii: Sequence[float]
    beyond: Mask | None

    def __call__(self, owner: NDArray[np.int32], distance: NDArray[np.float32]) -> Mask:
        """Return the mask, bool ``[H', W']``, of each pixel's nearest click and its distance."""
        mask = truncate(owner, distance, self.foreground, self.pixels, self.beyond)
        if self.parameters.least_disc:
            discs = self._discs(1.0, self.parameters.most_disc)
            mask = np.where(discs == UNDECIDED, mask, discs == 1)
        if self.parameters.refinement:
            fixed = self._discs(_PINNED_SHARE, _PINNED_CELLS) != UNDECIDED
            if self.beyond is not None:
                fixed |= distance > 1  # what no click reaches stays as it was
            mask = refine(
                mask,
                self.features.image,
                self.parameters.refinement_band * self.features.cell,
                fixed,
                max(1, round(self.parameters.refinement_window * self.features.cell)),
                self.parameters.refinement_epsilon,
                self.parameters.refinement_rounds,
                self.parameters.refinement_trust,
            )
        return mask

    def _discs(self, share: float, most_cells: float) -> NDArray[np.uint8]:
        most = most_cells * self.features.cell
        radii = [min(share * radius, most) if radius < math.inf else 0.0 for radius in self.radii]
        return discs_around(self.features.image.shape[:2], self.pixels, self.foreground, radii)
