"""Run a batch: plan what is missing, have it done, write each result at once.

One process writes. Workers send labels back, so that a result and the note that it is finished cannot be at odds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from napari_m2n2v2.backbones import AttentionBackbone, DepthBackbone, find_backbone, find_depth
from napari_m2n2v2.backbones.device import resolve_device
from napari_m2n2v2.backbones.run import planned_grid
from napari_m2n2v2.batch.items import list_items
from napari_m2n2v2.batch.job import PlaneJob, solve_plane
from napari_m2n2v2.batch.plan import BatchOutcome, Plan
from napari_m2n2v2.errors import (
    ClickError,
    GuideError,
    MissingDependencyError,
    MissingWeightsError,
    UnwritableFileError,
)
from napari_m2n2v2.features.compute import compute_features
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.keys import identity_of
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.files.atomic import check_name, make_folder
from napari_m2n2v2.files.open_stack import is_zarr, open_stack
from napari_m2n2v2.files.read_clicks import read_click_table
from napari_m2n2v2.guides.guide import as_guides
from napari_m2n2v2.parallel import Progress, each_done, pool_of, silent
from napari_m2n2v2.parameters import FeatureParameters, SegmentationParameters

__all__ = ["segment_folder"]


def segment_folder(
    source: Path | str,
    clicks: Path | str,
    output: Path | str,
    attention: str | AttentionBackbone = "auto",
    guide: str | DepthBackbone | None = None,
    device: str = "auto",
    *,
    contrast_limits: tuple[float, float] | None = None,
    parameters: FeatureParameters | None = None,
    segmentation: SegmentationParameters | None = None,
    format: str = "auto",
    overlay: Path | str | None = None,
    series: int | None = None,
    allow_outside: bool = False,
    redo: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    finished: Callable[[int, int], None] | None = None,
    progress: Progress | None = None,
    compute: Callable[..., ImageFeatures] = compute_features,
) -> list[BatchOutcome]:
    """Segment every image of a folder, or every plane of a stack, that a table has clicks for.

    Each result is written when it is known, and what is done is not done again: a run that was stopped, however,
    goes on where it was. Another table, other parameters or a changed image make a result stale, and only it is done
    again. Labels are the object ids of the clicks; an image nobody clicked on gets none.

    Parameters
    ----------
    source : Path
        A folder of images and stacks, or one of them (OME-Zarr, zarr, OME-TIFF, TIFF, PNG, JPEG, ...).
    clicks : Path
        CSV, as :func:`~napari_m2n2v2.batch.read_click_table` describes it.
    output : Path
        Folder for the results, made if need be; for a single image also the file. An image becomes a PNG, 8 or 16 bit;
        a stack becomes a volume of labels as OME-Zarr or OME-TIFF, with its scale and units.
    attention, guide, device, contrast_limits, parameters
        As :func:`~napari_m2n2v2.compute_features` takes them, but a guide is named, or a backbone.
    segmentation : SegmentationParameters, optional
        What measures best by default.
    format : str
        "auto" for PNG, or the kind of the input where that is a stack; "ome-zarr" or "ome-tiff" for all.
    overlay : Path, optional
        Folder for pictures of labels and clicks.
    series : int, optional
        Which image of files that hold several, as :func:`~napari_m2n2v2.open_stack` takes it.
    allow_outside : bool
        Whether files outside their own folder are read, where images name such.
    redo : bool
        Do everything again.
    workers : int
        Processes, by dask; 1 stays in this one, with all threads.
    scheduler : str, optional
        Address of a dask cluster to use instead; it must see the images under the same names.
    finished : callable, optional
        Told how many planes are done, of how many; raise :class:`~napari_m2n2v2.Cancelled` from it to stop.
    progress : callable, optional
        Called as ``progress(share, stage)`` before each click on a plane is solved, where that is done in this process;
        raise :class:`~napari_m2n2v2.Cancelled` from it to stop.
    compute : callable
        Computes features; called as :func:`~napari_m2n2v2.compute_features` is.

    Returns
    -------
    list of BatchOutcome
        One for each image that has clicks; one that failed says why and does not stop the others.

    Raises
    ------
    UnreadableFileError, ClickError
        If there are no images, or the table is wrong.
    UnwritableFileError
        If a result would replace an image, or its folder has a name that no disk takes.
    UnknownBackboneError, MissingWeightsError, MissingDependencyError, DeviceError
        If nothing can be computed.
    """
    spec = FeatureSpec(attention, guide, device, contrast_limits, parameters or FeatureParameters())
    segmentation = segmentation or SegmentationParameters()
    check_name(Path(output))
    table = read_click_table(Path(clicks))
    about = _about(spec, segmentation, elsewhere=scheduler is not None)
    items = list_items(Path(source), Path(output), format, table)
    pictures = None if overlay is None else _folder_for_pictures(Path(overlay), Path(source), Path(output))
    opened = partial(open_stack, series=series, allow_outside=allow_outside)
    plans = [Plan(item, pictures, opened, series) for item in items]
    for plan in plans:
        with plan.noting_errors():
            plan.prepare(table, about, redo)
    plans = [plan for plan in plans if plan.outcome.planes or plan.outcome.errors]
    if not plans:
        raise ClickError(f"{table.path} has no click on any image of {source}; it names {', '.join(table.images)}.")
    here = progress if progress is not None and workers == 1 and scheduler is None else silent
    todo = [(plan, task) for plan in plans for task in plan.tasks]
    jobs = [
        PlaneJob(
            source=plan.outcome.image, opened=opened, index=task.index, clicks=task.clicks, spec=spec, compute=compute,
            segmentation=segmentation, overlay=overlay is not None, progress=here,
        )
        for plan, task in todo
    ]  # fmt: skip
    total = sum(plan.outcome.planes for plan in plans)
    try:
        with pool_of(workers, scheduler) as pool:
            for count, (position, result) in enumerate(each_done(solve_plane, jobs, pool), start=total - len(todo) + 1):
                plan, task = todo[position]
                with plan.noting_errors():
                    plan.write(task, result())
                if finished is not None:
                    finished(count, total)
    finally:
        for plan in reversed(plans):  # the first made the folder
            plan.tidy()
    return [plan.outcome for plan in plans]


def _about(spec: FeatureSpec, segmentation: SegmentationParameters, elsewhere: bool) -> dict[str, Any]:
    """Return what labels are made from besides image and clicks, as JSON; complain of what is not there."""
    backbone = find_backbone(spec.attention).backbone
    # Workers of a cluster may have devices that are not here.
    place = torch.device(spec.device) if elsewhere and spec.device != "auto" else resolve_device(spec.device)
    return {
        "attention": _identity(backbone),
        "grid": planned_grid(backbone, (1, 1), place, spec.parameters)[0],
        "guide": _named(spec.guide),
        "contrast_limits": spec.contrast_limits,
        "parameters": asdict(spec.parameters),
        "segmentation": asdict(segmentation),
    }


def _folder_for_pictures(folder: Path, source: Path, output: Path) -> Path:
    images = source if source.is_dir() and not is_zarr(source) else source.parent
    if folder.resolve() in (images.resolve(), output.resolve()):
        raise UnwritableFileError(f"Overlays need a folder of their own, not the one of images or results: {folder}.")
    make_folder(folder)
    return folder


def _identity(backbone: Any) -> Any:
    """Tell a backbone from others; by its name alone where its weights are on the workers and not here."""
    try:
        return identity_of(backbone)
    except (MissingWeightsError, MissingDependencyError):
        return backbone.name


def _named(guide: Any) -> list[Any]:
    """Name guides for good, and complain of those that are not there, or that belong to one image.

    Raises
    ------
    GuideError, UnknownBackboneError, MissingWeightsError
    """
    names = []
    for one in as_guides(guide):
        if not (one.is_depth or isinstance(one.source, str)):
            raise GuideError("One channel cannot guide many images: name guides that are computed from each image.")
        name = _identity(find_depth(one.source).backbone) if one.is_depth else one.source
        names.append([name, one.strength])
    return names
