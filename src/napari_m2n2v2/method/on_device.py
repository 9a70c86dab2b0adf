"""Steps of a click as tensor operations, for a GPU; beside each stands the compiled step that it does the work of.

What a pixel adds to a running sum is scattered to the places in the order where it begins and ends to count, and one
cumulative sum gives every candidate's total. Whole numbers are summed, so the results are those of the compiled steps
to the last bit; where colours are compared (a guide's ``hypot``), to one rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from napari_m2n2v2.method import flood_fill as compiled
from napari_m2n2v2.method.contrast import CONTRAST_STEPS
from napari_m2n2v2.method.scoring import EDGE_STEPS, CandidateThresholds
from napari_m2n2v2.parameters import Reach

__all__ = ["candidate_thresholds", "contrast_across", "flood_fill", "stable_order"]

Floats = NDArray[np.float32]


def stable_order(values: Tensor) -> Tensor:
    """Do what :func:`napari_m2n2v2.method.flood_fill.stable_order` does: flat int64 indices, where ``values`` are."""
    return torch.sort(values.reshape(-1) + 0.0, stable=True).indices  # -0.0 becomes 0.0


def flood_fill(
    markov_map: Tensor,
    pixels: Sequence[tuple[int, int]] | tuple[int, int],
    guide: Floats | None = None,
    reach: Reach = "connected",
) -> Floats:
    """Do what :func:`napari_m2n2v2.method.flood_fill.flood_fill` does, up to the filling itself.

    Costs and their order are found where the map is, a float32 tensor ``[H, W]``. The filling runs on the CPU: it
    follows a queue, in which each pixel waits for the one before. So the result is there, where clicks are joined.
    """
    rows, cols = np.atleast_2d(pixels).T
    sources = torch.from_numpy(rows * markov_map.shape[1] + cols).to(markov_map.device)
    rise = (markov_map - markov_map.reshape(-1)[sources].min()).abs() * compiled.WITHIN_RANGE
    cost = _beyond(markov_map, sources).maximum(rise)
    for channel in () if guide is None else torch.from_numpy(guide).to(cost.device):
        cost = torch.hypot(cost, _beyond(channel, sources))
    cost.reshape(-1)[sources] = 0
    own = cost.numpy(force=True)
    if reach == "similar":
        return own
    path = _minimum_around(cost) if reach == "thin" else cost
    order = stable_order(path).to(torch.int32)
    filled = compiled.fill(path.numpy(force=True), order.numpy(force=True), sources.numpy(force=True))
    return np.maximum(filled, own) if reach == "thin" else filled


def _beyond(values: Tensor, sources: Tensor) -> Tensor:
    low, high = values.reshape(-1)[sources].aminmax()
    return (low - values).maximum(values - high).clamp_min(0.0)


def _minimum_around(cost: Tensor) -> Tensor:
    return -max_pool2d(-cost[None], kernel_size=3, stride=1, padding=1)[0]


def candidate_thresholds(markov_map: Floats, device: torch.device) -> CandidateThresholds:
    """Do what :func:`napari_m2n2v2.method.scoring.candidate_thresholds` does, on a device.

    A pixel enters the border when its first neighbour joins the segment, and leaves when it joins itself.
    """
    values = torch.from_numpy(np.ascontiguousarray(markov_map)).to(device)
    order = stable_order(values)
    rank = _rank(order).reshape(values.shape)
    last = rank.numel()  # of pixels beyond the image, which never join
    around = pad(rank, (1, 1, 1, 1), value=last)
    first = around[:-2, 1:-1].minimum(around[2:, 1:-1]).minimum(around[1:-1, :-2]).minimum(around[1:-1, 2:])
    borders = first < rank
    enters, leaves = first[borders], rank[borders]
    worth = _quantised_sobel(values)[borders]
    total = _running_sum(last, (enters, worth), (leaves, -worth))
    one = torch.ones_like(worth)
    length = _running_sum(last, (enters, one), (leaves, -one))
    edge = (total[:-1].to(torch.float32) / length[:-1].to(torch.float32)).numpy(force=True)
    ordered = values.reshape(-1)[order].numpy(force=True)
    return CandidateThresholds(ordered[:-1].copy(), edge, float(ordered[-1]))


def contrast_across(contrast: NDArray[np.int32], markov_map: Floats, device: torch.device) -> Floats:
    """Do what :func:`napari_m2n2v2.method.contrast.contrast_across` does in the order of a map, on a device.

    A pair of pixels is parted from when the first of them joins until the other does.
    """
    below, right = torch.from_numpy(contrast).to(device, torch.int64)
    rank = _rank(stable_order(torch.from_numpy(np.ascontiguousarray(markov_map)).to(device))).reshape(below.shape)
    pairs = ((rank[:-1], rank[1:], below[:-1]), (rank[:, :-1], rank[:, 1:], right[:, :-1]))
    enters = torch.cat([one.minimum(other).reshape(-1) for one, other, _ in pairs])
    leaves = torch.cat([one.maximum(other).reshape(-1) for one, other, _ in pairs])
    worth = torch.cat([differ.reshape(-1) for _, _, differ in pairs])
    one = torch.ones_like(worth)
    total = _running_sum(rank.numel(), (enters, worth), (leaves, -worth))[:-1]
    length = _running_sum(rank.numel(), (enters, one), (leaves, -one))[:-1]
    mean: Floats = (total.to(torch.float32) / (CONTRAST_STEPS * length).to(torch.float32)).numpy(force=True)
    return mean


def _rank(order: Tensor) -> Tensor:
    """Return the place of each flat index in an order, int64."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(order.numel(), device=order.device)
    return rank


def _running_sum(size: int, *changes: tuple[Tensor, Tensor]) -> Tensor:
    """Return the sum, at each of ``size`` places, of what was added there and before: int64."""
    steps = torch.zeros(size, dtype=torch.int64, device=changes[0][0].device)
    for places, amounts in changes:
        steps.scatter_add_(0, places, amounts)
    return steps.cumsum(0)


def _quantised_sobel(values: Tensor) -> Tensor:
    m = pad(values[None, None], (1, 1, 1, 1), mode="reflect")[0, 0]
    down = m[2:] - m[:-2]
    across = m[:, 2:] - m[:, :-2]
    by_row = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    by_col = across[:-2] + 2 * across[1:-1] + across[2:]
    magnitude = (by_row * by_row + by_col * by_col).sqrt()
    top = magnitude.max()  # stays a tensor: a GPU divides by a plain number otherwise, by way of its reciprocal
    return torch.where(top > 0, (magnitude / top) * EDGE_STEPS, 0.0).to(torch.int64)
