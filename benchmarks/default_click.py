"""Processor time of a new click by default, and of the paper's in the same run: ``python -m benchmarks.default_click``.

Ten clicks on 480 x 854 pixels, grid 64, the least of some rounds that take turns; so it can be read on a busy machine.
"""

import sys
import time

import numpy as np

from benchmarks.bench_click import clicks
from benchmarks.conftest import features_of
from napari_m2n2v2 import SegmentationParameters, Session

SIZE, GRID, CLICKS = "480x854", 64, 10
METHODS = {"paper": SegmentationParameters.paper(), "default": SegmentationParameters()}


def main(rounds=5):
    features = features_of(SIZE, GRID)
    taken = {name: np.full((rounds + 1, CLICKS), np.inf) for name in METHODS}
    for n in range(rounds + 1):
        for name, parameters in METHODS.items():
            session = Session(features, parameters)
            for i, click in enumerate(clicks(SIZE, CLICKS)):
                begin = time.process_time()
                session.click(click)
                taken[name][n, i] = time.process_time() - begin
    least = {name: times[1:].min(axis=0) * 1000 for name, times in taken.items()}  # the first round compiles
    for name, times in least.items():
        print(f"{name}: {' '.join(f'{time:.0f}' for time in times)} ms")
    ratio = least["default"] / least["paper"]
    everything = least["default"].sum() / least["paper"].sum()
    print(f"default / paper: first {ratio[0]:.2f}, second {ratio[1]:.2f}, tenth {ratio[9]:.2f}, all {everything:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
