"""Opening and closing, themes and fonts, the console."""

import gc
import runpy
from pathlib import Path

import numpy as np
import psutil
import pytest
from qtpy.QtWidgets import QPushButton

import napari_m2n2v2
from napari_m2n2v2.features.states import FeatureState

ROOT = Path(__file__).parents[3]


def connections(viewer):
    emitters = [viewer.layers.events, viewer.layers.selection.events, viewer.dims.events]
    callbacks = [c for emitter in emitters for e in emitter.emitters.values() for c in e.callbacks]
    # napari drops dead references at the next event only.
    count = sum(not isinstance(c, tuple) or c[0]() is not None for c in callbacks)
    return count + len(viewer.mouse_drag_callbacks) + len(viewer.mouse_move_callbacks) + len(viewer.keymap)


@pytest.mark.parametrize("docks", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_docks_leave_nothing_behind(viewer, qtbot, image, docks):
    layer = viewer.add_image(image)
    counts, memory = [], []
    for _ in range(docks):
        _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
        widget.controller.settings.change(attention="appearance", grid=12)
        widget.image.value = layer
        widget.start.click()
        active = widget.controller.state.active
        qtbot.waitUntil(lambda active=active: active.state is FeatureState.READY, timeout=60_000)
        active.points.add([16, 16])
        qtbot.waitUntil(
            lambda active=active: active.solution is not None and active.solution.result.clicks != (), timeout=20_000
        )
        viewer.window.remove_dock_widget(widget)
        del widget, active
        for other in [other for other in viewer.layers if other is not layer]:
            viewer.layers.remove(other)
        qtbot.wait(20)
        gc.collect()
        counts.append(connections(viewer))
        memory.append(psutil.Process().memory_info().rss / 1e6)
    assert len(set(counts[1:])) == 1, counts
    assert memory[-1] - memory[docks // 2 - 1] < 30, memory


def test_every_button_says_what_it_does(real_dock):
    ours = [w for w in real_dock.widget.findChildren(QPushButton) if w.text() and type(w) is QPushButton]
    assert len(ours) > 15
    folds = {"How far a click reaches", "Find similar", "Stack", "Why", "Save", "More"}
    assert [b.text() for b in ours if not b.toolTip() and b.text() not in folds] == []


def test_the_console_example_runs_as_it_is_written(viewer, qtbot, monkeypatch):
    names = runpy.run_path(str(ROOT / "docs" / "console_example.py"))
    dock = names["dock"]
    qtbot.waitUntil(lambda: not dock.is_busy, timeout=60_000)
    assert dock.points.features["object"].tolist() == [1, 1, 1, 2]
    assert set(np.unique(dock.labels.data)) == {0, 1, 2}
    assert napari_m2n2v2.attach(viewer) is dock
    viewer.window.remove_dock_widget("all")
