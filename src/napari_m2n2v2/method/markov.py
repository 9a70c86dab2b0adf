"""Markov-maps: how many steps the chain needs from the click to each cell (section 3.3, Eqs. 2-3)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import torch
from torch import Tensor

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
    h, w = grid_shape
    if centred:
        y, x = ((at + 0.5) * n / size - 0.5 for at, n, size in zip((row, col), grid_shape, image_shape, strict=True))
        y, x = min(max(y, 0.0), h - 1.0), min(max(x, 0.0), w - 1.0)
    else:
        y, x = (h - 1) * row / image_shape[0], (w - 1) * col / image_shape[1]
    top, left = min(max(int(y), 0), h - 1), min(max(int(x), 0), w - 1)
    bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
    below, beside = y - top, x - left
    state = torch.zeros((h, w), dtype=torch.float32)
    state[top, left] += (1 - below) * (1 - beside)
    state[top, right] += (1 - below) * beside
    state[bottom, left] += below * (1 - beside)
    state[bottom, right] += below * beside
    return state.div_(state.max()).to(device)


def start_state_over(
    pixels: Iterable[tuple[int, int]],
    image_shape: tuple[int, int],
    grid_shape: tuple[int, int],
    device: torch.device | str = "cpu",
    *,
    centred: bool = False,
) -> Tensor:
    """Start from all cells that some pixels touch, at least one: the largest of their :func:`start_state` in each cell.

    Beyond the paper, where a prompt has one pixel, of which this is :func:`start_state`.
    """
    states = (start_state(*pixel, image_shape, grid_shape, centred=centred) for pixel in pixels)
    return reduce(torch.maximum, states).to(device)


def markov_map(transition: Tensor, start: Tensor, tau: float, max_iterations: int) -> Tensor:
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
    for i in range(max_iterations):
        previous, state = state, _step(state, transition) if i == 0 else state @ transition
        state = state / state.max()
        rise = state - previous if i else torch.full_like(state, 1 - tau)
        passing = (state > tau) & ~reached
        steps = torch.where(passing, i + 1 - (state - tau) / (rise + 1e-6), steps)
        reached = reached | passing
        if (i + 1) % check_every == 0 and bool(reached.all()):
            break
    return steps.reshape(start.shape)


def _step(start: Tensor, transition: Tensor) -> Tensor:
    """Take the first step by reading only the rows of the few cells where the chain can be."""
    cells = start.nonzero().squeeze(1)
    return start[cells] @ transition[cells]
