"""Metrics of interactive segmentation, from the IoU after each click (section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "bootstrap_interval",
    "clicks_to_reach",
    "intersection_over_union",
    "mean_iou_at",
    "not_reached",
    "number_of_clicks",
]

_DRAWS = 2000


def intersection_over_union(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], ignore: NDArray[np.bool_] | None = None
) -> float:
    """Return the IoU in ``[0, 1]``, without the pixels to ignore; 1 when both are empty."""
    if ignore is not None:
        mask, truth = mask & ~ignore, truth & ~ignore
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def clicks_to_reach(traces: Sequence[Sequence[float]], quality: float, most: int = 20) -> NDArray[np.float64]:
    """Return for each object the clicks until the IoU is at least ``quality``; ``most`` where it never is.

    Parameters are those of :func:`number_of_clicks`, whose mean this is before it is taken.
    """
    return np.array([_first(trace[:most], quality) or most for trace in traces], dtype=np.float64)


def _first(trace: Sequence[float], quality: float) -> int | None:
    return next((k for k, iou in enumerate(trace, start=1) if iou >= quality), None)


def number_of_clicks(traces: Sequence[Sequence[float]], quality: float, most: int = 20) -> float:
    """Return ``NoC@quality``: mean clicks until the IoU is at least ``quality``; not reached counts ``most``.

    Parameters
    ----------
    traces : sequence of sequence of float
        For each object, the IoU after click 1, 2, ...; a trace may end early.
    quality : float
        IoU in ``[0, 1]``.
    most : int
        Clicks allowed.
    """
    return float(clicks_to_reach(traces, quality, most).mean())


def not_reached(traces: Sequence[Sequence[float]], quality: float, most: int = 20) -> int:
    """Return ``NoF@quality``: how many objects never got there within ``most`` clicks."""
    return sum(_first(trace[:most], quality) is None for trace in traces)


def mean_iou_at(traces: Sequence[Sequence[float]], clicks: int) -> float:
    """Return ``mIoU@clicks``; a trace that ended earlier (nothing was wrong any more) keeps its last IoU."""
    return float(np.mean([trace[min(clicks, len(trace)) - 1] for trace in traces]))


def bootstrap_interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean: percentiles of the means of resampled objects.

    Parameters
    ----------
    values : ndarray
        One number per object, such as clicks to reach 90 %, or the difference of two runs on the same objects.
    seed : int
        Of the resampling, so that a report can be made again.
    """
    draws = np.random.default_rng(seed).integers(len(values), size=(_DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)
