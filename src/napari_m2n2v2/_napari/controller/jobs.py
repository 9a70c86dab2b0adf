"""Work beside napari's event loop: one worker, stale answers dropped, cancel at the next report of progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from psygnal import Signal

from napari_m2n2v2.errors import Cancelled

__all__ = ["Jobs"]

Report = Callable[[float, str], None]

_SECONDS = 0.05  # between two reports of one stage: the event loop has other things to do


Deliver = Callable[[Callable[[], None]], None]


@dataclass(eq=False)
class _Job:
    computes: bool
    stopped: threading.Event = field(default_factory=threading.Event)
    stage: str | None = None  # that was reported last ...
    reported: float = 0.0  # ... and when


class Jobs:
    """Runs work on one thread and brings answers back to the main thread.

    Every job has a key, and a new job with a key replaces the one before it: that one is not begun, or stops at its
    next report, and its answer is never delivered.

    Parameters
    ----------
    deliver : callable
        Calls what it is given on the main thread, in order.
    executor : Executor, optional
        One worker thread of our own by default. Tests pass one that runs at once.
    """

    turned = Signal()  # other answers are to come than before

    def __init__(self, deliver: Deliver, executor: Executor | None = None) -> None:
        self.deliver = deliver
        self._given = executor
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="napari-m2n2v2")
        self._present: dict[Hashable, _Job] = {}

    def beside(self) -> Jobs:
        """Return other jobs with a worker of their own, or on the same executor if one was given."""
        return Jobs(self.deliver, self._given)

    def submit(
        self,
        key: Hashable,
        work: Callable[[Report], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        progress: Report | None = None,
        *,
        computes: bool = False,
    ) -> None:
        """Run ``work(report)`` on the worker, then ``done(answer)`` or ``failed(error)`` on the main thread.

        Parameters
        ----------
        key : hashable
            What is worked on.
        work : callable
            Calls ``report(share, stage)`` now and then, and lets what it raises pass.
        done, failed, progress : callable
            Called on the main thread, only while this is still the present job of its key.
        computes : bool
            Whether it may compute features, for which a backbone is needed that others may be using.
        """
        self.cancel(key)
        job = _Job(computes)
        self._present[key] = job
        self.turned.emit()

        def deliver(call: Callable[..., None], *arguments: Any, last: bool) -> None:
            def on_main_thread() -> None:
                if self._present.get(key) is job:
                    if last:
                        del self._present[key]
                    call(*arguments)
                    if last:
                        self.turned.emit()

            self.deliver(on_main_thread)

        def report(share: float, stage: str) -> None:
            if job.stopped.is_set():
                raise Cancelled("Stopped: it was cancelled, or newer work took its place.")
            is_due = stage != job.stage or time.monotonic() - job.reported >= _SECONDS
            if progress is not None and is_due:
                job.stage, job.reported = stage, time.monotonic()
                deliver(progress, share, stage, last=False)

        def run() -> None:
            try:
                report(0.0, "")
                answer = work(report)
            except Cancelled:
                return
            except Exception as error:  # shown to the user, whatever it is
                deliver(failed, error, last=True)
            else:
                deliver(done, answer, last=True)

        self._executor.submit(run)

    def cancel(self, key: Hashable) -> None:
        """Stop the present job of this key, if there is one; neither its answer nor its error is delivered."""
        job = self._present.pop(key, None)
        if job is not None:
            job.stopped.set()
            self.turned.emit()

    def is_busy(self, key: Hashable) -> bool:
        """Whether an answer for this key is still to come."""
        return key in self._present

    @property
    def computes(self) -> bool:
        """Whether a job whose answer is still to come may compute features."""
        return any(job.computes for job in tuple(self._present.values()))

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """Of all jobs whose answers are still to come."""
        return tuple(self._present)

    def of(self, workspace: object) -> list[tuple[Any, ...]]:
        """List the keys of the jobs of an image: those that begin with its id."""
        return [key for key in self._present if isinstance(key, tuple) and key[0] == id(workspace)]

    def drop(self, workspace: object) -> None:
        """Stop the jobs of an image."""
        for key in self.of(workspace):
            self.cancel(key)

    def close(self) -> None:
        """Stop everything and let the worker end."""
        for key in list(self._present):
            self.cancel(key)
        self._executor.shutdown(wait=False, cancel_futures=True)
