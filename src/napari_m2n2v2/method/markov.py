"""Markov-maps: how many steps the chain needs from the click to each cell (section 3.3, Eqs. 2-3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import torch
from torch import Tensor

from napari_m2n2v2.method.low_rank import FULL_STEPS, LowRank

__all__ = ["markov_map", "start_state", "start_state_over"]

# How often the host asks a GPU whether every cell has been reached: each answer stalls its queue.
_STEPS_PER_CHECK = 8


def start_state(
    row: float,
    col: float,
    image_shape: tuple[int, int],
    grid_shape: tuple[int, int],
    device: torch.device | str = "cpu",
    *,
    centred: bool = False,
) -> Tensor:
    """Spread a click bilinearly over the four grid cells around it: ``p_0`` of Eq. 2.

    Parameters
    ----------
    row, col : float
        Position in pixels of an image of shape ``image_shape``.
    image_shape, grid_shape : tuple of int
        ``(H, W)`` and ``(h, w)``.
    device : torch.device or str
        Where the state is made.
    centred : bool
        Take cells to be where the upsampling does, at ``(row + 0.5) * h / H - 0.5``.

    Returns
    -------
    Tensor
        ``[h, w]`` float32 with maximum 1. The published grid position is ``((h-1)*row/H, (w-1)*col/W)``.
    """
    return start_state_over([(row, col)], image_shape, grid_shape, device, centred=centred)


def start_state_over(
    pixels: Sequence[tuple[float, float]],
    image_shape: tuple[int, int],
    grid_shape: tuple[int, int],
    device: torch.device | str = "cpu",
    *,
    centred: bool = False,
) -> Tensor:
    """Start from all cells that some pixels touch, at least one: the largest of their :func:`start_state` in each cell.

    Beyond the paper, where a prompt has one pixel.
    """
    at, size, cells = np.array(pixels, dtype=np.float64), np.array(image_shape), np.array(grid_shape)
    place = ((at + 0.5) * cells / size - 0.5).clip(0, cells - 1) if centred else (cells - 1) * at / size
    first = place.astype(np.intp).clip(0, cells - 1)
    last = np.minimum(first + 1, cells - 1)
    (top, left), (bottom, right), (below, beside) = first.T, last.T, (place - first).T
    shares = np.stack([(1 - below) * (1 - beside), (1 - below) * beside, below * (1 - beside), below * beside])
    shares = shares.astype(np.float32)
    state = np.zeros(grid_shape, dtype=np.float32)
    rows, cols = np.stack([top, top, bottom, bottom]), np.stack([left, right, left, right])
    np.maximum.at(state, (rows, cols), shares / shares.max(axis=0))
    return torch.from_numpy(state).to(device)


def markov_map(
    transition: Tensor, start: Tensor, tau: float, max_iterations: int, low_rank: LowRank | None = None
) -> Tensor:
    """Count the steps until each cell's relative probability exceeds ``tau``, with M2N2's fractional part (Eq. 3).

    Parameters
    ----------
    transition : Tensor
        ``A [n, n]`` float32; row i is where cell i goes.
    start : Tensor
        ``p_0 [h, w]`` float32 with maximum 1, on the same device.
    tau : float
        Relative probability, in ``(0, 1)``.
    max_iterations : int
        Most steps; cells not reached by then get this value.
    low_rank : LowRank, optional
        What :func:`~napari_m2n2v2.method.low_rank.low_rank_of` found of the matrix.

    Returns
    -------
    Tensor
        ``[h, w]`` float32: 0 for cells over ``tau`` at the start; ``i + 1 - (p - tau) / (d + 1e-6)`` for a cell
        passing at step i (from 0), where d is its rise in that step, taken as ``1 - tau`` in the first.
    """
    state = start.reshape(-1)
    reached = state > tau
    steps = torch.where(reached, 0.0, float(max_iterations))
    check_every = 1 if transition.device.type == "cpu" else _STEPS_PER_CHECK
    states = _states(start.reshape(-1), transition, low_rank)
    for i in range(max_iterations):
        previous, state = state, next(states)
        rise = state - previous if i else torch.full_like(state, 1 - tau)
        passing = (state > tau) & ~reached
        steps = torch.where(passing, i + 1 - (state - tau) / (rise + 1e-6), steps)
        reached = reached | passing
        if (i + 1) % check_every == 0 and bool(reached.all()):
            break
    return steps.reshape(start.shape)


def _states(state: Tensor, transition: Tensor, low_rank: LowRank | None) -> Iterator[Tensor]:
    """Yield the state after each step, without end."""
    for step in count(1):
        state = _first_step(state, transition) if step == 1 else state @ transition
        state = state / state.max()
        yield state
        if low_rank is not None and step == FULL_STEPS:
            yield from low_rank.states_after(state)


def _first_step(start: Tensor, transition: Tensor) -> Tensor:
    """Take the first step by reading only the rows of the few cells where the chain can be."""
    cells = start.nonzero().squeeze(1)
    return start[cells] @ transition[cells]
