"""The command line of stacks: ``napari-m2n2v2 features``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_m2n2v2.features.planes import Asked
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
    features.add_argument("--attention", default="auto", metavar="NAME", help="a backbone or a folder (%(default)s)")
    features.add_argument("--grid", type=int, help="attention cells along the side of a square image")
    features.add_argument("--device", default="auto", help="auto, cuda, mps or cpu (%(default)s)")
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
    from napari_m2n2v2.features.planes import Asked
    from napari_m2n2v2.parameters import FeatureParameters

    asked = Asked(
        attention=options.attention, guide=options.guide, device=options.device,
        parameters=FeatureParameters(grid=options.grid),
    )  # fmt: skip
    alone = options.workers <= 1 and options.scheduler is None
    failures, left_out = (_here if alone else _on_dask)(options, asked)
    for index, wrong in failures.items():
        print(f"plane {','.join(map(str, index))}: {wrong}", file=sys.stderr)
    if left_out:
        print(f"{left_out} planes left out: --limit {options.limit:g} GB has no room for them.", file=sys.stderr)
    return 1 if failures or left_out else 0


def _here(options: argparse.Namespace, asked: Asked) -> tuple[dict[Index, str], int]:
    from napari_m2n2v2.features.cache import FeatureCache
    from napari_m2n2v2.features.precompute import Precompute
    from napari_m2n2v2.files.open_stack import open_stack

    cache = FeatureCache(options.cache, memory_bytes=0, disk_bytes=int(options.limit * _GIGABYTE), notify=_note)
    with open_stack(options.stack) as file:
        job = Precompute(file.stack, cache, asked, start=options.start)
        job.run(_progress())
    return job.failures, len(job.left_out)


def _on_dask(options: argparse.Namespace, asked: Asked) -> tuple[dict[Index, str], int]:
    from napari_m2n2v2.features.precompute_cluster import precompute_on_dask

    failures, left_out = precompute_on_dask(
        options.stack, options.cache, asked, start=options.start, workers=options.workers,
        scheduler=options.scheduler, disk_bytes=int(options.limit * _GIGABYTE), progress=_progress(),
    )  # fmt: skip
    return failures, len(left_out)


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
