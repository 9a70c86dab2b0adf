"""How long features take to compute, without what is done once only."""

from __future__ import annotations

import time

from napari_m2n2v2._napari.controller.jobs import Report

__all__ = ["Stopwatch"]

_ONCE = "loading"  # begins the names of stages that bring what stays: weights, and what reads them
_OF_ALL = {"", "reading the image", "stored features", "upsampling operator", "features"}  # computed anew or not


class Stopwatch:
    """Passes reports of progress on, and knows by them how long the next features of the same size will take.

    Parameters
    ----------
    report : callable
        Called with each report.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stage, self._since = "", time.monotonic()
        self._seconds, self._computes = 0.0, False

    def __call__(self, share: float, stage: str) -> None:
        """Hear what is begun with, and pass it on."""
        self._turn(stage)
        self._report(share, stage)

    @property
    def seconds(self) -> float | None:
        """Up to now, but for loading; None where nothing had to be computed."""
        self._turn(self._stage)
        return self._seconds if self._computes else None

    def _turn(self, stage: str) -> None:
        now = time.monotonic()
        if not self._stage.startswith(_ONCE):
            self._seconds += now - self._since
        self._stage, self._since = stage, now
        self._computes |= stage not in _OF_ALL and not stage.startswith(_ONCE)
