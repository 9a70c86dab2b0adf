"""What an RGB backbone is shown of data with one channel; ``docs/guidance.md`` has what was measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["RENDERINGS"]

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
