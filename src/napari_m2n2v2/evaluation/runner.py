"""Run simulated clicks over a data set, keep every trace, go on after an interruption."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import M2N2V2Error, MissingDependencyError, ParameterError, UnwritableFileError
from napari_m2n2v2.evaluation.baselines import BASELINES
from napari_m2n2v2.evaluation.clicker import RULES
from napari_m2n2v2.evaluation.datasets import Dataset, Sample, inverse_depth
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.files import read_image

__all__ = ["METHODS", "SWITCHES", "RunSettings", "click_through", "evaluate", "evaluate_sample"]

METHODS = ("v2", "m2n2", *BASELINES)
"""What can be evaluated: the method, the one before it, and the baselines."""

SWITCHES: dict[str, dict[str, Any]] = {
    "jbu-guide": {"guided_upsampling": False},
    "flood-guide": {"guided_flood_fill": False},
    "guide": {"guided_upsampling": False, "guided_flood_fill": False},
    "adaptive": {"score_adaptive": False, "discard_rule": False, "score_prior": True},
    "discard": {"discard_rule": False},
    "flood-fill": {"flood_fill": False},
    "edge": {"score_edge": False},
    "positive": {"score_positive": False},
    "negative": {"score_negative": False},
}
"""What ``--without`` switches off; "adaptive" puts M2N2's prior in its place, as the paper's ablation does."""

_PACKAGES = ("napari-m2n2v2", "numpy", "numba", "scikit-image", "torch", "transformers")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that decides the numbers of a run, besides the data.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    attention : str
        Backbone, as :func:`~napari_m2n2v2.compute_features` takes it.
    grid : int or None
        None is the backbone's default.
    guide : str
        ``"none"``, or ``"depth"`` for the data set's depth.
    far_is_large : bool
        Whether that depth grows with distance.
    without : tuple of str
        Keys of :data:`SWITCHES`.
    sigma_adaptive : float
        Of Eq. 10.
    click_rule : str
        A key of :data:`~napari_m2n2v2.evaluation.clicker.RULES`.
    max_clicks : int
        Per object.
    seed : int
        Of the rule "random".
    """

    method: str = "v2"
    attention: str = "auto"
    grid: int | None = None
    guide: str = "none"
    far_is_large: bool = False
    without: tuple[str, ...] = ()
    sigma_adaptive: float = 6.0
    click_rule: str = "union"
    max_clicks: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for value, known, what in (
            (self.method, METHODS, "method"),
            (self.click_rule, RULES, "click rule"),
            (self.guide, ("none", "depth"), "guide"),
        ):
            if value not in known:
                raise ParameterError(f"Unknown {what} {value!r}: expected {', '.join(known)}.")
        for name in self.without:
            if name not in SWITCHES:
                raise ParameterError(f"Cannot leave out {name!r}: expected {', '.join(SWITCHES)}.")
        if self.max_clicks < 1:
            raise ParameterError(f"max_clicks must be at least 1, got {self.max_clicks}.")

    @property
    def label(self) -> str:
        """A short name for tables and files."""
        parts = [self.method]
        if self.guide != "none":
            parts.append(self.guide)
        parts += [f"without-{name}" for name in self.without]
        if self.sigma_adaptive != 6.0:
            parts.append(f"sigma-{self.sigma_adaptive:g}")
        if self.click_rule != "union":
            parts.append(self.click_rule)
        return "_".join(parts)


def evaluate_sample(sample: Sample, settings: RunSettings) -> dict[str, Any]:
    """Click one object until it is right or the clicks are used up.

    Returns
    -------
    dict
        ``sample``, ``ious`` after each click, ``clicks`` as ``[row, col, foreground]``, ``seconds`` of each click and
        ``feature_seconds``, ``backbone`` and ``weights_revision``; or ``sample`` and ``error`` if it cannot be read.
    """
    try:
        image, truth, ignore = read_image(sample.image), sample.read_truth(), sample.read_ignore()
        begin = time.perf_counter()
        solve, about = _solver(image, sample, settings)
        record = {"sample": sample.name, "feature_seconds": time.perf_counter() - begin, **about}
        return {**record, **click_through(solve, truth, ignore, settings, sample.name)}
    except (M2N2V2Error, OSError, ValueError) as error:
        return {"sample": sample.name, "error": f"{type(error).__name__}: {error}"}


def click_through(
    solve: Callable[[Sequence[Click]], Any], truth: Any, ignore: Any, settings: RunSettings, name: str
) -> dict[str, Any]:
    """Click until nothing is wrong or the clicks are used up.

    Parameters
    ----------
    solve : callable
        Gives the mask, bool ``[H, W]``, for all clicks so far.
    truth, ignore : ndarray
        bool ``[H, W]``; ``ignore`` may be None.
    settings : RunSettings
        Its click rule, most clicks and seed are used.
    name : str
        Of the object, for the seed.

    Returns
    -------
    dict
        ``ious``, ``clicks`` and ``seconds``, as :func:`evaluate_sample` describes them.
    """
    rule, rng = RULES[settings.click_rule], np.random.default_rng([settings.seed, *name.encode()])
    mask = np.zeros(truth.shape, dtype=bool)
    clicks: list[Click] = []
    ious, seconds = [], []
    while len(clicks) < settings.max_clicks:
        click = rule(mask, truth, ignore, clicks, rng)
        if click is None:
            break
        clicks.append(click)
        begin = time.perf_counter()
        mask = solve(clicks)
        seconds.append(time.perf_counter() - begin)
        ious.append(intersection_over_union(mask, truth, ignore))
    places = [[click.row, click.col, click.foreground] for click in clicks]
    return {"ious": ious, "clicks": places, "seconds": seconds}


def _solver(
    image: Any, sample: Sample, settings: RunSettings
) -> tuple[Callable[[Sequence[Click]], Any], dict[str, str]]:
    """Return what turns clicks into a mask, with the slow part done, and what it is."""
    from napari_m2n2v2.images import as_rgb

    if settings.method in BASELINES:
        rgb, baseline = as_rgb(image), BASELINES[settings.method]
        return lambda clicks: baseline(rgb, clicks), {"backbone": settings.method, "weights_revision": ""}

    from napari_m2n2v2.features import compute_features
    from napari_m2n2v2.parameters import FeatureParameters, SegmentationParameters
    from napari_m2n2v2.session import Session

    guide = None
    if settings.guide == "depth" and sample.depth is not None:
        guide = inverse_depth(read_image(sample.depth), settings.far_is_large)
    features = compute_features(image, settings.attention, guide, parameters=FeatureParameters(grid=settings.grid))
    base = asdict(SegmentationParameters.m2n2() if settings.method == "m2n2" else SegmentationParameters())
    for name in settings.without:
        base.update(SWITCHES[name])
    base["sigma_adaptive"] = settings.sigma_adaptive
    session = Session(features, SegmentationParameters(**base))
    about = {"backbone": features.backbone, "weights_revision": features.weights_revision}
    return lambda clicks: session.replay(clicks).mask, about


def evaluate(
    dataset: Dataset,
    settings: RunSettings,
    path: Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    finished: Callable[[int, int], None] | None = None,
) -> None:
    """Evaluate a data set into a file of JSON lines: first what is needed to run it again, then one line an object.

    Parameters
    ----------
    dataset : Dataset
        What to click on.
    settings : RunSettings
        How.
    path : Path
        The file. Each line is written when its object is done, so an interruption loses none.
    workers : int
        Processes, with dask; 1 stays in this one, with all threads.
    scheduler : str, optional
        Address of a dask cluster to use instead.
    resume : bool
        Go on with a file of the same run.
    finished : callable, optional
        Told how many objects are done, of how many.

    Raises
    ------
    UnwritableFileError
        If the file is there and ``resume`` is not asked for, or is of another run.
    """
    header = {"settings": asdict(settings), "dataset": dataset.name, "data_sha256": dataset.digest(), **_machine()}
    done = _prepare(path, header, resume)
    todo = [sample for sample in dataset.samples if sample.name not in done]
    with path.open("a", encoding="utf-8") as file:
        for count, record in enumerate(_records(todo, settings, workers, scheduler), start=len(done) + 1):
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
            if finished is not None:
                finished(count, len(dataset.samples))


def _machine() -> dict[str, Any]:
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def _prepare(path: Path, header: dict[str, Any], resume: bool) -> set[str]:
    """Begin the file, or cut off a half-written last line; return the samples that are done."""
    header = json.loads(json.dumps(header))
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(header) + "\n", encoding="utf-8")
        return set()
    if not resume:
        raise UnwritableFileError(f"{path} is there already. Go on with it by --resume, or choose another place.")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    before = json.loads(whole[0]) if whole else {}
    if any(before.get(key) != header[key] for key in ("settings", "dataset", "data_sha256")):
        raise UnwritableFileError(f"{path} is of another run (settings or data differ). Choose another place.")
    if len(whole) < len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    return {json.loads(line)["sample"] for line in whole[1:]}


def _records(
    samples: Sequence[Sample], settings: RunSettings, workers: int, scheduler: str | None
) -> Iterator[dict[str, Any]]:
    if workers == 1 and scheduler is None:
        for sample in samples:
            yield evaluate_sample(sample, settings)
        return
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError as error:
        raise MissingDependencyError('Several workers need dask: pip install "napari-m2n2v2[evaluation]"') from error
    cluster = None
    if scheduler is None:
        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    with Client(cluster or scheduler) as client:
        client.run(_share_cores, workers if scheduler is None else 1)
        futures = client.map(evaluate_sample, samples, settings=settings, pure=False)
        for future in as_completed(futures):
            yield future.result()
    if cluster is not None:
        cluster.close()


def _share_cores(workers: int) -> None:
    """Keep this worker's torch from using the other workers' cores."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
