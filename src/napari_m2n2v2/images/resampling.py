"""Working resolution, and where the pixels of one resolution lie in another (pixel centres at whole numbers)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_full_resolution", "resize_rgb", "working_shape"]


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
    averaged = _average_areas(rows, shape)
    return np.ascontiguousarray(np.moveaxis(averaged, 0, 2).round().astype(np.uint8))


def _average_areas(planes: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize ``[C, H, W]`` float32 by averaging areas."""
    import torch  # here, because the dock reads layers before anything is computed, and must open at once

    resized: NDArray[np.float32] = torch.nn.functional.interpolate(
        torch.from_numpy(planes)[None], size=shape, mode="area"
    )[0].numpy()
    return resized


def at_full_resolution(working: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Enlarge a working-resolution array to ``shape`` by taking the working pixel that each pixel's centre falls in."""
    if working.shape == shape:
        return working
    rows, cols = (
        np.minimum((np.arange(full) + 0.5) * small / full, small - 1).astype(int)
        for full, small in zip(shape, working.shape, strict=True)
    )
    enlarged: NDArray[Any] = working[rows[:, None], cols[None, :]]
    return enlarged
