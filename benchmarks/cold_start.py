"""From opening the dock to features that are ready, in new processes: ``python -m benchmarks.cold_start``.

It needs a display. Everything is cached: compiled kernels, the offline weights on disk. A photo of 400 x 600 is opened
in napari, then the dock; Start is pressed at once, and in other rounds once the dock has read ahead what it does while
one looks for the first object. With ``--before TREE`` another checkout takes turns. Processor time is of all threads.
"""

import argparse
import os
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))  # its processes run it as a script

from benchmarks.docked import open_dock, own_folder
from benchmarks.page import show, table

HEAD = [
    "Start is pressed", "from dock to ready", "the dock opens", "Start to features", "of it processor time",
    "longest gap of the event loop",
]  # fmt: skip
WHEN = "at once", "after a look"


def once(look):
    """Print seconds: until the dock stands, from Start to features, of it processor time, and the longest gap."""
    import napari
    from qtpy.QtWidgets import QApplication
    from skimage.data import coffee

    viewer = napari.Viewer()
    viewer.add_image(coffee(), name="coffee")
    QApplication.processEvents()
    began = time.perf_counter()
    dock = open_dock(viewer)
    QApplication.processEvents()
    opened = time.perf_counter() - began
    state, gap, longest = dock.controller.state, time.perf_counter(), 0.0

    def turn(until):
        nonlocal gap, longest
        while not until():
            QApplication.processEvents()
            longest, gap = max(longest, time.perf_counter() - gap), time.perf_counter()
            time.sleep(0.002)

    if look:
        turn(lambda: dock.warming.is_done)
    longest = 0.0
    started, worked = time.perf_counter(), time.process_time()
    dock.start.click()
    turn(lambda: state.active.features is not None)
    print(f"{opened} {time.perf_counter() - started} {time.process_time() - worked} {longest}", flush=True)
    viewer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout of these sources")
    parser.add_argument("--once", choices=WHEN, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        once(options.once == WHEN[1])
        return
    here = Path(__file__).parents[1]
    trees = {"before": options.before.resolve(), "now": here} if options.before else {"now": here}
    found = {}
    with own_folder():
        for turn, when, (name, tree) in product(range(options.rounds + 1), WHEN, trees.items()):
            command = [sys.executable, str(Path(__file__)), "--once", when]
            where = os.environ | {"PYTHONPATH": str(tree / "src")}
            told = subprocess.run(command, env=where, stdout=subprocess.PIPE, text=True, check=True).stdout
            if turn:  # the first compiles what is not cached
                label = f"{when}, {name}" if options.before else when
                found.setdefault(label, []).append([float(word) for word in told.split()[-4:]])
    print(table(HEAD, [[label, *map(show, in_middle(rounds))] for label, rounds in found.items()]))


def in_middle(rounds):
    """Return the medians, before them that of both waits together."""
    return [median(opened + ready for opened, ready, *_ in rounds), *map(median, zip(*rounds, strict=True))]


if __name__ == "__main__":
    main()
