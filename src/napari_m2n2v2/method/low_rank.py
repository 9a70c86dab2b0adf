"""Long chains in the few directions that last. Beyond the paper, which multiplies by the whole matrix at each step.

Where cells attend to what looks like them, as of `appearance`, chains are long, and after some steps next to nothing of
a state is outside a few hundred directions. What follows takes place in these, at a fraction of the cost. Whether that
is so is measured for each matrix; where it is not, the whole matrix is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FULL_STEPS", "LowRank", "low_rank_of"]

FULL_STEPS = 6
"""How many steps the chain takes by the whole matrix before the directions are enough."""

_LEAST_CELLS = 2048  # with fewer, a step by the whole matrix costs no more
_DIRECTIONS = 384
_ROUNDS = range(3, 9)  # of finding them, until they are enough
_PROBES = 8
_MOST_LOST = 1e-3  # of a state after the full steps, relative
_STEPS_AT_ONCE = 32  # that are brought back to cells in one product


@dataclass(frozen=True, eq=False)
class LowRank:
    """A transition matrix in the directions that last. Made by :func:`low_rank_of`.

    Parameters
    ----------
    directions : Tensor
        ``Q [n, r]`` float32, orthonormal columns.
    onward : Tensor
        ``Q.T A [r, n]`` float32: where the chain is a step after it was at each of them.
    step : Tensor
        ``Q.T A Q [r, r]`` float64.
    """

    directions: Tensor
    onward: Tensor
    step: Tensor

    def states_after(self, state: Tensor) -> Iterator[Tensor]:
        """Yield the states that follow the chain's after its full steps: ``[n]`` float32, maximum 1, without end."""
        at = (state @ self.directions).to(self.step.dtype)
        while True:
            some = []
            for _ in range(_STEPS_AT_ONCE):
                some.append(at)
                at = at @ self.step
            states = torch.stack(some).to(state.dtype) @ self.onward
            yield from states / states.amax(dim=1, keepdim=True)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(some.numel() * some.element_size() for some in (self.directions, self.onward, self.step))


def low_rank_of(transition: Tensor) -> LowRank | None:
    """Find the directions that last, where a few hundred are enough.

    Parameters
    ----------
    transition : Tensor
        ``A [n, n]`` float32, doubly stochastic.

    Returns
    -------
    LowRank or None
        The same at every call. None on a GPU, of few cells, and where the chain from some cell is not within the
        directions after :data:`FULL_STEPS` steps.
    """
    n = len(transition)
    if transition.device.type != "cpu" or n < _LEAST_CELLS:
        return None
    directions = torch.randn(n, _DIRECTIONS, generator=torch.Generator().manual_seed(0))
    probes = directions[:, :_PROBES] - directions[:, :_PROBES].mean(dim=0)
    kept = _go_on(transition, probes, FULL_STEPS)
    for n_rounds in range(1, _ROUNDS.stop):
        directions = torch.linalg.qr(transition.T @ directions).Q
        if n_rounds in _ROUNDS:
            lost = _go_on(transition, probes - directions @ (directions.T @ probes), FULL_STEPS)
            if bool((lost.norm(dim=1) <= _MOST_LOST * kept.norm(dim=1)).all()):
                onward = directions.T @ transition
                return LowRank(directions, onward, (onward @ directions).double())
    return None


def _go_on(transition: Tensor, probes: Tensor, steps: int) -> Tensor:
    """Return ``A ** steps @ probes``: of random probes, row i is as long as what the chain from cell i comes to."""
    for _ in range(steps):
        probes = transition @ probes
    return probes
