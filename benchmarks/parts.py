"""What the prior does for first clicks in parts of large images: ``python -m benchmarks.parts SET ...``.

Parts are simulated by crops around objects of real images, of sides 4 and 8 times the root of the object's area.
Printed for each set: mean IoU after 1, 2, 3 and 6 simulated clicks (rule "union"), without and with the prior for a
click that nothing limits (``prior_at_start``), which is what parts have. Offline weights, guides "auto".
"""

import argparse
import os
from pathlib import Path

import numpy as np

from napari_m2n2v2 import SegmentationParameters, Session, compute_features
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.files.read import read_image

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared"))
_SIDES = (4, 8)
_AFTER = (1, 2, 3, 6)


def crop_around(truth, times):
    """Rows and columns around an object, so many times as long as the root of its area."""
    side = max(48, int(times * np.sqrt(truth.sum())))
    middles = (int(at.mean()) for at in np.nonzero(truth))
    starts = (
        max(0, min(middle - side // 2, length - side)) for middle, length in zip(middles, truth.shape, strict=True)
    )
    return tuple(slice(start, start + side) for start in starts)


def clicked(features, truth, prior):
    """IoU after each click."""
    session, mask = Session(features, SegmentationParameters(prior_at_start=prior)), np.zeros(truth.shape, bool)
    reached = []
    while len(reached) < max(_AFTER):
        click = next_click_union(mask, truth)
        if click is not None:
            mask = session.click(click).mask
        reached.append(intersection_over_union(mask, truth))
    return [reached[n - 1] for n in _AFTER]


def measure(folder, limit):
    """Mean IoU without and with the prior, ``[2, len(_AFTER)]``."""
    found = []
    for sample in open_dataset(folder, limit).samples:
        image, truth = read_image(sample.image), sample.read_truth()
        for times in _SIDES:
            part = crop_around(truth, times) if truth.any() else (slice(0), slice(0))
            if truth[part].sum() < 0.9 * truth.sum() or not truth.any():
                continue  # it is in several pieces, far apart
            features = compute_features(image[part], "offline", "auto", device="cpu")
            found.append([clicked(features, truth[part], prior) for prior in (False, True)])
    return np.mean(found, axis=0), len(found)


def main(options):
    for name in options.sets:
        means, count = measure(SHARED / "data" / name, options.limit)
        told = (" ".join(f"{mean:.3f}" for mean in row) for row in means)
        print(f"{name}: {count} crops; without {next(told)}; with {next(told)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help="folders in ../shared/data (SHARED_DIR may name another place)")
    parser.add_argument("--limit", type=int, default=10, help="objects of each set (%(default)s)")
    main(parser.parse_args())
