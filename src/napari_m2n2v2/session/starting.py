"""Labels that objects start from instead of nothing, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import LARGEST_ID
from napari_m2n2v2.errors import ImageError

__all__ = ["starting_labels"]


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
