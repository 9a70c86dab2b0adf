"""All slices ahead of clicks: marks, room, giving way, pausing, changes meanwhile, the folder, closing."""

import threading
import time

import numpy as np
import pytest

from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.states import FeatureState
from tests.conftest import blob_image
from tests.napari.conftest import same

DEPTH = 5


@pytest.fixture
def volume():
    return np.stack([np.roll(blob_image(seed=z), 3 * z, axis=1)[..., 0] for z in range(DEPTH)])


@pytest.fixture
def stack(real_dock, volume):
    """A started stack, slice 1 shown."""
    layer = real_dock.viewer.add_image(volume, name="stack")
    real_dock.slide(1)
    return real_dock.start(layer)


def panel(dock):
    return dock.widget.prepare


def marks(dock):
    return [mark.name for mark in panel(dock).preparing.marks().values()]


def prepare(dock):
    panel(dock).start.click()
    finish(dock)


def finish(dock):
    dock.qtbot.waitUntil(lambda: not panel(dock).preparing.is_running, timeout=60_000)


class Gate:
    """Holds the worker as it reads a slice, until it is opened."""

    def __init__(self, index):
        self.reached, self.go, self._index = threading.Event(), threading.Event(), index

    def hold(self, read, recipe):
        if recipe.channels[0].index == self._index:
            self.reached.set()
            self.go.wait(30)
        return read(recipe)


@pytest.fixture
def gate(monkeypatch):
    """Before slice 0 is read."""
    gate, read = Gate((0,)), Recipe.seen
    monkeypatch.setattr(Recipe, "seen", lambda recipe: gate.hold(read, recipe))
    yield gate
    gate.go.set()


def test_all_slices_are_prepared_and_nothing_else_changes(stack, volume):
    stack.points.add([1, 16, 19])
    stack.settle()
    before, placed = stack.labels.copy(), stack.workspace.placed
    assert marks(stack) == ["MISSING", "READY", "MISSING", "MISSING", "MISSING"]
    assert "All fit into memory" in panel(stack).told.text()
    prepare(stack)
    assert marks(stack) == ["READY"] * DEPTH and not stack.errors
    assert "5 of 5 ready" in panel(stack).told.text()
    same(stack.labels, before)
    assert stack.workspace.placed == placed and [p.key.plane.index for p in stack.workspace.parts] == [(1,)]
    held = stack.controller.features.store.nbytes
    assert held == DEPTH * stack.workspace.features.nbytes
    stack.slide(3)
    assert "was prepared" in stack.widget.status.text() and "Slice 3: ready." in panel(stack).told.text()
    stack.points.add([3, 16, 25])
    stack.qtbot.waitUntil(lambda: stack.workspace.solution is not None, timeout=20_000)
    assert stack.controller.features.store.nbytes == held, "what was prepared was used, not computed again"
    assert stack.controller.features.store.holds(stack.workspace.features)
    same(stack.shown_labels, stack.expected())


def test_memory_says_how_many_slices_fit_and_leaves_the_others_out(stack):
    each = stack.workspace.features.nbytes
    stack.controller.features.store.use_memory(int(2.5 * each))
    panel(stack).refresh()
    assert "About 2 of them" in panel(stack).told.text()
    prepare(stack)
    assert marks(stack) == ["READY", "READY", "LEFT_OUT", "LEFT_OUT", "LEFT_OUT"]
    assert stack.controller.features.store.nbytes <= 2.5 * each
    assert "3 left out, no room" in panel(stack).told.text()


def test_a_folder_keeps_slices_for_the_next_time(stack, tmp_path):
    store = stack.widget.settings.store
    assert "nothing is written to disk" in store.told.text()
    store.use(tmp_path / "features")
    prepare(stack)
    entries = list((tmp_path / "features").glob("*.safetensors"))
    assert len(entries) == DEPTH and marks(stack) == ["READY"] * DEPTH
    assert "All fit into the folder features: about" in panel(stack).told.text()
    assert panel(stack).preparing.slice_bytes() < stack.workspace.features.nbytes / 10
    times = {path: path.stat().st_ino for path in entries}
    store.refresh()
    assert "GB in " + str(tmp_path) in store.told.text()
    stack.controller.features.store.close()
    panel(stack).start.click()
    finish(stack)
    assert {path: path.stat().st_ino for path in entries} == times, "stored entries were used"
    (tmp_path / "features" / "mine.txt").write_text("stays")
    store.empty()
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["mine.txt"]
    assert stack.controller.features.store.nbytes == 0


def test_a_click_goes_before_the_slice_at_hand(stack, gate):
    """Slice 0 is being prepared when a click on slice 4 comes: it is answered before any other slice is ready."""
    panel(stack).start.click()
    stack.qtbot.waitUntil(gate.reached.is_set, timeout=30_000)
    stack.slide(4)
    stack.points.add([4, 16, 28])
    gate.go.set()
    stack.qtbot.waitUntil(lambda: stack.workspace.solution is not None, timeout=30_000)
    # Slice 0 may have been begun again by now.
    assert [mark == "READY" for mark in marks(stack)] == [False, True, False, False, True]
    same(stack.shown_labels, stack.expected())
    finish(stack)
    assert marks(stack) == ["READY"] * DEPTH and not stack.errors


def test_carrying_goes_before_the_slice_at_hand(stack, monkeypatch):
    stack.points.add([1, 16, 19])
    stack.settle()
    real, inside = AppearanceAttention.attention, threading.Event()

    def slowly(self, image, grid, device, progress):
        for share in np.linspace(0, 1, 20):
            progress(share, "slowly")
            inside.set()
            time.sleep(0.02)
        return real(self, image, grid, device, progress)

    monkeypatch.setattr(AppearanceAttention, "attention", slowly)
    panel(stack).start.click()
    stack.qtbot.waitUntil(inside.is_set, timeout=10_000)
    stack.controller.propagation.propagate(1, 2)
    stack.qtbot.waitUntil(lambda: not stack.controller.propagation.queue.is_running, timeout=20_000)
    assert panel(stack).preparing.is_running  # the slice that was let go is still to come
    stack.settle()
    assert stack.labels[2].any() and stack.labels[3].any()
    finish(stack)


def test_pause_holds_and_cancel_stops_within_the_slice(stack, gate):
    panel(stack).start.click()
    stack.qtbot.waitUntil(gate.reached.is_set, timeout=30_000)
    panel(stack).pause.click()
    gate.go.set()
    assert panel(stack).pause.text() == "Resume" and "paused" in stack.widget.progress.toolTip()
    stack.qtbot.wait(500)
    assert marks(stack) == ["MISSING", "READY", "MISSING", "MISSING", "MISSING"]
    stack.widget.cancel.click()
    assert not panel(stack).preparing.is_running and panel(stack).start.isEnabled()
    prepare(stack)
    assert marks(stack) == ["READY"] * DEPTH


def test_what_changes_makes_slices_stale_and_ends_the_run(stack, volume, gate):
    gate.go.set()
    told = []
    stack.controller.state.told.connect(told.append)
    prepare(stack)
    stack.workspace.image.contrast_limits = (10, 90)
    assert marks(stack) == ["STALE"] * DEPTH
    gate.go.clear()
    gate.reached.clear()
    panel(stack).start.click()
    stack.qtbot.waitUntil(gate.reached.is_set, timeout=30_000)
    stack.workspace.image.data = 255 - volume
    assert not panel(stack).preparing.is_running and any("changed" in text for text in told)
    gate.go.set()
    stack.qtbot.wait(300)
    assert marks(stack) == ["MISSING"] + ["STALE"] + ["MISSING"] * 3
    prepare(stack)
    assert marks(stack) == ["READY"] * DEPTH


def test_a_slice_that_cannot_be_segmented_is_marked_and_says_why(real_dock, volume):
    pixels = volume.astype(np.float32)
    pixels[3] = np.nan
    real_dock.viewer.add_image(pixels, contrast_limits=(0, 255), name="stack")
    real_dock.slide(1)
    real_dock.start(real_dock.viewer.layers["stack"])
    prepare(real_dock)
    assert marks(real_dock) == ["READY", "READY", "READY", "FAILED", "READY"]
    panel(real_dock).strip.chosen.emit((3,))
    assert real_dock.workspace.here.index == (3,)
    assert "Slice 3: failed" in panel(real_dock).told.text() and "NaN" in panel(real_dock).told.text()


def test_removing_the_image_ends_it(stack, gate):
    panel(stack).start.click()
    stack.qtbot.waitUntil(gate.reached.is_set, timeout=30_000)
    run = panel(stack).preparing._present[1]
    stack.viewer.layers.remove(stack.workspace.image)
    assert not panel(stack).preparing.is_running
    gate.go.set()
    stack.qtbot.wait(300)
    assert [state.name for state in run.work.states.values()].count("READY") <= 1
    assert not stack.errors


def test_closing_the_dock_ends_it_even_when_paused(stack, gate):
    panel(stack).start.click()
    stack.qtbot.waitUntil(gate.reached.is_set, timeout=30_000)
    panel(stack).pause.click()
    preparing = panel(stack).preparing
    stack.widget.close_down()
    gate.go.set()
    preparing._jobs._executor.shutdown(wait=True)  # would hang if the worker went on waiting
    assert not preparing.is_running


def test_an_image_of_one_plane_has_nothing_to_prepare(real_dock, image):
    real_dock.start(real_dock.viewer.add_image(image))
    assert not panel(real_dock).start.isEnabled() and not panel(real_dock).strip.isVisible()
    assert real_dock.workspace.state is FeatureState.READY and marks(real_dock) == ["READY"]
