"""What the engine sees: any 2-D image as 8-bit RGB at working resolution (section 9).

Convention: arrays are ``[row, col]`` or ``[row, col, channel]``; pixel centres are at whole coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import GuideError, ImageError
from napari_m2n2v2.rendering import RENDERINGS

_ROWS_AT_ONCE = 256

__all__ = ["as_guide", "as_rgb", "resize_rgb", "working_shape"]


def as_rgb(
    image: Any, contrast_limits: tuple[float, float] | None = None, rendering: str = "linear"
) -> NDArray[np.uint8]:
    """Render an image as 8-bit RGB.

    Parameters
    ----------
    image : array-like
        ``[H, W]``, ``[H, W, 1]``, ``[H, W, 3]`` or ``[H, W, 4]``, of any real dtype, at least
        2 x 2 pixels. Alpha is left out.
    contrast_limits : tuple of float, optional
        Values that become 0 and 255; what lies outside is clipped. Without them uint8 is taken as it is, bool as black
        and white, float RGB as ``[0, 1]``, and everything else from its minimum to its maximum, all channels together,
        so that 12-bit data in 16 bits keeps its contrast.
    rendering : str
        How one channel is shown: "linear"; "percentiles", whose range without contrast limits is that of the 0.5 and
        99.5 percentiles; "equalised", by adaptive histogram equalisation (CLAHE); or "scales", the image and two
        smoothed ones as three colours. Colour stays as it is.

    Returns
    -------
    ndarray
        ``[H, W, 3]`` uint8.

    Raises
    ------
    ImageError
        For another shape, a dtype that is not real, or pixels that are NaN or infinite.
    """
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ImageError(
            "Expected one 2-D image: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA with the channels last, "
            f"got shape {pixels.shape}. Pick one plane or move the channel axis to the end."
        )
    if min(pixels.shape[:2]) < 2:
        raise ImageError(f"An image needs at least 2 x 2 pixels, got {pixels.shape[0]} x {pixels.shape[1]}.")
    if pixels.dtype.kind not in "buif":
        raise ImageError(f"Expected integer, float or bool pixels, got dtype {pixels.dtype}.")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        bad = int(np.size(pixels) - np.isfinite(pixels).sum())
        raise ImageError(f"{bad} pixel values are NaN or infinite; replace them first, e.g. with numpy.nan_to_num.")
    colour = pixels.ndim == 3
    pixels = pixels[..., :3] if colour else pixels
    if not colour and rendering != "linear":
        return _rendered(pixels, contrast_limits, rendering)
    eight_bit = _stretch(pixels, contrast_limits, unit_range=colour and pixels.dtype.kind == "f")
    return np.ascontiguousarray(eight_bit if colour else _grey(eight_bit))


def _rendered(pixels: NDArray[Any], limits: tuple[float, float] | None, rendering: str) -> NDArray[np.uint8]:
    """Show one channel in another way than linearly."""
    if limits is None:
        low, high = np.percentile(pixels, (0.5, 99.5)) if rendering == "percentiles" else (pixels.min(), pixels.max())
        limits = float(low), float(high)
    low, high = limits
    if low >= high:
        return _grey(_stretch(pixels, limits, unit_range=False))
    unit = ((pixels.astype(np.float64) - low) / (high - low)).clip(0, 1)
    seen = np.rint(RENDERINGS[rendering](unit) * 255).astype(np.uint8)
    return seen if seen.ndim == 3 else _grey(seen)


def _grey(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(plane[..., None], 3, axis=2)


def _stretch(pixels: NDArray[Any], limits: tuple[float, float] | None, *, unit_range: bool) -> NDArray[np.uint8]:
    if limits is None:
        if pixels.dtype == np.uint8:
            return pixels
        is_unit = unit_range or pixels.dtype == np.bool_
        limits = (0.0, 1.0) if is_unit else (float(pixels.min()), float(pixels.max()))
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ImageError(f"Contrast limits must be two finite values, the lower first, got {limits}.")
    if low == high:
        return np.zeros(pixels.shape, dtype=np.uint8)
    stretched = np.empty(pixels.shape, dtype=np.uint8)
    for start in range(0, len(pixels), _ROWS_AT_ONCE):  # a large image must not become a larger float64 one
        rows = slice(start, start + _ROWS_AT_ONCE)
        unit = ((pixels[rows].astype(np.float64) - low) / (high - low)).clip(0, 1)
        stretched[rows] = np.rint(unit * 255)
    return stretched


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


def as_guide(guide: Any, image_shape: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Bring a guide channel to ``[0, 1]`` at working resolution (section 2): the one place where that happens.

    Parameters
    ----------
    guide : array-like or None
        ``[H, W]`` real and finite, registered with the image: inverse depth (near is large) or any other channel.
    image_shape : tuple of int
        ``(H, W)`` of the image given.
    shape : tuple of int
        Working resolution.

    Returns
    -------
    ndarray or None
        ``shape`` float32 from 0 to 1. None for no guide and for a constant one, which guides nothing.

    Notes
    -----
    Min-max as in the paper, but values farther beyond the 0.1 and 99.9 percentiles than half the distance between these
    (dead and hot pixels) are clipped.

    Raises
    ------
    GuideError
        For another shape, a dtype that is not real, or values that are NaN or infinite.
    """
    if guide is None:
        return None
    channel = np.asarray(guide)
    if channel.shape != image_shape:
        raise GuideError(
            f"The guide must be one channel registered with the image, of shape {image_shape}, got {channel.shape}."
        )
    if channel.dtype.kind not in "buif" or not np.isfinite(channel).all():
        raise GuideError("The guide must hold real, finite numbers; replace NaN and infinite values first.")
    channel = channel.astype(np.float64)
    low, high = _range_in_line(channel)
    if low == high:
        return None
    unit = ((channel - low) / (high - low)).clip(0, 1).astype(np.float32)
    if shape != image_shape:
        unit = _average_areas(unit[None], shape)[0]
    return np.ascontiguousarray(unit)


def _range_in_line(channel: NDArray[np.float64]) -> tuple[float, float]:
    """Return the lowest and highest value of a guide that are not out of line."""
    low, high = float(channel.min()), float(channel.max())
    bottom, top = np.percentile(channel, (0.1, 99.9))
    if bottom == top:  # most of it is one value: what differs is the object, however small
        return low, high
    spare = (top - bottom) / 2
    return max(low, float(bottom - spare)), min(high, float(top + spare))
