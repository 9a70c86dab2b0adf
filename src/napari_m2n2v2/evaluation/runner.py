"""Run simulated clicks over a data set, keep every trace, go on after an interruption."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2v2.errors import (
    MissingDependencyError,
    MissingWeightsError,
    UnknownBackboneError,
    UnreadableFileError,
    UnwritableFileError,
)
from napari_m2n2v2.evaluation.clicker import RULES
from napari_m2n2v2.evaluation.datasets import Dataset, Sample
from napari_m2n2v2.evaluation.drawer import DRAWN_RULES
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.evaluation.settings import RunSettings, parameters_of
from napari_m2n2v2.evaluation.solvers import Solved, solver_for
from napari_m2n2v2.files.atomic import make_folder
from napari_m2n2v2.files.lock import alone_with
from napari_m2n2v2.parallel import each_done, pool_of
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.provenance import software

__all__ = ["click_through", "evaluate", "evaluate_sample"]


def evaluate_sample(sample: Sample, settings: RunSettings) -> dict[str, Any]:
    """Click one object until it is right or the clicks are used up.

    Returns
    -------
    dict
        ``sample``, ``ious`` after each click, ``clicks`` as ``[row, col, foreground]`` (of what is drawn, where it
        begins), ``effects`` of each click
        (:attr:`~napari_m2n2v2.session.effects.Effect.why`; none of baselines), ``seconds`` of each click and
        ``feature_seconds``, ``backbone`` and ``weights_revision``; or ``sample`` and ``error`` if it cannot be read.
    """
    try:
        truth, ignore = sample.read_truth(), sample.read_ignore()
        solve, about = solver_for(sample, settings)
        traces = click_through(solve, truth, ignore, settings, sample.name)
        return {"sample": sample.name, **about, **traces}
    except (UnknownBackboneError, MissingWeightsError, MissingDependencyError):
        raise  # of no sample, but of the run
    except Exception as error:  # whatever is wrong with one sample must not end the others
        return {"sample": sample.name, "error": f"{type(error).__name__}: {error}"}


def click_through(
    solve: Callable[[Sequence[Prompt]], Solved], truth: Any, ignore: Any, settings: RunSettings, name: str
) -> dict[str, Any]:
    """Click until nothing is wrong or the clicks are used up.

    Parameters
    ----------
    solve : callable
        Gives for all clicks so far the mask, bool ``[H, W]``, and why the newest changed nothing, or "changed"; empty
        where that is not known.
    truth, ignore : ndarray
        bool ``[H, W]``; ``ignore`` may be None.
    settings : RunSettings
        Its click rule, most clicks and seed are used.
    name : str
        Of the object, for the seed.

    Returns
    -------
    dict
        ``ious``, ``clicks``, ``effects`` and ``seconds``, as :func:`evaluate_sample` describes them.
    """
    rule = {**RULES, **DRAWN_RULES}[settings.click_rule]
    rng = np.random.default_rng([settings.seed, *name.encode()])
    mask = np.zeros(truth.shape, dtype=bool)
    clicks: list[Prompt] = []
    ious, seconds, effects = [], [], []
    while len(clicks) < settings.max_clicks:
        click = rule(mask, truth, ignore, clicks, rng)
        if click is None:
            break
        clicks.append(click)
        begin = time.perf_counter()
        mask, effect = solve(clicks)
        seconds.append(time.perf_counter() - begin)
        ious.append(intersection_over_union(mask, truth, ignore))
        if effect:
            effects.append(effect)
    places = [[click.row, click.col, click.foreground] for click in clicks]
    return {"ious": ious, "clicks": places, "effects": effects, "seconds": seconds}


def evaluate(
    dataset: Dataset,
    runs: Mapping[Path, RunSettings],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    finished: Callable[[int, int], None] | None = None,
) -> None:
    """Evaluate a data set into files of JSON lines: first what is needed to run it again, then one line an object.

    Parameters
    ----------
    dataset : Dataset
        What to click on.
    runs : mapping of Path to RunSettings
        The file of each run. Runs on one object follow each other, so that they share its attention. Each line is
        written when it is known, so an interruption loses no more than the object at hand.
    workers : int
        Processes, with dask; 1 stays in this one, with all threads.
    scheduler : str, optional
        Address of a dask cluster to use instead.
    resume : bool
        Go on with files of the same runs.
    finished : callable, optional
        Told how many objects are done, of how many, over all runs.

    Raises
    ------
    UnreadableFileError
        If depth is to guide and there is none.
    UnwritableFileError
        If a file is there and ``resume`` is not asked for, is of another run, is being written by another evaluation
        at this moment, or cannot be written.
    """
    if any("depth" in run.guide_names for run in runs.values()) and not any(sample.depth for sample in dataset.samples):
        raise UnreadableFileError(
            f"{dataset.name} has no depth to guide with: expected depth/<id>.* in a plain folder."
        )
    about = {"dataset": dataset.name, "data_sha256": dataset.digest(), **_machine()}
    with ExitStack() as held:
        for path in runs:
            make_folder(path.parent)
            held.enter_context(alone_with(path))
        _evaluate(dataset, runs, about, workers, scheduler, resume, finished)


def _evaluate(
    dataset: Dataset, runs: Mapping[Path, RunSettings], about: dict[str, Any], workers: int, scheduler: str | None,
    resume: bool, finished: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    done = {path: _prepare(path, {**_described(run), **about}, resume) for path, run in runs.items()}
    todo = [
        (sample, missing)
        for sample in dataset.samples
        if (missing := {path: run for path, run in runs.items() if sample.name not in done[path]})
    ]
    total = len(dataset.samples) * len(runs)
    before = total - sum(len(missing) for _, missing in todo)
    for count, (path, record) in enumerate(_records(todo, workers, scheduler), start=before + 1):
        _append(path, json.dumps(record) + "\n")
        if finished is not None:
            finished(count, total)


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UnwritableFileError(
            f"Cannot write {path}: {error.strerror}. Make room there; --resume goes on."
        ) from error


def _described(run: RunSettings) -> dict[str, Any]:
    features, clicks = parameters_of(run)
    return {"settings": asdict(run), "parameters": {**asdict(features), **asdict(clicks)}}


def _machine() -> dict[str, Any]:
    return {
        "versions": software(),
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def _prepare(path: Path, header: dict[str, Any], resume: bool) -> set[str]:
    """Begin the file, or cut off a half-written last line; return the samples that are done."""
    header = json.loads(json.dumps(header))
    if not path.stat().st_size:
        _append(path, json.dumps(header) + "\n")
        return set()
    if not resume:
        raise UnwritableFileError(f"{path} is there already. Go on with it by --resume, or choose another place.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        before, *records = (json.loads(line) for line in whole)
    except (ValueError, RecursionError) as error:
        raise UnwritableFileError(f"{path} is no result of an evaluation. Choose another place.") from error
    if not isinstance(before, dict) or any(
        before.get(key) != header[key] for key in ("settings", "dataset", "data_sha256")
    ):
        raise UnwritableFileError(f"{path} is of another run (settings or data differ). Choose another place.")
    # The others are tried again.
    good = {told["sample"]: line for told, line in zip(records, whole[1:], strict=True) if "error" not in told}
    if 1 + len(good) < len(lines):
        path.write_text("".join([whole[0], *good.values()]), encoding="utf-8")
    return set(good)


def _records(
    todo: Sequence[tuple[Sample, dict[Path, RunSettings]]], workers: int, scheduler: str | None
) -> Iterator[tuple[Path, dict[str, Any]]]:
    if workers == 1 and scheduler is None:
        for sample, runs in todo:
            for path, settings in runs.items():
                yield path, evaluate_sample(sample, settings)
        return
    with pool_of(workers, scheduler) as pool:
        for _, records in each_done(_evaluate_runs, todo, pool):
            yield from records()


def _evaluate_runs(job: tuple[Sample, Mapping[Path, RunSettings]]) -> list[tuple[Path, dict[str, Any]]]:
    sample, runs = job
    return [(path, evaluate_sample(sample, settings)) for path, settings in runs.items()]
