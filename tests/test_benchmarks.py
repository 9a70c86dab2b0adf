"""The scripts that docs quote still run: on tiny data, for what they print and not for how fast they are."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage.io import imsave

from benchmarks import prompts
from napari_m2n2v2.evaluation.datasets import open_dataset
from tests.conftest import blob_image

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dataset(tmp_path):
    """One small image with one object, as the evaluator takes it."""
    image = blob_image()
    for folder, name, pixels in (("images", "a", image), ("masks", "a__1", (image[..., 0] > 150) * np.uint8(255))):
        (tmp_path / folder).mkdir()
        imsave(tmp_path / folder / f"{name}.png", pixels, check_contrast=False)
    return tmp_path


def run(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_what_storing_features_takes(dataset):
    rows = [line.split("|") for line in run("-m", "benchmarks.stored_features", dataset).splitlines()[2:]]
    by_name = {row[1].strip(): [cell.strip() for cell in row[2:-1]] for row in rows}
    assert by_name["transition matrix, float32"][-2:] == ["0.00", "1.0000"]
    assert by_name["a plane from the folder"][-2:] == ["0.00", "1.0000"]


def test_how_visible_seams_are(monkeypatch):
    seams = runpy.run_path(str(ROOT / "benchmarks" / "seams.py"))
    agreement, alone, elsewhere, at_seam = seams["measure"](0)
    assert agreement > 0.9 and alone > 0.9 and at_seam < 3 * elsewhere + 1


def test_a_baseline_that_is_stopped_needs_at_least_so_many_clicks():
    fewer_clicks = runpy.run_path(str(ROOT / "benchmarks" / "fewer_clicks.py"))
    of_objects, are_least = fewer_clicks["of_objects"], fewer_clicks["are_least"]
    ended, stopped = {"ious": [0.5] * 20}, {"ious": [0.5, 0.95], "stopped": True}
    traces = {"a/ended/union-0": ended, "a/stopped/union-0": stopped}
    assert of_objects(traces, 0.9) == {"a/ended": 20, "a/stopped": 2} and not are_least(traces, 0.9)
    assert of_objects(traces, 0.99)["a/stopped"] == 3 and are_least(traces, 0.99)
    assert of_objects(traces, 3) == {"a/ended": 0.5}


def test_what_prompts_are_worth(tmp_path, dataset, features, monkeypatch, capsys):
    """On one object; what was traced once is not traced again."""
    pytest.importorskip("cv2")
    pytest.importorskip("pyamg")
    monkeypatch.setattr(prompts, "samples_of", lambda *which: open_dataset(dataset).samples)
    monkeypatch.setattr(prompts, "features_of", lambda image, options: features)
    asked = ["choose", "--sets", "blobs", "--interactions", "2", "--by-set", "--output", str(tmp_path / "t.jsonl")]
    prompts.main(prompts.parse(asked))
    told = capsys.readouterr().out
    assert told.count("| blobs | 1 |") == 1 and "box: at least GrabCut on" in told and "| after 0 | 1 |" in told
    table = told.split("\n\n")[0].splitlines()[2:]
    rows = {cells[1].strip(): cells[3] for cells in (line.split("|") for line in table)}
    assert {"grabcut, box", "random walker, scribble"} <= rows.keys()
    assert all(float(rows[first].split()[0]) > 0.5 for first in ("click", "box", "outline-jittered", "scribble"))
    monkeypatch.setattr(prompts, "traced", None)
    prompts.main(prompts.parse(asked))
    assert capsys.readouterr().out == told
