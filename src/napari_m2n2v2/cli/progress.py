"""How much of long work is done, for people at a shell: one line on a terminal, one each time in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

__all__ = ["Line", "counter", "shares"]


class Line(tqdm):  # type: ignore[type-arg]
    """A line that says how far something is; where nobody is watching, a new line each time.

    Parameters
    ----------
    form : str
        What it says, in tqdm's words.
    named : dict
        As tqdm takes them.
    """

    def __init__(self, form: str, **named: Any) -> None:
        self._log = not sys.stderr.isatty()
        super().__init__(bar_format=form, mininterval=0, leave=not self._log, delay=1e-9, **named)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Return what writes the line."""
        return tqdm.status_printer(file) if file.isatty() else lambda text: text and print(text, file=file, flush=True)

    def show(self, n: float, **said: str) -> None:
        """Say that so much is done."""
        self.n = n


def counter(name: str) -> Callable[[int, int], None]:
    """Return what shows how many of how many are done, and the time left."""
