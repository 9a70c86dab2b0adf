"""The command line of batches: ``napari-m2n2v2 segment FOLDER|STACK --clicks clicks.csv``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2.files.paths import is_file

if TYPE_CHECKING:
    from napari_m2n2v2.batch import BatchOutcome

__all__ = ["FEW_LINES", "add_options", "limits", "run_batch", "unusable"]

_LARGE_TABLE = 3_000_000  # bytes

_READING = 0.9e-6  # seconds a byte, measured on a million lines of three columns

FEW_LINES = 20
"""How many of the same kind are said."""


_DEFAULTS = {"format": "auto", "contrast": None, "redo": False, "workers": 1}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a batch to ``segment``. Cheap: imports nothing of the engine."""
    batch = parser.add_argument_group("many images, or a stack")
    batch.add_argument(
        "--clicks", dest="table", type=Path, metavar="CLICKS.csv",
        help="columns row and col; image, z, t, class, object, threshold, row1 and col1 (a box), points (a scribble) "
        "if needed; or GeoJSON, or COCO boxes. What is done is skipped: "
        "an interrupted run goes on. --output and --overlay are folders",
    )  # fmt: skip
    batch.add_argument(
        "--format", choices=["auto", "ome-zarr", "ome-tiff"], default="auto",
        help="of results; auto is PNG, and for stacks the kind of the input",
    )  # fmt: skip
    batch.add_argument(
        "--contrast",
        type=limits,
        metavar="LOW,HIGH",
        help="values shown black and white (each plane's own)",
    )
    batch.add_argument("--redo", action="store_true", help="do everything again")
    batch.add_argument("--workers", type=_count, default=1, help="processes, by dask (%(default)s)")
    batch.add_argument("--scheduler", metavar="ADDRESS", help="a dask cluster to use instead")


def run_batch(options: argparse.Namespace) -> int:
    """Segment all images; return 0 if every one could be, else 1."""
    from napari_m2n2v2.batch import segment_folder
    from napari_m2n2v2.cli.progress import counter, of_long_work
    from napari_m2n2v2.parameters import MODES, FeatureParameters

    _say_if_large(options.table)
    outcomes = segment_folder(
        options.image, options.table, options.output,
        options.attention, "+".join(options.guide) or None, options.device,
        contrast_limits=options.contrast, parameters=FeatureParameters(grid=options.grid),
        segmentation=MODES[options.mode](),
        format=options.format, overlay=options.overlay, redo=options.redo,
        series=options.series, allow_outside=options.allow_outside,
        workers=options.workers, scheduler=options.scheduler, finished=counter(options.image.name),
        progress=of_long_work(options.image.name),
    )  # fmt: skip
    failed = [outcome for outcome in outcomes if outcome.errors]
    if options.json:
        print(json.dumps(_summary(outcomes), indent=2))
    else:
        done, before = sum(o.done for o in outcomes), sum(o.skipped for o in outcomes)
        print(f"{options.output}: {done} done, {before} done before, {len(failed)} of {len(outcomes)} images failed")
    for outcome in outcomes:
        for lines in (outcome.notes, outcome.errors):
            for line in lines[:FEW_LINES]:
                print(f"napari-m2n2v2: {outcome.image.name}: {line}", file=sys.stderr)
            if len(lines) > FEW_LINES:
                print(f"napari-m2n2v2: {outcome.image.name}: {len(lines) - FEW_LINES} more", file=sys.stderr)
    return 1 if failed else 0


def _say_if_large(table: Path) -> None:
    size = table.stat().st_size if is_file(table) else 0
    if size > _LARGE_TABLE:
        print(
            f"napari-m2n2v2: {table.name} has {size / 1e6:.0f} MB, which takes about {size * _READING:.0f} s to read",
            file=sys.stderr,
        )


def _summary(outcomes: Sequence[BatchOutcome]) -> dict[str, Any]:
    return {
        "images": [
            {
                "image": str(outcome.image),
                "output": str(outcome.output),
                "planes": outcome.planes,
                "done": outcome.done,
                "skipped": outcome.skipped,
                "errors": outcome.errors,
                "notes": outcome.notes,
            }
            for outcome in outcomes
        ],
        "done": sum(outcome.done for outcome in outcomes),
        "skipped": sum(outcome.skipped for outcome in outcomes),
        "failed": [str(outcome.image) for outcome in outcomes if outcome.errors],
    }


def unusable(options: argparse.Namespace) -> str:
    """Say why the options do not go together; empty if they do."""
    if options.table:
        return (
            "give clicks by --clicks CLICKS.csv or by --fg, --bg, --box and --scribble, not both"
            if options.clicks
            else ""
        )
    only = ("format", "contrast", "redo", "workers")
    given = [name for name in only if getattr(options, name) != _DEFAULTS[name]]
    return f"--{given[0]} needs --clicks CLICKS.csv" if given else ""


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text!r}")
    return number


def limits(text: str) -> tuple[float, float]:
    """Read two numbers."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected LOW,HIGH such as 100,4000, got {text!r}") from None
    return low, high
