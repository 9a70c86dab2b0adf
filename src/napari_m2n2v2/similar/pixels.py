"""What a pixel looks like: its colour, that of its surroundings, and how much they vary, at the scale of an object."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

from napari_m2n2v2.parallel import for_row_blocks

__all__ = ["CUES", "Cues", "Floats", "has_colour", "lab_of", "pixel_features", "smoothed"]

Floats = NDArray[np.float32]

Cues = Literal["both", "colour", "texture"]
"""What objects are told from the rest by."""

CUES: tuple[Cues, ...] = ("both", "colour", "texture")

_SMOOTHED = (0.0, 0.15, 0.3)  # radii of an object
_NEAR, _AROUND = 0.15, 1.5
_VARIATION = (0.25,)
_VARIATION_ALONE = (0.12, 0.25, 0.5)
_LEAST_DEVIATION = 0.5  # of lightness: below, all is noise


def has_colour(rgb: NDArray[np.uint8]) -> bool:
    """Whether any pixel of ``[H, W, 3]`` is not grey."""
    return not (np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2]))


def lab_of(rgb: NDArray[np.uint8], colour: bool) -> Floats:
    """Return CIELAB ``[3, H, W]`` float32 of ``[H, W, 3]`` uint8; lightness alone, ``[1, H, W]``, without colour."""
    lab = np.moveaxis(rgb2lab(rgb.astype(np.float32) / np.float32(255)), -1, 0)
    return np.ascontiguousarray(lab if colour else lab[:1], dtype=np.float32)


def pixel_features(lab: Floats, radius: float, cues: Cues = "both") -> Floats:
    """Describe every pixel.

    Parameters
    ----------
    lab : ndarray
        ``[C, H, W]`` float32, see :func:`lab_of`.
    radius : float
        Of an object, in pixels.
    cues : str
        "colour" is the colour smoothed by 0, 0.15 and 0.3 radii, and how that by 0.15 differs from that by 1.5;
        "texture" the logarithm of the local deviation of lightness within 0.12, 0.25 and 0.5 radii; "both" the colours
        and the deviation within 0.25.

    Returns
    -------
    ndarray
        ``[F, H, W]`` float32.
    """
    wanted: list[Callable[[], Floats]] = []
    if cues != "texture":
        wanted += [partial(smoothed, channel, sigma * radius) for sigma in _SMOOTHED for channel in lab]
        wanted += [partial(_against_surroundings, channel, radius) for channel in lab]
    if cues != "colour":
        sigmas = _VARIATION_ALONE if cues == "texture" else _VARIATION
        wanted += [partial(_deviation, lab[0], sigma * radius) for sigma in sigmas]
    found = np.empty((len(wanted), *lab.shape[1:]), dtype=np.float32)

    def compute(start: int, stop: int) -> None:
        for n in range(start, stop):
            found[n] = wanted[n]()

    for_row_blocks(compute, len(wanted), 1)
    return found


def _against_surroundings(channel: Floats, radius: float) -> Floats:
    return smoothed(channel, _NEAR * radius) - smoothed(channel, _AROUND * radius)


def smoothed(channel: Floats, sigma: float) -> Floats:
    """Return ``[H, W]`` smoothed by a Gaussian of so many pixels; itself for 0."""
    return channel if sigma == 0 else np.asarray(gaussian_filter(channel, sigma, mode="nearest"), dtype=np.float32)


def _deviation(channel: Floats, sigma: float) -> Floats:
    """Return the logarithm of the local standard deviation."""
    sigma = max(sigma, 0.7)
    mean = smoothed(channel, sigma)
    variance = smoothed(channel * channel, sigma) - mean * mean
    return np.log(np.sqrt(np.maximum(variance, np.float32(0))) + np.float32(_LEAST_DEVIATION))
