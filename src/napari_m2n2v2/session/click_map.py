"""The Markov-map of one prompt's pixels, which does not depend on the other prompts (section 3.3); a click has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.draw import polygon
from torch import Tensor

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.deepest import deepest
from napari_m2n2v2.method.boxes import Edges, cells_in_and_around, extent_share, joined_with_colours, share_from_around
from napari_m2n2v2.method.contrast import contrast_across
from napari_m2n2v2.method.flood_fill import stable_order
from napari_m2n2v2.method.markov import markov_map, start_state_over
from napari_m2n2v2.method.scoring import CandidateThresholds, candidate_thresholds
from napari_m2n2v2.method.steps import COMPILED, Steps, steps_on
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import START_THRESHOLD
from napari_m2n2v2.session.seed import Pixel, Seed

__all__ = ["ClickMap", "click_map", "upsampled_map"]

_FRAME = 4.0  # cells around a box that stand for what is not the object
_SMALLEST = 1e-6  # largest value of a map that is divided by
_ROUNDS = 3  # in which the cells inside are parted into object and surroundings


@dataclass(frozen=True, eq=False)
class ClickMap:
    """What depends on the pixels of one prompt alone, so that it is kept when other clicks change.

    Parameters
    ----------
    values : ndarray
        ``M_i [H', W']`` float32 in ``[0, 1]`` at working resolution: the guided Markov-map, 0 at its pixels.
    candidates : CandidateThresholds
        Its candidate thresholds with their edge scores.
    contrast : ndarray or None
        Of the image (:attr:`ImageFeatures.contrast`), if clicks that nothing limits are scored by it, too.
    core : tuple of int or None
        Of a prompt that marks no pixel, the one that scores of others take for its own: the deepest of its mask.
    steps : Steps
        For the device of the features.
    """

    values: NDArray[np.float32]
    candidates: CandidateThresholds
    contrast: NDArray[np.int32] | None = None
    core: Pixel | None = None
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


def upsampled_map(features: ImageFeatures, seed: Seed, parameters: SegmentationParameters) -> Tensor:
    """Compute the Markov-map of a prompt before the flood fill (section 3.3).

    Returns
    -------
    Tensor
        ``[H', W']`` float32 in ``[0, 1]``, where the upsampling left it: with the features on CUDA, else on the CPU.
    """
    device, grid = features.transition.device, features.grid_shape
    shape = (features.image.shape[0], features.image.shape[1])
    operator = features.upsampling_operator(guided=parameters.guided_upsampling)
    if seed.box is not None:
        inside, around = cells_in_and_around(seed.box, shape, grid, _FRAME, device)
        return operator(share_from_around(features.transition, inside, around, _ROUNDS))
    start = start_state_over(seed.pixels, shape, grid, device, centred=parameters.centred_start)
    upsampled = operator(
        markov_map(features.transition, start, parameters.tau, parameters.max_iterations, features.low_rank)
    )
    top = upsampled.max()
    return upsampled / top if top > 0 else upsampled


def click_map(
    features: ImageFeatures,
    seed: Seed,
    parameters: SegmentationParameters,
    upsampled: Tensor | None = None,
) -> ClickMap:
    """Compute the depth-guided Markov-map of a prompt and its candidate thresholds (section 3.3).

    What :func:`upsampled_map` gives may be passed on, because features that differ in guides may share it.
    """
    if seed.outline is not None:
        return _map_of_mask(_enclosed(seed.outline, (features.image.shape[0], features.image.shape[1])))
    steps = steps_on(features.transition.device)
    found = upsampled_map(features, seed, parameters) if upsampled is None else upsampled
    if seed.box is not None:
        found = _with_colours(found, features, seed.box)
    if not parameters.flood_fill:
        values = found.numpy(force=True)
    else:
        guide = features.flood_guide if parameters.guided_flood_fill else None
        sources = seed.pixels if seed.box is None else (_lowest_inside(found.numpy(force=True), seed.box),)
        values = _divide_by_maximum(steps.flood_fill(found, sources, guide, parameters.reach))
    if seed.box is not None:
        return _map_of_box(values, seed.box, features.contrast)
    contrast = features.contrast if parameters.score_contrast else None
    return ClickMap(values, steps.candidate_thresholds(values), contrast, steps=steps)


def _with_colours(share: Tensor, features: ImageFeatures, box: Edges) -> Tensor:
    """Let colours join a box's map, seen as far around it as the chain is."""
    (height, width), (h, w) = features.image.shape[:2], features.grid_shape
    margin = _FRAME * height / h, _FRAME * width / w
    joined = joined_with_colours(share.numpy(force=True), features.image, box, margin)
    return torch.from_numpy(joined).to(share.device)


def _map_of_mask(mask: NDArray[np.bool_]) -> ClickMap:
    """Give a mask to begin with values that are just in reach, and all else 1."""
    values = np.where(mask, np.float32(START_THRESHOLD), np.float32(1))
    return ClickMap(values, candidate_thresholds(values), core=deepest(mask) if mask.any() else None)


def _map_of_box(values: NDArray[np.float32], box: Edges, contrast: NDArray[np.int32]) -> ClickMap:
    """Keep a box's map inside it, at most 0.5, with 1 beyond, and score the segments.

    An object touches all sides of the box that someone drew around it (Lempitsky et al. 2009). So the score of a
    segment is the mean contrast of the image across its outline, times the cube of the share of the box that its own
    bounding box takes.
    """
    inside, limited = values[_place(box)], np.ones_like(values)
    if inside.size > 1 and np.ptp(inside) == 0:  # no surroundings are in view, so nothing is known
        nothing = np.zeros(1, dtype=np.float32)
        return ClickMap(limited, CandidateThresholds(nothing, nothing, maximum=1.0))
    limited[_place(box)] = inside / np.float32(2 * max(inside.max(), _SMALLEST))
    order = stable_order(limited)
    count = min(inside.size, order.size - 1)
    share = extent_share(order[:count], values.shape[1], inside.size)
    score = contrast_across(contrast, order)[:count] * share**3
    best = np.zeros(values.shape, dtype=bool)
    best.ravel()[order[: int(score.argmax()) + 1]] = True
    candidates = CandidateThresholds(limited.ravel()[order[:count]], score, maximum=1.0)
    return ClickMap(limited, candidates, core=deepest(best))


def _enclosed(points: Sequence[tuple[float, float]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return what an outline encloses, bool ``[H', W']``."""
    mask = np.zeros(shape, dtype=bool)
    mask[polygon(*np.transpose(points), shape)] = True
    return mask


def _lowest_inside(values: NDArray[np.float32], box: Edges) -> Pixel:
    part = values[_place(box)]
    row, col = np.unravel_index(int(part.argmin()), part.shape)
    return box[0] + int(row), box[2] + int(col)


def _place(box: Edges) -> tuple[slice, slice]:
    return slice(box[0], box[1]), slice(box[2], box[3])


def _divide_by_maximum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    top = values.max()
    return values / top if top > 0 else values
