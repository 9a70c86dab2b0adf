"""A picture of a mask and its clicks on their image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.prompts import Prompt, Scribble

__all__ = ["draw_overlay"]

_FOREGROUND = (46, 204, 64)


_BACKGROUND = (255, 65, 54)


_MASK = (0, 160, 255)


def draw_overlay(image: Any, mask: NDArray[np.bool_], clicks: Iterable[Prompt]) -> NDArray[np.uint8]:
    """Tint the mask, draw its outline and the clicks: green discs for foreground, red crosses for background.

    Of a scribble its line as well, with the sign where it begins, of a box its sides.

    Parameters
    ----------
    image : array-like
        As :func:`~napari_m2n2v2.compute_features` takes it.
    mask : ndarray
        bool ``[H, W]``.
    clicks : iterable of Prompt
        In image pixels.

    Returns
    -------
    ndarray
        ``[H, W, 3]`` uint8.
    """
    from skimage.segmentation import find_boundaries

    canvas = as_rgb(image).astype(np.float32)
    canvas[mask] = 0.6 * canvas[mask] + 0.4 * np.array(_MASK, dtype=np.float32)
    canvas[find_boundaries(mask, mode="inner")] = _MASK
    rows, cols = np.ogrid[: mask.shape[0], : mask.shape[1]]
    size = max(3.0, 0.012 * min(mask.shape))
    for click in clicks:
        colour = _FOREGROUND if click.foreground else _BACKGROUND
        if len(click.drawn) > 1:
            canvas[_thickened(Scribble(click.drawn).pixels((mask.shape[0], mask.shape[1])), mask.shape)] = colour
        if not click.marked:
            continue
        down, right = np.abs(rows - click.row), np.abs(cols - click.col)
        if click.foreground:
            shape, halo = (np.hypot(down, right) <= reach for reach in (size, size + 1.5))
        else:
            arm = 0.35 * size
            shape, halo = (
                ((np.abs(down - right) <= arm + edge) & (np.maximum(down, right) <= size + edge)) for edge in (0, 1.5)
            )
        canvas[halo] = 255
        canvas[shape] = colour
    drawn: NDArray[np.uint8] = canvas.round().astype(np.uint8)
    return drawn


def _thickened(pixels: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_dilation

    line = np.zeros(shape, dtype=bool)
    line[tuple(np.transpose(pixels))] = True
    thick: NDArray[np.bool_] = binary_dilation(line, np.ones((3, 3)))
    return thick
