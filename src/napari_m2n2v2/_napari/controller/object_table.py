"""Objects as a table for others: the features of the masks layer, and a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.layers.geometry import axis_names, stack_of
from napari_m2n2v2._napari.layers.labels import PlaneMasks
from napari_m2n2v2._napari.layers.sources import check_no_source
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.images.sparse import Box, box_around

__all__ = ["ObjectTable"]

_INDEX = "index"  # napari's name for which label a row is of


class ObjectTable:
    """Writes what is known of objects where other plugins and programs find it.

    Parameters
    ----------
    state : DockState
        Whose objects they are.
    jobs : Jobs
        Measures and writes.
    """

    def __init__(self, state: DockState, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        for signal in (state.clicks_changed, state.solved):
            signal.connect(self.show)

    def show(self) -> None:
        """Bring the features of the masks layer up to date; columns and rows of others stay."""
        if (workspace := self._state.active) is not None:
            columns = _features(workspace)
            before = workspace.labels.features
            if not columns[_INDEX] and _INDEX not in before.columns:
                return
            table = _beside(before, columns)
            if not table.equals(before):
                workspace.labels.features = table

    def export(self, path: str | Path) -> None:
        """Measure all objects in all slices where they were clicked, as the masks layer shows them, into a CSV file."""
        if (workspace := self._state.active) is None:
            return

        def done(count: int) -> None:
            self._state.tell(f"Wrote {count} rows to {path}.")

        with self._state.errors_shown():
            check_no_source(self._state.viewer.layers, Path(path))
            write = self.writer(workspace)
            self._jobs.submit(
                (id(workspace), "export"), lambda report: write(path, report), done,
                self._state.show_error, self._state.progressed.emit,
            )  # fmt: skip

    def writer(self, workspace: Workspace) -> Callable[[str | Path, Report], int]:
        """Return what measures objects into a file, on the worker, and returns how many rows it wrote."""
        named = _said(workspace)
        names = axis_names(workspace.dims, workspace.image)
        boxes = [(masks, box_around(masks.written_boxes())) for masks in workspace.masks]
        planes = [(masks, box) for masks, box in boxes if box is not None]

        def write(path: str | Path, report: Report) -> int:
            from napari_m2n2v2.files.measured import write_rows

            rows: list[dict[str, Any]] = []
            for done, (masks, box) in enumerate(planes):
                report(done / len(planes), "measuring objects")
                found = _measured(workspace, masks, box, named)
                rows += [_row(named[row["label"]], row, masks, names) for row in found]
            write_rows(path, sorted(rows, key=lambda row: row["label"]))
            return len(rows)

        return write


def _said(workspace: Workspace) -> dict[int, dict[str, Any]]:
    """Return what is said of each object."""
    said, kept, _ = workspace.about
    return {i: {"name": one.name, "class": one.kind, "kept": i in kept} for i, one in said.items()}


def _features(workspace: Workspace) -> dict[str, list[Any]]:
    """Return columns with a row for each object."""
    said, kept, clicks = workspace.about
    pixels: Counter[int] = Counter()
    for masks in workspace.masks:
        pixels.update(masks.areas)
    axes = list(workspace.here.axes) if workspace.here is not None else [-2, -1]
    pixel = float(np.prod(np.abs(np.asarray(workspace.image.scale)[axes])))
    return {
        _INDEX: list(said),
        "name": [one.name for one in said.values()],
        "class": [one.kind for one in said.values()],
        "kept": [i in kept for i in said],
        "clicks": [clicks.get(i, 0) for i in said],
        "area": [pixels[i] * pixel for i in said],
    }


def _beside(before: Any, columns: dict[str, list[Any]]) -> Any:
    """Put our columns beside those of others, by label; a table without labels is one row for each, from 0 on."""
    import pandas as pd

    ours = pd.DataFrame(columns)
    theirs = before if _INDEX in before.columns else before.assign(**{_INDEX: range(len(before))})
    theirs = theirs.drop(columns=[name for name in ours.columns if name != _INDEX and name in theirs.columns])
    if theirs.shape[1] == 1:
        return ours
    return ours.merge(theirs, on=_INDEX, how="outer").reset_index(drop=True)


def _measured(workspace: Workspace, masks: PlaneMasks, box: Box, named: dict[int, Any]) -> list[dict[str, Any]]:
    """Measure what a box of a plane of the masks layer shows."""
    from napari_m2n2v2.files.measured import measure

    image, (first, second) = workspace.image, masks.key.axes
    pixels = stack_of(image, masks.key.axes).read(masks.key.index, 0, slice(box[0], box[1]), slice(box[2], box[3]))
    scale = float(image.scale[first]), float(image.scale[second])
    origin = image.translate[first] + scale[0] * box[0], image.translate[second] + scale[1] * box[2]
    rows = measure(masks.shown_in(box), pixels, named.keys(), scale, (float(origin[0]), float(origin[1])))
    unit = " x ".join(dict.fromkeys(f"{image.units[axis]:~}" for axis in masks.key.axes))
    return [{**row, "unit": unit} for row in rows]


def _row(said: dict[str, Any], measured: dict[str, Any], masks: PlaneMasks, names: tuple[str, ...]) -> dict[str, Any]:
    """Join what is said and what is measured of an object, with where that is."""
    others = [axis for axis in range(len(names)) if axis not in masks.key.axes]
    where = {names[axis] or f"axis {axis}": at for axis, at in zip(others, masks.key.index, strict=True)}
    return {"label": measured["label"], **said, **where, **measured}
