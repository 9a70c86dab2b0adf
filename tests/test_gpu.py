"""The one command for machines with a GPU: what it needs, and that a GPU gives the CPU's masks."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

from benchmarks.gpu import weights_folder
from benchmarks.gpu_checks import (
    LARGEST_DIFFERENCE,
    LEAST_IOU,
    checks,
    clicks_on,
    least_overlap,
    photo_of,
    relative,
    step_checks,
)
from napari_m2n2v2 import FeatureParameters, compute_features

ROOT = Path(__file__).parents[1]
NAMED = ("torch", "numpy", "scipy", "numba", "scikit-image", "transformers", "safetensors")
"""What the command says it needs."""

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA here")
CUDA = torch.device("cuda")

# Runs a script where nothing can be imported but the standard library, the sources and the distributions named.
ALONE = """
import importlib.metadata, runpy, socket, sys
script, allowed = sys.argv[1], set(sys.argv[2].split(","))
owners = importlib.metadata.packages_distributions()

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        known = top in ("napari_m2n2v2", "benchmarks") or top not in owners
        if known or allowed & {owner.lower() for owner in owners[top]}:
            return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

def refuse(*arguments):
    raise AssertionError("it went to the network")

def version(name, real=importlib.metadata.version):
    if name.startswith("napari"):
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)

sys.meta_path[:] = map(Hiding, sys.meta_path)
socket.socket.connect = socket.getaddrinfo = refuse
importlib.metadata.version = version
for name in ("napari", "qtpy", "diffusers", "psutil", "magicgui"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise AssertionError(f"{name} can be imported")
sys.argv = [script, *sys.argv[3:]]
runpy.run_path(script, run_name="__main__")
"""


def with_what_they_bring(names):
    """Return the distributions named and those they require, in all writings of their names."""
    found, left = {}, list(names)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # of another system or Python
            continue
        asked = [Requirement(one) for one in found[name].requires or ()]
        left += [one.name for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    return {writing for name, one in found.items() for writing in (name, one.name.lower())}


def wrong(found):
    """Return what came out of checks that failed."""
    return [f"{name}: {told}" for name, told, good in found if not good]


@pytest.mark.slow
def test_it_runs_with_nothing_but_the_packages_it_names():
    command = [sys.executable, "-c", ALONE, ROOT / "benchmarks" / "gpu.py", ",".join(with_what_they_bring(NAMED))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SHARED_DIR": ""}
    done = subprocess.run(
        [*command, "--device", "cpu", "--quick"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in done.stdout.splitlines() if "|" in line}
    assert rows["appearance: masks of 1 to 10 clicks, least IoU"] == "1.0000"
    assert {"attention", "IPF", "upsampling operator", "first click", "second click", "tenth click"} < rows.keys()
    assert all(re.fullmatch(r"[\d.]+(e[-+]\d+)? m?s", rows[name]) for name in ("attention", "tenth click"))


@on_a_gpu
@pytest.mark.gpu
class TestOnAGpu:
    """The checks of the command."""

    def test_same_masks(self, tmp_path):
        weights, _ = weights_folder(tmp_path, quick=True)
        assert wrong(checks(CUDA, photo_of((240, 320)), 32, weights, None)) == []

    def test_same_reference_masks(self, shared, tmp_path):
        weights, _ = weights_folder(tmp_path, quick=True)
        assert wrong(checks(CUDA, photo_of((96, 144)), 16, weights, shared / "reference")) == []

    def test_same_steps(self):
        assert wrong(step_checks(CUDA, photo_of((240, 320)), 32)) == []


def test_steps_in_torch_are_checked_without_a_gpu():
    found = list(step_checks(torch.device("cpu"), photo_of((96, 144)), 16))
    assert len(found) == 3 and wrong(found) == []


def test_what_differs_is_seen():
    """The comparison itself: features of another photo are not called the same."""
    photo = photo_of((60, 90))
    features = [
        compute_features(one, "appearance", device="cpu", parameters=FeatureParameters(grid=12))
        for one in (photo, np.ascontiguousarray(photo[::-1]))
    ]
    clicks = clicks_on((60, 90))[:3]
    assert least_overlap(features[0], features[0], clicks) == 1
    assert least_overlap(*features, clicks) < LEAST_IOU
    assert relative(features[1].transition, features[0].transition) > LARGEST_DIFFERENCE
