"""What boxes, outlines and scribbles are worth beside clicks: ``python -m benchmarks.prompts``.

    python -m benchmarks.prompts choose box --sets ct mri
    python -m benchmarks.prompts report --by-set

The first prompt is one of those named (default all), then clicks by the rule "union", ``--interactions`` in all. Boxes
are from the truth, exact or each side off by up to a tenth of the object; outlines have 24 corners, each off by a
twentieth of the square root of the area; scribbles go along the medial axis of what is wrong. "scribbles" takes one in
place of each of the first five clicks in turn, after the clicks before it. GrabCut has the same boxes, the random
walker the same scribble, as their only prompt.

Objects, halves and images are those of ``benchmarks.fewer_clicks``: five of distinct images a set in each half where
there are as many, reduced to ``--side`` pixels, grid ``--grid``, offline weights. Traces are lines of JSON in
``--output``, and not made again: begin another file after a change. Times are of a new prompt in a session of its own,
on features that were clicked on before, as ratios to a click in the same run.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.fewer_clicks import HALVES, KEPT, add_options_of_objects, features_of, reduced, samples_of
from napari_m2n2v2 import Session
from napari_m2n2v2.evaluation.baselines import BASELINES
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.drawer import next_scribble
from napari_m2n2v2.evaluation.metrics import bootstrap_interval, clicks_to_reach, intersection_over_union, mean_iou_at
from napari_m2n2v2.evaluation.runner import click_through
from napari_m2n2v2.evaluation.settings import RunSettings
from napari_m2n2v2.evaluation.solvers import solver_of

FIRST = {
    "click": "union",
    "box": "box",
    "box-jittered": "box-jittered",
    "outline-jittered": "outline-jittered",
    "scribble": "scribble-first",
}
ALONE = {  # the method, and which of the first prompts it has
    "grabcut, box": ("grabcut", "box"),
    "grabcut, box-jittered": ("grabcut", "box-jittered"),
    "random walker, scribble": ("random-walker", "scribble"),
}
REPLACED = 5  # clicks that a scribble takes the place of, one at a time


def clicked_through(features, truth, ignore, rule, name, interactions):
    settings = RunSettings(click_rule=rule, max_clicks=interactions)
    return click_through(solver_of(Session(features)), truth, ignore, settings, name)


def replaced(features, truth, ignore, interactions):
    """IoU and seconds of each of the first clicks, and of a scribble in its place after the same clicks."""
    found = {name: [] for name in ("click", "scribble", "click_seconds", "scribble_seconds")}
    clicks, mask = [], np.zeros(truth.shape, dtype=bool)
    for _ in range(min(REPLACED, interactions)):
        click, scribble = (rule(mask, truth, ignore, clicks) for rule in (next_click_union, next_scribble))
        if click is None:
            break
        for name, prompt in (("scribble", scribble), ("click", click)):
            session = Session(features)
            session.replay(clicks)
            begin = time.perf_counter()
            mask = session.click(prompt).mask
            found[f"{name}_seconds"].append(time.perf_counter() - begin)
            found[name].append(intersection_over_union(mask, truth, ignore))
        clicks.append(click)
    return found


def alone(method, first, image, truth, ignore, name):
    def solve(clicks):
        return BASELINES[method](image, clicks), ""

    return click_through(solve, truth, ignore, RunSettings(click_rule=FIRST[first], max_clicks=1), name)


def traced(variant, features, image, truth, ignore, name, interactions):
    if variant in ALONE:
        return alone(*ALONE[variant], image, truth, ignore, name)
    if variant == "scribbles":
        return replaced(features, truth, ignore, interactions)
    return clicked_through(features, truth, ignore, FIRST[variant], name, interactions)


def run(options):
    """Traces by variant, then by object."""
    options.output.parent.mkdir(parents=True, exist_ok=True)
    lines = options.output.read_text().splitlines() if options.output.exists() else []
    known = {(told["object"], told["first"]): told for told in map(json.loads, lines)}
    wanted = {f"{name}/{s.name}": s for name in options.sets
              for s in samples_of(name, options.half, options.limit, options.objects)}  # fmt: skip
    with options.output.open("a") as file:
        for key, sample in wanted.items():
            todo = [variant for variant in options.first if (key, variant) not in known]
            if not todo:
                continue
            image, truth, ignore = reduced(sample, options.side)
            features = features_of(image, options)
            clicked_through(features, truth, ignore, "union", sample.name, 1)  # what is made once is made here
            for variant in todo:
                found = traced(variant, features, image, truth, ignore, sample.name, options.interactions)
                known[key, variant] = told = {"object": key, "first": variant, **found}
                file.write(json.dumps(told) + "\n")
                file.flush()
    return {first: {key: known[key, first] for key in wanted} for first in options.first}


def compared(values, others, form):
    """Means of some numbers by object, and of their difference with its interval."""
    difference = np.array([values[key] - others[key] for key in values])
    low, high = bootstrap_interval(difference)
    return f"{np.mean(list(values.values())):{form}} ({difference.mean():+{form}}: {low:+{form}} to {high:+{form}})"


def reached(traces, options, quality=0.9):
    return {k: clicks_to_reach([t["ious"]], quality, options.interactions)[0] for k, t in traces.items()}


def after(traces, count):
    return {key: mean_iou_at([trace["ious"]], count) for key, trace in traces.items()}


def told(found, options):
    """A row a first prompt, in means over objects; compared with the first row."""
    base = next(iter(found.values()))
    counts = [count for count in (1, 2, 3, 5, 10) if count <= options.interactions]
    head = ["first prompt", "n", *(f"mIoU@{count}" for count in counts), "to 0.90", "time, clicks"]
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for first, traces in found.items():
        if first == "scribbles":
            continue
        few = [1] if first in ALONE else counts
        cells = [compared(after(traces, count), after(base, count), ".3f") for count in few]
        if first not in ALONE:
            cells.append(compared(reached(traces, options), reached(base, options), ".2f"))
            cells.append(f"{np.median([traces[k]['seconds'][0] / base[k]['seconds'][0] for k in traces]):.2f}")
        print(f"| {' | '.join([first, str(len(traces)), *cells])} |")


def told_of_scribbles(traces):
    """What a scribble gains over the click whose place it takes: after 0, 1, ... clicks, and the mean of an object."""
    gains = {key: np.subtract(trace["scribble"], trace["click"]) for key, trace in traces.items()}
    rows = {f"after {k}": np.array([g[k] for g in gains.values() if len(g) > k]) for k in range(REPLACED)}
    rows["mean of an object"] = np.array([gain.mean() for gain in gains.values()])
    print("\n| a scribble for a click | n | IoU gained |\n| --- | --- | --- |")
    for name, values in rows.items():
        if len(values):
            low, high = bootstrap_interval(values)
            print(f"| {name} | {len(values)} | {values.mean():+.3f}: {low:+.3f} to {high:+.3f} |")
    ratios = [np.divide(trace["scribble_seconds"], trace["click_seconds"]) for trace in traces.values()]
    print(f"\nA scribble takes {np.median(np.concatenate(ratios)):.2f} times as long as the click (median).")


def by_set(found):
    """Mean IoU after the first prompt, a row a set, and on how many boxes are at least as good as GrabCut."""
    firsts = [first for first in found if first != "scribbles"]
    print(f"\nmIoU@1 by set\n| set | objects | {' | '.join(firsts)} |\n|{' --- |' * (len(firsts) + 2)}")
    means = {}
    for name in dict.fromkeys(key.split("/")[0] for key in found[firsts[0]]):
        own = {f: [t["ious"][0] for k, t in found[f].items() if k.startswith(f"{name}/")] for f in firsts}
        means[name] = {first: np.mean(values) for first, values in own.items()}
        cells = (f"{value:.3f}" for value in means[name].values())
        print(f"| {name} | {len(own[firsts[0]])} | {' | '.join(cells)} |")
    for box in ("box", "box-jittered"):
        if {box, f"grabcut, {box}"} <= {*firsts}:
            good = sum(row[box] >= row[f"grabcut, {box}"] for row in means.values())
            print(f"{box}: at least GrabCut on {good} of {len(means)} sets")


def main(options):
    found = run(options)
    told(found, options)
    if "scribbles" in found:
        told_of_scribbles(found["scribbles"])
    if options.by_set:
        by_set(found)


def parse(arguments=None):
    every = [*FIRST, "scribbles", *ALONE]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("first", nargs="*", default=every, help=", ".join(every))
    add_options_of_objects(parser)
    parser.add_argument("--interactions", type=int, default=10)
    parser.add_argument("--output", type=Path, default=KEPT / "prompts.jsonl")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(parse())
