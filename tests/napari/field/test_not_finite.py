"""Line 9 of what the field found: layers with NaN or infinite pixels are segmented, and the status line says so."""

import numpy as np
import pytest

from napari_m2n2v2._napari.layers.image import BIT_DEPTHS


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_line_9_a_nan_margin_and_infinite_pixels_in_every_bit_depth(dock, image):
    grey = image[..., 0].astype(np.float32)
    grey[:, :3], grey[40, 10] = np.nan, np.inf
    layer = dock.viewer.add_image(grey, name="odd")
    for bit_depth in BIT_DEPTHS:
        dock.controller.settings.change(bit_depth=bit_depth)
        dock.start(layer)
        assert not dock.errors and "145 pixels of the image were NaN or infinite" in dock.widget.status.text()
    dock.controller.clicks.add(16, 16)
    assert dock.labels[16, 16] == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_line_9_a_guide_layer_with_nan(dock, image):
    guide = np.tile(np.linspace(0, 1, 64), (48, 1))
    guide[:, :3] = np.nan
    dock.widget.settings.guide.value = dock.viewer.add_image(guide, name="height", contrast_limits=(0, 1))
    dock.start(dock.viewer.add_image(image, name="cells"))
    assert not dock.errors and "144 pixels of the guide given were NaN" in dock.widget.status.text()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_line_9_a_guide_layer_of_another_level_with_nan(dock, image):
    """A pyramid of which a smaller level is read than of the image."""
    guide = np.tile(np.linspace(0, 1, 64), (48, 1))
    guide[:, :4] = np.nan
    viewer = dock.viewer
    layer = viewer.add_image([guide, guide[::2, ::2]], multiscale=True, name="height", contrast_limits=(0, 1))
    dock.controller.settings.change(working_side=24)
    dock.widget.settings.guide.value = layer
    dock.start(viewer.add_image(image, name="cells"))
    assert not dock.errors and "48 pixels of the guide given were NaN" in dock.widget.status.text()
