"""Labels that objects start from instead of nothing, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import LARGEST_ID
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["starting_labels", "starting_masks"]


def starting_labels(start: Any, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return labels to start from, ``[H, W]`` int32.

    Parameters
    ----------
    start : array-like
        ``[H, W]`` of any integer dtype.
    shape : tuple of int
        ``(H, W)`` of the image.

    Raises
    ------
    ImageError
        If they have another shape, are not of integers, or are more than an object's id can be.
    """
    labels = np.asarray(start)
    if labels.shape != shape or labels.dtype.kind not in "bui":
        raise ImageError(
            f"The labels to start from must be integers of the image's shape {shape}, "
            f"got {labels.dtype} of shape {labels.shape}."
        )
    if labels.size and int(labels.max()) > LARGEST_ID:
        raise ImageError(
            f"The labels to start from must be at most {LARGEST_ID}, got {labels.max()}. Give them lower ids first, as "
            "skimage.segmentation.relabel_sequential does."
        )
    return labels.astype(np.int32, copy=False)


def starting_masks(start: Any, features: ImageFeatures) -> dict[int, Segmentation]:
    """``Y_0`` of every object in a label image, at working resolution; of None there is none.

    Raises
    ------
    ImageError
        As :func:`starting_labels` does.
    """
    if start is None:
        return {}
    labels = starting_labels(start, features.shape)
    working = at_resolution(labels, (features.image.shape[0], features.image.shape[1]))
    return {int(i): Segmentation.begin(working == i, features.shape) for i in np.unique(working) if i > 0}
