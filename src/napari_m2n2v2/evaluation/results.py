"""Read result files and turn them into tables, from the stored traces alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2v2.errors import ParameterError, UnreadableFileError
from napari_m2n2v2.evaluation.metrics import (
    bootstrap_interval,
    clicks_to_reach,
    mean_iou_at,
    not_reached,
    number_of_clicks,
)
from napari_m2n2v2.evaluation.settings import METHODS, RunSettings

__all__ = ["Run", "compare", "main_run", "read_run", "table"]

_AT = (1, 3, 5, 10)


@dataclass(frozen=True, eq=False)
class Run:
    """One result file.

    Parameters
    ----------
    header : dict
        What is needed to run it again.
    settings : RunSettings
        The same, of the method.
    records : list of dict
        One an object that could be read, sorted by name.
    unreadable : list of dict
        Those that could not, with their errors.
    """

    header: dict[str, Any]
    settings: RunSettings
    records: list[dict[str, Any]]
    unreadable: list[dict[str, Any]]

    @property
    def traces(self) -> list[list[float]]:
        """The IoU after each click, an object a list; an object that needed no click has its first IoU 1."""
        return [record["ious"] or [1.0] for record in self.records]


def read_run(path: Path) -> Run:
    """Read a result file; a half-written last line is left out.

    Raises
    ------
    UnreadableFileError
        If it is none.
    """
    try:
        whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        header, *records = (json.loads(line) for line in whole)
        settings = RunSettings(**header["settings"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableFileError(f"{path} is no result of an evaluation: {type(error).__name__} {error}") from error
    # Where nothing could be locked, two processes may have written the same object.
    records = sorted({record["sample"]: record for record in records}.values(), key=lambda record: record["sample"])
    good = [record for record in records if "error" not in record]
    return Run(header, settings, good, [record for record in records if "error" in record])


def main_run(runs: Sequence[Run]) -> Run:
    """Return the run that others are compared with: of M2N2V2, with the least that is changed."""
    return min(runs, key=lambda run: (METHODS.index(run.settings.method), len(run.settings.label)))


def table(runs: Sequence[Run]) -> str:
    """Return a Markdown table of runs in the paper's form, with 95 % bootstrap intervals of NoC90.

    Beyond it: how many clicks changed nothing, where the result file says so.
    """
    head = ["data set", "run", "attention", "objects", "NoC85", "NoC90", "NoC95", "NoF90", "NoF95"]
    head += [f"mIoU@{k}" for k in _AT] + ["no effect", "s a click", "s features"]
    rows = [head, ["---"] * len(head)]
    for run in runs:
        traces, most = run.traces, run.settings.max_clicks
        low, high = bootstrap_interval(clicks_to_reach(traces, 0.9, most))
        counts = [f"{number_of_clicks(traces, q, most):.2f}" for q in (0.85, 0.9, 0.95)]
        counts[1] += f" ({low:.2f} to {high:.2f})"
        seconds = [second for record in run.records for second in record["seconds"]]
        effects = [effect for record in run.records for effect in record.get("effects", ())]
        rows.append(
            [
                run.header["dataset"],
                run.settings.label,
                run.records[0]["backbone"],
                f"{len(traces)}" + (f" ({len(run.unreadable)} unreadable)" if run.unreadable else ""),
                *counts,
                *(f"{not_reached(traces, q, most)}" for q in (0.9, 0.95)),
                *(f"{mean_iou_at(traces, k):.3f}" for k in _AT),
                f"{sum(why != 'changed' for why in effects)} of {len(effects)}" if effects else "",
                f"{np.median(seconds):.3f}" if seconds else "",
                f"{np.median([record['feature_seconds'] for record in run.records]):.1f}",
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def compare(run: Run, other: Run, quality: float = 0.9) -> tuple[float, float, float]:
    """Return how many more clicks a run needs for ``quality`` than another, paired by object, with its 95 % interval.

    Raises
    ------
    ParameterError
        If the runs have no object in common, or are of different data.
    """
    if run.header["data_sha256"] != other.header["data_sha256"]:
        raise ParameterError("Only runs on the same data can be compared object by object.")
    both = sorted({r["sample"] for r in run.records} & {r["sample"] for r in other.records})
    if not both:
        raise ParameterError("The two runs have no object in common.")
    needed = []
    for one in (run, other):
        of = {record["sample"]: record["ious"] or [1.0] for record in one.records}
        needed.append(clicks_to_reach([of[name] for name in both], quality, one.settings.max_clicks))
    difference = needed[0] - needed[1]
    return float(difference.mean()), *bootstrap_interval(difference)
