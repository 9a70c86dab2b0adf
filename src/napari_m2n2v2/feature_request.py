"""What is asked of one image: checked and rendered before anything slow, then read part by part.

The parts are apart so that each can be kept on its own (:mod:`~napari_m2n2v2.feature_cache`): another guide needs no
other attention.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.attention import adjust_temperature_, check_attention, make_doubly_stochastic_
from napari_m2n2v2.backbones import AttentionBackbone, FoundBackbone, FoundDepth, find_backbone, find_depth
from napari_m2n2v2.devices import resolve_device
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.guidance import IMAGE_GUIDES
from napari_m2n2v2.images import as_guide, as_rgb, resize_rgb, working_shape
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.reading import Progress, planned_grid, read_attention, read_depth

__all__ = ["FeatureRequest", "Guide", "Plane", "Transition", "image_guide", "to_transition_"]

_MOST_PIXELS = 1 << 24


class Guide(NamedTuple):
    """A guide at working resolution, ``[H', W']`` float32 in ``[0, 1]`` or None, and where it came from."""

    channel: NDArray[np.float32] | None
    came_from: str


class Transition(NamedTuple):
    """The doubly stochastic ``[n, n]``, its grid, and what to say if the device had to change."""

    matrix: Tensor
    grid_shape: tuple[int, int]
    note: str


@dataclass(frozen=True, eq=False)
class Plane:
    """An image and the guide given with it, checked and at working resolution. Made by :meth:`of`."""

    shape: tuple[int, int]  # of the image given
    image: NDArray[np.uint8]
    guide: NDArray[np.float32] | None

    @classmethod
    def of(cls, image: Any, guide: Any, contrast_limits: tuple[float, float] | None, working_side: int) -> Plane:
        """Render an image, and bring a given channel to its working resolution.

        Raises
        ------
        ImageError, GuideError
        """
        rgb = as_rgb(image, contrast_limits)
        shape = rgb.shape[0], rgb.shape[1]
        working = working_shape(shape, working_side)
        if working[0] * working[1] > _MOST_PIXELS:
            raise ImageError(
                f"An image of {shape[0]} x {shape[1]} pixels is worked on at {working[0]} x {working[1]}, over the "
                f"{_MOST_PIXELS} pixels that fit into memory. Crop it: it is very long for its width."
            )
        return cls(shape, resize_rgb(rgb, working), as_guide(guide, shape, working))

    @cached_property
    def image_hash(self) -> str:
        """SHA-256 of the working image, in hexadecimal."""
        return hashlib.sha256(self.image.tobytes() + repr(self.image.shape).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class FeatureRequest:
    """One image, and how its features are wanted. Made by :meth:`of`, which reads no model.

    Parameters
    ----------
    plane : Plane
        The image, and the guide if it was given as a channel.
    asked : str or AttentionBackbone
        What was asked to read attention ...
    attention : FoundBackbone
        ... and what that is.
    guide : str or FoundDepth
        What computes the guide: depth, or the name of an image guide; "given" and "" compute none.
    device : torch.device
        Where to compute.
    parameters : FeatureParameters
        How.
    """

    plane: Plane
    asked: str | AttentionBackbone
    attention: FoundBackbone
    guide: str | FoundDepth
    device: torch.device
    parameters: FeatureParameters

    @classmethod
    def of(
        cls,
        image: Any,
        attention: str | AttentionBackbone = "auto",
        guide: Any = None,
        device: str | torch.device = "auto",
        *,
        contrast_limits: tuple[float, float] | None = None,
        parameters: FeatureParameters | None = None,
    ) -> FeatureRequest:
        """Check everything that can be checked before the slow part.

        Parameters are those of :func:`~napari_m2n2v2.compute_features`, and so are the errors.
        """
        parameters = parameters or FeatureParameters()
        target = resolve_device(device)
        by_name = isinstance(guide, str) and guide in IMAGE_GUIDES
        computed = isinstance(guide, str) or callable(getattr(guide, "depth", None))
        plane = Plane.of(image, None if computed else guide, contrast_limits, parameters.working_side)
        found = find_backbone(attention)
        wanted = guide if by_name else find_depth(guide) if computed else "" if plane.guide is None else "given"
        return cls(plane, attention, found, wanted, target, parameters)

    @property
    def grid_shape(self) -> tuple[int, int]:
        """``(h, w)`` of the grid, unless the device turns out too small for it."""
        height, width = self.plane.image.shape[:2]
        return planned_grid(self.attention.backbone, (height, width), self.device, self.parameters)

    def read_guide(self, report: Progress) -> Guide:
        """Compute the guide, or pass on the one given."""
        if self.guide == "given":
            return Guide(self.plane.guide, "given")
        if isinstance(self.guide, str):
            channel = image_guide(self.guide, self.plane.image) if self.guide else None
            return Guide(channel, "" if channel is None else self.guide)
        depth = self.guide.backbone
        inverse, note = read_depth(depth, self.plane.image, self.device, self.parameters.test_time_flip, report)
        return Guide(as_guide(inverse, inverse.shape, inverse.shape), f"{depth.name} {depth.weights_revision}{note}")

    def read_transition(self, report: Progress) -> Transition:
        """Read attention and make it a transition matrix (section 3.1): by far the slowest part."""
        parameters = self.parameters
        find_backbone(self.asked)  # which lets go of the model of depth where memory is short
        grid_shape, tensor, note = read_attention(
            self.attention.backbone, self.plane.image, self.device, parameters,
            lambda share, stage: report(0.95 * share, stage),
        )  # fmt: skip
        check_attention(tensor, grid_shape)
        to_transition_(tensor, parameters, report)
        return Transition(tensor, grid_shape, note)


def to_transition_(attention: Tensor, parameters: FeatureParameters, report: Progress) -> Tensor:
    """Turn an ``[n, n]`` attention tensor into a transition matrix, in place."""
    report(0.96, "temperature")
    adjust_temperature_(attention, parameters.temperature)
    return make_doubly_stochastic_(
        attention, parameters.ipf_rounds, parameters.ipf_tolerance, lambda: report(0.98, "doubly stochastic")
    )


def image_guide(name: str, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Compute one of :data:`~napari_m2n2v2.guidance.IMAGE_GUIDES` from a ``[H, W, 3]`` uint8 image."""
    seen = IMAGE_GUIDES[name](image)
    return as_guide(seen, (seen.shape[0], seen.shape[1]), (seen.shape[0], seen.shape[1]))
