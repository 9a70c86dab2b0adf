"""A picture of a mask and its clicks on their image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.images.rendering import as_rgb

__all__ = ["draw_overlay"]

_FOREGROUND = (46, 204, 64)


_BACKGROUND = (255, 65, 54)


_MASK = (0, 160, 255)


def draw_overlay(image: Any, mask: NDArray[np.bool_], clicks: Iterable[Click]) -> NDArray[np.uint8]:
    """Tint the mask, draw its outline and the clicks: green discs for foreground, red crosses for background.

    Parameters
    ----------
    image : array-like
        As :func:`~napari_m2n2v2.compute_features` takes it.
    mask : ndarray
        bool ``[H, W]``.
    clicks : iterable of Click
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
        down, right = np.abs(rows - click.row), np.abs(cols - click.col)
        if click.foreground:
            shape, halo = (np.hypot(down, right) <= reach for reach in (size, size + 1.5))
        else:
            arm = 0.35 * size
            shape, halo = (
                ((np.abs(down - right) <= arm + edge) & (np.maximum(down, right) <= size + edge)) for edge in (0, 1.5)
            )
        canvas[halo] = 255
        canvas[shape] = _FOREGROUND if click.foreground else _BACKGROUND
    drawn: NDArray[np.uint8] = canvas.round().astype(np.uint8)
    return drawn
