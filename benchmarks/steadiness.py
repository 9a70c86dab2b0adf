"""How steady masks are: clicks moved by a pixel, images mirrored: ``python -m benchmarks.steadiness report default``.

The clicks are those that ``benchmarks.fewer_clicks`` left in its traces (rule union), so run that first. Of every
object, the first, third and fifth click is moved by one pixel in the four directions, the earlier ones staying; and
image, attention and the first five clicks are mirrored left to right. A case is a mask beside the one it should
resemble.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fewer_clicks import HALVES, KEPT, SETS, features_of, parameters_named, reduced, samples_of, traces_file
from napari_m2n2v2 import Click, Session
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.method.attention import flip_cells

MOVED, MIRRORED = (1, 3, 5), 5
ALIKE = 0.9


def moved(features, parameters, clicks):
    """IoU of each mask with that of the click moved by one pixel; clicks that leave the image are left out."""
    session, height, width = Session(features, parameters), *features.shape
    found = []
    for count in MOVED:
        if count > len(clicks):
            break
        *before, last = clicks[:count]
        mask = session.replay(clicks[:count]).mask
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            row, col = last.row + down, last.col + right
            if 0 <= row < height and 0 <= col < width:
                other = session.replay([*before, replace(last, row=row, col=col)]).mask
                found.append(intersection_over_union(mask, other))
    return found


def mirrored(features, parameters, clicks):
    """IoU of each mask with the mirrored mask of the mirrored image, attention and clicks."""
    other = ImageFeatures(
        shape=features.shape,
        image=np.ascontiguousarray(features.image[:, ::-1]),
        guides=(),
        transition=flip_cells(features.transition, features.grid_shape).contiguous(),
        grid_shape=features.grid_shape,
        parameters=features.parameters,
        backbone=features.backbone,
        weights_revision=features.weights_revision,
        chosen_because="mirrored",
    )
    straight, flipped = Session(features, parameters), Session(other, parameters)
    found = []
    for count in range(1, min(MIRRORED, len(clicks)) + 1):
        there = [replace(click, col=features.shape[1] - 1 - click.col) for click in clicks[:count]]
        mask = straight.replay(clicks[:count]).mask
        found.append(intersection_over_union(mask, flipped.replay(there).mask[:, ::-1]))
    return found


def traced_objects(options, variant):
    """Features and clicks of each object in the traces of a variant, or of another whose clicks are to be taken."""
    traces = json.loads(traces_file(options, options.clicks_of or variant).read_text())
    for name in options.sets:
        for sample in samples_of(name, options.half, options.limit, options.objects):
            if trace := traces.get(f"{name}/{sample.name}/union-0"):
                features = features_of(reduced(sample, options.side)[0], options)
                yield features, [Click(row, col, foreground) for row, col, foreground in trace["clicks"]]


def main(options):
    for variant in options.variants:
        cases = {"moved by a pixel": [], "mirrored": []}
        for features, clicks in traced_objects(options, variant):
            cases["moved by a pixel"] += moved(features, parameters_named(variant), clicks)
            cases["mirrored"] += mirrored(features, parameters_named(variant), clicks)
        for what, ious in cases.items():
            below = np.array(ious) < ALIKE
            share = f"{below.sum()} of {below.size} ({below.mean():.1%})"
            print(f"{variant}, {what}: {share} under IoU {ALIKE}, least {min(ious):.3f}", flush=True)


def options_of(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--objects", type=int)
    parser.add_argument("--clicks-of", help="a variant whose clicks all are given (each its own)")
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--grid", type=int, default=48)
    parser.add_argument("--cache", type=Path, default=KEPT / "features")
    parser.add_argument("--output", type=Path, default=KEPT / "traces")
    return parser.parse_args()


if __name__ == "__main__":
    main(options_of(__doc__))
