"""Looking at slices that a folder has: ready before a click, those beside them too, and nothing else is computed."""

import threading

import numpy as np
import pytest

from napari_m2n2v2._napari.controller import ahead
from napari_m2n2v2._napari.controller.ahead import beside
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.states import FeatureState
from tests.conftest import blob_image
from tests.napari.conftest import same

DEPTH = 6


@pytest.fixture
def volume():
    return np.stack([np.roll(blob_image(seed=z), 3 * z, axis=1)[..., 0] for z in range(DEPTH)])


@pytest.fixture
def prepared(real_dock, volume, tmp_path, monkeypatch):
    """A stack whose slices are in a folder and, but for the first, not in memory; slice 0 is shown."""
    layer = real_dock.viewer.add_image(volume, name="stack")
    real_dock.slide(0)
    real_dock.start(layer)
    store = real_dock.controller.features.store
    store.close()
    store.use_folder(tmp_path / "features", 10**9)
    real_dock.controller.precompute.start()
    real_dock.qtbot.waitUntil(lambda: not real_dock.controller.precompute.is_running, timeout=60_000)

    def refuse(*_, **__):
        raise AssertionError("attention was computed")

    monkeypatch.setattr(AppearanceAttention, "attention", refuse)
    rested(real_dock)
    store.close()
    return real_dock


def rested(dock):
    """Wait until there is nothing more to look for."""
    dock.qtbot.waitUntil(lambda: dock.controller.ahead._is_done and not dock.controller.jobs.keys, timeout=20_000)


def states(dock):
    return {part.key.plane.index[0]: part.state for part in dock.workspace.parts}


def test_the_slice_shown_is_ready_before_a_click_and_those_beside_it_are_in_memory(prepared, monkeypatch):
    prepared.slide(2)
    rested(prepared)
    assert prepared.workspace.state is FeatureState.READY and not prepared.workspace.placed
    store, each = prepared.controller.features.store, prepared.workspace.features.nbytes
    assert store.nbytes == 3 * each and not prepared.labels.any()

    def refuse(*_, **__):
        raise AssertionError("a matrix was made again")

    monkeypatch.setattr(FeatureRequest, "remake_transition", refuse)
    for z in (3, 1):
        prepared.slide(z)
        prepared.points.add([z, 16, 16 + 3 * z])
        prepared.qtbot.waitUntil(lambda: prepared.workspace.solution is not None, timeout=20_000)
        same(prepared.shown_labels, prepared.expected())
    assert prepared.shown_labels.any() and not prepared.errors


def test_slices_that_are_passed_by_are_left_alone(prepared, monkeypatch):
    monkeypatch.setattr(ahead, "_RESTING", 2.0)
    for z in (1, 2, 3, 4, 5):
        prepared.slide(z)
        prepared.qtbot.wait(30)
    rested(prepared)
    assert states(prepared) == {0: FeatureState.READY, 5: FeatureState.READY}


@pytest.fixture
def held(monkeypatch):
    """Holds the worker as it makes a matrix again."""
    reached, go, real = [], threading.Event(), FeatureRequest.remake_transition

    def hold(request, *given):
        reached.append(request)
        assert go.wait(30)
        return real(request, *given)

    monkeypatch.setattr(FeatureRequest, "remake_transition", hold)
    yield reached, go
    go.set()


@pytest.mark.parametrize("clicked", [False, True])
def test_moving_on_gives_up_what_no_click_waits_for(prepared, held, clicked):
    reached, go = held
    prepared.slide(2)
    prepared.qtbot.waitUntil(lambda: len(reached) == 1, timeout=20_000)
    if clicked:
        prepared.points.add([2, 16, 22])
    prepared.slide(5)
    waited_for = FeatureState.COMPUTING if clicked else FeatureState.MISSING
    assert states(prepared)[2] is waited_for
    go.set()
    rested(prepared)
    prepared.settle()
    assert states(prepared)[5] is FeatureState.READY and prepared.labels[2].any() == clicked
    assert (states(prepared)[2] is FeatureState.READY) == clicked and not prepared.errors


def test_a_click_waits_for_what_was_begun_and_nothing_is_made_twice(prepared, held):
    reached, go = held
    prepared.controller.features.store.use_memory(0)  # so that nothing is brought beside it
    prepared.slide(4)
    prepared.qtbot.waitUntil(lambda: len(reached) == 1, timeout=20_000)
    prepared.points.add([4, 16, 28])
    go.set()
    prepared.qtbot.waitUntil(lambda: prepared.workspace.solution is not None, timeout=20_000)
    rested(prepared)
    assert len(reached) == 1
    same(prepared.shown_labels, prepared.expected())


def test_what_the_folder_does_not_have_is_not_computed(prepared):
    prepared.controller.features.store.disk.clear()
    prepared.slide(3)
    prepared.qtbot.wait(500)
    rested(prepared)
    assert prepared.workspace.state is FeatureState.MISSING and not prepared.errors


def test_what_lies_beside():
    assert beside((9,), (4,), ()) == [(5,), (3,)]
    assert beside((9,), (4,), (-3,)) == [(3,), (5,)]
    assert beside((9,), (8,), (2,)) == [(7,)] and beside((), (), ()) == []
    assert beside((3, 9), (1, 4), (0, 1)) == [(1, 5), (1, 3), (2, 4), (0, 4)]
    assert beside((3, 9), (1, 4), (-1, 0))[:2] == [(0, 4), (2, 4)]
