"""Guides computed from the image itself, for pictures where depth means nothing (the paper's stated limitation)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["IMAGE_GUIDES", "lightness"]

_SIGMA = 2.0  # pixels: evens out noise and texture, keeps outlines of objects of ten pixels
_OUTLIERS = 0.5  # percent at either end: dead pixels and specks must not take the range


def lightness(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the image's smoothed lightness, for flat pictures in which objects differ from their surroundings by it.

    Parameters
    ----------
    image : ndarray
        ``[H, W, 3]`` uint8.

    Returns
    -------
    ndarray
        ``[H, W]`` float32 in ``[0, 1]``; half a percent of the pixels is clipped at either end.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.color import rgb2gray

    grey = gaussian_filter(rgb2gray(image).astype(np.float32), _SIGMA)
    low, high = np.percentile(grey, [_OUTLIERS, 100 - _OUTLIERS])
    if high <= low:
        return np.zeros_like(grey)
    unit: NDArray[np.float32] = ((grey - low) / (high - low)).clip(0, 1).astype(np.float32)
    return unit


IMAGE_GUIDES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {"lightness": lightness}
"""By the name that ``compute_features(guide=...)``, the dock and the command line take."""
