"""The Markov-map of a box: how much of what comes to a cell comes from around the object. Beyond the paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.method.kernel import kernel

__all__ = ["Edges", "cells_in_and_around", "extent_share", "share_from_around"]

Edges = tuple[int, int, int, int]
"""The first row inside and the one after the last, and the same of columns."""


def cells_in_and_around(
    edges: Edges,
    image_shape: tuple[int, int],
    grid_shape: tuple[int, int],
    cells: float,
    device: torch.device | str = "cpu",
) -> tuple[Tensor, Tensor]:
    """Return which share of each grid cell lies inside a box, and in a frame around it.

    Parameters
    ----------
    edges : tuple of int
        Of the box, in pixels of an image of shape ``image_shape``.
    image_shape, grid_shape : tuple of int
        ``(H, W)`` and ``(h, w)``.
    cells : float
        How wide the frame is, in cells; where the image ends it ends, too.
    device : torch.device or str
        Where they are made.

    Returns
    -------
    inside, around : Tensor
        ``[h, w]`` float32 in ``[0, 1]``.
    """
    down, across = (cells * size / n for size, n in zip(image_shape, grid_shape, strict=True))
    wide = edges[0] - down, edges[1] + down, edges[2] - across, edges[3] + across
    inside = _cells_of(edges, image_shape, grid_shape)
    around = _cells_of(wide, image_shape, grid_shape) - inside
    return torch.from_numpy(inside).to(device), torch.from_numpy(around).to(device)


def share_from_around(transition: Tensor, inside: Tensor, around: Tensor, rounds: int) -> Tensor:
    """Return which share of what comes to each cell in a step of the chain comes from around, and not from the object.

    At first all that is inside is the object. Each further round takes for the object only the cells that more came to
    from there, and the others for surroundings. Both weigh the same, however large they are.

    Parameters
    ----------
    transition : Tensor
        ``A [n, n]`` float32; row i is where cell i goes.
    inside, around : Tensor
        ``[h, w]`` float32 in ``[0, 1]`` on the same device: the cells of a box, not all 0, and those around it.
    rounds : int
        How many, at least 1.

    Returns
    -------
    Tensor
        ``[h, w]`` float32 in ``[0, 1]``; 0 where nothing is around.
    """
    cells, beyond = inside.reshape(-1), around.reshape(-1)
    thing, ground, share = cells, beyond, torch.zeros_like(cells)
    for _ in range(rounds):
        from_thing, from_ground = (some / some.sum().clamp_min(1e-12) @ transition for some in (thing, ground))
        share = from_ground / (from_thing + from_ground).clamp_min(1e-12)
        thing, ground = cells * (share < 0.5), beyond + cells * (share >= 0.5)
        if not thing.any():
            break
    return share.reshape(inside.shape)


@kernel()
def extent_share(order: NDArray[np.int32], width: int, area: float) -> NDArray[np.float32]:
    """Return what share of an area the bounding box of the first 1, 2, ... pixels takes, float32 ``[K]``."""
    share = np.empty(order.size, dtype=np.float32)
    top, left = order[0] // width, order[0] % width
    bottom, right = top, left
    for k in range(order.size):
        row, col = order[k] // width, order[k] % width
        top, bottom = min(top, row), max(bottom, row)
        left, right = min(left, col), max(right, col)
        share[k] = np.float32((bottom - top + 1) * (right - left + 1) / area)
    return share


def _cells_of(edges: Sequence[float], image_shape: tuple[int, int], grid_shape: tuple[int, int]) -> NDArray[np.float32]:
    shares = []
    for first, stop, size, n in zip(edges[::2], edges[1::2], image_shape, grid_shape, strict=True):
        at = np.arange(n + 1) * size / n
        shares.append(np.clip(np.minimum(at[1:], stop) - np.maximum(at[:-1], first), 0, None) * n / size)
    cells: NDArray[np.float32] = np.outer(*shares).astype(np.float32)
    return cells
