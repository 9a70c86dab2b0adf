"""How long what runs still takes."""

from types import SimpleNamespace

import pytest
from psygnal import Signal

from napari_m2n2v2._napari.controller import activity
from napari_m2n2v2._napari.controller.activity import ActivityController


class Part:
    """A controller that runs what a test says."""

    changed = Signal()
    progressed = Signal(float, str)
    turned = Signal()
    features_changed = Signal()
    keys = ()
    run = None
    is_running = False
    present = None

    def cancel(self):
        self.present = None


@pytest.fixture
def clock(monkeypatch):
    time = SimpleNamespace(now=100.0)
    monkeypatch.setattr(activity.time, "monotonic", lambda: time.now)
    return time


@pytest.fixture
def parts(clock):
    state, features = Part(), Part()
    made = ActivityController(state, Part(), features, Part(), Part(), Part())
    workspace = SimpleNamespace(name_of=lambda plane: "slice 12")
    features.present = workspace, SimpleNamespace(plane=None)
    yield made, state
    made.close()


def test_the_rest_is_told_once_enough_is_done(parts, clock):
    made, state = parts
    state.progressed.emit(0.0, "loading")
    clock.now += 3
    state.progressed.emit(0.1, "attention")
    assert made.present.what == "Features of slice 12: attention"
    clock.now += 3
    state.progressed.emit(0.5, "attention")
    assert made.present.what == "Features of slice 12: attention, 6 s left"
    clock.now += 2
    state.progressed.emit(0.8, "attention")
    assert made.present.what.endswith("2 s left")


def test_another_task_begins_anew(parts, clock):
    made, state = parts
    state.progressed.emit(0.9, "attention")
    clock.now += 60
    state.progressed.emit(0.0, "loading")
    clock.now += 1
    state.progressed.emit(0.5, "attention")
    assert "left" not in made.present.what  # too short to say
