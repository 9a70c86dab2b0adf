"""Docks that are some clicks ahead: objects to carry, a session to save."""

import pytest

from tests.napari.controller.carried_stacks import CYLINDER, begin
from tests.propagation.drawn_stacks import BALL


@pytest.fixture
def globe(dock):
    """A ball, clicked in its middle slice."""
    return begin(dock, BALL, 5, (24, 30))


@pytest.fixture
def cylinder(dock):
    return begin(dock, CYLINDER, 3, (24, 30))


@pytest.fixture
def clicked(started):
    started.controller.clicks.add(16, 16)
    started.controller.clicks.add(5, 50, foreground=False)
    started.controller.objects.next()
    started.controller.clicks.add(33, 48)
    started.told = []
    started.controller.state.told.disconnect()
    started.controller.state.told.connect(started.told.append)
    return started
