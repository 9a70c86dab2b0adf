"""What attention is made of, and attention made of it, a block of rows at a time into one ``[n, n]`` tensor (Eq. 1).

Made of queries and keys, it is self-attention's softmax; of points, how alike they are. Either is far smaller than the
tensor, so that this is what travels and what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from napari_m2n2v2.method.attention import normalise_rows_

__all__ = ["Kept", "Points", "QueriesAndKeys", "add_attention_", "attention_of", "keeping", "likeness"]

_ROWS_AT_ONCE = 512


class QueriesAndKeys(NamedTuple):
    """What :func:`add_attention_` is given of one layer: a fifth of what it makes, or less, in whatever precision.

    ``query`` and ``key`` are ``[heads, skip + n, d]``.
    """

    query: Tensor
    key: Tensor
    scaling: float
    weight: float
    skip: int


class Points(NamedTuple):
    """What :func:`likeness` is given: ``[n, d]`` float32."""

    points: Tensor


Kept = QueriesAndKeys | Points


class _Keeping(NamedTuple):
    kept: list[Kept]
    making: bool


_keeping: ContextVar[_Keeping | None] = ContextVar("napari_m2n2v2_keeping", default=None)


@contextmanager
def keeping(*, making: bool) -> Iterator[list[Kept]]:
    """Keep on the CPU what attention is made of, for :func:`attention_of`.

    Parameters
    ----------
    making : bool
        Whether attention is made all the same; without it what a backbone returns is of no use.
    """
    present = _Keeping([], making)
    token = _keeping.set(present)
    try:
        yield present.kept
    finally:
        _keeping.reset(token)


def _keep(make: Callable[[], Kept]) -> bool:
    """Keep what attention is made of if somebody wants it, and tell whether to make it."""
    present = _keeping.get()
    if present is None:
        return True
    present.kept.append(make())
    return present.making


@torch.no_grad()
def attention_of(kept: Sequence[Kept], device: torch.device, report: Callable[[float], None]) -> Tensor:
    """Return the attention tensor of which this was kept: the same, to the last bit, on one device.

    Parameters
    ----------
    kept : sequence of QueriesAndKeys, or of Points
        Of all layers, in their order; points are alone.
    device : torch.device
        Where to make it.
    report : callable
        As :func:`add_attention_` takes it.

    Returns
    -------
    Tensor
        ``[n, n]`` float32, rows sum to 1.
    """
    first, *_ = kept
    if isinstance(first, Points):
        return likeness(first.points.to(device), report)
    layers = [layer for layer in kept if isinstance(layer, QueriesAndKeys)]
    n = first.query.shape[1] - first.skip
    out = torch.zeros((n, n), dtype=torch.float32, device=device)
    for done, (query, key, scaling, weight, skip) in enumerate(layers):
        part = partial(_report_part, report, done, len(layers))
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
    if not _keep(lambda: QueriesAndKeys(query.cpu().contiguous(), key.cpu().contiguous(), scaling, weight, skip)):
        return
    heads, n = len(query), len(out)
    keys = key.float().transpose(1, 2)
    start, step = 0, min(_ROWS_AT_ONCE, n)
    while start < n:
        rows = min(step, n - start)
        try:
            block = torch.zeros((rows, n), dtype=torch.float32, device=out.device)
            # Written into again and again: new memory for each head would take longer than the softmax.
            logits, softmaxed = (torch.empty((rows, skip + n), dtype=torch.float32, device=out.device) for _ in "12")
            for head in range(heads):
                queries = query[head, skip + start : skip + start + rows].float()
                torch.mm(queries, keys[head], out=logits).mul_(scaling)
                block += torch.softmax(logits, dim=1, out=softmaxed)[:, skip:]
        except torch.cuda.OutOfMemoryError:
            if step == 1:
                raise
            step = max(1, step // 4)
            continue
        out[start : start + rows].add_(block, alpha=weight / heads)
        start += rows
        report(start / n)


def likeness(points: Tensor, report: Callable[[float], None]) -> Tensor:
    """Return the softmax of ``-|p - q|**2 / 2`` over ``q``.

    Parameters
    ----------
    points : Tensor
        ``[n, d]`` float32.
    report : callable
        Called with the share done after each block of rows; what it raises passes through.

    Returns
    -------
    Tensor
        ``[n, n]`` float32, rows sum to 1.
    """
    n = len(points)
    out = torch.empty((n, n), dtype=torch.float32, device=points.device)
    if _keep(lambda: Points(points.cpu())):
        for start in range(0, n, _ROWS_AT_ONCE):
            some = points[start : start + _ROWS_AT_ONCE]
            out[start : start + _ROWS_AT_ONCE] = torch.softmax(-0.5 * torch.cdist(some, points) ** 2, dim=1)
            report(start / n)
    return out
