"""Work over threads, processes or a cluster, and who is told how far it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing import spawn
from typing import Any, TypeVar

import torch

from napari_m2n2v2.errors import MissingDependencyError, ParameterError

__all__ = ["Progress", "dask_client", "each_done", "for_row_blocks", "silent"]


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


_Job = TypeVar("_Job")


_Result = TypeVar("_Result")


@contextmanager
def dask_client(workers: int, scheduler: str | None = None) -> Iterator[Any]:
    """Open a dask client of the cluster at an address, or of processes here, of one thread each.

    Raises
    ------
    MissingDependencyError
        If dask is not installed.
    ParameterError
        If no cluster answers at the address, or processes cannot be started from here.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingDependencyError('Several workers need dask: pip install "napari-m2n2v2[stacks]"') from error
    with nullcontext(scheduler) if scheduler else _processes(workers) as cluster:
        try:
            # As the default, it would be asked for the arrays of everybody, also if it never comes up.
            client = Client(cluster, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ParameterError(
                f"No dask scheduler answers at {scheduler!r}: expected an address such as tcp://10.0.0.1:8786."
            ) from error
        with client:
            yield client


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
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port, for others may run beside this
            silence_logs=logging.CRITICAL,  # what it says of workers comes back as errors of their jobs
        )  # fmt: skip
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ParameterError(
            f"The worker processes did not start ({reason}): each reads the script that starts it, so what it does "
            'must stand under if __name__ == "__main__":, or be done with workers=1.'
        ) from None


def each_done(
    task: Callable[[_Job], _Result], jobs: Iterable[_Job], workers: int = 1, scheduler: str | None = None
) -> Generator[tuple[int, Callable[[], _Result]]]:
    """Do every job, and give each as soon as it is done.

    A job whose process dies is done again by another.

    Parameters
    ----------
    task : callable
        What to do with a job; dask must be able to send both, so it is a function of a module.
    jobs : iterable
        Of anything.
    workers : int
        Processes; 1 stays in this one, with all its threads, and does a job when its result is asked for.
    scheduler : str, optional
        Address of a dask cluster to use instead.

    Yields
    ------
    position : int
        Of the job.
    result : callable
        Returns what the task did, or raises what it raised.

    Raises
    ------
    MissingDependencyError
        If dask is needed and not installed.
    ParameterError
        If no cluster answers at the address.
    """
    if workers == 1 and scheduler is None:
        for position, job in enumerate(jobs):
            yield position, partial(task, job)
        return
    with dask_client(workers, scheduler) as client:
        from distributed import as_completed

        positions = {client.submit(task, job, pure=False): position for position, job in enumerate(jobs)}
        done = as_completed(list(positions), loop=client.loop)
        while positions:
            future = next(done)
            yield positions.pop(future), future.result
            future.release()  # its result must not stay on the cluster until all are done


Progress = Callable[[float, str], None]
"""Called with the share done in ``[0, 1]`` and the stage's name; raise :class:`~napari_m2n2v2.Cancelled` to stop."""


def silent(share: float, stage: str) -> None:
    """Report to nobody."""
