"""The command line of the evaluator: ``napari-m2n2v2 evaluate`` and ``report``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["add_commands"]

_ABLATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("v2", ()),
    ("v2", ("jbu-guide",)),
    ("v2", ("flood-guide",)),
    ("v2", ("guide",)),
    ("v2", ("adaptive",)),
    ("m2n2", ()),
)
_SIGMAS = (2.0, 3.0, 4.0, 5.0, 7.0)


def add_commands(commands: Any) -> None:
    """Add ``evaluate`` and ``report`` to the command line's sub-parsers. Cheap: imports nothing of the engine."""
    run = commands.add_parser("evaluate", help="count simulated clicks on data with ground truth")
    run.add_argument("datasets", nargs="+", type=Path, metavar="DATASET", help="a folder, or a COCO instance .json")
    run.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS", help="folder for the result files")
    run.add_argument("--attention", default="auto", metavar="NAME")
    run.add_argument("--grid", type=int)
    run.add_argument("--guide", choices=["none", "depth"], default="none", help="guide with the data set's depth")
    run.add_argument("--far-is-large", action="store_true", help="that depth is a distance; it is inverted")
    run.add_argument("--mode", choices=["v2", "m2n2"], default="v2")
    run.add_argument(
        "--without", action="append", default=[], metavar="PART", help="switch off a component; repeatable"
    )
    run.add_argument("--sigma-adaptive", type=float, default=6.0)
    run.add_argument(
        "--baselines",
        nargs="*",
        metavar="NAME",
        help="also random-walker, grabcut, watershed, flood; all if none is named",
    )
    run.add_argument("--ablations", action="store_true", help="also every ablation of the paper's Tables 3 and 6")
    run.add_argument("--click-rule", choices=["union", "split", "random"], default="union")
    run.add_argument("--max-clicks", type=int, default=20)
    run.add_argument("--seed", type=int, default=0, help="of the rule random")
    run.add_argument("--limit", type=int, help="only so many objects of each data set, spread evenly")
    run.add_argument("--workers", type=int, default=1, help="processes, by dask (%(default)s)")
    run.add_argument("--scheduler", metavar="ADDRESS", help="a dask cluster to use instead")
    run.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")
    run.set_defaults(run=_evaluate)

    report = commands.add_parser("report", help="tables and figures of evaluations, from their traces")
    report.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    report.add_argument("-o", "--output", type=Path, default=Path("report"), metavar="FOLDER")
    report.add_argument("--data", type=Path, action="append", default=[], help="data sets, to draw a gallery of each")
    report.set_defaults(run=_report)


def _evaluate(options: argparse.Namespace) -> int:
    from napari_m2n2v2.evaluation.datasets import open_dataset
    from napari_m2n2v2.evaluation.runner import evaluate

    datasets = [open_dataset(path, options.limit) for path in options.datasets]
    for dataset in datasets:
        for settings in _runs(options):
            path = options.output / f"{dataset.name}_{settings.label}.jsonl"
            evaluate(
                dataset, settings, path,
                workers=options.workers, scheduler=options.scheduler, resume=options.resume,
                finished=_progress(f"{dataset.name} {settings.label}"),
            )  # fmt: skip
            print(path)
    return 0


def _runs(options: argparse.Namespace) -> list[Any]:
    """List the settings of every run that was asked for, each once."""
    from dataclasses import replace

    from napari_m2n2v2.evaluation.baselines import BASELINES
    from napari_m2n2v2.evaluation.runner import RunSettings

    first = RunSettings(
        method=options.mode, attention=options.attention, grid=options.grid, guide=options.guide,
        far_is_large=options.far_is_large, without=tuple(options.without), sigma_adaptive=options.sigma_adaptive,
        click_rule=options.click_rule, max_clicks=options.max_clicks, seed=options.seed,
    )  # fmt: skip
    runs = [first]
    if options.ablations:
        runs += [replace(first, method=method, without=without) for method, without in _ABLATIONS]
        runs += [replace(first, method="v2", without=(), sigma_adaptive=sigma) for sigma in _SIGMAS]
    if options.baselines is not None:
        names = options.baselines or list(BASELINES)
        runs += [replace(first, method=name, guide="none", without=(), attention="none") for name in names]
    return list(dict.fromkeys(runs))


def _progress(name: str) -> Callable[[int, int], None]:
    begin, first = time.monotonic(), [0]

    def show(done: int, total: int) -> None:
        first[0] = first[0] or done
        new = done - first[0] + 1
        left = (time.monotonic() - begin) / new * (total - done)
        end = "\n" if done == total or not sys.stderr.isatty() else "\r"
        print(f"{name}: {done} of {total}, {left:.0f} s left", end=end, file=sys.stderr, flush=True)

    return show


def _report(options: argparse.Namespace) -> int:
    from napari_m2n2v2.evaluation.datasets import open_dataset
    from napari_m2n2v2.evaluation.report import draw_gallery, write_report
    from napari_m2n2v2.evaluation.results import read_run

    paths = [p for given in options.results for p in (sorted(given.glob("*.jsonl")) if given.is_dir() else [given])]
    runs = [read_run(path) for path in paths]
    runs = [run for run in runs if run.records]
    if not runs:
        print("napari-m2n2v2: there are no results to report on", file=sys.stderr)
        return 1
    print(write_report(runs, options.output))
    for dataset in (open_dataset(path) for path in options.data):
        for run in runs:
            if run.header["dataset"] == dataset.name and run.settings.label == "v2":
                draw_gallery(run, dataset, options.output / f"{dataset.name}_gallery.png")
    return 0
