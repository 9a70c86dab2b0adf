"""A new click by default and by the published method, in the same run: ``python -m benchmarks.default_click``.

Ten clicks on 480 x 854 pixels, grid 64; rounds take turns. Two figures: the median of the time that passed, which says
something on an idle machine, and the least processor time, which can be read on a busy one.
"""

import sys
import time

import numpy as np

from benchmarks.bench_click import METHODS, clicks
from benchmarks.conftest import features_of
from benchmarks.page import table
from napari_m2n2v2 import Session

SIZE, GRID, CLICKS = "480x854", 64, 10


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
    rows = []
    for clock, what in enumerate(("ms, medians", "ms of the processor, least")):
        found = {}
        for name, times in taken.items():
            rest = 1000 * times[1:, :, clock]  # the first round compiles
            found[name] = rest.min(axis=0) if clock else np.median(rest, axis=0)
            rows.append([f"{name}, {what}", *(f"{took:.0f}" for took in found[name]), f"{found[name].sum():.0f}"])
        ratios = *(found["default"] / found["published"]), found["default"].sum() / found["published"].sum()
        rows.append(["times as long", *(f"{ratio:.2f}" for ratio in ratios)])
    print(table(["click", *range(1, CLICKS + 1), "all"], rows))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
