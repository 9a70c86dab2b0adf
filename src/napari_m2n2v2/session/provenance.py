"""What masks came from: image, backbone, weights, guide, parameters, and with which software."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.guides.from_image import IMAGE_GUIDES
from napari_m2n2v2.parameters import FeatureParameters

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.guides.channel import GuideChannel

__all__ = ["Provenance", "digest", "software"]

_PACKAGES = ("napari-m2n2v2", "diffusers", "numba", "numpy", "scikit-image", "torch", "transformers")


@dataclass(frozen=True)
class Provenance:
    """Where the features of one image, or of one part of a large one, came from.

    Parameters
    ----------
    shape, grid_shape : tuple of int
        Of the image and of the attention grid.
    image_sha256, guide_sha256 : str
        The image as the engine saw it; the guide, empty without one.
    backbone, weights_revision : str
        Where attention came from.
    guide : str
        What guides, in words.
    parameters : FeatureParameters
        What they were computed with.
    """

    shape: tuple[int, int]
    grid_shape: tuple[int, int]
    image_sha256: str
    guide_sha256: str
    backbone: str
    weights_revision: str
    guide: str
    parameters: FeatureParameters

    @classmethod
    def of(cls, features: ImageFeatures) -> Provenance:
        """Describe features."""
        return cls(
            shape=features.shape,
            grid_shape=features.grid_shape,
            image_sha256=features.image_hash,
            guide_sha256=digest(features.guide) if features.guide is not None else "",
            backbone=features.backbone,
            weights_revision=features.weights_revision,
            guide=_guide_in_words(features),
            parameters=features.parameters,
        )

    def differences(self, now: Provenance) -> list[str]:
        """Say what is not the same, one line each."""
        compared = {
            "image": (self.image_sha256[:12], now.image_sha256[:12]),
            "image shape": (self.shape, now.shape),
            "guide": (self.guide_sha256[:12], now.guide_sha256[:12]),
            "backbone": (self.backbone, now.backbone),
            "weights": (self.weights_revision, now.weights_revision),
            "grid": (self.grid_shape, now.grid_shape),
            "feature parameters": (self.parameters, now.parameters),
        }
        return [f"{name}: was {was}, is {then}" for name, (was, then) in compared.items() if was != then]


@cache
def software() -> Mapping[str, str]:
    """Return the versions of Python and of the packages that compute."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's values, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _guide_in_words(features: ImageFeatures) -> str:
    def named(guides: Sequence[GuideChannel]) -> str:
        words = [
            f"{_word(guide.name)} (weight {guide.weight:g})" if guide.weight != 1 else _word(guide.name)
            for guide in guides
        ]
        return " and ".join(words) or "no guide"

    if features.alternatives:
        options = "; ".join(named(guides) for guides in (features.guides, *features.alternatives))
        return f"guided, for each object, by what parted its clicks best among: {options}"
    return f"guided by {named(features.guides)}" if features.guides else "without a guide channel"


def _word(name: str) -> str:
    if name == "given":
        return "a second registered channel"
    return f"the image's own {name}" if name in IMAGE_GUIDES else f"depth computed by {name}"
