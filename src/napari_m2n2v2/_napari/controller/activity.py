"""What runs now, of all that takes time: what it is, how far it got, and how to stop it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from psygnal import Signal

from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.precompute import PrecomputeController
from napari_m2n2v2._napari.controller.propagation_queue import PropagationQueue
from napari_m2n2v2._napari.model.dock_state import DockState

__all__ = ["ActivityController", "Task", "duration_text"]

_OTHER_JOBS = {
    "load": "Reading the session",
    "compare": "Comparing masks with the file's",
    "labels": "Looking for labels",
    "save": "Saving",
    "similar": "Finding similar objects",
}


_LEAST_SHARE, _LEAST_SECONDS = 0.2, 2.0  # done before one says how long the rest takes


@dataclass(frozen=True)
class Task:
    """Something that runs.

    Parameters
    ----------
    what : str
        What and where, in words.
    share : float
        How far it got, in ``[0, 1]``.
    cancel : callable
        Stops it.
    """

    what: str
    share: float
    cancel: Callable[[], None]


class ActivityController:
    """Names what runs; of several, what the user waits for most.

    Parameters
    ----------
    state : DockState
        Told how far features are.
    jobs, finding : Jobs
        Run what is waited for; what looks for similar objects has a worker of its own.
    features, queue, preparing : FeatureController, PropagationQueue, PrecomputeController
        What may run.
    """

    changed = Signal()

    def __init__(
        self,
        state: DockState,
        jobs: Jobs,
        features: FeatureController,
        queue: PropagationQueue,
        preparing: PrecomputeController,
        finding: Jobs,
    ) -> None:
        self._jobs = jobs
        self._finding = finding
        self._features = features
        self._queue = queue
        self._preparing = preparing
        self._share, self._stage = 0.0, ""
        self._began = time.monotonic()
        for progressed in (state.progressed, queue.progressed):
            progressed.connect(self._progressed)
        for some in (jobs, finding):
            some.turned.connect(self._turned)
        for signal in (queue.changed, preparing.changed, state.features_changed):
            signal.connect(self.changed.emit)

    def close(self) -> None:
        """Let go of the others."""
        for some in (self._jobs, self._finding):
            some.turned.disconnect(self._turned, missing_ok=True)

    @property
    def present(self) -> Task | None:
        """What runs now."""
        return self._carrying() or self._computing() or self._other() or self._ahead()

    def _carrying(self) -> Task | None:
        run = self._queue.run
        if run is None or not self._queue.is_running:
            return None
        return self._task(f"Carrying object {run.object_id}", self._queue.cancel)

    def _computing(self) -> Task | None:
        if (found := self._features.present) is None:
            return None
        workspace, part = found
        where = workspace.name_of(part.plane) or workspace.image.name
        return self._task(f"Features of {where}", self._features.cancel)

    def _other(self) -> Task | None:
        for jobs in (self._jobs, self._finding):
            for key in jobs.keys:
                name = key[1] if isinstance(key, tuple) else key
                if name in _OTHER_JOBS:
                    return self._task(_OTHER_JOBS[name], partial(jobs.cancel, key))
        return None

    def _ahead(self) -> Task | None:
        preparing = self._preparing
        if not preparing.is_running:
            return None
        standing, what, share = preparing.standing, "Preparing slices", 0.0
        if standing is not None and standing.total:
            share = (standing.done + standing.share) / standing.total
            what = f"Preparing: {standing.done} of {standing.total}"
        left = standing.seconds_left if standing is not None else None
        ending = "paused" if preparing.is_paused else "" if left is None else duration_text(left)
        return Task(", ".join(filter(None, (what, ending))), share, preparing.cancel)

    def _task(self, what: str, cancel: Callable[[], None]) -> Task:
        said = f"{what}: {self._stage}".removesuffix(": ")
        return Task(", ".join(filter(None, (said, self._left()))), self._share, cancel)

    def _left(self) -> str:
        """Say how long it still takes if it goes on as it did; nothing while too little tells."""
        passed = time.monotonic() - self._began
        if self._share < _LEAST_SHARE or passed < _LEAST_SECONDS:
            return ""
        return duration_text(passed * (1 - self._share) / self._share)

    def _progressed(self, share: float, stage: str) -> None:
        if share == 0 or share < self._share:  # another task
            self._began = time.monotonic()
        self._share, self._stage = share, stage
        self.changed.emit()

    def _turned(self) -> None:
        if not (self._jobs.keys or self._finding.keys):  # what comes next has not begun
            self._share, self._stage = 0.0, ""
            self._began = time.monotonic()
        self.changed.emit()


def duration_text(seconds: float) -> str:
    """Say how long it takes, as one would."""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min left"
    return f"{seconds / 3600:.1f} h left"
