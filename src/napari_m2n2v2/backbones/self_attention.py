"""Self-attention's softmax, a block of queries at a time, added straight into one ``[n, n]`` tensor (Eq. 1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["add_attention_"]

_QUERIES_AT_ONCE = 512


def add_attention_(
    out: Tensor,
    query: Tensor,
    key: Tensor,
    scaling: float,
    weight: float,
    report: Callable[[float], None],
    *,
    skip: int = 0,
) -> None:
    """Add ``weight * mean over heads of softmax(q k^T * scaling)`` to ``out``.

    Beside ``out`` it holds one block of queries, never a second ``[n, n]`` tensor; when memory runs out the block gets
    smaller.

    Parameters
    ----------
    out : Tensor
        ``[n, n]`` float32.
    query, key : Tensor
        ``[heads, skip + n, d]``, any floating dtype; computed in float32.
    scaling : float
        Usually ``d ** -0.5``.
    weight : float
        Of this block of the network.
    report : callable
        Called with the share done after each block of queries; what it raises passes through.
    skip : int
        Tokens at the start that are no grid cells, such as the class token; they take part in the softmax, and their
        rows and columns are left out.

    Raises
    ------
    torch.cuda.OutOfMemoryError
        If not even a single query fits.
    """
    heads, n = len(query), len(out)
    keys = key.float().transpose(1, 2)
    start, step = 0, min(_QUERIES_AT_ONCE, n)
    while start < n:
        try:
            block = torch.zeros((min(step, n - start), n), dtype=torch.float32, device=out.device)
            for head in range(heads):
                queries = query[head, skip + start : skip + start + len(block)].float()
                block += torch.softmax(queries @ keys[head] * scaling, dim=1)[:, skip:]
        except torch.cuda.OutOfMemoryError:
            if step == 1:
                raise
            step = max(1, step // 4)
            continue
        out[start : start + len(block)].add_(block, alpha=weight / heads)
        start += len(block)
        report(start / n)
