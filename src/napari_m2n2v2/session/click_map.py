"""The Markov-map of one click's position, which does not depend on the other clicks (section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.scoring import CandidateThresholds
from napari_m2n2v2.method.steps import COMPILED, Steps, steps_on
from napari_m2n2v2.parameters import SegmentationParameters

__all__ = ["ClickMap", "Pixel", "click_map", "upsampled_map"]

Pixel = tuple[int, int]


@dataclass(frozen=True, eq=False)
class ClickMap:
    """What depends on one click's position alone, so that it is kept when other clicks change.

    Parameters
    ----------
    values : ndarray
        ``M_i [H', W']`` float32 in ``[0, 1]`` at working resolution: the guided Markov-map, 0 at the click.
    candidates : CandidateThresholds
        Its candidate thresholds with their edge scores.
    contrast : ndarray or None
        Of the image (:attr:`ImageFeatures.contrast`), if clicks that nothing limits are scored by it, too.
    steps : Steps
        For the device of the features.
    """

    values: NDArray[np.float32]
    candidates: CandidateThresholds
    contrast: NDArray[np.int32] | None = None
    steps: Steps = field(default=COMPILED, repr=False)

    @cached_property
    def unlimited(self) -> ClickMap:
        """The same for a click that Eq. 10 sets no limit: its edge scores count the image's edges, if they are to."""
        if self.contrast is None:
            return self
        across = self.steps.contrast_across(self.contrast, self.values)
        return ClickMap(self.values, replace(self.candidates, edge=self.candidates.edge * np.square(across)))

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes, with what :attr:`unlimited` will hold."""
        more = 0 if self.contrast is None else self.candidates.edge.nbytes
        return self.values.nbytes + self.candidates.nbytes + more


def upsampled_map(features: ImageFeatures, pixel: Pixel, parameters: SegmentationParameters) -> Tensor:
    """Compute the Markov-map of a click before the flood fill (section 3.3).

    Returns
    -------
    Tensor
        ``[H', W']`` float32 in ``[0, 1]``, where the upsampling left it: with the features on CUDA, else on the CPU.
    """
    device = features.transition.device
    shape = features.image.shape[:2]
    start = start_state(*pixel, shape, features.grid_shape, device, centred=parameters.centred_start)
    steps = markov_map(features.transition, start, parameters.tau, parameters.max_iterations)
    operator = features.upsampling_operator(guided=parameters.guided_upsampling)
    upsampled = operator(steps)
    top = upsampled.max()
    return upsampled / top if top > 0 else upsampled


def click_map(
    features: ImageFeatures,
    pixel: Pixel,
    parameters: SegmentationParameters,
    upsampled: Tensor | None = None,
) -> ClickMap:
    """Compute the depth-guided Markov-map of a click and its candidate thresholds (section 3.3).

    What :func:`upsampled_map` gives may be passed on, because features that differ in guides may share it.
    """
    steps = steps_on(features.transition.device)
    found = upsampled_map(features, pixel, parameters) if upsampled is None else upsampled
    if parameters.flood_fill:
        guide = features.flood_guide if parameters.guided_flood_fill else None
        values = _divide_by_maximum(steps.flood_fill(found, pixel, guide, parameters.reach))
    else:
        values = found.numpy(force=True)
    contrast = features.contrast if parameters.score_contrast else None
    return ClickMap(values, steps.candidate_thresholds(values), contrast, steps)


def _divide_by_maximum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    top = values.max()
    return values / top if top > 0 else values
