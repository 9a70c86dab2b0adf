"""Any 2-D image -> 8-bit RGB (section 9), and what an RGB backbone is shown of one channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ImageError

__all__ = ["RENDERINGS", "as_rgb", "clipped_pixels", "finite_range"]

Floats = NDArray[np.float64]


_SCALES = (0.0, 2.0, 8.0)  # pixels


def _as_it_is(unit: Floats) -> Floats:
    return unit


def _equalised(unit: Floats) -> Floats:
    """Spread contrast in each neighbourhood (CLAHE), in floats, so that 12 or 16 bits are not lost first."""
    from skimage.exposure import equalize_adapthist

    equalised: Floats = equalize_adapthist(unit, clip_limit=0.01)
    return equalised


def _scales(unit: Floats) -> Floats:
    """Show three scales as three colours: the image, and smoothed by two widths."""
    from scipy.ndimage import gaussian_filter

    return np.stack([gaussian_filter(unit, scale) if scale else unit for scale in _SCALES], axis=-1)


RENDERINGS: dict[str, Callable[[Floats], Floats]] = {
    "linear": _as_it_is,
    "percentiles": _as_it_is,
    "equalised": _equalised,
    "scales": _scales,
}
"""From ``[H, W]`` float64 in ``[0, 1]`` to ``[H, W]`` or ``[H, W, 3]`` in ``[0, 1]``. "percentiles" differs from
"linear" in the range that becomes ``[0, 1]``, where no contrast limits are given."""


_ROWS_AT_ONCE = 256

_PERCENTILES = (0.5, 99.5)


def clipped_pixels(image: Any) -> int:
    """Count the pixels of an image, ``[H, W]`` or ``[H, W, C]``, that are NaN or infinite in a channel but alpha."""
    pixels = np.asarray(image)
    if pixels.dtype.kind != "f":
        return 0
    finite = np.isfinite(pixels if pixels.ndim == 2 else pixels[..., :3])
    if finite.all():
        return 0
    return int(np.count_nonzero(~(finite if finite.ndim == 2 else finite.all(axis=-1))))


def finite_range(pixels: NDArray[Any], shares: tuple[float, float] = (0.0, 100.0)) -> tuple[float, float]:
    """Return two percentiles of the finite values of an array of any shape: the lowest and the highest by default.

    Raises
    ------
    ImageError
        If there is none.
    """
    finite = pixels if pixels.dtype.kind != "f" else pixels[np.isfinite(pixels)]
    if not finite.size:
        raise ImageError("There is nothing to tell apart here: every pixel is NaN or infinite. Expected numbers.")
    low, high = np.percentile(finite, shares) if shares != (0.0, 100.0) else (finite.min(), finite.max())
    return float(low), float(high)


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
        so that 12-bit data in 16 bits keeps its contrast. Infinite values count for none of it: they are clipped as
        others beyond the limits are, and NaN is shown as the lowest.
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
        For another shape, a dtype that is not real, or an image without a finite pixel.
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
    colour = pixels.ndim == 3
    pixels = pixels[..., :3] if colour else pixels
    if clipped_pixels(pixels):
        found = finite_range(pixels, _PERCENTILES if rendering == "percentiles" and not colour else (0.0, 100.0))
        contrast_limits = contrast_limits or ((0.0, 1.0) if colour else found)
        low, high = contrast_limits
        pixels = np.nan_to_num(pixels, nan=low, posinf=high, neginf=low)
    if not colour and rendering != "linear":
        return _rendered(pixels, contrast_limits, rendering)
    eight_bit = _stretch(pixels, contrast_limits, unit_range=colour and pixels.dtype.kind == "f")
    return np.ascontiguousarray(eight_bit if colour else _grey(eight_bit))


def _rendered(pixels: NDArray[Any], limits: tuple[float, float] | None, rendering: str) -> NDArray[np.uint8]:
    """Show one channel in another way than linearly."""
    if limits is None:
        low, high = np.percentile(pixels, _PERCENTILES) if rendering == "percentiles" else (pixels.min(), pixels.max())
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
