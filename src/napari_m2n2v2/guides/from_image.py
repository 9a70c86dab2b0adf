"""Guides computed from the image itself, for pictures where depth means nothing (the paper's stated limitation).

What they have in common: they are flat inside what people call one object, and step at its border. Whether an object is
darker or lighter than its surroundings does not matter, because only differences guide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["IMAGE_GUIDES", "ImageGuide", "lightness", "ridges", "stain", "texture"]

_SIGMA = 2.0  # pixels: evens out noise, keeps outlines of objects of ten pixels


_SPECK = 50  # pixels: lighter or darker spots up to this area are no objects, but grain, vesicles and dust


_OUTLIERS = 0.5  # percent at either end: dead pixels and specks must not take the range


_WEIGHT = 2.0  # chosen by measurement, see docs/guidance.md


Rgb = NDArray[np.uint8]


Channel = NDArray[np.float32]


def lightness(image: Rgb) -> Channel:
    """Return the image's lightness without noise and specks, for objects that differ from their surroundings by it.

    Parameters
    ----------
    image : ndarray
        ``[H, W, 3]`` uint8.

    Returns
    -------
    ndarray
        ``[H, W]`` float32 in ``[0, 1]``; half a percent of the pixels is clipped at either end.
    """
    from skimage.color import rgb2gray

    return _even(rgb2gray(image))


def stain(image: Rgb) -> Channel:
    """Return how much stain there is, for bright-field histology and smears.

    The optical density along the direction in which it varies most, so that no stain has to be named: colour unmixing
    with the image's own first stain vector.

    Parameters and returns as :func:`lightness`.
    """
    density = -np.log((image.astype(np.float32) + 1) / 256)
    pixels = density.reshape(-1, 3)
    values, vectors = np.linalg.eigh(np.cov(pixels[:: max(1, len(pixels) // 100_000)], rowvar=False))
    direction = vectors[:, np.argmax(values)]
    return _even(density @ (direction * np.sign(direction.sum() or 1)))


def texture(image: Rgb) -> Channel:
    """Return how strongly the image varies around each pixel, for objects that differ by structure, not by lightness.

    The logarithm of the local standard deviation of lightness. Parameters and returns as :func:`lightness`.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.color import rgb2gray

    grey = rgb2gray(image).astype(np.float32)
    mean, square = (gaussian_filter(values, 2 * _SIGMA) for values in (grey, grey * grey))
    return _even(np.log(np.sqrt((square - mean * mean).clip(0)) + 1 / 255))


def ridges(image: Rgb) -> Channel:
    """Return how much each pixel is on a line, dark or light, for vessels, fibres and membranes.

    The stronger of two ridge filters (Sato) over widths of 1 to 3 pixels. Parameters and returns as :func:`lightness`.
    """
    from skimage.color import rgb2gray
    from skimage.filters import sato

    grey = rgb2gray(image).astype(np.float32)
    lines = [sato(grey, sigmas=(1, 2, 3), black_ridges=black) for black in (True, False)]
    return _unit(np.maximum(*lines))


def _even(values: NDArray[np.floating]) -> Channel:
    """Smooth, bring to ``[0, 1]``, and take specks away."""
    from scipy.ndimage import gaussian_filter

    from napari_m2n2v2.guides.specks import without_specks  # here, because it brings the compiler

    unit = _unit(gaussian_filter(values.astype(np.float32), _SIGMA))
    even: Channel = without_specks(np.rint(unit * 255).astype(np.uint8), _SPECK).astype(np.float32)
    return even / np.float32(255)


def _unit(values: NDArray[np.floating]) -> Channel:
    low, high = np.percentile(values, [_OUTLIERS, 100 - _OUTLIERS])
    if high <= low:
        return np.zeros(values.shape, dtype=np.float32)
    unit: Channel = ((values - low) / (high - low)).clip(0, 1).astype(np.float32)
    return unit


@dataclass(frozen=True)
class ImageGuide:
    """A function of the image, ``[H, W, 3]`` uint8 to ``[H, W]`` float32 in ``[0, 1]``, its usual weight and use."""

    compute: Callable[[Rgb], Channel]
    weight: float
    good_for: str


IMAGE_GUIDES: dict[str, ImageGuide] = {
    "lightness": ImageGuide(lightness, _WEIGHT, "objects darker or lighter than their surroundings"),
    "stain": ImageGuide(stain, _WEIGHT, "stained tissue and cells"),
    "texture": ImageGuide(texture, _WEIGHT, "objects of another grain or structure"),
    "ridges": ImageGuide(ridges, _WEIGHT, "vessels, fibres and membranes"),
}
"""By the name that ``compute_features(guide=...)``, the dock and the command line take."""
