"""Spread compiled loops over threads.

Numba's own parallel loops need OpenMP or TBB to be safe beside other threads, and pip installs neither on every
system; kernels that release the GIL on blocks of rows are safe everywhere, and stop between blocks when asked.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import torch

__all__ = ["for_row_blocks"]


def for_row_blocks(
    work: Callable[[int, int], object], rows: int, block: int, finished: Callable[[float], None] | None = None
) -> None:
    """Call ``work(start, stop)`` for blocks of rows that cover ``range(rows)``, on torch's number of threads.

    Parameters
    ----------
    work : callable
        Releases the GIL, and writes only what belongs to its rows.
    rows, block : int
        How many rows there are, and how many one call gets.
    finished : callable, optional
        Called on this thread with the share of blocks done; an exception it raises skips the blocks not yet begun.
    """
    starts = range(0, rows, block)
    if len(starts) == 1 or torch.get_num_threads() == 1:
        for done, start in enumerate(starts, start=1):
            work(start, min(start + block, rows))
            if finished is not None:
                finished(done / len(starts))
        return
    with ThreadPoolExecutor(torch.get_num_threads(), thread_name_prefix="m2n2v2") as pool:
        pending = [pool.submit(work, start, min(start + block, rows)) for start in starts]
        try:
            for done, future in enumerate(as_completed(pending), start=1):
                future.result()
                if finished is not None:
                    finished(done / len(starts))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
