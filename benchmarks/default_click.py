"""A new click by default and by the paper's method, in the same run: ``python -m benchmarks.default_click``.

Ten clicks on 480 x 854 pixels, grid 64; rounds take turns. Two figures: the median of the time that passed, which says
something on an idle machine, and the least processor time, which can be read on a busy one.
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
    taken = {name: np.full((rounds + 1, CLICKS, 2), np.inf) for name in METHODS}
    for n in range(rounds + 1):
        for name, parameters in METHODS.items():
            session = Session(features, parameters)
            for i, click in enumerate(clicks(SIZE, CLICKS)):
                begin = time.perf_counter(), time.process_time()
                session.click(click)
                taken[name][n, i] = time.perf_counter() - begin[0], time.process_time() - begin[1]
    for clock, what in enumerate(("time that passed, median", "processor time, least")):
        print(what)
        found = {}
        for name, times in taken.items():
            rest = 1000 * times[1:, :, clock]  # the first round compiles
            found[name] = rest.min(axis=0) if clock else np.median(rest, axis=0)
            print(f"  {name}: {' '.join(f'{time:.0f}' for time in found[name])} ms")
        ratio = found["default"] / found["paper"]
        everything = found["default"].sum() / found["paper"].sum()
        print(f"  ratio: first {ratio[0]:.2f}, second {ratio[1]:.2f}, tenth {ratio[9]:.2f}, all {everything:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
