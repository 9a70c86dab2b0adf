"""The command line of the evaluator: ``napari-m2n2v2 evaluate`` and ``report``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2.cli.spec import add_outside_option
from napari_m2n2v2.parameters import MODES

if TYPE_CHECKING:
    from napari_m2n2v2.evaluation.datasets import Dataset
    from napari_m2n2v2.evaluation.settings import RunSettings

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
    _add_evaluate(commands)
    _add_report(commands)


def _add_evaluate(commands: Any) -> None:
    run = commands.add_parser("evaluate", help="count simulated clicks on data with ground truth")
    run.add_argument(
        "datasets",
        nargs="+",
        metavar="DATASET",
        help="a folder, a COCO instance .json, or NAME=FOLDER for a set of the paper",
    )
    run.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS", help="folder for the result files")
    run.add_argument("--attention", default="auto", metavar="NAME")
    run.add_argument("--grid", type=int)
    run.add_argument(
        "--guide", default="none", metavar="NAME[:WEIGHT][+...]",
        help="guide with the data set's depth, with lightness, stain, texture or ridges of the image itself, or auto",
    )  # fmt: skip
    run.add_argument("--far-is-large", action="store_true", help="that depth is a distance; it is inverted")
    run.add_argument(
        "--mode",
        choices=MODES,
        action="append",
        help="the method by default, M2N2V2 as published, or the one before it; repeatable (default)",
    )
    _add_variants(run)
    run.add_argument(
        "--click-rule",
        choices=["union", "split", "random", "scribble", "scribble-first", "box", "box-jittered", "outline-jittered"],
        default="union",
    )
    run.add_argument("--max-clicks", type=int, default=20)
    run.add_argument("--seed", type=int, default=0, help="of the rule random")
    run.add_argument("--limit", type=int, help="only so many objects of each data set, spread evenly")
    run.add_argument("--workers", type=int, default=1, help="processes, by dask (%(default)s)")
    run.add_argument("--scheduler", metavar="ADDRESS", help="a dask cluster to use instead")
    add_outside_option(run)
    run.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")
    run.set_defaults(run=_evaluate)


def _add_variants(run: argparse.ArgumentParser) -> None:
    """Add what is compared with one another."""
    run.add_argument(
        "--without", action="append", default=[], metavar="PART", help="switch off a component; repeatable"
    )
    run.add_argument(
        "--set", action="append", default=[], metavar="PARAMETER=VALUE", help="change a parameter; repeatable"
    )
    run.add_argument(
        "--sweep", action="append", default=[], metavar="PARAMETER=VALUE,...",
        help="also a run with each of these values, the rest as it is; repeatable",
    )  # fmt: skip
    run.add_argument(
        "--baselines",
        nargs="*",
        metavar="NAME",
        help="also random-walker, grabcut, watershed, flood; all if none is named",
    )
    run.add_argument("--ablations", action="store_true", help="also every ablation of the paper's Tables 3 and 6")


def _add_report(commands: Any) -> None:
    report = commands.add_parser("report", help="tables and figures of evaluations, from their traces")
    report.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    report.add_argument("-o", "--output", type=Path, default=Path("report"), metavar="FOLDER")
    report.add_argument(
        "--data", action="append", default=[], metavar="DATASET", help="data sets, to draw a gallery of each"
    )
    add_outside_option(report)
    report.set_defaults(run=_report)


def _evaluate(options: argparse.Namespace) -> int:
    from napari_m2n2v2.cli.progress import counter
    from napari_m2n2v2.evaluation.runner import evaluate

    settings = _runs(options)
    for dataset in [_open(given, options.allow_outside, options.limit) for given in options.datasets]:
        runs = {options.output / f"{dataset.name}_{run.label}.jsonl": run for run in settings}
        evaluate(
            dataset, runs,
            workers=options.workers, scheduler=options.scheduler, resume=options.resume,
            finished=counter(dataset.name),
        )  # fmt: skip
        print(*runs, sep="\n")
    return 0


def _open(given: str, allow_outside: bool, limit: int | None = None) -> Dataset:
    """Open a folder, a COCO file, or ``NAME=FOLDER``."""
    from napari_m2n2v2.evaluation.datasets import open_dataset
    from napari_m2n2v2.evaluation.paper_sets import open_named
    from napari_m2n2v2.files.paths import is_there

    name, equals, folder = given.partition("=")
    if equals and not is_there(Path(given)):
        return open_named(name.lower(), Path(folder).expanduser(), limit)
    return open_dataset(Path(given), limit, allow_outside=allow_outside)


def _runs(options: argparse.Namespace) -> list[RunSettings]:
    """List the settings of every run that was asked for, each once."""
    from dataclasses import replace

    from napari_m2n2v2.evaluation.baselines import BASELINES
    from napari_m2n2v2.evaluation.settings import RunSettings

    changed = dict(_assignment(given) for given in options.set)
    if options.grid is not None:
        changed["grid"] = options.grid
    modes = options.mode or ["default"]
    first = RunSettings(
        method=modes[0], attention=options.attention, guide=options.guide,
        far_is_large=options.far_is_large, without=tuple(options.without), changed=tuple(changed.items()),
        click_rule=options.click_rule, max_clicks=options.max_clicks, seed=options.seed,
    )  # fmt: skip

    def with_value(base: RunSettings, name: str, value: Any) -> RunSettings:
        return replace(base, changed=tuple({**changed, name: value}.items()))

    runs = [replace(first, method=mode) for mode in modes]
    if options.ablations:
        runs += [replace(first, method=method, without=without) for method, without in _ABLATIONS]
        paper = replace(first, method="v2", without=())
        runs += [with_value(paper, "sigma_adaptive", sigma) for sigma in _SIGMAS]
    for name, values in (_split(given) for given in options.sweep):
        runs += [with_value(first, name, _number(value)) for value in values.split(",")]
    if options.baselines is not None:
        names = options.baselines or list(BASELINES)
        plain = replace(first, guide="none", without=(), changed=(), attention="none")
        runs += [replace(plain, method=name) for name in names]
    return list(dict.fromkeys(runs))


def _split(given: str) -> tuple[str, str]:
    from napari_m2n2v2.errors import ParameterError

    name, equals, value = given.partition("=")
    if not (name and equals and value):
        raise ParameterError(f"Expected PARAMETER=VALUE, got {given!r}.")
    return name, value


def _assignment(given: str) -> tuple[str, Any]:
    name, value = _split(given)
    return name, _number(value)


def _number(text: str) -> Any:
    """Read a number, true or false; or a word, for parameters that are chosen by name."""
    from napari_m2n2v2.errors import ParameterError
    from napari_m2n2v2.parameters import REACHES, RENDERINGS

    if text in (*REACHES, *RENDERINGS):
        return text
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError as error:
        raise ParameterError(f"Expected a number, true or false, got {text!r}.") from error


def _report(options: argparse.Namespace) -> int:
    from napari_m2n2v2.evaluation.report import draw_gallery, write_report
    from napari_m2n2v2.evaluation.results import main_run, read_run
    from napari_m2n2v2.files.paths import is_folder

    folders = [sorted(given.glob("*.jsonl")) if is_folder(given) else [given] for given in options.results]
    paths = [path for folder in folders for path in folder]
    runs = [read_run(path) for path in paths]
    runs = [run for run in runs if run.records]
    if not runs:
        print("napari-m2n2v2: there are no results to report on", file=sys.stderr)
        return 1
    print(write_report(runs, options.output))
    for dataset in (_open(given, options.allow_outside) for given in options.data):
        of_set = [run for run in runs if run.header["dataset"] == dataset.name]
        if of_set:
            draw_gallery(main_run(of_set), dataset, options.output / f"{dataset.name}_gallery.png")
    return 0
