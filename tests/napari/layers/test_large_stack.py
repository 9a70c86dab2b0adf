"""A stack of 200 planes of 2048 x 2048: what is read of it, and the memory that a whole process takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow  # ten minutes
@pytest.mark.parametrize(("attention", "steps"), [("appearance", 1), ("offline", 5)])
def test_only_planes_that_are_visited_are_read_and_memory_is_bounded(attention, steps):
    command = [sys.executable, str(ROOT / "benchmarks" / "large_stack.py"), "--attention", attention]
    done = subprocess.run(
        [*command, "--steps", str(steps)], capture_output=True, text=True, timeout=1500, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["planes"] == 200 and said["gigabytes"] > 1.6 and said["errors"] == []
    seen = said["slices seen"]
    assert len(seen) >= 9 + 2 * steps and [int(plane) for plane in said["chunks read"]] == seen
    # Once for napari to show and once for the features, for every object that came by; the middle one is gone back to.
    middle = said["chunks read"].pop("100")
    assert max(said["chunks read"].values()) <= 6 and middle <= 12
    assert said["objects carried"] == dict.fromkeys("123", 2 * steps)
    assert said["IoU of one click, worst"] > 0.8 and said["Dice carried, worst"] > 0.8
    assert said["peak GB"] < 3
