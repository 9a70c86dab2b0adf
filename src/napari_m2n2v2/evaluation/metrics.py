"""Metrics of interactive segmentation, from the IoU after each click (section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["intersection_over_union", "mean_iou_at", "not_reached", "number_of_clicks"]


def intersection_over_union(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], ignore: NDArray[np.bool_] | None = None
) -> float:
    """Return the IoU in ``[0, 1]``, without the pixels to ignore; 1 when both are empty."""
    if ignore is not None:
        mask, truth = mask & ~ignore, truth & ~ignore
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def _clicks_to_reach(trace: Sequence[float], quality: float) -> int | None:
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
    return float(np.mean([_clicks_to_reach(trace[:most], quality) or most for trace in traces]))


def not_reached(traces: Sequence[Sequence[float]], quality: float, most: int = 20) -> int:
    """Return ``NoF@quality``: how many objects never got there within ``most`` clicks."""
    return sum(_clicks_to_reach(trace[:most], quality) is None for trace in traces)


def mean_iou_at(traces: Sequence[Sequence[float]], clicks: int) -> float:
    """Return ``mIoU@clicks``; a trace that ended earlier (nothing was wrong any more) keeps its last IoU."""
    return float(np.mean([trace[min(clicks, len(trace)) - 1] for trace in traces]))
