"""Features of old pixels are never taken for those of new ones."""

import numpy as np

from napari_m2n2v2.features.states import FeatureState


def test_cancelling_does_not_make_features_of_old_pixels_ready(real_dock, image):
    real_dock.start(real_dock.viewer.add_image(image))
    workspace = real_dock.workspace
    workspace.image.data = image[:, ::-1].copy()
    assert workspace.state is FeatureState.STALE
    real_dock.start(workspace.image, wait=False)
    real_dock.widget.cancel.click()
    assert workspace.state is FeatureState.STALE


def test_an_error_does_not_make_features_of_old_pixels_ready(dock, image):

    grey = image[..., 0].astype(np.float32)
    dock.start(dock.viewer.add_image(grey))
    broken = grey.copy()
    broken[:] = np.nan
    dock.workspace.image.data = broken
    dock.start(dock.workspace.image, wait=False)
    assert dock.errors and dock.workspace.state is FeatureState.STALE


def test_a_guide_layer_that_changes_makes_features_stale(started):

    guide = started.viewer.add_image(np.tile(np.linspace(0, 1, 64), (48, 1)), name="height")
    started.widget.settings.guide.value = guide
    started.start(started.workspace.image)
    guide.data = guide.data[:, ::-1].copy()
    assert started.workspace.state is FeatureState.STALE


def test_what_is_changed_while_features_are_computed_is_in_them(real_dock, image):

    real_dock.start(real_dock.viewer.add_image(image))
    real_dock.controller.clicks.add(16, 16)
    guide = real_dock.viewer.add_image(np.tile(np.linspace(0, 1, 64), (48, 1)), name="height")
    real_dock.widget.settings.guide.value = guide
    real_dock.start(real_dock.workspace.image, wait=False)
    real_dock.controller.state.set_rules(compete=False)
    real_dock.qtbot.waitUntil(lambda: real_dock.workspace.state is FeatureState.READY, timeout=60_000)
    real_dock.settle()
    session = real_dock.session()
    assert session.features is real_dock.workspace.features and session.compete is False
