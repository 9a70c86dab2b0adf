"""Features of a stack in a file: here, in several processes or on a cluster, one task a plane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari_m2n2v2.errors import ParameterError
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.planes import Outcome, request_of_plane, try_plane
from napari_m2n2v2.features.precompute import Precompute, Standing
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.files.atomic import make_folder
from napari_m2n2v2.files.open_stack import open_stack
from napari_m2n2v2.files.stack_file import StackFile
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.parallel import pool_of

__all__ = ["precompute_file"]


def precompute_file(
    path: Path,
    folder: Path,
    spec: FeatureSpec,
    *,
    start: Index | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    disk_bytes: int = 20 * 10**9,
    series: int | None = None,
    allow_outside: bool = False,
    progress: Callable[[Standing], None] | None = None,
    notify: Callable[[str], None] | None = None,
) -> Precompute:
    """Compute every plane of a stack that is not in the folder yet.

    Parameters
    ----------
    path : Path
        Of the stack, as :func:`~napari_m2n2v2.open_stack` takes it. Every worker opens it by this name.
    folder : Path
        Of the features; workers write there by this name.
    spec : FeatureSpec
        How. For several workers by names rather than objects, which need not be the same in another process.
    start : tuple of int, optional
        The plane to begin with; the first without it.
    workers, scheduler
        As :func:`~napari_m2n2v2.parallel.pool_of` takes them.
    disk_bytes : int
        Limit of the folder. Planes for which it has no room are left out, the farthest.
    series, allow_outside
        As :func:`~napari_m2n2v2.open_stack` takes them.
    progress, notify : callable, optional
        As :meth:`Precompute.run` and :class:`FeatureCache` take them; workers only warn.

    Returns
    -------
    Precompute
        Which has run, and tells what failed and what was left out.

    Raises
    ------
    ParameterError
        If a guide or a backbone is given as an object to several workers, or no cluster answers.
    UnreadableFileError
        If the stack cannot be opened, here or by a worker.
    UnwritableFileError
        If the folder cannot be made.

    What :meth:`Precompute.run` raises passes through.
    """
    away = workers > 1 or scheduler is not None
    if away and not (isinstance(spec.attention, str) and isinstance(spec.guide, str | None)):
        raise ParameterError("On several processes, name the attention and the guide: objects stay in their own.")
    opened = partial(open_stack, series=series, allow_outside=allow_outside)
    task = partial(_in_worker, opened, path.resolve(), folder.resolve(), disk_bytes, spec) if away else None
    with opened(path) as file, pool_of(workers, scheduler) as pool:
        make_folder(folder)
        cache = FeatureCache(folder, memory_bytes=0, disk_bytes=disk_bytes, notify=notify)
        run = Precompute(file.stack, cache, spec, start=start)
        run.run(progress, pool, task)
    return run


def _in_worker(
    opened: Callable[[Path], StackFile], path: Path, folder: Path, disk_bytes: int, spec: FeatureSpec, index: Index
) -> Outcome:
    """Do one plane, in a process that knows nothing of this one."""
    cache = FeatureCache(folder, memory_bytes=0, disk_bytes=disk_bytes)
    with opened(path) as file:
        return try_plane(cache, partial(request_of_plane, file.stack, index, spec))
