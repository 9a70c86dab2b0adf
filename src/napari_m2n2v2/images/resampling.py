"""Working resolution, and where the pixels of one resolution lie in another: the one place that says so.

Convention: pixel centres are at whole numbers, so ``n`` pixels cover ``[-0.5, n - 0.5)``, at every resolution alike.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_resolution", "average_areas", "pixel_at", "place_at", "resize_rgb", "working_shape"]


_Place = TypeVar("_Place", float, NDArray[np.float64])


def working_shape(shape: tuple[int, int], working_side: int) -> tuple[int, int]:
    """Return the shape worked on: ``shape``, or reduced so that its shortest side is ``working_side`` (section 9)."""
    shortest = min(shape)
    if shortest <= working_side:
        return shape
    height, width = (round(side * working_side / shortest) for side in shape)
    return height, width


def resize_rgb(image: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Reduce ``[H, W, 3]`` uint8 to ``shape`` by averaging areas; the same array if it has that shape already."""
    if image.shape[:2] == shape:
        return image
    # Rows first, one after the other: a large image must not become a larger one of floats.
    height, full = shape[0], image.shape[0]
    rows = np.empty((3, height, image.shape[1]), dtype=np.float32)
    for row in range(height):
        covered = image[row * full // height : -(-(row + 1) * full // height)]
        rows[:, row] = covered.mean(axis=0, dtype=np.float32).T
    averaged = average_areas(rows, shape)
    return np.ascontiguousarray(np.moveaxis(averaged, 0, 2).round().astype(np.uint8))


def average_areas(planes: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize ``[C, H, W]`` float32 by averaging areas."""
    import torch  # here, because the dock reads layers before anything is computed, and must open at once

    resized: NDArray[np.float32] = torch.nn.functional.interpolate(
        torch.from_numpy(planes)[None], size=shape, mode="area"
    )[0].numpy()
    return resized


def place_at(place: _Place, count: int, others: int) -> _Place:
    """Return where a coordinate among ``count`` pixels lies among ``others`` that cover the same."""
    return (place + 0.5) * others / count - 0.5


def pixel_at(pixels: Any, count: int, others: int) -> NDArray[np.intp]:
    """Return which of ``others`` pixels each of some of ``count`` pixels has its centre in; a last one in the last."""
    found: NDArray[np.intp] = np.minimum((pixels + 0.5) * others / count, others - 1).astype(np.intp)
    return found


def at_resolution(values: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Bring ``[h, w]`` to ``shape`` by taking the pixel that each new pixel's centre falls in; or return it."""
    if values.shape == shape:
        return values
    rows, cols = (pixel_at(np.arange(new), new, old) for new, old in zip(shape, values.shape, strict=True))
    found: NDArray[Any] = values[np.ix_(rows, cols)]
    return found
