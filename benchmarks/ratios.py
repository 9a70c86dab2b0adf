"""How long each stage takes, beside its slow reference and beside an earlier commit: ratios hold on any machine.

python benchmarks/ratios.py                  measure, and divide what the slow references take by it
python benchmarks/ratios.py --check          fail if a stage, or something that users wait for (``waits.py``), is
                                             slower than it was some commits ago, run beside it
python benchmarks/ratios.py --check REVISION than in this commit
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the slow references lie with the tests

from benchmarks.page import table
from benchmarks.waits import GRID, SHAPE, WAITS, computed, photo_of, published
from napari_m2n2v2 import Click, Session
from napari_m2n2v2.backbones import find_backbone
from napari_m2n2v2.method.attention import adjust_temperature_, make_doubly_stochastic_
from napari_m2n2v2.method.flood_fill import flood_fill
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.nearest_neighbour import nearest_click
from napari_m2n2v2.method.scoring import candidate_thresholds
from tests import slow_references as slow

ROOT = Path(__file__).parents[1]
PIXEL = 70, 110
CPU = torch.device("cpu")
COMMITS_BACK = 20
"""What one landing brings, or a few: a program that becomes slower bit by bit is seen as well."""
SLOWER = 1.3
"""From here on a stage is slower: the best of several runs in turns varies by less."""
TURNS, MORE_TURNS = 3, 4
STEP_ROUNDS, WAIT_ROUNDS = 12, 6
"""In each turn, of a step of the method and of a wait."""


def seconds(call, rounds):
    """The best of some rounds: what the machine does besides only adds."""
    call()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def stages():
    """Yield name, the fast call, the slow call."""
    photo = photo_of(SHAPE)
    features = computed(photo, GRID)
    shape, transition = features.grid_shape, features.transition
    raw = find_backbone("appearance").backbone.attention(photo, shape, CPU, lambda share, stage: None)
    start = start_state(*PIXEL, SHAPE, shape, CPU)
    steps = markov_map(transition, start, 0.3, 1000)
    guide = np.ascontiguousarray(np.moveaxis(photo.astype(np.float32) / 255, -1, 0))
    operator = features.upsampling_operator(guided=True)
    upsampled = operator(steps).numpy()
    upsampled /= upsampled.max()
    filled = flood_fill(upsampled, PIXEL)
    small = np.ascontiguousarray(filled[40:76, 80:134])
    maps, thresholds = [np.roll(filled, 7 * i, axis=1) for i in range(10)], [0.2 + 0.05 * i for i in range(10)]
    labels = [i % 2 == 0 for i in range(10)]
    attention = raw.clone()

    def normalise():
        return make_doubly_stochastic_(adjust_temperature_(attention.copy_(raw), 0.65), 200, 1e-6)

    yield "normalisation", normalise, lambda: slow.transition_matrix(raw)
    yield "Markov-map", lambda: markov_map(transition, start, 0.3, 1000), lambda: slow.markov_map(transition, start)
    yield "upsampling", lambda: operator(steps), lambda: slow.upsample(steps.numpy(), guide)
    yield "flood fill", lambda: flood_fill(upsampled, PIXEL), lambda: slow.flood_fill(upsampled, PIXEL)
    yield "edge scores", lambda: candidate_thresholds(small), lambda: slow.edge_scores(small)
    yield (
        "nearest neighbour",
        lambda: nearest_click(maps, thresholds),
        lambda: slow.nearest_neighbour(maps, thresholds, labels),
    )

    def slow_click():
        slow.flood_fill(slow.upsample(slow.markov_map(transition, start), guide).astype(np.float32), PIXEL)

    first_click = "first click, without its edge scores"
    yield first_click, lambda: Session(features, published()).click(Click(*PIXEL)), slow_click


def against_the_published_window():
    """Compare the whole first click with one stage of the published program: its dense window, on 321 x 481 pixels."""
    photo = photo_of((321, 481))
    features = computed(photo, 37)
    low = np.random.default_rng(0).random(features.grid_shape)
    guide = np.moveaxis(photo / 255, -1, 0)
    begin = time.perf_counter()
    slow.upsample(low, guide)
    window = time.perf_counter() - begin
    return window / seconds(lambda: Session(features).click(Click(150, 200)), 10)


def print_references():
    """Measure this program against the slow references."""
    rows = [[name, f"{seconds(obvious, 2) / seconds(fast, 20):.1f} times"] for name, fast, obvious in stages()]
    whole = f"{against_the_published_window():.1f} times"
    rows.append(["first click, 321 x 481, grid 37, against the published window alone", whole])
    print(table(["stage", "as fast as its reference"], rows))


def print_seconds():
    """Print, as JSON, the seconds of all that is compared with an earlier commit; null for what this program lacks."""
    told = {name: seconds(fast, STEP_ROUNDS) for name, fast, _ in stages()}
    for name, make in WAITS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                told[name] = seconds(make(folder), WAIT_ROUNDS)
            except (ImportError, AttributeError, TypeError) as error:
                told[name] = None
                print(f"{name}: {error}", file=sys.stderr)
    print(json.dumps(told))


def measured(sources):
    """Run the stages of the program in a folder, in a process of its own; seconds by stage, of those it has."""
    command = [sys.executable, __file__, "--seconds"]
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {name: took for name, took in json.loads(run.stdout.splitlines()[-1]).items() if took is not None}


def in_turns(before, turns):
    """Measure the program of a folder and this one in turns, and keep the best of both."""
    best = {}, {}
    for _ in range(turns):
        for of_one, sources in zip(best, (before, ROOT / "src"), strict=True):
            for name, took in measured(sources).items():
                of_one[name] = min(took, of_one.get(name, took))
    return best


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, check=True).stdout


def earlier(revision, folder):
    """Write the sources of an earlier commit into a folder: the one asked for, some commits back, or the last.

    Further back the stages may have had other names. None where there is no commit to compare with.
    """
    history = git("rev-list", "--first-parent", f"--max-count={COMMITS_BACK + 1}", "HEAD").decode().split()[1:]
    for number, commit in enumerate([revision] if revision else dict.fromkeys((*history[-1:], *history[:1]))):
        sources = Path(folder) / str(number)
        with tarfile.open(fileobj=BytesIO(git("archive", commit, "src"))) as archive:
            archive.extractall(sources, filter="data")
        print("Beside", git("log", "-1", "--format=%h %s", commit).decode().strip())
        try:
            measured(sources / "src")
        except subprocess.CalledProcessError as error:
            print("which cannot run these stages:", error.stderr.splitlines()[-1])
        else:
            return sources / "src"
    return None


def check(revision):
    """Tell whether stages are slower than in an earlier commit; measured once more before that is said."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            before = earlier(revision, folder)
        except (OSError, subprocess.CalledProcessError) as error:
            print(error)
            before = None
        if before is None:
            print("There is no earlier commit to compare with, so nothing was checked.")
            return revision is not None
        was, now = in_turns(before, TURNS)
        if slower_ones(was, now):
            again = in_turns(before, MORE_TURNS)
            was, now = ({s: min(one[s], more[s]) for s in one} for one, more in zip((was, now), again, strict=True))
    slower = slower_ones(was, now)
    for stage in WAITS.keys() - now.keys():
        print(f"{stage} cannot be timed any more: mend benchmarks/waits.py")
        slower.append(stage)
    for stage in now.keys() - was.keys():
        print(f"{stage}: not there before")
    for stage in (stage for stage in now if stage in was):
        said = "   SLOWER" if stage in slower else ""
        print(f"{stage:40s} {1000 * now[stage]:8.2f} ms   {was[stage] / now[stage]:5.2f} x as fast as before{said}")
    return bool(slower)


def slower_ones(was, now):
    return [stage for stage in now if stage in was and now[stage] > SLOWER * was[stage]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", nargs="?", const="", metavar="REVISION")
    parser.add_argument("--seconds", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the references use one core, and machines differ in how many they have
    if options.seconds:
        print_seconds()
    elif options.check is not None:
        return check(options.check or None)
    else:
        print_references()
    return False


if __name__ == "__main__":
    sys.exit(main())
