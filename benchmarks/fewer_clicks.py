"""Clicks needed by variants of the method, on features computed once: ``python -m benchmarks.fewer_clicks``.

    python -m benchmarks.fewer_clicks choose paper default default:refinement=false --rule union
    python -m benchmarks.fewer_clicks report paper default --rule random --seeds 3 --side 0 --grid 64

A variant is ``paper``, ``m2n2`` or ``default`` (``SegmentationParameters``), then ``:PARAMETER=VALUE,...``; or a
baseline. Objects are of distinct images, ten of every set of ``../shared/data``, every second one to choose on and the
others to report on. Images are reduced to ``--side`` pixels along their longest side (0: as they are). Offline weights.
Traces are kept in ``--output`` and not made again, so variants may be added; the table compares all with the first.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from napari_m2n2v2 import FeatureCache, FeatureParameters, SegmentationParameters, Session
from napari_m2n2v2.evaluation.baselines import BASELINES
from napari_m2n2v2.evaluation.datasets import evenly, open_dataset
from napari_m2n2v2.evaluation.metrics import bootstrap_interval, clicks_to_reach, intersection_over_union, mean_iou_at
from napari_m2n2v2.evaluation.runner import click_through
from napari_m2n2v2.evaluation.settings import RunSettings
from napari_m2n2v2.evaluation.solvers import solver_of
from napari_m2n2v2.files.atomic import write_whole
from napari_m2n2v2.files.read import read_image
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.images.resampling import resize_rgb

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared"))
SETS = (
    "ct", "davis345", "dsb2018_nuclei", "grabcut", "histology", "isbi2012_em", "mri", "nyuv2_rgbd",
    "polyps_endoscopy", "retina", "skin_isic", "ssd_rgbd_sod", "ultrasound", "wbc_blood",
)  # fmt: skip
KEPT = Path(tempfile.gettempdir()) / "m2n2v2-fewer-clicks"  # features and traces, between runs
HALVES = {"choose": 0, "report": 1}
MOST_SECONDS = 20  # of processor time of a baseline on one object, after which it gets no further click
CHANGE = 0.02  # of the IoU, from which a click makes a mask worse


def samples_of(name, half, limit, objects=None):
    """One object of each of so many images, other objects of other images; every second one, or some of these."""
    of_image = {}
    for sample in open_dataset(SHARED / "data" / name).samples:
        of_image.setdefault(sample.image, []).append(sample)
    one_each = [objects[i % len(objects)] for i, objects in enumerate(of_image.values())]
    return evenly(evenly(one_each, limit)[HALVES[half] :: 2], objects)


def reduced(sample, side):
    """Image, truth and what to ignore, at most so long."""
    image, truth, ignore = as_rgb(read_image(sample.image)), sample.read_truth(), sample.read_ignore()
    scale = side / max(truth.shape) if side else 1
    if scale >= 1:
        return image, truth, ignore
    height, width = (round(length * scale) for length in truth.shape)

    def smaller(mask):
        found = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
        return np.asarray(found) >= 128

    return resize_rgb(image, (height, width)), smaller(truth), None if ignore is None else smaller(ignore)


def parameters_named(variant):
    base, _, changes = variant.partition(":")
    begun = {"paper": "paper", "m2n2": "m2n2", "default": None}[base]
    found = getattr(SegmentationParameters, begun)() if begun else SegmentationParameters()
    return replace(
        found, **{k: json.loads(v) for k, v in (change.split("=") for change in changes.split(",") if change)}
    )


def traced(variant, features, image, truth, ignore, settings, name):
    if variant in BASELINES:
        begin, ious = time.process_time(), []

        def solve(clicks):
            if time.process_time() - begin > MOST_SECONDS:
                raise TimeoutError
            mask = BASELINES[variant](image, clicks)
            ious.append(intersection_over_union(mask, truth, ignore))
            return mask, ""

        try:
            return click_through(solve, truth, ignore, settings, name)
        except TimeoutError:
            return {"ious": ious, "seconds": [MOST_SECONDS / len(ious)], "stopped": True}
    session = Session(features(), parameters_named(variant))
    return click_through(solver_of(session), truth, ignore, settings, name)


def traces_file(options, variant):
    return options.output / f"{options.half}_{options.side}_{options.grid}_{variant}.json"


def features_of(image, options):
    """Features by the offline weights, kept on disk."""
    cache = FeatureCache(options.cache, memory_bytes=1, disk_bytes=60 * 10**9)
    wanted = FeatureParameters(grid=options.grid)
    return cache.features(image, "offline", device="cpu", parameters=wanted, remember=False)


def run(options):
    """Traces by variant, then by object."""
    files = {v: traces_file(options, v) for v in options.variants}
    found = {v: json.loads(f.read_text()) if f.exists() else {} for v, f in files.items()}
    settings = [
        RunSettings(click_rule=rule, seed=seed, max_clicks=options.clicks)
        for rule in options.rule
        for seed in range(options.seeds if rule == "random" else 1)
    ]
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        for sample in samples_of(name, options.half, options.limit, options.objects):
            keys = {f"{name}/{sample.name}/{s.click_rule}-{s.seed}": s for s in settings}
            todo = [(v, key) for v in options.variants for key in keys if key not in found[v]]
            if not todo:
                continue
            image, truth, ignore = reduced(sample, options.side)
            kept = []

            def features(image=image, kept=kept):
                if not kept:
                    kept.append(features_of(image, options))
                return kept[0]

            for variant, key in todo:
                found[variant][key] = traced(variant, features, image, truth, ignore, keys[key], sample.name)
            for variant in {variant for variant, _ in todo}:  # after each object, so that a run can be gone on with
                write_whole(files[variant], lambda path, of=found[variant]: path.write_text(json.dumps(of)))
    return {v: {k: t for k, t in traces.items() if _asked(k, options)} for v, traces in found.items()}


def _asked(key, options):
    name, _, rule = key.split("/")
    rule, _, seed = rule.partition("-")
    return name in options.sets and rule in options.rule and int(seed) < options.seeds


def of_objects(traces, measure):
    """One number an object, the mean of its seeds; of clicks to reach an IoU the least they are, if it was stopped."""
    by_object = {}
    for key, trace in traces.items():
        ious, stopped = trace["ious"], "stopped" in trace
        if isinstance(measure, float):
            value = clicks_to_reach([ious], measure, len(ious) + 1 if stopped else 20)[0]
        elif stopped and len(ious) < measure:
            continue
        else:
            value = mean_iou_at([ious], measure)
        by_object.setdefault(key.rpartition("/")[0], []).append(value)
    return {key: np.mean(values) for key, values in by_object.items()}


def are_least(traces, measure):
    """Whether clicks to reach an IoU are at least so many, as some objects were stopped before."""
    return isinstance(measure, float) and any("stopped" in t and max(t["ious"]) < measure for t in traces.values())


def harmful(traces):
    """Share of the clicks from the fifth on that make a mask worse."""
    steps = np.concatenate([np.diff(trace["ious"])[3:] for trace in traces.values()])
    return np.mean(steps < -CHANGE)


def without_effect(traces):
    """Share of the clicks that changed nothing; NaN of baselines."""
    effects = [why for trace in traces.values() for why in trace.get("effects", ())]
    return np.mean([why != "changed" for why in effects]) if effects else np.nan


def told(found, base, rule):
    traces = {v: {k: t for k, t in t.items() if f"/{rule}-" in k} for v, t in found.items()}
    measures = {"NoC85": 0.85, "NoC90": 0.9, "mIoU@1": 1, "mIoU@3": 3, "mIoU@5": 5, "mIoU@10": 10}
    head = ["variant", "n", *measures, "worse clicks", "no effect", "s a click"]
    print(f"\nrule {rule}\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for variant, of_variant in traces.items():
        cells = []
        for measure in measures.values():
            values, other = of_objects(of_variant, measure), of_objects(traces[base], measure)
            shared = [k for k in values if k in other]
            form = ".2f" if isinstance(measure, float) else ".3f"
            mean = np.mean([values[k] for k in shared])
            difference = np.array([values[k] - other[k] for k in shared])
            low, high = bootstrap_interval(difference)
            between = "" if variant == base else f" ({difference.mean():+{form}}: {low:+{form}} to {high:+{form}})"
            cells.append(f"{mean:{form}}{between}")
        seconds = np.median(np.concatenate([t["seconds"] for t in of_variant.values()]))
        shares = f"{harmful(of_variant):.1%} | {without_effect(of_variant):.1%}"
        print(f"| {variant} | {len(shared)} | {' | '.join(cells)} | {shares} | {seconds:.3f} |")


def by_set(found, rule, measure=0.9):
    """One row a set; how many objects a mean is of, where some are left out."""
    print(f"\n{measure} by set, rule {rule}\n| set | objects | {' | '.join(found)} |\n|{' --- |' * (len(found) + 2)}")
    names = dict.fromkeys(key.split("/")[0] for key in next(iter(found.values())))
    form = ".2f" if isinstance(measure, float) else ".3f"
    for name in names:
        of_set = [
            {k: t for k, t in traces.items() if k.startswith(f"{name}/") and f"/{rule}-" in k}
            for traces in found.values()
        ]
        rows = [of_objects(traces, measure) for traces in of_set]
        most = max(map(len, rows))
        cells = (
            ("at least " if are_least(traces, measure) else "")
            + f"{np.mean(list(row.values())):{form}}"
            + (f" (of {len(row)})" if len(row) < most else "")
            if row
            else ""
            for traces, row in zip(of_set, rows, strict=True)
        )
        print(f"| {name} | {most} | {' | '.join(cells)} |")


def main(options):
    found = run(options)
    for rule in options.rule:
        told(found, options.variants[0], rule)
        if options.by_set:
            by_set(found, rule)
            by_set(found, rule, 3)


def add_options_of_objects(parser):
    """Add which objects are looked at, at which size, and where their features are kept."""
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--limit", type=int, default=10, help="objects of both halves together (%(default)s)")
    parser.add_argument("--objects", type=int, help="only so many of the half of every set")
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--grid", type=int, default=48)
    parser.add_argument("--by-set", action="store_true")
    parser.add_argument("--cache", type=Path, default=KEPT / "features")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("variants", nargs="+")
    add_options_of_objects(parser)
    parser.add_argument("--rule", nargs="+", choices=["union", "split", "random"], default=["union"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--output", type=Path, default=KEPT / "traces")
    main(parser.parse_args())
