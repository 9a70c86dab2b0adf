"""What all controllers and panels share, without a viewer or a widget."""

from types import SimpleNamespace

import pytest

from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2.errors import ImageError


@pytest.fixture
def state():
    return DockState(viewer=None)


def heard(signal):
    calls = []
    signal.connect(lambda *given: calls.append(given))
    return calls


def test_it_says_which_image_is_worked_on_once(state):
    activated, closed = heard(state.activated), heard(state.closed)
    one, other = SimpleNamespace(image="one"), SimpleNamespace(image="other")
    for workspace in (one, other):
        state.add(workspace)
    state.activate(one)
    state.activate(one)
    assert len(activated) == 1 and state.of("other") is other and state.of("third") is None
    state.remove(other)
    assert state.active is one and len(activated) == 1
    state.remove(one)
    assert state.active is None and len(activated) == 2 and closed == [(other,), (one,)] and state.workspaces == ()


def test_rules_that_stay_are_no_change(state):
    changed = heard(state.rules_changed)
    state.set_rules(compete=True)
    assert not changed
    state.set_rules(compete=False)
    assert len(changed) == 1 and not state.rules.compete


def test_our_errors_are_told_and_bugs_are_not_hidden(state):
    failed = heard(state.failed)
    with state.errors_shown():
        raise ImageError("too small")
    (told,) = failed[0]
    assert told.splitlines()[0] == "too small" and "ImageError" in told.splitlines()[-1]  # where to read on
    with pytest.raises(ZeroDivisionError), state.errors_shown():
        1 / 0  # noqa: B018
    assert len(failed) == 1
