"""From each pixel's nearest click to a mask: truncation as published, then what is beyond the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.method.adaptive_size import distance_to_class
from napari_m2n2v2.method.discs import UNDECIDED, discs_around
from napari_m2n2v2.method.nearest_neighbour import truncate
from napari_m2n2v2.method.refinement import refine
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.session.seed import Seed

__all__ = ["Finishing", "pixel_radii"]

_PINNED_SHARE, _PINNED_CELLS = 1.5, 0.9  # of r_i, and at most so many cells: what refinement leaves to a click

Mask = NDArray[np.bool_]


def pixel_radii(mask: Mask, seed: Seed, foreground: bool, parameters: SegmentationParameters) -> tuple[float, ...]:
    """Return ``r_i`` of each pixel of a prompt, in pixels (Eq. 9): infinite where nothing of its class is there.

    Where a pixel has its class already it is 0, or with ``boundary_distance`` how deep the pixel lies.
    """
    if not (mask.any() if foreground else not mask.all()):
        return (math.inf,) * len(seed.pixels)
    return tuple(_radius(mask, pixel, foreground, parameters) for pixel in seed.pixels)


def _radius(mask: Mask, pixel: tuple[int, int], foreground: bool, parameters: SegmentationParameters) -> float:
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
    seeds : sequence of Seed
        Of each prompt.
    foreground : sequence of bool
        Their classes.
    radii : sequence of tuple of float
        Their :func:`pixel_radii`, each when it was placed.
    beyond : ndarray or None
        The mask that the object began with, bool ``[H', W']``.
    outside : ndarray or None
        Where it cannot be (:func:`~napari_m2n2v2.session.seed.outside_boxes`), bool ``[H', W']``.
    """

    features: ImageFeatures
    parameters: SegmentationParameters
    seeds: Sequence[Seed]
    foreground: Sequence[bool]
    radii: Sequence[tuple[float, ...]]
    beyond: Mask | None
    outside: Mask | None

    def __call__(self, owner: NDArray[np.int32], distance: NDArray[np.float32]) -> Mask:
        """Return the mask, bool ``[H', W']``, of each pixel's nearest click and its distance."""
        mask = truncate(owner, distance, self.foreground, [seed.pixels for seed in self.seeds], self.beyond)
        if self.parameters.least_disc:
            discs = self._discs(1.0, self.parameters.most_disc)
            mask = np.where(discs == UNDECIDED, mask, discs == 1)
        if self.outside is not None:
            mask &= ~self.outside
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
        return mask if self.outside is None else mask & ~self.outside

    def _discs(self, share: float, most_cells: float) -> NDArray[np.uint8]:
        most = most_cells * self.features.cell
        radii = [min(share * radius, most) if radius < math.inf else 0.0 for own in self.radii for radius in own]
        pixels = [pixel for seed in self.seeds for pixel in seed.pixels]
        classes = [label for seed, label in zip(self.seeds, self.foreground, strict=True) for _ in seed.pixels]
        return discs_around(self.features.image.shape[:2], pixels, classes, radii)
