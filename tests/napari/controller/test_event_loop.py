"""The event loop is never held up by us: what our code costs the main thread, while the worker is busy."""

import cProfile
import pstats
import time
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QTimer

import napari_m2n2v2
from napari_m2n2v2.features.states import FeatureState

pytestmark = pytest.mark.alone

OURS = str(Path(napari_m2n2v2.__file__).parent)
FRAME = 0.016  # seconds; more than that is a dropped frame


def large(image):
    return np.tile(image, (10, 13, 1))  # 480 x 832


def own_seconds(profile):
    """Seconds spent in our own functions and in what numpy does for them, without napari's answers to our events."""
    stats = pstats.Stats(profile)
    total = 0.0
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():
        if file.startswith(OURS):
            total += own
        elif "napari" not in file and "vispy" not in file:
            total += sum(spent[2] for (caller, _, _), spent in callers.items() if caller.startswith(OURS))
    return total


def test_a_click_costs_the_main_thread_less_than_a_frame(real_dock, image):
    """Points in, labels out: of each click, only what is ours. The worker solves meanwhile."""
    real_dock.controller.settings.change(grid=48)  # coarse grids make upsampling windows large, and slow to build
    real_dock.start(real_dock.viewer.add_image(large(image)))
    real_dock.points.add([[100, 100]])
    real_dock.settle()
    costs, solved = [], []
    real_dock.controller.state.solved.connect(lambda: solved.append(True))  # asking whether it is would count as ours
    for i in range(12):
        profile = cProfile.Profile()
        profile.enable()
        real_dock.points.add([[40 + 30 * i, 60 + 50 * i]])
        while len(solved) <= i:
            real_dock.qtbot.wait(1)
        profile.disable()
        costs.append(own_seconds(profile))
    assert min(costs) < FRAME, costs  # the least: what else a machine does only adds to it


def test_frames_go_on_while_features_are_computed(real_dock, image):
    import torch  # noqa: F401 - its first import holds the interpreter for a second, whoever asks for it

    gaps, last = [], [time.perf_counter()]

    def tick():
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    real_dock.controller.settings.change(grid=48)
    timer = QTimer()
    timer.timeout.connect(tick)
    real_dock.start(real_dock.viewer.add_image(large(image)), wait=False)
    timer.start(0)
    last[0] = time.perf_counter()
    while real_dock.workspace.state is FeatureState.COMPUTING:
        real_dock.qtbot.wait(1)
    timer.stop()
    # Single gaps are the machine's or the canvas's; a loop that waits for us would be slow all the time.
    assert len(gaps) > 100 and np.mean(np.array(gaps) > FRAME) < 0.05 and np.median(gaps) < FRAME / 4
