"""The command line of stacks: ``napari-m2n2v2 features``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2.cli.segment import FEW_LINES
from napari_m2n2v2.cli.spec import add_file_options, add_spec_options, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_m2n2v2.features.precompute import Standing
    from napari_m2n2v2.images.stack import Index

__all__ = ["add_commands"]

_GIGABYTE = 10**9


def add_commands(commands: Any) -> None:
    """Add ``features`` to the command line's sub-parsers. Cheap: imports nothing of the engine."""
    features = commands.add_parser("features", help="compute the features of all planes of a stack ahead of clicks")
    features.add_argument("stack", type=Path, metavar="STACK", help="OME-TIFF, TIFF, OME-Zarr or zarr")
    features.add_argument(
        "--cache", type=Path, required=True, metavar="FOLDER", help="where to keep them, one folder a project"
    )
    add_spec_options(features)
    add_file_options(features)
    features.add_argument("--guide", metavar="NAME", help="as segment takes it, by names alone")
    features.add_argument(
        "--from", dest="start", type=_index, metavar="INDEX", help="the plane to begin with, such as 12 or 0,12"
    )
    features.add_argument(
        "--limit", type=float, default=20.0, metavar="GB", help="most that the folder may take (%(default)s)"
    )
    features.add_argument("--workers", type=int, default=1, help="processes, by dask (%(default)s)")
    features.add_argument("--scheduler", metavar="ADDRESS", help="a dask cluster to use instead")
    features.set_defaults(run=_features)


def _index(text: str) -> Index:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 12 or 0,12, got {text!r}") from error


def _features(options: argparse.Namespace) -> int:
    from napari_m2n2v2.features.precompute_file import precompute_file

    run = precompute_file(
        options.stack, options.cache, spec_of(options, options.guide), start=options.start, workers=options.workers,
        scheduler=options.scheduler, disk_bytes=int(options.limit * _GIGABYTE), series=options.series,
        allow_outside=options.allow_outside, progress=_progress(), notify=_note,
    )  # fmt: skip
    for told in ({index: " ".join(notes) for index, notes in run.notes.items()}, run.failures):
        for index, what in list(told.items())[:FEW_LINES]:
            print(f"{_named(index)}: {what}", file=sys.stderr)
        if len(told) > FEW_LINES:
            print(f"{len(told) - FEW_LINES} more planes like these", file=sys.stderr)
    if run.left_out:
        limit = f"--limit {options.limit:g} GB"
        print(f"{len(run.left_out)} planes left out: {limit} has no room for them.", file=sys.stderr)
    return 1 if run.failures or run.left_out else 0


def _named(index: Index) -> str:
    return f"plane {','.join(map(str, index))}" if index else "the image"


def _note(message: str) -> None:
    print(f"napari-m2n2v2: {message}", file=sys.stderr)


def _progress() -> Callable[[Standing], None]:
    from napari_m2n2v2.cli.progress import Line

    watched, lines = sys.stderr.isatty(), list[Line]()

    def show(standing: Standing) -> None:
        if standing.index is not None and not watched:
            return  # a log gets one line a plane
        if not lines:
            lines.append(Line("{n_fmt} of {total_fmt} planes{desc}", standing.total))
        left = "" if standing.seconds_left is None else f", {standing.seconds_left:.0f} s left"
        doing = f", {standing.stage} {standing.share:.0%}" if standing.index is not None else ""
        lines[0].say(standing.done, left + doing)

    return show
