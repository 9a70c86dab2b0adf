"""Propagation on a real stack: one clicked slice carried both ways, against clicking every slice.

    python benchmarks/propagation.py --step 2 --out propagation.json

The stack is ../shared/data/mni152_stack (SHARED_DIR may name another place than ../shared): T1 of a head, the brain and
its white matter. The user is simulated: rule "union", until IoU 0.9 or --clicks, in the start slice and wherever
carrying stops although there is more of the object; from there it is carried on. Against that, --clicks in every slice.
"Clicks for the same Dice" are the fewest with which clicking a slice is as good as what was carried there, --clicks
where none are.
"""

import argparse
import functools
import json
import os
import time
from pathlib import Path

import numpy as np
import tifffile
from scipy.stats import spearmanr

from napari_m2n2v2 import Session, compute_features
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.propagation.propagate import Walk, propagate

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared"))


def dice(mask, truth):
    return 2 * int((mask & truth).sum()) / max(int(mask.sum()) + int(truth.sum()), 1)


def click_slice(features, truth, most, enough=2.0):
    """Masks after each simulated click, until one has the IoU ``enough``."""
    session, masks = Session(features), [np.zeros(truth.shape, dtype=bool)]
    while len(masks) <= most and (len(masks) == 1 or intersection_over_union(masks[-1], truth) < enough):
        click = next_click_union(masks[-1], truth)
        if click is None:
            break
        masks.append(session.click(click).mask)
    return masks[1:]


class Case:
    """One object with one guide: carried from the start, and clicked everywhere."""

    def __init__(self, name, guide, truth, features_of, stack, options):
        self.name, self.guide, self.truth, self.most = name, guide, truth, options.clicks
        self.features_of = lambda index: features_of(index).with_guide(guide)
        first = click_slice(self.features_of((options.start,)), truth[options.start], options.clicks, 0.9)
        self.stack, self.step = stack, options.step
        self.start_clicks, self.start_dice = len(first), dice(first[-1], truth[options.start])
        self.walks = [self.walk(side, (options.start,), first[-1]) for side in (0, 1)]
        self.slices, self.ended = {}, {}

    def walk(self, side, index, mask):
        last = 0 if side else len(self.stack) - 1
        return iter(propagate(self.features_of, Walk.along(self.stack, index, last, step=self.step), mask.astype(int)))

    def visit(self, side, index):
        plane = next(self.walks[side], None)
        truth = self.truth[index[0]]
        carried = plane.labels > 0 if plane is not None else np.zeros_like(truth)
        found = {"carried": dice(carried, truth), "area": int(carried.sum()), "truth": int(truth.sum())}
        if plane is not None:
            found |= {"doubt": plane.doubt, "made": len(plane.clicks)}
        if truth.any():
            features = self.features_of(index)
            found["clicked"] = [dice(mask, truth) for mask in click_slice(features, truth, self.most)]
            if plane is not None and plane.ended:
                self.ended[index[0]] = plane.ended[1]
                masks = click_slice(features, truth, self.most, 0.9)
                found |= {"corrected": len(masks), "carried": dice(masks[-1], truth)}
                self.walks[side] = self.walk(side, index, masks[-1])
        elif plane is not None and plane.ended:
            self.ended[index[0]] = plane.ended[1]
        self.slices[index[0]] = found

    def summary(self):
        real = [found for found in self.slices.values() if found["truth"]]
        same = [
            next((n for n, reached in enumerate(found["clicked"], 1) if reached >= found["carried"]), self.most)
            for found in real
            if found["carried"]
        ]
        corrected = [found["corrected"] for found in real if "corrected" in found]
        doubted = [found for found in real if found["area"] and "corrected" not in found]
        after = {n: [found["clicked"][min(n, len(found["clicked"])) - 1] for found in real] for n in (1, 3, 5, 10)}
        carried = [found["carried"] for found in real]
        return {
            "object": self.name, "guide": self.guide, "planes": len(real),
            "start clicks": self.start_clicks, "start dice": self.start_dice,
            "slices corrected": len(corrected), "all clicks": self.start_clicks + sum(corrected),
            "carried mean": np.mean(carried), "carried median": np.median(carried), "carried worst": min(carried),
            **{f"clicked {n}": np.mean(values) for n, values in after.items()},
            "clicks for the same dice": sum(same),
            "pixels beyond the end": sum(found["area"] for found in self.slices.values() if not found["truth"]),
            "doubt against dice": spearmanr([f["doubt"] for f in doubted], [f["carried"] for f in doubted])[0],
            "ended": self.ended,
        }  # fmt: skip


def main(options):
    folder = SHARED / "data" / "mni152_stack"
    volume, labels = (tifffile.imread(folder / f"{name}.tif") for name in ("volume", "labels"))
    limits = (0.0, float(np.percentile(volume, 99.9)))
    stack = Stack.of(volume)
    seconds = []

    @functools.lru_cache(maxsize=5)
    def features_of(index):
        begin = time.perf_counter()
        features = compute_features(stack.read(index), options.attention, device="cpu", contrast_limits=limits)
        seconds.append(time.perf_counter() - begin)
        return features

    truths = {"brain": labels > 0, "white matter": labels == 2}
    guides = [None if name == "none" else name for name in options.guides]
    cases = [
        Case(name, guide, truth, features_of, stack, options) for guide in guides for name, truth in truths.items()
    ]
    for side, last in enumerate((len(stack) - 1, 0)):
        for index in Walk.along(stack, (options.start,), last, step=options.step).planes:
            for case in cases:
                case.visit(side, index)
            print(index[0], *(f"{case.slices[index[0]]['carried']:.3f}" for case in cases), flush=True)
    result = {
        "settings": vars(options) | {"out": str(options.out)}, "feature seconds": np.mean(seconds),
        "cases": [case.summary() | {"slices": case.slices} for case in cases],
    }  # fmt: skip
    options.out.write_text(json.dumps(result, indent=1, default=float))
    for case in cases:
        print(json.dumps(case.summary(), default=float))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attention", default="offline")
    parser.add_argument("--guides", nargs="+", default=["lightness", "none"], help="(%(default)s)")
    parser.add_argument("--start", type=int, default=70, help="the slice that is clicked (%(default)s)")
    parser.add_argument("--step", type=int, default=1, help="visit every such slice (%(default)s)")
    parser.add_argument("--clicks", type=int, default=10, help="most clicks in a slice (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="JSON with every slice")
    main(parser.parse_args())
