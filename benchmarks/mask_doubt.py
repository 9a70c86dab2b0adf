"""Whether the doubt of a mask tells how good it is: ``python -m benchmarks.mask_doubt choose|report``.

Objects as in benchmarks/fewer_clicks.py, each clicked ten times by the rule union; after every click its doubt and its
IoU. Printed: Spearman's rank correlation of all, within a set (mean of the sets), and after 1, 3, 5 and 10 clicks; and
the mean IoU of the quarters of masks from the least doubted to the most.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.fewer_clicks import HALVES, KEPT, SETS, reduced, samples_of
from napari_m2n2v2 import FeatureCache, FeatureParameters, Session
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.evaluation.runner import click_through
from napari_m2n2v2.evaluation.settings import RunSettings
from napari_m2n2v2.session.diagnostics import margin
from napari_m2n2v2.session.doubt import doubt_of

SETTINGS = RunSettings(click_rule="union", seed=0, max_clicks=10)
_UNCLEAR = 0.2  # of the margin


def unclear_share(session, mask):
    """What was shown before: pixels that the clicks leave unclear, as a share of these and the clear ones inside."""
    unclear = np.abs(margin(session, 1)) < _UNCLEAR
    return unclear.sum() / max((unclear | mask).sum(), 1)


def clicked(features, truth, ignore, name):
    """Number of clicks, IoU, doubt and the doubt of before, after every click."""
    session, rows = Session(features), []

    def solve(clicks):
        result = session.replay(clicks)
        doubt, _ = doubt_of(features.image, result.objects[1])
        iou = intersection_over_union(result.mask, truth, ignore)
        rows.append((len(clicks), iou, doubt, unclear_share(session, result.mask)))
        return result.mask, None

    click_through(solve, truth, ignore, SETTINGS, name)
    return rows


def main(options):
    cache = FeatureCache(options.cache, memory_bytes=1, disk_bytes=60 * 10**9)
    wanted, rows = FeatureParameters(grid=options.grid), []
    for name in SETS:
        for sample in samples_of(name, options.half, 10, options.objects):
            image, truth, ignore = reduced(sample, options.side)
            features = cache.features(image, "offline", device="cpu", parameters=wanted, remember=False)
            rows += [(name, *row) for row in clicked(features, truth, ignore, sample.name)]
    sets, counts, ious, doubts, before = map(np.array, zip(*rows, strict=True))
    print(
        f"{len(rows)} masks\n| doubt | all | within a set | 1 click | 3 | 5 | 10 | IoU by quarters |\n|{' --- |' * 8}"
    )
    for title, values in (("before", before), ("now", doubts)):
        within = np.nanmean([spearmanr(values[sets == s], ious[sets == s])[0] for s in SETS])
        after = [spearmanr(values[counts == n], ious[counts == n])[0] for n in (1, 3, 5, 10)]
        quarters = [ious[part].mean() for part in np.array_split(np.argsort(values, kind="stable"), 4)]
        told = [spearmanr(values, ious)[0], within, *after]
        print(f"| {title} | {' | '.join(f'{x:+.2f}' for x in told)} | {', '.join(f'{x:.2f}' for x in quarters)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("--objects", type=int, default=2, help="of the half of every set (%(default)s)")
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--grid", type=int, default=48)
    parser.add_argument("--cache", type=Path, default=KEPT / "features")
    main(parser.parse_args())
