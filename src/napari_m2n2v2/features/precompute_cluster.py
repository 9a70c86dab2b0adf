"""Features of a stack from several processes, here or on a cluster: one task a plane, results in a shared folder."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_m2n2v2.errors import ParameterError, UnreadableFileError
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.planes import OF_NO_PLANE, Asked, Room, Stored, store_plane
from napari_m2n2v2.features.precompute import Standing
from napari_m2n2v2.files.open_stack import open_stack
from napari_m2n2v2.images.stack import Index, nearest_first
from napari_m2n2v2.parallel import dask_client

__all__ = ["precompute_on_dask"]

_AT_LEAST = 8  # tasks at once, also while few workers are there: a cluster grows by what waits


def precompute_on_dask(
    path: Path,
    folder: Path,
    asked: Asked,
    *,
    start: Index | None = None,
    workers: int = 2,
    scheduler: str | None = None,
    disk_bytes: int = 20 * 10**9,
    progress: Callable[[Standing], None] | None = None,
) -> tuple[dict[Index, str], tuple[Index, ...]]:
    """Compute every plane of a stack that is not in the folder yet.

    Parameters
    ----------
    path : Path
        Of the stack, as :func:`~napari_m2n2v2.open_stack` takes it. Every worker opens it by this name.
    folder : Path
        Of the features; the workers write there by this name.
    asked : Asked
        How. Names rather than objects, which need not be the same in another process.
    start : tuple of int, optional
        The plane to begin with; the first without it.
    workers : int
        Processes on this machine, of one thread each.
    scheduler : str, optional
        Address of a dask cluster to use instead.
    disk_bytes : int
        Limit of the folder. Planes for which it has no room are left out, the farthest.
    progress : callable, optional
        Called after every plane. What it raises stops the run, and the planes that are done stay.

    Returns
    -------
    failures : dict
        What was wrong with planes that failed.
    left_out : tuple
        Planes for which the folder has no room.

    Notes
    -----
    A worker that dies leaves no more than its plane undone, and another one does that again.

    Raises
    ------
    MissingDependencyError
        If dask is not installed.
    ParameterError
        If a guide or a backbone is given as an object.
    UnreadableFileError, UnwritableFileError, DeviceError, MissingWeightsError, UnknownBackboneError
        If no plane can be computed, or the cluster cannot be reached.
    """
    if not isinstance(asked.attention, str) or not isinstance(asked.guide, str | None):
        raise ParameterError("On several processes, name the attention and the guide: objects stay in their own.")
    with open_stack(path) as file:
        order = nearest_first(file.stack, next(iter(file.stack)) if start is None else start)
    failures: dict[Index, str] = {}
    room, waiting = Room(disk_bytes), deque(order)
    begun, computed, absolute = time.monotonic(), 0, (path.resolve(), folder.resolve())
    with dask_client(workers, scheduler) as client:
        from distributed import as_completed

        futures: dict[Any, Index] = {}
        results = as_completed(loop=client.loop)

        def submit() -> None:
            at_once = max(_AT_LEAST, 2 * sum(client.nthreads().values()))  # of the workers that have come by now
            while waiting and len(futures) < at_once and room.has_for(1 + len(futures)):
                future = client.submit(_plane, *absolute, disk_bytes, waiting[0], asked, pure=False)
                futures[future] = waiting.popleft()
                results.add(future)

        submit()
        try:
            while futures:
                future = next(results)
                index = futures.pop(future)
                outcome = _outcome(future)
                if isinstance(outcome, str):
                    failures[index] = outcome
                else:
                    room.take(outcome.sizes)
                    computed += outcome.computed
                submit()
                if progress is not None:
                    left = len(order) - (done := len(order) - len(waiting) - len(futures))
                    # Planes that were there before took no time, and tell nothing of it.
                    each = (time.monotonic() - begun) / computed if computed else None
                    progress(Standing(done, len(order), None if each is None else each * left))
        except BaseException:
            client.cancel(list(futures), force=True)  # a cluster goes on otherwise
            raise
    return failures, tuple(waiting)


def _plane(path: Path, folder: Path, disk_bytes: int, index: Index, asked: Asked) -> Stored | str:
    """Do one plane, in a worker; return what it takes, or what is wrong with it."""
    cache = FeatureCache(folder, memory_bytes=0, disk_bytes=disk_bytes)
    try:
        with open_stack(path) as file:
            image, arguments = asked.read(file.stack, index)
            return store_plane(cache, image, arguments)
    except (UnreadableFileError, *OF_NO_PLANE):
        raise
    except Exception as error:  # whatever is wrong with one plane must not end the others
        return f"{type(error).__name__}: {error}"


def _outcome(future: Any) -> Stored | str:
    """Return what a plane's task gave or said; raise what concerns all planes."""
    from distributed import KilledWorker

    try:
        outcome: Stored | str = future.result()
        return outcome
    except KilledWorker as error:
        return f"The processes that tried it were killed, perhaps for want of memory: {error}"
