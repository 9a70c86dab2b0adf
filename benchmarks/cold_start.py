"""From opening the dock to features that are ready, in new processes: ``python -m benchmarks.cold_start``.

It needs a display. Everything is cached: compiled kernels, the offline weights on disk. A photo of 400 x 600 is opened
in napari, then the dock; Start is pressed at once, or with ``--look`` once the dock has read ahead what it does while
one looks for the first object. With ``--before TREE`` another checkout takes turns. Processor time is of all threads.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def once(look):
    """Print seconds: until the dock stands, from Start to features, of it processor time, and the longest gap."""
    import napari
    from qtpy.QtWidgets import QApplication
    from skimage.data import coffee

    viewer = napari.Viewer()
    viewer.add_image(coffee(), name="coffee")
    QApplication.processEvents()
    began = time.perf_counter()
    dock = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")[1]
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
    parser.add_argument("--look", action="store_true", help="press Start when the dock has read ahead")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout of these sources")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        once(options.look)
        return
    here = Path(__file__).parents[1]
    trees = {"before": options.before.resolve(), "now": here} if options.before else {"now": here}
    found = {name: [] for name in trees}
    command = [sys.executable, str(Path(__file__)), "--once", *(["--look"] if options.look else [])]
    with tempfile.TemporaryDirectory() as saved:
        for turn in range(options.rounds + 1):
            for name, tree in trees.items():
                where = os.environ | {"PYTHONPATH": str(tree / "src"), "NAPARI_M2N2V2_AUTOSAVE": saved}
                told = subprocess.run(command, env=where, capture_output=True, text=True, check=True).stdout
                if turn:  # the first compiles what is not cached
                    found[name].append([float(word) for word in told.split()[-4:]])
    print("| | the dock opens | Start to features | of it processor time | longest gap of the event loop |")
    print("| --- | --- | --- | --- | --- |")
    for name, rounds in found.items():
        opened, ready, worked, gap = (median(column) for column in zip(*rounds, strict=True))
        print(f"| {name} | {opened:.2f} s | {ready:.2f} s | {worked:.2f} s | {1000 * gap:.0f} ms |")


if __name__ == "__main__":
    main()
