"""The Markov-map of a box: how much of what comes to a cell comes from around the object. Beyond the paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from napari_m2n2v2.method.kernel import kernel

__all__ = ["Edges", "cells_in_and_around", "extent_share", "share_from_around"]

Edges = tuple[int, int, int, int]
"""The first row inside and the one after the last, and the same of columns."""

_COLOUR_STEP = 16  # of each channel: colours that differ less are the same
_COLOURS = (16, 16, 16)
_LEAST_SHARE = 1e-3  # nothing is taken to be certain


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


def joined_with_colours(
    share: NDArray[np.float32], image: NDArray[np.uint8], edges: Edges, margin: tuple[float, float]
) -> NDArray[np.float32]:
    """Join the share that comes from around with that of a pixel's colour, as odds that are independent.

    Pixels of each colour are counted for the surroundings by their share, and for the object by what is left of it.

    Parameters
    ----------
    share : ndarray
        ``[H, W]`` float32 in ``[0, 1]``, of :func:`share_from_around`.
    image : ndarray
        uint8 ``[H, W, 3]``.
    edges : tuple of int
        Of the box, in these pixels.
    margin : tuple of float
        How many rows, and columns, around it are counted as surroundings.

    Returns
    -------
    ndarray
        ``[H, W]`` float32 in ``[0, 1]``: as it was beyond the margin.
    """
    top, bottom, left, right = edges
    rows = slice(max(0, round(top - margin[0])), round(bottom + margin[0]))
    cols = slice(max(0, round(left - margin[1])), round(right + margin[1]))
    if np.size(share[rows, cols]) == (bottom - top) * (right - left):  # nothing is around
        return share
    around = np.ones(share.shape, dtype=np.float32)
    around[top:bottom, left:right] = share[top:bottom, left:right]
    bounded = share[rows, cols].astype(np.float64).clip(_LEAST_SHARE, 1 - _LEAST_SHARE)
    steps = (image[rows, cols] // _COLOUR_STEP).astype(np.intp)
    colour = np.ravel_multi_index(tuple(np.moveaxis(steps, -1, 0)), _COLOURS)
    of_around, of_object = (_share_of_colours(colour, some) for some in (around[rows, cols], 1 - around[rows, cols]))
    odds = bounded / (1 - bounded) * (of_around / of_object)[colour]
    joined = share.copy()
    joined[rows, cols] = odds / (1 + odds)
    return joined


def _share_of_colours(colour: NDArray[np.intp], weight: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return which share of weighted pixels each colour has, with those like it: float64, flat, above 0."""
    counts = np.bincount(colour.ravel(), weight.ravel(), np.prod(_COLOURS))
    spread = gaussian_filter(counts.reshape(_COLOURS) / max(counts.sum(), 1), 1.0, mode="nearest")
    share: NDArray[np.float64] = spread.ravel() + _LEAST_SHARE / counts.size
    return share


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
