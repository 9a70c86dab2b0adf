"""What takes long to import, imported while the user looks for the first object."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer

from napari_m2n2v2._napari.controller.jobs import Jobs, Report

__all__ = ["Warming"]

_MILLISECONDS = 1000  # after the dock was opened: it is drawn by then


class Warming(QTimer):  # type: ignore[misc]
    """Imports torch on a worker, once.

    Parameters
    ----------
    parent : QObject
        Nothing is begun once it is gone.
    jobs : Jobs
        Not those that clicks wait for.
    """

    def __init__(self, parent: QObject, jobs: Jobs) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.setSingleShot(True)
        self.timeout.connect(self._begin)
        self.start(_MILLISECONDS)

    def _begin(self) -> None:
        # What goes wrong is told where torch is needed.
        self._jobs.submit("warm", _load, lambda _: None, lambda _: None)


def _load(report: Report) -> None:
    import torch  # noqa: F401
