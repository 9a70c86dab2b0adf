"""Check a GPU against the CPU and time every stage on it: one command, one Markdown table.

    PYTHONPATH=src python benchmarks/gpu.py                     CUDA, else MPS, else the CPU; grids 64 and 128
    PYTHONPATH=src python benchmarks/gpu.py --device cpu --grid 64
    PYTHONPATH=src python benchmarks/gpu.py --quick             a tiny network and a small photo: whether it runs at all

Besides the sources it needs torch, numpy, scipy, numba, scikit-image, transformers and safetensors with what these
bring themselves, and no network. DINOv2's base model has its real weights where they are on this machine and random
ones where they are not, which take as long. Where diffusers is installed, a GPU is also timed with a Stable Diffusion 2
of full size with random weights; of a CPU that is ``full_size_sd2.py``. Ends with 1 if a check fails.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from statistics import median

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that this is a script as well

from benchmarks.full_size_sd2 import build
from benchmarks.gpu_checks import checks, clicks_on, photo_of, step_checks
from benchmarks.machine import processor, versions
from benchmarks.page import show, table
from benchmarks.targets import SD2
from napari_m2n2v2 import FeatureParameters, SegmentationParameters, Session, compute_features
from napari_m2n2v2.backbones import BACKBONES, find_backbone, release_models
from napari_m2n2v2.backbones.device import resolve_device
from napari_m2n2v2.method.attention import adjust_temperature_, make_doubly_stochastic_
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.nearest_neighbour import nearest_click
from napari_m2n2v2.method.steps import steps_on
from napari_m2n2v2.session.finishing import Finishing
from napari_m2n2v2.session.seed import Seed

_SHARPENED = ("q_proj.weight", "k_proj.weight", "query.weight", "key.weight")  # versions of transformers differ
SHARED = os.environ.get("SHARED_DIR")


def synchronise(device):
    """Wait for what was queued: without it only the queueing is timed."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def timed(call, device, rounds, *, warm=False):
    """Return the median seconds of some rounds, after one that loads and compiles unless all is warm."""
    if not warm:
        call()
    times = []
    for _ in range(rounds):
        synchronise(device)
        begin = time.perf_counter()
        call()
        synchronise(device)
        times.append(time.perf_counter() - begin)
    return median(times)


def weights_folder(folder, quick):
    """Return a folder of DINOv2 weights and what they are: real ones of this machine, or random ones written there."""
    real = None if quick else BACKBONES["dinov2-base"].locate()
    if real is not None:
        return real, "dinov2-base"
    from transformers import Dinov2Config, Dinov2Model

    small = {"hidden_size": 96, "num_attention_heads": 3, "num_hidden_layers": 3} if quick else {}
    torch.manual_seed(0)
    model = Dinov2Model(Dinov2Config(patch_size=14, image_size=518, **small))
    for name, weight in model.named_parameters():  # as they are made, every cell attends to all others alike
        if name.endswith(_SHARPENED):
            weight.data.mul_(4)
    model.save_pretrained(folder)
    return str(folder), f"{'a tiny DINOv2' if quick else 'DINOv2 base'} with random weights"


def feature_times(device, photo, grid, weights, rounds):
    """Yield the stages of an image's features and their seconds."""
    parameters, report = FeatureParameters(grid=grid), lambda share, stage: None
    release_models()
    synchronise(device)
    begin = time.perf_counter()
    features = compute_features(photo, weights, device=device, parameters=parameters)
    synchronise(device)
    yield "first features, the model loaded from disk", time.perf_counter() - begin
    backbone = find_backbone(weights).backbone

    def read():
        return backbone.attention(photo, features.grid_shape, device, report)

    yield "attention", timed(read, device, rounds, warm=True)
    raw = read()
    scratch = raw.clone()
    yield "temperature", timed(lambda: adjust_temperature_(scratch.copy_(raw), 0.65), device, rounds)
    sharpened = adjust_temperature_(raw, 0.65)
    scaled = timed(lambda: make_doubly_stochastic_(scratch.copy_(sharpened), 200, 1e-6), device, rounds)
    yield "IPF", scaled
    yield "upsampling operator", timed(lambda: built(features), device, max(1, rounds // 3))
    whole = timed(
        lambda: compute_features(photo, weights, device=device, parameters=parameters), device, rounds, warm=True
    )
    yield "features, once loaded", whole


def sd2_times(device, photo, grid, rounds):
    """Yield what features of a Stable Diffusion 2 take, in half precision, where diffusers is installed."""
    if find_spec("diffusers") is not None:
        from napari_m2n2v2.backbones.stable_diffusion import StableDiffusionAttention

        backbone = StableDiffusionAttention("random", lambda: build(torch.float16), dtype=torch.float16)
        how = {"device": device, "parameters": FeatureParameters(grid=grid)}
        yield SD2, timed(lambda: compute_features(photo, backbone, **how), device, rounds)


def built(features):
    """Build the operator of features anew."""
    return replace(features, _operators={}).upsampling_operator(guided=True)


def click_times(features, rounds):
    """Yield the stages of a click and their seconds."""
    device, shape, clicks = features.transition.device, features.image.shape[:2], clicks_on(features.image.shape[:2])
    for number, name in ((1, "first click"), (2, "second click"), (10, "tenth click")):
        times = []
        for _ in range(rounds + 1):
            session = Session(features)
            session.replay(clicks[: number - 1])
            begin = time.perf_counter()  # a click ends with a mask on the CPU, so there is nothing to wait for
            session.click(clicks[number - 1])
            times.append(time.perf_counter() - begin)
        yield name, median(times[1:])
    pixel = int(clicks[0].row), int(clicks[0].col)
    start = start_state(*pixel, shape, features.grid_shape, device)
    steps = markov_map(features.transition, start, 0.3, 1000)
    operator = features.upsampling_operator(guided=True)
    upsampled = operator(steps) / operator(steps).max().clamp_min(1e-7)
    run = steps_on(device)
    filled = run.flood_fill(upsampled, pixel, None, "connected")
    filled /= max(filled.max(), np.float32(1e-7))
    nearest = nearest_click([filled], [0.3])
    finish = Finishing(features, SegmentationParameters(), [Seed((pixel,))], [True], [(np.inf,)], None, None)
    stages = {
        "Markov-map": lambda: markov_map(features.transition, start, 0.3, 1000),
        "upsampling": lambda: operator(steps),
        "flood fill": lambda: run.flood_fill(upsampled, pixel, None, "connected"),
        "scoring": lambda: run.candidate_thresholds(filled),
        "contrast, of a first click alone": lambda: run.contrast_across(features.contrast, filled),
        "nearest neighbour": lambda: nearest_click([filled], [0.3]),
        "truncation and refinement": lambda: finish(*nearest),
    }
    for name, call in stages.items():
        yield f"of a click: {name}", timed(call, device, rounds)


def machine(device):
    """Describe card, driver and versions."""
    there = processor()
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        there = (
            f"{card.name}, {card.total_memory / 2**30:.0f} GiB, driver {driver()}, CUDA {torch.version.cuda}; {there}"
        )
    return f"{device}: {there}; {versions('torch', 'numpy', 'numba', 'scipy', 'transformers')}"


def driver():
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


class Told(dict):
    """Cells by row, each told as soon as it is there: the whole takes minutes."""

    def __setitem__(self, name, cell):
        super().__setitem__(name, cell)
        print(f"{name}: {cell}", file=sys.stderr, flush=True)


def column(device, photo, grid, weights, options):
    """Return the cells of one grid by row, and the rows whose checks failed."""
    cells, failed = Told(), []
    compared = checks(device, photo, grid, weights, options.reference)
    for name, told, good in chain(step_checks(device, photo, grid), compared):
        cells[name] = told if good else f"**{told}**"
        failed += [] if good else [f"grid {grid}: {name}"]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    rounds = 1 if options.quick else options.rounds
    features = compute_features(photo, weights, device=device, parameters=FeatureParameters(grid=grid))
    for name, seconds in chain(feature_times(device, photo, grid, weights, rounds), click_times(features, rounds)):
        cells[name] = show(seconds)
    for name, seconds in () if device.type == "cpu" or options.quick else sd2_times(device, photo, grid, rounds):
        cells[name] = show(seconds)
    if device.type == "cuda":
        cells["peak memory of the card"] = f"{torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB"
    return cells, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="cuda, mps or cpu (%(default)s)")
    parser.add_argument("--grid", type=int, nargs="+", help="64 128, on a CPU 64")
    parser.add_argument("--quick", action="store_true", help="a tiny network, a small photo, grid 16")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each stage (%(default)s)")
    parser.add_argument(
        "--reference",
        default=SHARED and f"{SHARED}/reference",
        help="folder of stored outputs of the published program",
    )
    options = parser.parse_args()
    device = resolve_device(options.device)
    grids = options.grid or ([16] if options.quick else [64] if device.type == "cpu" else [64, 128])
    shape = (96, 144) if options.quick else (480, 854)
    columns, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        weights, named = weights_folder(Path(folder), options.quick)
        for grid in grids:
            cells, bad = column(device, photo_of(shape), grid, weights, options)
            columns.append(cells)
            failed += bad
    print(f"Measured on {machine(device)}. {shape[0]} x {shape[1]} pixels, {named}. Medians.\n")
    rows = [[name, *(cells[name] for cells in columns)] for name in columns[0]]
    print(table(["", *(f"grid {grid}" for grid in grids)], rows))
    for name in failed:
        print(f"NOT AS ON THE CPU: {name}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
