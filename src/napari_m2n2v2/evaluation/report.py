"""A report of runs: Markdown tables, the IoU per click as a figure, a gallery of best, median and worst objects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import MissingDependencyError
from napari_m2n2v2.evaluation.datasets import Dataset
from napari_m2n2v2.evaluation.metrics import mean_iou_at
from napari_m2n2v2.evaluation.results import Run, compare, main_run, table
from napari_m2n2v2.files.atomic import make_folder, write_image, write_whole
from napari_m2n2v2.files.overlay import draw_overlay
from napari_m2n2v2.files.read import read_image

__all__ = ["draw_curves", "draw_gallery", "write_report"]


def write_report(runs: Sequence[Run], folder: Path) -> Path:
    """Write *report.md* with tables, paired differences and a figure per data set, and return its path.

    Raises
    ------
    UnwritableFileError
        If the folder cannot be written.
    MissingDependencyError
        If matplotlib is not installed.
    """
    make_folder(folder)
    runs = sorted(runs, key=lambda run: (run.header["dataset"], run.settings.label))
    parts = ["# Clicks to reach an IoU", "", table(runs), "", _legend(runs), ""]
    for name, group in groupby(runs, key=lambda run: str(run.header["dataset"])):
        of_set = list(group)
        figure = f"{name}.png"
        draw_curves(of_set, folder / figure)
        parts += [f"## {name}", "", f"![mIoU per click on {name}]({figure})", ""]
        parts += [*_differences(of_set), ""]
        parts += [f"- unreadable: {bad['sample']}: {bad['error']}" for run in of_set for bad in run.unreadable]
    path = folder / "report.md"
    write_whole(path, lambda temporary: temporary.write_text("\n".join(parts), encoding="utf-8"))
    return path


def _legend(runs: Sequence[Run]) -> str:
    first = runs[0]
    rules = ", ".join(sorted({run.settings.click_rule for run in runs}))
    weights = ", ".join(sorted({f"{r['backbone']} {r['weights_revision']}" for run in runs for r in run.records[:1]}))
    return (
        f"Click rule: {rules}; at most {first.settings.max_clicks} clicks, not reached counts as that many (NoC) and "
        "is counted apart (NoF). In brackets: 95 % bootstrap interval of the mean. "
        f"Sources: {weights}. Machine: {first.header['machine']}."
    )


def _differences(runs: Sequence[Run]) -> list[str]:
    """Say how each run differs from the main run, object by object."""
    base = main_run(runs)
    lines = []
    for run in runs:
        if run is not base and run.header["data_sha256"] == base.header["data_sha256"]:
            mean, low, high = compare(run, base)
            lines.append(
                f"- {run.settings.label} minus {base.settings.label}: NoC90 {mean:+.2f} ({low:+.2f} to {high:+.2f})"
            )
    return lines


def draw_curves(runs: Sequence[Run], path: Path) -> None:
    """Draw the mean IoU after each click, a line a run."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError('Figures need matplotlib: pip install "napari-m2n2v2[evaluation]"') from error
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    for run in runs:
        clicks = range(1, run.settings.max_clicks + 1)
        axes.plot(clicks, [mean_iou_at(run.traces, k) for k in clicks], marker=".", label=run.settings.label)
    axes.set(xlabel="clicks", ylabel="mean IoU", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=120))


def draw_gallery(run: Run, dataset: Dataset, path: Path, clicks: int = 5) -> None:
    """Draw the best, the median and the worst object after some clicks: truth tinted, with the clicks."""
    order = sorted(run.records, key=lambda record: (record["ious"] or [1.0])[:clicks][-1])
    samples = {sample.name: sample for sample in dataset.samples}
    tiles = []
    for record in (order[-1], order[len(order) // 2], order[0]):
        sample = samples[record["sample"]]
        placed = [Click(row, col, foreground) for row, col, foreground in record["clicks"][:clicks]]
        drawn = draw_overlay(read_image(sample.image), sample.read_truth(), placed)
        step = max(1, drawn.shape[0] // 240)
        tiles.append(drawn[::step, ::step])
    height = max(tile.shape[0] for tile in tiles)
    padded = [np.pad(tile, ((0, height - tile.shape[0]), (0, 6), (0, 0)), constant_values=255) for tile in tiles]
    write_image(path, np.concatenate(padded, axis=1))
