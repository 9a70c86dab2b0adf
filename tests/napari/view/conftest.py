"""What several tests of the dock's panels begin with."""

import pytest


@pytest.fixture
def three(started):
    for place in ((16, 16), (33, 48), (40, 10)):
        started.controller.clicks.add(*place)
        started.controller.objects.next()
    started.controller.objects.select(3)
    return started
