"""How much a click may change the size of the segmentation, and up to which threshold it stays within (Eqs. 8-10)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel

__all__ = ["distance_to_class", "largest_size_change", "largest_threshold", "size_switches"]

Floats = NDArray[np.float32]


def distance_to_class(mask: NDArray[np.bool_], pixel: tuple[int, int], foreground: bool) -> float:
    """Return ``r_i``: pixels from the click to the nearest pixel of its own class in ``Y_{i-1}`` (Eq. 9).

    Infinite if there is none; 0 if the click's pixel has its class already.
    """
    return math.sqrt(_squared_distance(mask, pixel[0], pixel[1], foreground))


@kernel()
def _squared_distance(mask: NDArray[np.bool_], row: int, col: int, wanted: bool) -> float:
    best = np.inf
    height, width = mask.shape
    for down in range(max(row, height - 1 - row) + 1):
        if down * down >= best:
            break
        for r in (row - down, row + down):
            if not 0 <= r < height:
                continue
            for across in range(max(col, width - 1 - col) + 1):
                distance = down * down + across * across
                if distance >= best:
                    break
                left, right = col - across, col + across
                if (left >= 0 and mask[r, left] == wanted) or (right < width and mask[r, right] == wanted):
                    best = np.float64(distance)
    return best


def largest_size_change(distance: float, sigma_adaptive: float) -> float:
    """Return ``L_i = pi * (sigma_adaptive * r_i) ** 2``, the most pixels click i may change (Eq. 10)."""
    return math.pi * (sigma_adaptive * distance) ** 2


def size_switches(markov_map: Floats, nearest: Floats | None, mask: NDArray[np.bool_], foreground: bool) -> Floats:
    """Return the thresholds at which pixels change to the click's class, unsorted: what ``Delta_i`` counts (Eq. 8).

    A pixel of the other class in ``Y_{i-1}`` switches once ``S_i = M_i / lambda`` is below both 1 and every earlier
    ``S_j``, that is at ``lambda = M_i / min(1, min_j S_j)``. No threshold has to be tried.

    Parameters
    ----------
    markov_map : ndarray
        ``M_i [H, W]`` float32.
    nearest : ndarray or None
        ``min_j S_j [H, W]`` float32 over the earlier clicks, as it stood when this one was placed; None without any.
    mask : ndarray
        ``Y_{i-1} [H, W]`` bool.
    foreground : bool
        The click's class.
    """
    if nearest is None:
        own: Floats = markov_map[mask != foreground]
        return own
    switches = np.empty(mask.size, dtype=np.float32)
    return switches[: _switches(markov_map.ravel(), nearest.ravel(), mask.ravel(), foreground, switches)]


@kernel()
def _switches(markov_map: Floats, nearest: Floats, mask: NDArray[np.bool_], foreground: bool, switches: Floats) -> int:
    n = 0
    for q in range(mask.size):
        if mask[q] != foreground:
            bound = min(nearest[q], np.float32(1.0))
            # An earlier click's own pixel (S_j = 0) never switches.
            switches[n] = markov_map[q] / bound if bound > 0 else np.float32(np.inf)
            n += 1
    return n


def largest_threshold(switches: Floats, limit: float) -> float:
    """Return the threshold below which fewer than ``limit`` pixels switch, so ``Delta_i(lambda) < L_i`` (Eq. 8).

    Parameters
    ----------
    switches : ndarray
        What :func:`size_switches` returned.
    limit : float
        ``L_i``; may be infinite.

    Returns
    -------
    float
        Every ``lambda`` *below* this keeps to the limit, this one and those above do not. 0 when the limit is 0;
        infinite when no threshold breaks it.
    """
    if limit == 0:
        return 0.0
    if not switches.size >= limit:
        return math.inf
    count = math.ceil(limit)  # the change reaches the limit with this many pixels
    return float(np.partition(switches, count - 1)[count - 1])
