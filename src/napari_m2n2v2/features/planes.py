"""Features of one plane of a stack into a cache: how they are asked for, what they take, and whether there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from napari_m2n2v2.backbones import AttentionBackbone
from napari_m2n2v2.errors import (
    DeviceError,
    MissingDependencyError,
    MissingWeightsError,
    ParameterError,
    UnknownBackboneError,
    UnwritableFileError,
)
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.guides.channel import as_guide
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.parallel import Progress
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["OF_NO_PLANE", "Asked", "Room", "Stored", "store_plane"]

OF_NO_PLANE = (
    DeviceError, MissingDependencyError, MissingWeightsError, ParameterError, UnknownBackboneError, UnwritableFileError,
)  # fmt: skip
"""Errors that the next plane would not be spared."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How the features of every plane are wanted.

    Parameters
    ----------
    attention, device, contrast_limits, parameters
        As :func:`~napari_m2n2v2.compute_features` takes them.
    guide : Stack, str, DepthBackbone or None
        A registered stack of the same planes, or what computes a guide from each.
    """

    attention: str | AttentionBackbone = "auto"
    guide: Any = None
    device: str | torch.device = "auto"
    contrast_limits: tuple[float, float] | None = None
    parameters: FeatureParameters = field(default_factory=FeatureParameters)

    def read(self, stack: Stack, index: Index) -> tuple[Any, dict[str, Any]]:
        """Read a plane at the level that fits the working resolution.

        Returns
        -------
        image : ndarray
            Of the plane.
        arguments : dict
            What :meth:`FeatureCache.features` is to be called with beside it.
        """
        image = stack.read(index, stack.level_for(self.parameters.working_side))
        guide = self.guide
        if isinstance(guide, Stack):  # whose pyramid need not be the image's
            shape = image.shape[0], image.shape[1]
            guide = guide.read(index, guide.level_for(self.parameters.working_side))
            guide = guide if guide.shape == shape else as_guide(guide, (guide.shape[0], guide.shape[1]), shape)
        return image, {
            "attention": self.attention, "guide": guide, "device": self.device,
            "contrast_limits": self.contrast_limits, "parameters": self.parameters,
        }  # fmt: skip


class Stored(NamedTuple):
    """What a plane's features take: bytes of each entry; whether they were computed; they themselves if in memory."""

    sizes: Mapping[str, int]
    computed: bool
    features: ImageFeatures | None = None


class Room:
    """Counts what planes take of a limit: an entry that several share, as empty planes do, once.

    Parameters
    ----------
    most_bytes : int
        The limit.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._taken: dict[str, int] = {}
        self._largest = 0

    def take(self, sizes: Mapping[str, int]) -> None:
        """Count a plane."""
        self._taken.update(sizes)
        self._largest = max(self._largest, sum(sizes.values()))

    def has_for(self, planes: int) -> bool:
        """Whether so many more fit, as large as the largest was; of which nothing is known before the first."""
        if not self._largest:
            return planes <= 1
        return sum(self._taken.values()) + planes * self._largest <= self._most_bytes


def store_plane(cache: FeatureCache, image: Any, asked: Mapping[str, Any], progress: Progress | None = None) -> Stored:
    """Put one plane's features into the cache's folder, or its memory if it has none, unless they are there.

    Raises
    ------
    UnwritableFileError
        If they cannot be stored.
    DeviceError
        If the device is too small for the grid; a smaller one may be asked for.

    What else :func:`~napari_m2n2v2.compute_features` raises passes through.
    """
    if cache.disk is None:
        known = cache.has(image, **asked)
        features = cache.features(image, progress=progress, **asked)
        return Stored({features.image_hash: features.nbytes}, not known, features)
    if sizes := cache.sizes_on_disk(image, **asked):
        return Stored(sizes, computed=False)
    features = cache.features(image, progress=progress, remember=False, **asked)
    if sizes := cache.sizes_on_disk(image, **asked):
        return Stored(sizes, computed=True)
    if features.grid_shape != FeatureRequest.of(image, **asked).grid_shape:
        raise DeviceError(
            f"The features are not kept: the device is too small for the grid that was planned, and took one of "
            f"{features.grid_shape[0]} x {features.grid_shape[1]}. Ask for a grid of {max(features.grid_shape)}."
        )
    raise UnwritableFileError(
        f"The features are not kept in {cache.disk.folder}: it cannot be written to, or is too small."
    )
