"""From attention to a transition matrix: temperature, doubly stochastic (section 3.1, Eq. 1).

Everything works in place on one ``[n, n]`` float32 tensor, on the device it lives on: at a 128 x 128 grid that tensor
is 1.0 GiB, and a second one would not fit next to it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from napari_m2n2v2.errors import AttentionError

__all__ = [
    "adjust_temperature_", "check_attention", "doubly_stochastic_factors", "flip_cells", "make_doubly_stochastic_",
    "normalise_rows_", "scale_",
]  # fmt: skip

_ROWS_AT_ONCE = 1024


_TINY = torch.finfo(torch.float32).tiny


def normalise_rows_(attention: Tensor) -> Tensor:
    """Divide each row of an ``[n, n]`` tensor by its sum, in place."""
    for rows in attention.split(_ROWS_AT_ONCE):
        rows.div_(rows.sum(dim=1, keepdim=True).clamp_min_(_TINY))
    return attention


def flip_cells(attention: Tensor, grid_shape: tuple[int, int]) -> Tensor:
    """Mirror an attention tensor left to right, on the query's and on the key's pixel axis (section 9).

    Parameters
    ----------
    attention : Tensor
        ``[n, n]``, of the mirrored image.
    grid_shape : tuple of int
        ``(h, w)`` with ``h * w = n``.
    """
    h, w = grid_shape
    return attention.reshape(h, w, h, w).flip(1, 3).reshape(h * w, h * w)


def check_attention(attention: Tensor, grid_shape: tuple[int, int]) -> None:
    """Raise :class:`AttentionError` unless ``attention`` is ``[h*w, h*w]``, finite, 0 or more, rows summing to 1."""
    h, w = grid_shape
    n = h * w
    if attention.shape != (n, n):
        raise AttentionError(
            f"Attention for a grid of {h} x {w} cells must have shape ({n}, {n}), got {tuple(attention.shape)}. "
            "Check grid_shape: it is (rows, columns) of the attention grid, not of the image."
        )
    for rows in attention.split(_ROWS_AT_ONCE):
        sums = rows.sum(dim=1)
        if not bool(torch.isfinite(sums).all()) or bool((rows < 0).any()):
            raise AttentionError(
                "Attention must be finite and 0 or more everywhere; found NaN, infinite or negative entries."
            )
        worst = float((sums - 1).abs().max())
        if worst > 1e-3:
            raise AttentionError(
                f"Each row of the attention must sum to 1, but one is off by {worst:.3g}. "
                "Average the softmaxed heads, then divide each row by its sum."
            )


def adjust_temperature_(attention: Tensor, temperature: float) -> Tensor:
    """Replace ``A`` by ``softmax(log A / T)`` over its last axis, in place (section 3.1).

    The softmax of a logarithm is a power divided by its sum, so no logarithm of zero is ever taken. Rows are divided by
    their maximum first, which the division by the sum undoes, to stay clear of float32 underflow.

    Parameters
    ----------
    attention : Tensor
        ``[n, n]`` float32, 0 or more.
    temperature : float
        ``T``, above 0; 1 changes nothing.
    """
    for rows in attention.split(_ROWS_AT_ONCE):
        rows.div_(rows.amax(dim=1, keepdim=True).clamp_min_(_TINY)).pow_(1.0 / temperature)
        rows.div_(rows.sum(dim=1, keepdim=True).clamp_min_(_TINY))
    return attention


def make_doubly_stochastic_(
    attention: Tensor, rounds: int, tolerance: float, before_round: Callable[[], None] | None = None
) -> Tensor:
    """Scale ``A`` in place until rows and columns sum to 1: :func:`doubly_stochastic_factors`, then :func:`scale_`."""
    return scale_(attention, *doubly_stochastic_factors(attention, rounds, tolerance, before_round))


def doubly_stochastic_factors(
    attention: Tensor, rounds: int, tolerance: float, before_round: Callable[[], None] | None = None
) -> tuple[Tensor, Tensor]:
    """Find what rows and columns sum to 1 by: iterative proportional fitting (section 3.1).

    One round divides columns by their sums, then rows by theirs. The result is ``diag(u) A diag(v)``, so a round needs
    two matrix-vector products and no second matrix.

    Parameters
    ----------
    attention : Tensor
        ``A [n, n]`` float32, 0 or more.
    rounds : int
        Most rounds.
    tolerance : float
        Stop after the round that moved no column factor by more than this, relative.
    before_round : callable, optional
        Called before every round; what it raises passes through.

    Returns
    -------
    tuple of Tensor
        ``u`` and ``v``, ``[n]`` float32, of rows and of columns.
    """
    u = torch.ones(len(attention), dtype=attention.dtype, device=attention.device)
    v = torch.ones_like(u)
    for _ in range(rounds):
        if before_round is not None:
            before_round()
        columns = (u @ attention).clamp_min_(_TINY).reciprocal_()
        u = (attention @ columns).clamp_min_(_TINY).reciprocal_()
        moved = (columns / v - 1).abs().max()
        v = columns
        if bool(moved <= tolerance):
            break
    return u, v


def scale_(attention: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Make ``diag(u) A diag(v)`` of an ``[n, n]`` tensor ``A``, in place."""
    for rows, scale in zip(attention.split(_ROWS_AT_ONCE), u.split(_ROWS_AT_ONCE), strict=True):
        rows.mul_(scale[:, None]).mul_(v)
    return attention
