"""Truncated nearest neighbour: join the clicks' scaled maps into one mask (section 3.5, Eqs. 11-12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.kernel import kernel

__all__ = ["nearest_click", "scale", "truncate"]

Floats = NDArray[np.float32]


_SMALLEST_THRESHOLD = 1e-7


def scale(markov_map: Floats, threshold: float) -> Floats:
    """Return ``S_i = M_i / max(lambda_i*, 1e-7)``, float32 (Eq. 4)."""
    return markov_map / np.float32(max(threshold, _SMALLEST_THRESHOLD))


def nearest_click(
    maps: Sequence[Floats],
    thresholds: Sequence[float],
    known: tuple[NDArray[np.int32], Floats] | None = None,
) -> tuple[NDArray[np.int32], Floats]:
    """Find each pixel's nearest click (Eqs. 4 and 11).

    Parameters
    ----------
    maps : sequence of ndarray
        ``M_i [H, W]`` float32, in click order, at least one.
    thresholds : sequence of float
        ``lambda_i*`` of each, by which it is scaled (:func:`scale`).
    known : tuple, optional
        The answer for all clicks but the last, which saves looking at them again; it is not changed.

    Returns
    -------
    owner : ndarray
        ``i* [H, W]`` int32; the earliest click on ties.
    distance : ndarray
        ``min_i S_i [H, W]`` float32.
    """
    if known is None:
        distance = scale(maps[0], thresholds[0])
        owner, first = np.zeros(distance.shape, dtype=np.int32), 1
    else:
        owner, distance, first = known[0].copy(), known[1].copy(), len(maps) - 1
    for i in range(first, len(maps)):
        threshold = np.float32(max(thresholds[i], _SMALLEST_THRESHOLD))
        _claim_nearer(maps[i].ravel(), threshold, i, owner.ravel(), distance.ravel())
    return owner, distance


@kernel()
def _claim_nearer(
    markov_map: Floats, threshold: np.float32, click: int, owner: NDArray[np.int32], distance: Floats
) -> None:
    for q in range(markov_map.size):
        scaled = markov_map[q] / threshold
        owner[q] = click if scaled < distance[q] else owner[q]
        distance[q] = min(scaled, distance[q])


def truncate(
    owner: NDArray[np.int32],
    distance: Floats,
    foreground: Sequence[bool],
    seeds: Sequence[Sequence[tuple[int, int]] | tuple[int, int]],
    beyond: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Give each pixel its nearest click's class, or background where that click is farther than 1 (Eq. 12).

    Each click's own pixel takes its class, and so do all that a prompt marks; of two on one pixel the later counts.

    Parameters
    ----------
    owner, distance : ndarray
        As :func:`nearest_click` returns them.
    foreground : sequence of bool
        ``y_i`` of each click.
    seeds : sequence of tuple of int, or of sequences of them
        (row, col) of each click, or of all its pixels.
    beyond : ndarray, optional
        bool ``[H, W]``, the class of pixels that no click reaches: a mask to start from. Background by default.

    Returns
    -------
    ndarray
        ``Y [H, W]`` bool.
    """
    mask = np.zeros(owner.shape, dtype=bool) if beyond is None else beyond.copy()
    _give_class(owner.ravel(), distance.ravel(), np.asarray(foreground, dtype=bool), mask.ravel())
    for seed, label in zip(seeds, foreground, strict=True):
        rows, cols = np.array(seed, dtype=np.intp).reshape(-1, 2).T
        mask[rows, cols] = label
    return mask


@kernel()
def _give_class(
    owner: NDArray[np.int32], distance: Floats, foreground: NDArray[np.bool_], mask: NDArray[np.bool_]
) -> None:
    for q in range(owner.size):
        mask[q] = foreground[owner[q]] if distance[q] <= 1 else mask[q]
