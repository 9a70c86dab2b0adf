"""Self-attention's softmax, a block of queries at a time, added straight into one ``[n, n]`` tensor (Eq. 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from napari_m2n2v2.method.attention import normalise_rows_

__all__ = ["QueriesAndKeys", "add_attention_", "attention_of", "keeping"]

_QUERIES_AT_ONCE = 512


class QueriesAndKeys(NamedTuple):
    """What :func:`add_attention_` is given of one layer: a fifth of what it makes, or less, in whatever precision.

    ``query`` and ``key`` are ``[heads, skip + n, d]``.
    """

    query: Tensor
    key: Tensor
    scaling: float
    weight: float
    skip: int


_keeping: ContextVar[list[QueriesAndKeys] | None] = ContextVar("napari_m2n2v2_keeping", default=None)


@contextmanager
def keeping() -> Iterator[list[QueriesAndKeys]]:
    """Let :func:`add_attention_` add nothing, but keep on the CPU what it is given, for :func:`attention_of`."""
    kept: list[QueriesAndKeys] = []
    token = _keeping.set(kept)
    try:
        yield kept
    finally:
        _keeping.reset(token)


def attention_of(kept: Sequence[QueriesAndKeys], device: torch.device, report: Callable[[float], None]) -> Tensor:
    """Return the attention tensor that was not made when this was kept: the same, to the last bit, on one device.

    Parameters
    ----------
    kept : sequence of QueriesAndKeys
        Of all layers, in their order.
    device : torch.device
        Where to make it.
    report : callable
        As :func:`add_attention_` takes it.

    Returns
    -------
    Tensor
        ``[n, n]`` float32, rows sum to 1.
    """
    n = kept[0].query.shape[1] - kept[0].skip
    out = torch.zeros((n, n), dtype=torch.float32, device=device)
    for done, (query, key, scaling, weight, skip) in enumerate(kept):
        part = partial(_report_part, report, done, len(kept))
        add_attention_(out, query.to(device), key.to(device), scaling, weight, part, skip=skip)
    return normalise_rows_(out)


def _report_part(report: Callable[[float], None], done: int, count: int, share: float) -> None:
    report((done + share) / count)


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
    if (kept := _keeping.get()) is not None:
        kept.append(QueriesAndKeys(query.cpu().contiguous(), key.cpu().contiguous(), scaling, weight, skip))
        return
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
