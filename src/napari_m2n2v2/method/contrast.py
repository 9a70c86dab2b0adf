"""How much colours differ across an outline: the contrast term of graph cuts, for every threshold. Beyond the paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel

__all__ = ["CONTRAST_STEPS", "contrast_across", "pixel_contrast"]

CONTRAST_STEPS = 1024
"""In how many whole steps contrast is measured: their sums are exact."""

Contrast = NDArray[np.int32]


def pixel_contrast(image: NDArray[np.uint8], sigma: float) -> Contrast:
    """Say how much each pixel differs in colour from the one below and the one to its right.

    Parameters
    ----------
    image : ndarray
        uint8 ``[H, W, 3]``.
    sigma : float
        Standard deviation of the Gaussian that smooths it first, in pixels, 0 or more.

    Returns
    -------
    ndarray
        int32 ``[2, H, W]``, below and right, in ``[0, 1024]``: ``1 - exp(-d / (2 mean d))`` of the squared distance d
        of the colours, as in graph cuts (Boykov and Jolly 2001). 0 where there is no such pixel.
    """
    from scipy.ndimage import gaussian_filter

    colours = gaussian_filter(image.astype(np.float32), (sigma, sigma, 0))
    distance = np.zeros((2, *image.shape[:2]), dtype=np.float32)
    distance[0, :-1] = np.square(np.diff(colours, axis=0)).sum(axis=-1)
    distance[1, :, :-1] = np.square(np.diff(colours, axis=1)).sum(axis=-1)
    mean = distance.mean(dtype=np.float64)
    if mean == 0:
        return np.zeros(distance.shape, dtype=np.int32)
    steps: Contrast = np.rint(CONTRAST_STEPS * -np.expm1(distance / np.float32(-2 * mean))).astype(np.int32)
    return steps


@kernel()
def contrast_across(contrast: Contrast, order: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mean contrast across the outline of the first 1, 2, ... pixels of an order.

    Parameters
    ----------
    contrast : ndarray
        What :func:`pixel_contrast` returns.
    order : ndarray
        int32 ``[H W]``, every flat index once.

    Returns
    -------
    ndarray
        float32 ``[H W - 1]`` in ``[0, 1]``.
    """
    width = contrast.shape[2]
    below, right = contrast[0].ravel(), contrast[1].ravel()
    inside = np.zeros(order.size, dtype=np.bool_)
    mean = np.empty(order.size - 1, dtype=np.float32)
    total, length = np.int64(0), np.int64(0)
    for k in range(order.size - 1):
        q = order[k]
        inside[q] = True
        col = q % width
        if q >= width:
            sign = -1 if inside[q - width] else 1
            total += sign * below[q - width]
            length += sign
        if q + width < order.size:
            sign = -1 if inside[q + width] else 1
            total += sign * below[q]
            length += sign
        if col > 0:
            sign = -1 if inside[q - 1] else 1
            total += sign * right[q - 1]
            length += sign
        if col < width - 1:
            sign = -1 if inside[q + 1] else 1
            total += sign * right[q]
            length += sign
        mean[k] = np.float32(total) / np.float32(CONTRAST_STEPS * length)
    return mean
