"""What prompts are at working resolution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.resampling import pixel_at, place_at
from napari_m2n2v2.prompts import Box, Outline, Prompt

__all__ = ["Pixel", "Seed", "pixel_within", "working_seed"]

Pixel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Seed:
    """What a prompt says of the working image, but for its class: what its Markov-map depends on.

    Parameters
    ----------
    pixels : tuple of (int, int)
        Those that it marks, (row, col), each once: of a click it is one, of a box or an outline none.
    box : tuple of int or None
        Of a box, the first row inside and the one after the last, and the same of columns.
    outline : tuple of (float, float) or None
        Of an outline, its corners (row, col).
    """

    pixels: tuple[Pixel, ...]
    box: tuple[int, int, int, int] | None = None
    outline: tuple[tuple[float, float], ...] | None = None


def working_seed(prompt: Prompt, features: ImageFeatures) -> Seed:
    """Return what a prompt says of the working image.

    Raises
    ------
    ClickError
        If it is outside the image.
    """
    shape, (height, width) = features.shape, features.image.shape[:2]
    if isinstance(prompt, Box):
        top, bottom, left, right = prompt.edges(shape)
        first = pixel_within((top, left), shape, (height, width))
        last = pixel_within((bottom - 1, right - 1), shape, (height, width))
        return Seed((), (first[0], last[0] + 1, first[1], last[1] + 1))
    marked = prompt.pixels(shape)
    if isinstance(prompt, Outline):
        row, col = (partial(place_at, count=n, others=others) for n, others in zip(shape, (height, width), strict=True))
        return Seed((), outline=prompt.mapped(row, col).points)
    return Seed(tuple(dict.fromkeys(pixel_within(pixel, shape, (height, width)) for pixel in marked)))


def pixel_within(pixel: Pixel, shape: tuple[int, int], working_shape: tuple[int, int]) -> Pixel:
    """Return the pixel at ``working_shape`` that a pixel of an image of ``shape`` falls on."""
    row, col = map(pixel_at, pixel, shape, working_shape)
    return int(row), int(col)
