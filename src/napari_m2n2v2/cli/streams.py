"""Standard streams that may be closed, stop being read, or not hold every name: the work goes on all the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["lasting_streams"]


class _Lasting:
    """A text stream that is written to for as long as somebody reads it, and to nowhere afterwards."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # nobody reads it any more, or it is closed
            self._leave()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._leave()

    def _leave(self) -> None:
        """Send the rest to nowhere, what Python writes at its end included."""
        try:
            number = self._stream.fileno()
        except (OSError, ValueError):
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Have standard output and error fail for nobody inside the ``with``."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # it would be given to the next file that is opened, and messages would be written into that
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    nowhere = [open(os.devnull, "w", encoding="utf-8") for stream in before if stream is None]  # noqa: PTH123, SIM115
    spare = iter(nowhere)
    sys.stdout, sys.stderr = (_Lasting(_any_name(next(spare) if stream is None else stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
        for stream in nowhere:
            stream.close()


def _any_name(stream: Any) -> Any:
    """Write a character that the stream's encoding lacks as its number."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return stream
