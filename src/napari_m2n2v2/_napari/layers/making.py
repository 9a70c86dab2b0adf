"""The layers that the dock makes for an image: clicks, prompts that are drawn, and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.mask_colors import MASKS_OPACITY, mask_colors
from napari_m2n2v2._napari.layers.place import transform_of
from napari_m2n2v2._napari.layers.points import (
    AXES,
    CLASS,
    FOREGROUND,
    OBJECT,
    PLACED_BY,
    THRESHOLD,
    USER,
    as_text,
    feature_table,
    last_axes,
)  # fmt: skip
from napari_m2n2v2._napari.layers.showing import LIMITS_OF_NONE
from napari_m2n2v2.errors import ImageError

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

__all__ = ["line_width", "make_labels", "make_points", "make_shapes"]

_LARGE = 1024  # image pixels: from there on, points grow no more


def make_points(image: Image) -> Points:
    """Make an empty Points layer for the clicks on an image, with its axes and its transform."""
    from napari.layers import Points

    table = feature_table((), image.ndim)
    # An empty layer without defaults breaks at the first point.
    defaults: dict[str, Any] = {CLASS: FOREGROUND, OBJECT: 1, THRESHOLD: np.nan, PLACED_BY: USER}
    defaults[AXES] = as_text(last_axes(image.ndim))
    return Points(
        ndim=image.ndim,
        name=f"{image.name} clicks",
        size=max(3.0, 0.03 * min(*stack_of(image).plane_shape, _LARGE)),
        canvas_size_limits=LIMITS_OF_NONE,
        border_color="white",
        border_width=0.08,
        features=table,
        feature_defaults={name: defaults[name] for name in table},
        **transform_of(image),
    )


def make_shapes(image: Image) -> Shapes:
    """Make an empty Shapes layer for what is drawn on an image, with its axes and its transform."""
    from napari.layers import Shapes

    return Shapes(
        ndim=image.ndim,
        name=f"{image.name} prompts",
        edge_width=line_width(image),
        face_color="transparent",
        metadata={"napari_m2n2v2": "prompts"},
        **transform_of(image),
    )


def line_width(image: Image) -> float:
    """Return how wide lines are drawn on an image, in its pixels: thin."""
    return max(0.25, 0.004 * min(*stack_of(image).plane_shape, _LARGE))


def make_labels(image: Image) -> Labels:
    """Make an empty Labels layer for the masks of an image, with its transform.

    Raises
    ------
    ImageError
        If the masks do not fit into memory.
    """
    from napari.layers import Labels

    shape = stack_of(image).shape
    try:
        masks = np.zeros(shape, dtype=np.int32)  # takes memory where it is written, not before
    except MemoryError as error:
        raise ImageError(
            f"Masks of shape {shape} do not fit into memory. Make a zarr array of that shape, add it as a Labels "
            "layer, and choose it under More > Write into."
        ) from error
    return Labels(
        masks,
        name=f"{image.name} masks",
        opacity=MASKS_OPACITY,
        colormap=mask_colors(1),
        **transform_of(image),
    )
