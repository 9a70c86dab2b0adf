"""Where a layer lies in the world: ours lie where their image does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["follow", "place_in_plane", "place_like", "transform_of"]

_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


def transform_of(layer: Image) -> dict[str, Any]:
    """Return everything that places a layer in the world, to give to another."""
    return {name: getattr(layer, name) for name in _PLACE}


def place_in_plane(image: Image, part: PartKey, array: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return ``array [H, W]`` with the image's axes and what places it in that part: data and settings of a layer."""
    from napari.utils.transforms import Affine

    key, region = part.plane, part.region
    stack = stack_of(image, key.axes)
    named = transform_of(image)
    inner = Affine(scale=image.scale, rotate=image.rotate, shear=image.shear, ndim=image.ndim).linear_matrix
    named["translate"] = image.translate + inner @ np.array(stack.join(key.index, region.top, region.left))
    return np.expand_dims(array, stack.index_axes), named


def place_like(layer: Any, image: Image) -> None:
    """Lay a layer of ours over its image; files that napari saves do not tell where it was."""
    for name, value in transform_of(image).items():
        setattr(layer, name, value)


def follow(image: Image, event: Any, others: Iterable[Any]) -> None:
    """Move other layers as the image was moved: the handler of its events of place."""
    if event.type in _PLACE:
        for layer in others:
            setattr(layer, event.type, getattr(image, event.type))
