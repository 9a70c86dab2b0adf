"""Line 18: a strip so long that a piece of it is worked on at once."""

import numpy as np
import pytest

from tests.napari.conftest import SIDE, look_at


@pytest.fixture
def strip(dock, monkeypatch):
    """A strip 20 times as long as wide, of discs, all of it in view: as one that is too large to be worked on whole."""
    monkeypatch.setattr("napari_m2n2v2._napari.controller.field_of_view.fits_whole", lambda *_: False)
    rows, cols = np.mgrid[:SIDE, : 20 * SIDE]
    discs = (rows - SIDE / 2) ** 2 + ((cols % 128) - SIDE) ** 2 < 15**2
    noise = np.random.default_rng(0).normal(0, 5, discs.shape)
    image = (50 + 130.0 * discs + noise).clip(0, 255).astype(np.uint8)
    dock.controller.settings.change(working_side=SIDE)
    layer = dock.viewer.add_image(image, name="strip", contrast_limits=(0, 255))
    dock.viewer.reset_view()
    return dock.start(layer)


def test_line_18_the_status_says_that_why_is_of_a_piece(strip):
    told = "You see more than is worked on at once"
    assert strip.workspace.sees_beyond and told in strip.widget.status.text()
    look_at(strip, SIDE / 2, 10 * SIDE)
    assert not strip.workspace.sees_beyond and told not in strip.widget.status.text()
    strip.viewer.reset_view()
    strip.qtbot.wait(20)
    assert told in strip.widget.status.text()
    strip.controller.field.set_by_view(False)
    assert told not in strip.widget.status.text() and not strip.errors
