"""Whether the doubt of carried slices tells where the object was lost: ``python -m benchmarks.doubt``.

The brain and its white matter are carried through ../shared/data/mni152_stack both ways from one slice of each axis, as
in benchmarks/propagation.py but without a limit of the doubt. Printed for each axis: rank correlation of doubt and Dice
(Spearman), and the chance that a slice below Dice 0.7 has a higher doubt than one that is not (AUC, both objects).
"""

import argparse
import functools

import numpy as np
import tifffile
from scipy.stats import mannwhitneyu, spearmanr

from benchmarks.propagation import SHARED, click_slice, dice
from napari_m2n2v2 import PropagationParameters, compute_features
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.propagation.propagate import Walk, propagate

_RUNS = ((0, 70, 2), (1, 110, 3), (2, 60, 3))  # axis, start, step
_LOST = 0.7


def carried(stack, truth, features_of, start, step):
    """Doubt and Dice of every slice that the object comes to, and is in."""
    mask = click_slice(features_of((start,)), truth[start], 10, 0.9)[-1]
    found = []
    for last in (len(stack) - 1, 0):
        walk = Walk.along(stack, (start,), last, step=step)
        limits = PropagationParameters(most_doubt=1)
        planes = propagate(features_of, walk, mask.astype(int), propagation=limits)
        found += [
            (plane.doubt, dice(plane.labels > 0, truth[plane.index[0]]))
            for plane in planes
            if truth[plane.index[0]].any() and not plane.ended
        ]
    return np.array(found)


def main(axes):
    folder = SHARED / "data" / "mni152_stack"
    volume, labels = (tifffile.imread(folder / f"{name}.tif") for name in ("volume", "labels"))
    limits = (0.0, float(np.percentile(volume, 99.9)))
    for axis, start, step in (run for run in _RUNS if run[0] in axes):
        pixels, known = np.moveaxis(volume, axis, 0), np.moveaxis(labels, axis, 0)
        stack = Stack.of(pixels)

        @functools.lru_cache(maxsize=200)  # both objects go through all of them
        def features_of(index, stack=stack):
            image = stack.read(index)
            return compute_features(image, "offline", "auto", device="cpu", contrast_limits=limits)

        found = [carried(stack, truth, features_of, start, step) for truth in (known > 0, known == 2)]
        told = [spearmanr(*each.T)[0] for each in found]
        doubts, reached = np.concatenate(found).T
        lost = doubts[reached < _LOST], doubts[reached >= _LOST]
        auc = mannwhitneyu(*lost)[0] / (len(lost[0]) * len(lost[1])) if all(map(len, lost)) else np.nan
        print(
            f"axis {axis}: slices {len(doubts)}, lost {len(lost[0])}; doubt against Dice: brain {told[0]:+.2f}, "
            f"white matter {told[1]:+.2f}; AUC {auc:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", type=int, nargs="+", default=[0, 1, 2], choices=[0, 1, 2], help="(%(default)s)")
    main(parser.parse_args().axes)
