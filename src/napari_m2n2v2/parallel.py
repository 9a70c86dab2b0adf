"""Work over threads, processes or a cluster, and who is told how far it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import spawn
from typing import Any, TypeVar

import torch

from napari_m2n2v2.errors import ClusterError, MissingDependencyError, ParameterError

__all__ = [
    "HERE", "Pool", "Progress", "check_dask", "client_of", "each_done", "for_row_blocks", "pool_of", "silent", "within",
]  # fmt: skip


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


@dataclass(frozen=True)
class Pool:
    """Where jobs are done. Made by :func:`pool_of`.

    Parameters
    ----------
    executor : Executor
        What does them.
    at_once : callable
        Tells how many may be begun before one of them is done.
    lost : tuple of type
        What the result of a job raises that every process which tried it died of.
    """

    executor: Executor
    at_once: Callable[[], int]
    lost: tuple[type[Exception], ...] = ()


class _Here(Executor):
    """Does a job at once, in the thread that submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # as every executor, it leaves this to whoever wants the result
            future.set_exception(error)
        return future


HERE = Pool(_Here(), lambda: 1)
"""One job after the other in this thread."""

_AT_LEAST = 8  # jobs at once, also while few workers are there: a cluster grows by what waits


@contextmanager
def pool_of(workers: int = 1, scheduler: str | None = None) -> Iterator[Pool]:
    """Open a pool: this thread, processes of this machine or a dask cluster. What is not done at the end is cancelled.

    A job whose process dies is done again by another.

    Parameters
    ----------
    workers : int
        Processes on this machine, of one thread each; 1 stays in this thread, with all of torch's.
    scheduler : str, optional
        Address of a dask cluster to use instead.

    Raises
    ------
    MissingDependencyError
        If dask is needed and not installed.
    ClusterError
        If no cluster answers at the address.
    ParameterError
        If processes cannot be started from here.
    """
    if workers <= 1 and scheduler is None:
        yield HERE
        return
    check_dask()
    from distributed import KilledWorker

    with nullcontext(scheduler) if scheduler else _processes(workers) as cluster, client_of(cluster) as client:
        executor = client.get_executor(pure=False)
        try:
            yield Pool(executor, lambda: max(_AT_LEAST, 2 * sum(client.nthreads().values())), (KilledWorker,))
        finally:
            executor.shutdown(wait=False)  # a cluster goes on otherwise


def check_dask() -> None:
    """Raise :class:`MissingDependencyError` where dask's part for several processes is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            'Several workers, here or elsewhere, need dask: pip install "napari-m2n2v2[stacks]"'
        ) from error


def client_of(cluster: Any, seconds: float | None = None) -> Any:
    """Connect with a dask cluster: a ``distributed.Client``, to be closed.

    Parameters
    ----------
    cluster : str or LocalCluster
        The address of its scheduler, or itself.
    seconds : float, optional
        How long to wait for an answer; as dask is configured by default.

    Raises
    ------
    ClusterError
        If none answers.
    """
    from distributed import Client

    try:
        # As the default, it would be asked for the arrays of everybody, also if it never comes up.
        return Client(cluster, set_as_default=False, **({} if seconds is None else {"timeout": seconds}))
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No dask scheduler answers at {cluster!r}: expected an address such as tcp://10.0.0.1:8786."
        ) from error


_Job = TypeVar("_Job")


_Result = TypeVar("_Result")


def _processes(workers: int) -> Any:
    """Start processes of this machine; in one that is being started itself, end quietly instead.

    Raises
    ------
    ParameterError
        If they do not start, as in a script that starts them whenever it is read.
    """
    from distributed import LocalCluster

    try:
        spawn.get_preparation_data("worker")
    except RuntimeError:  # this is a worker that reads the script it was started from
        raise SystemExit(1) from None
    try:
        return LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True,
            # Its usual port is that of every other run here.
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,  # what it says of workers comes back as errors of their jobs
        )  # fmt: skip
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ParameterError(
            f"The worker processes did not start ({reason}): each reads the script that starts it, so what it does "
            'must stand under if __name__ == "__main__":, or be done with workers=1.'
        ) from None


def each_done(
    task: Callable[[_Job], _Result],
    jobs: Sequence[_Job],
    pool: Pool = HERE,
    may_begin: Callable[[int], bool] = lambda running: True,
) -> Iterator[tuple[int, Callable[[], _Result]]]:
    """Do jobs, begun in their order, and give each as soon as it is done.

    Parameters
    ----------
    task : callable
        What to do with a job; but in this thread, the pool must be able to send both: a function of a module.
    jobs : sequence
        Of anything.
    pool : Pool
        Where.
    may_begin : callable
        Asked before a job is begun, with the number of those that are running. Where none runs and none may begin, the
        rest are left out.

    Yields
    ------
    position : int
        Of the job.
    result : callable
        Returns what the task did, or raises what it raised.
    """
    running: dict[Future[_Result], int] = {}
    begun = 0
    while True:
        while begun < len(jobs) and len(running) < pool.at_once() and may_begin(len(running)):
            running[pool.executor.submit(task, jobs[begun])] = begun
            begun += 1
        if not running:
            return
        future = wait(running, return_when=FIRST_COMPLETED).done.pop()
        yield running.pop(future), future.result


Progress = Callable[[float, str], None]
"""Called with the share done in ``[0, 1]`` and the stage's name; raise :class:`~napari_m2n2v2.Cancelled` to stop."""


def silent(share: float, stage: str) -> None:
    """Report to nobody."""


def within(report: Progress, begin: float, part: float) -> Progress:
    """Return what reports a part of the work, which begins at ``begin``, as a share of all of it."""
    return lambda share, stage: report(begin + share * part, stage)
