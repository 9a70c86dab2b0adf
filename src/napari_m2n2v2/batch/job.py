"""One plane and its clicks -> its labels: the unit of work of a batch, wherever it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.files.click_table import TableClick
from napari_m2n2v2.files.overlay import draw_overlay
from napari_m2n2v2.files.stack_file import StackFile
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.images.resampling import at_resolution, place_at
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.effects import effect_in_words
from napari_m2n2v2.session.result import SessionResult
from napari_m2n2v2.session.session import Session

__all__ = ["PlaneJob", "PlaneResult", "solve_plane"]


@dataclass(frozen=True, kw_only=True)
class PlaneJob:
    """What a worker needs to know; it can be sent to another process.

    Parameters
    ----------
    source : Path
        The image or stack ...
    opened : callable
        ... and what opens it.
    index : tuple of int
        Of the plane.
    clicks : tuple of TableClick
        In it, at least one.
    spec : FeatureSpec
        How features are wanted ...
    compute : callable
        ... and what computes them, as :func:`~napari_m2n2v2.segment_folder` takes it.
    segmentation : SegmentationParameters
        What is decided per click.
    overlay : bool
        Whether a picture is wanted too.
    progress : callable
        Told how far it is; for another process only what can be sent there.
    """

    source: Path
    opened: Callable[[Path], StackFile]
    index: Index
    clicks: tuple[TableClick, ...]
    spec: FeatureSpec
    compute: Callable[..., ImageFeatures]
    segmentation: SegmentationParameters
    overlay: bool = False
    progress: Progress = silent


@dataclass(frozen=True, eq=False)
class PlaneResult:
    """What a worker sends back.

    Parameters
    ----------
    labels : ndarray
        ``[H, W]`` at full resolution, in the smallest unsigned dtype.
    overlay : ndarray or None
        ``[h, w, 3]`` uint8, at the resolution of the level that was read.
    about : dict
        JSON: backbone, weights, what was clipped and which clicks did nothing, threshold of each click, pixels of each
        object.
    """

    labels: NDArray[Any]
    overlay: NDArray[np.uint8] | None
    about: dict[str, Any]


def solve_plane(job: PlaneJob) -> PlaneResult:
    """Read a plane, of a pyramid the level that fits the working resolution, and segment it.

    Raises
    ------
    M2N2V2Error
        Whatever is wrong with the image, the clicks or the backbone.
    """
    spec = job.spec
    with job.opened(job.source) as file:
        plane = file.read(job.index, file.stack.level_for(spec.parameters.working_side))
        shape = file.stack.plane_shape
    for placed in job.clicks:
        try:
            placed.click.pixels(shape)
        except ClickError as error:
            raise ClickError(f"line {placed.line} of the clicks: {error}") from error
    clicks = _at_level([placed.click for placed in job.clicks], shape, (plane.shape[0], plane.shape[1]))
    features = job.compute(
        plane, spec.attention, spec.guide, spec.device,
        contrast_limits=spec.contrast_limits, parameters=spec.parameters,
    )  # fmt: skip
    result = Session(features, job.segmentation).replay(clicks, job.progress)
    labels = result.labels
    overlay = draw_overlay(as_rgb(plane, spec.contrast_limits), labels > 0, clicks) if job.overlay else None
    full = at_resolution(labels.astype(np.min_scalar_type(labels.max())), shape)
    ids, areas = np.unique(full[full > 0], return_counts=True)
    about = {
        "backbone": features.backbone,
        "weights_revision": features.weights_revision,
        "guide": features.guide_from,
        "notes": [*features.notes, *_without_effect(job.clicks, result)],
        "thresholds": list(result.thresholds),
        "areas": {str(i): int(area) for i, area in zip(ids, areas, strict=True)},
    }
    return PlaneResult(full, overlay, about)


def _without_effect(placed: Sequence[TableClick], result: SessionResult) -> list[str]:
    """Say which lines of the table changed nothing, and why."""
    return [
        f"line {placed[n].line} of the clicks changed {effect_in_words(n, result.clicks, effect)}"
        for n, effect in enumerate(result.effects)
        if not effect.acted
    ]


def _at_level(clicks: Sequence[Prompt], full: tuple[int, int], level: tuple[int, int]) -> list[Prompt]:
    """Move clicks from pixels of the full resolution to those of a level."""
    if full == level:
        return list(clicks)
    row, col = (partial(_place, full=full[axis], level=level[axis]) for axis in (0, 1))
    return [click.mapped(row, col) for click in clicks]


def _place(at: float, full: int, level: int) -> float:
    return float(place_at(at, full, level))
