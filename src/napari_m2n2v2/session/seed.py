"""What prompts are at working resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.resampling import pixel_at, place_at
from napari_m2n2v2.prompts import Box, Outline, Prompt

__all__ = ["Pixel", "Seed", "outside_boxes", "pixel_within", "working_seed"]

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
    return _seed_of(prompt, features.shape, (features.image.shape[0], features.image.shape[1]))


@lru_cache(maxsize=1024)
def _seed_of(prompt: Prompt, shape: tuple[int, int], working_shape: tuple[int, int]) -> Seed:
    if isinstance(prompt, Box):
        top, bottom, left, right = prompt.edges(shape)
        (top, left), (bottom, right) = _pixels_within([(top, left), (bottom - 1, right - 1)], shape, working_shape)
        return Seed((), (top, bottom + 1, left, right + 1))
    marked = prompt.pixels(shape)
    if isinstance(prompt, Outline):
        row, col = (partial(place_at, count=n, others=others) for n, others in zip(shape, working_shape, strict=True))
        return Seed((), outline=prompt.mapped(row, col).points)
    return Seed(tuple(dict.fromkeys(_pixels_within(marked, shape, working_shape))))


def outside_boxes(
    seeds: Sequence[Seed], foreground: Sequence[bool], shape: tuple[int, int]
) -> NDArray[np.bool_] | None:
    """Return where an object cannot be: outside all boxes that were drawn around it, or around parts of it.

    A foreground pixel of it out there says that it does go on beyond, and nothing limits it then.

    Parameters
    ----------
    seeds : sequence of Seed
        Of its prompts.
    foreground : sequence of bool
        Their classes.
    shape : tuple of int
        ``(H', W')``.

    Returns
    -------
    ndarray or None
        bool ``[H', W']``; None if it may be anywhere.
    """
    boxes = [seed.box for seed in seeds if seed.box is not None]
    if not boxes:
        return None
    outside = np.ones(shape, dtype=bool)
    for top, bottom, left, right in boxes:
        outside[top:bottom, left:right] = False
    told = (pixel for seed, label in zip(seeds, foreground, strict=True) if label for pixel in seed.pixels)
    return None if any(outside[pixel] for pixel in told) else outside


def pixel_within(pixel: Pixel, shape: tuple[int, int], working_shape: tuple[int, int]) -> Pixel:
    """Return the pixel at ``working_shape`` that a pixel of an image of ``shape`` falls on."""
    return _pixels_within([pixel], shape, working_shape)[0]


def _pixels_within(pixels: Sequence[Pixel], shape: tuple[int, int], working_shape: tuple[int, int]) -> list[Pixel]:
    rows, cols = map(pixel_at, np.transpose(pixels), shape, working_shape)
    return list(zip(rows.tolist(), cols.tolist(), strict=True))
