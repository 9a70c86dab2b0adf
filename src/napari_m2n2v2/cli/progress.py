"""How much of long work is done, for people at a shell."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

__all__ = ["counter"]


def counter(name: str) -> Callable[[int, int], None]:
    """Return what shows how many of how many are done and the seconds left: one line on a terminal, else one each."""
    begin, first = time.monotonic(), [0]

    def show(done: int, total: int) -> None:
        first[0] = first[0] or done
        new = done - first[0] + 1
        left = (time.monotonic() - begin) / new * (total - done)
        end = "\n" if done == total or not sys.stderr.isatty() else "\r"
        print(f"{name}: {done} of {total}, {left:.0f} s left", end=end, file=sys.stderr, flush=True)

    return show
