"""What is asked of one image: checked and rendered before anything slow, then read part by part.

The parts are apart so that each can be kept on its own (:mod:`~napari_m2n2v2.features.cache`): another guide needs no
other attention.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.backbones import FoundBackbone, FoundDepth, find_backbone, find_depth
from napari_m2n2v2.backbones.device import resolve_device
from napari_m2n2v2.backbones.run import planned_grid, read_attention, read_depth, remake_attention
from napari_m2n2v2.backbones.self_attention import Kept
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.guides.channel import GuideChannel, as_guide, channels_of, depth_channel
from napari_m2n2v2.guides.guide import as_guides
from napari_m2n2v2.images.rendering import as_rgb, clipped_pixels, finite_range
from napari_m2n2v2.images.resampling import resize_rgb, working_shape
from napari_m2n2v2.images.tile import fits_whole
from napari_m2n2v2.method.attention import (
    adjust_temperature_,
    check_attention,
    doubly_stochastic_factors,
    scale_,
)
from napari_m2n2v2.parallel import Progress, within
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["Depth", "FeatureRequest", "MadeOf", "Plane", "Transition", "notes_on", "to_transition_"]


class Depth(NamedTuple):
    """Inverse depth ``[H', W']`` float32 in ``[0, 1]``, None if it is flat; and which model and weights say so."""

    values: NDArray[np.float32] | None
    came_from: str


class MadeOf(NamedTuple):
    """What a transition matrix is made of: each pass of the backbone, and the factors of IPF, ``[n]`` float32."""

    passes: tuple[Sequence[Kept], ...]
    rows: Tensor
    columns: Tensor


class Transition(NamedTuple):
    """The doubly stochastic ``[n, n]``, its grid, what to say if the device had to change, and what it is made of.

    The latter is None where that was not asked, or the backbone does not tell.
    """

    matrix: Tensor
    grid_shape: tuple[int, int]
    note: str
    made_of: MadeOf | None = None


@dataclass(frozen=True, eq=False)
class Plane:
    """An image, checked and at working resolution. Made by :meth:`of`."""

    shape: tuple[int, int]  # of the image given
    image: NDArray[np.uint8]
    clipped: int = 0  # pixels of the image given that were NaN or infinite

    @classmethod
    def of(cls, image: Any, contrast_limits: tuple[float, float] | None, parameters: FeatureParameters) -> Plane:
        """Render an image at working resolution.

        Raises
        ------
        ImageError
        """
        rgb = as_rgb(image, contrast_limits, parameters.rendering)
        shape = rgb.shape[0], rgb.shape[1]
        if (rgb == rgb[0, 0]).all():
            raise ImageError(_no_contrast(np.asarray(image)))
        working = working_shape(shape, parameters.working_side)
        if not fits_whole(shape, parameters.working_side):
            raise ImageError(_too_long(shape, working))
        return cls(shape, resize_rgb(rgb, working), clipped_pixels(image))

    @cached_property
    def image_hash(self) -> str:
        """SHA-256 of the working image, in hexadecimal."""
        return hashlib.sha256(self.image.tobytes() + repr(self.image.shape).encode()).hexdigest()


def _too_long(shape: tuple[int, int], working: tuple[int, int]) -> str:
    return (
        f"An image of {shape[0]} x {shape[1]} pixels is very long for its width: all of it would be worked on at "
        f"{working[0]} x {working[1]}, more than fits into memory. Work on parts of it: Work on > the field of view in "
        "napari, region_of_view and Mosaic in Python. Or crop it."
    )


def _no_contrast(pixels: NDArray[Any]) -> str:
    low, high = finite_range(pixels)
    if low == high:
        return f"There is nothing to tell apart here: every pixel has the value {low}."
    return (
        f"There is nothing to tell apart here: values from {low} to {high} all look the same by the contrast limits. "
        "Set them to the range of the image."
    )


@dataclass(frozen=True, eq=False)
class FeatureRequest:
    """One image, and how its features are wanted. Made by :meth:`of`, which reads no model.

    Parameters
    ----------
    plane : Plane
        The image.
    spec : FeatureSpec
        What was asked ...
    attention : FoundBackbone
        ... and what that is to read attention.
    channels : tuple of GuideChannel
        The guides that are known already ...
    own : tuple of GuideChannel or None
        ... and what "auto" can choose besides, if it was asked.
    depth : FoundDepth or None
        What computes depth, which becomes a guide as well ...
    depth_weight : float
        ... of this weight.
    device : torch.device
        Where to compute.
    """

    plane: Plane
    spec: FeatureSpec
    attention: FoundBackbone
    channels: tuple[GuideChannel, ...]
    own: tuple[GuideChannel, ...] | None
    depth: FoundDepth | None
    depth_weight: float
    device: torch.device

    @classmethod
    def of(cls, image: Any, spec: FeatureSpec) -> FeatureRequest:
        """Check everything that can be checked before the slow part.

        Errors are those of :func:`~napari_m2n2v2.compute_features`.
        """
        target = resolve_device(spec.device)
        plane = Plane.of(image, spec.contrast_limits, spec.parameters)
        guides = as_guides(spec.guide)
        channels, own = channels_of(guides, plane.image, plane.shape)
        found = find_backbone(spec.attention)
        deep = next((one for one in guides if one.is_depth), None)
        depth, weight = (None, 1.0) if deep is None else (find_depth(deep.source), deep.strength)
        return cls(plane, spec, found, channels, own, depth, weight, target)

    @property
    def grid_shape(self) -> tuple[int, int]:
        """``(h, w)`` of the grid, unless the device turns out too small for it."""
        height, width = self.plane.image.shape[:2]
        return planned_grid(self.attention.backbone, (height, width), self.device, self.spec.parameters)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done to pixels to take them, as :attr:`ImageFeatures.notes` says it."""
        return notes_on(self.plane.clipped, self.channels)

    def read_depth(self, report: Progress) -> Depth | None:
        """Compute depth, if it is asked for."""
        if self.depth is None:
            return None
        depth = self.depth.backbone
        inverse, note = read_depth(depth, self.plane.image, self.device, self.spec.parameters.test_time_flip, report)
        return Depth(as_guide(inverse, inverse.shape, inverse.shape), f"{depth.name} {depth.weights_revision}{note}")

    def guides(self, depth: Depth | None) -> tuple[GuideChannel, ...]:
        """Return all guides given, once depth is known."""
        deep = None if depth is None else depth_channel(depth.values, depth.came_from, self.depth_weight)
        return self.channels if deep is None else (deep, *self.channels)

    def read_transition(self, report: Progress, *, keep: bool = False) -> Transition:
        """Read attention and make it a transition matrix (section 3.1): by far the slowest part.

        ``keep`` says whether to return what it is made of, for :meth:`remake_transition`.
        """
        parameters = self.spec.parameters
        find_backbone(self.spec.attention)  # which lets go of the model of depth where memory is short
        grid_shape, tensor, note, passes = read_attention(
            self.attention.backbone, self.plane.image, self.device, parameters,
            lambda share, stage: report(0.95 * share, stage), keep=keep,
        )  # fmt: skip
        check_attention(tensor, grid_shape)
        factors = to_transition_(tensor, parameters, report)
        return Transition(tensor, grid_shape, note, MadeOf(passes, *factors) if passes else None)

    def remake_transition(self, made_of: MadeOf, note: str, report: Progress) -> Transition:
        """Make the matrix again, without its backbone: the same, to the last bit, on one device."""
        passes, rows, columns = made_of
        tensor = remake_attention(passes, self.grid_shape, self.device, within(report, 0.0, 0.8))
        report(0.8, "temperature")
        adjust_temperature_(tensor, self.spec.parameters.temperature)
        report(0.95, "doubly stochastic")
        scale_(tensor, rows.to(self.device), columns.to(self.device))
        return Transition(tensor, self.grid_shape, note)


def notes_on(clipped: int, guides: Sequence[GuideChannel]) -> tuple[str, ...]:
    """Say how many pixels of an image and its guides were NaN or infinite: a sentence for each that had any."""
    counts = [("the image", clipped), *((f"the guide {guide.name}", guide.clipped) for guide in guides)]
    return tuple(_clipped_in_words(what, count) for what, count in counts if count)


def _clipped_in_words(what: str, count: int) -> str:
    some = "1 pixel of {} was" if count == 1 else f"{count} pixels of {{}} were"
    return f"{some.format(what)} NaN or infinite: clipped, NaN to the lowest."


def to_transition_(attention: Tensor, parameters: FeatureParameters, report: Progress) -> tuple[Tensor, Tensor]:
    """Turn an ``[n, n]`` attention tensor into a transition matrix, in place, and return the factors of IPF."""
    report(0.96, "temperature")
    adjust_temperature_(attention, parameters.temperature)
    factors = doubly_stochastic_factors(
        attention, parameters.ipf_rounds, parameters.ipf_tolerance, lambda: report(0.98, "doubly stochastic")
    )
    scale_(attention, *factors)
    return factors
