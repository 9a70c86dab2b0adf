"""Features of a stack from several processes, here or on a cluster: one task a plane, results in a shared folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from napari_m2n2v2.errors import MissingDependencyError, ParameterError, UnreadableFileError
from napari_m2n2v2.feature_cache import FeatureCache
from napari_m2n2v2.ome import open_stack
from napari_m2n2v2.precompute import OF_NO_PLANE, Asked, Standing, store_plane
from napari_m2n2v2.stacks import Index, nearest_first

__all__ = ["precompute_on_dask"]


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
) -> dict[Index, str]:
    """Compute every plane of a stack that is not in the folder yet; return what was wrong with those that failed.

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
        Limit of the folder; planes beyond it push out the ones unused for longest.
    progress : callable, optional
        Called after every plane. What it raises stops the run, and the planes that are done stay.

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
    begun, absolute = time.monotonic(), (path.resolve(), folder.resolve())
    with _client(workers, scheduler) as client:
        from distributed import as_completed

        futures = {
            client.submit(_plane, *absolute, disk_bytes, index, asked, pure=False, priority=-number): index
            for number, index in enumerate(order)
        }
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                wrong = _outcome(future)
                if wrong:
                    failures[futures[future]] = wrong
                if progress is not None:
                    each = (time.monotonic() - begun) / done
                    progress(Standing(done, len(order), each * (len(order) - done)))
        except BaseException:
            client.cancel(list(futures), force=True)  # a cluster goes on otherwise
            raise
    return failures


def _plane(path: Path, folder: Path, disk_bytes: int, index: Index, asked: Asked) -> str:
    """Do one plane, in a worker; return what is wrong with it, if anything."""
    cache = FeatureCache(folder, memory_bytes=0, disk_bytes=disk_bytes)
    try:
        with open_stack(path) as file:
            store_plane(cache, file.stack.read(index), asked.of(index))
    except (UnreadableFileError, *OF_NO_PLANE):
        raise
    except Exception as error:  # whatever is wrong with one plane must not end the others
        return f"{type(error).__name__}: {error}"
    return ""


def _outcome(future: Any) -> str:
    """Return what a plane's task said; raise what concerns all planes."""
    from distributed import KilledWorker

    try:
        return str(future.result())
    except KilledWorker as error:
        return f"The processes that tried it were killed, perhaps for want of memory: {error}"


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingDependencyError('Several workers need dask: pip install "napari-m2n2v2[stacks]"') from error
    here = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with nullcontext(scheduler) if scheduler else LocalCluster(**here) as cluster:
        try:
            client = Client(cluster)
        except (OSError, ValueError) as error:
            raise ParameterError(
                f"No dask scheduler answers at {scheduler!r}: expected an address such as tcp://10.0.0.1:8786."
            ) from error
        with client:
            yield client
