"""How much of long work is done, for people at a shell: one line on a terminal, one each time in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

__all__ = ["Line", "counter", "of_long_work", "shares"]

_LONG = 10.0  # seconds


class Line(tqdm):  # type: ignore[misc]
    """A line that says how far something is.

    Parameters
    ----------
    form : str
        What it says, in tqdm's words; ``{desc}`` is the text given to :meth:`say`.
    total : float
        Where it ends.
    step : float
        How much has to be done before it says so.
    begin : float
        What was done before.
    """

    monitor_interval = 0  # no thread that looks after it

    def __init__(self, form: str, total: float, step: float = 0, begin: float = 0) -> None:
        self._step, self._watched = step, sys.stderr.isatty()
        super().__init__(
            total=total, initial=begin, bar_format=form, file=sys.stderr, mininterval=0, miniters=0, smoothing=0,
            delay=1e-9, leave=True, position=0,  # whatever bars of others are about
        )  # fmt: skip

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], object]:
        """Return what writes the line."""
        over: Callable[[str], object] = tqdm.status_printer(file)
        return over if file.isatty() else lambda text: print(text, file=file, flush=True)

    def say(self, n: float, text: str = "") -> None:
        """Say that so much is done; at the end for the last time."""
        self.set_description_str(text, refresh=False)
        self.miniters = 0 if n >= self.total else self._step
        self.update(n - self.n)
        if n >= self.total:
            self.close()

    def close(self) -> None:
        """Go on to the next line of a terminal."""
        if self._watched:
            super().close()
        self.disable = True


def counter(name: str) -> Callable[[int, int], None]:
    """Return what shows how many of how many are done, and the time left."""
    lines: list[Line] = []

    def show(done: int, total: int) -> None:
        if not lines:
            lines.append(Line("{desc}: {n_fmt} of {total_fmt}, {remaining_s:.0f} s left", total, begin=done - 1))
        lines[0].say(done, name)

    return show


def of_long_work(name: str) -> Callable[[float, str], None]:
    """Return what shows which share of something is done, where that takes long: a line every ten seconds."""
    begun, said = 0.0, 0.0

    def show(share: float, stage: str) -> None:
        nonlocal begun, said
        now = time.monotonic()
        if not share:
            begun = said = now
        elif now - said >= _LONG:
            said, left = now, (now - begun) / share * (1 - share)
            print(f"{name}: {share:.0%} of the {stage}, {left:.0f} s left", file=sys.stderr, flush=True)

    return show


def shares(step: float = 0) -> Callable[[float, str], None]:
    """Return what shows which share is done, and of what; not again before ``step`` more of it is."""
    line = Line("{percentage:3.0f}% {desc}", 1.0, step)
    return line.say
