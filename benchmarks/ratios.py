"""How many times faster each stage is than its slow reference, in one run: ratios hold on noisy machines.

python benchmarks/ratios.py            measure and print
python benchmarks/ratios.py --check    fail if one fell below half of what ratios.json says
python benchmarks/ratios.py --write    measure and write ratios.json
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from skimage.data import coffee
from skimage.transform import resize

sys.path.insert(0, str(Path(__file__).parents[1]))  # the slow references lie with the tests

from tests import slow_references as slow

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.backbones import find_backbone
from napari_m2n2v2.method.attention import adjust_temperature_, make_doubly_stochastic_
from napari_m2n2v2.method.flood_fill import flood_fill
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.nearest_neighbour import nearest_click
from napari_m2n2v2.method.scoring import candidate_thresholds

KNOWN = Path(__file__).with_name("ratios.json")
SHAPE, GRID, PIXEL = (160, 240), 32, (70, 110)
CPU = torch.device("cpu")


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
    photo = (resize(coffee(), SHAPE, anti_aliasing=True) * 255).round().astype(np.uint8)
    features = compute_features(photo, "appearance", device="cpu", parameters=FeatureParameters(grid=GRID))
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

    yield (
        "normalisation",
        lambda: make_doubly_stochastic_(adjust_temperature_(raw.clone(), 0.65), 200, 1e-6),
        lambda: slow.transition_matrix(raw),
    )
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

    yield "first click, without its edge scores", lambda: Session(features).click(Click(*PIXEL)), slow_click


def against_the_published_window():
    """Compare the whole first click with one stage of the published program: its dense window, on 321 x 481 pixels."""
    photo = (resize(coffee(), (321, 481), anti_aliasing=True) * 255).round().astype(np.uint8)
    features = compute_features(photo, "appearance", device="cpu", parameters=FeatureParameters(grid=37))
    low = np.random.default_rng(0).random(features.grid_shape)
    guide = np.moveaxis(photo / 255, -1, 0)
    begin = time.perf_counter()
    slow.upsample(low, guide)
    window = time.perf_counter() - begin
    return window / seconds(lambda: Session(features).click(Click(150, 200)), 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the references use one core, and machines differ in how many they have
    known = json.loads(KNOWN.read_text()) if KNOWN.is_file() else {}
    measured, failed = {}, []
    for name, fast, obvious in stages():
        ratio = seconds(obvious, 2) / seconds(fast, 20)
        measured[name] = float(f"{ratio:.2g}")
        wanted = known.get(name)
        fell = options.check and wanted is not None and ratio < wanted / 2
        failed += [name] * fell
        print(
            f"{name:40s} {ratio:10.1f} x" + (f"   known {wanted:g} x" if wanted else "") + ("   FELL" if fell else "")
        )
    if not options.check:
        print(f"{'first click, 321 x 481, grid 37':40s} {against_the_published_window():10.1f} x   dense window alone")
    if options.write:
        KNOWN.write_text(json.dumps(measured, indent=2) + "\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
