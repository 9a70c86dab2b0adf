"""The bridge from worker threads to Qt's event loop."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal

__all__ = ["MainThread"]


class MainThread(QObject):  # type: ignore[misc]
    """Calls what it is given in the thread that made it, at the next turn of the event loop."""

    _requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._requested.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Callable[[], None]) -> None:
        self._requested.emit(call)

    @staticmethod
    def _call(call: Callable[[], None]) -> None:
        call()
