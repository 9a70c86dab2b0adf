"""Features in the dock: computed once, by the worker, cancelled, and marked when they no longer match."""

import time

import numpy as np
import pytest

from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import same


def test_computing_reports_progress_and_draws_the_mask_when_ready(real_dock, image):
    shares = []
    real_dock.controller.state.progressed.connect(lambda share, stage: shares.append(share))
    real_dock.start(real_dock.viewer.add_image(image), wait=False)
    assert real_dock.workspace.state is FeatureState.COMPUTING and real_dock.widget.cancel.isEnabled()
    real_dock.points.add([16, 16])  # clicks may come before the features are there
    real_dock.qtbot.waitUntil(lambda: real_dock.workspace.solution is not None, timeout=60_000)
    real_dock.settle()
    same(real_dock.labels, real_dock.expected())
    assert shares == sorted(shares) and len(shares) > 3


def test_cancel_stops_and_a_second_start_works(real_dock, image, monkeypatch):
    def slowly(self, image, grid, device, progress):
        for share in np.linspace(0, 1, 200):  # longer than it takes to press Cancel on a busy machine
            progress(share, "slowly")
            time.sleep(0.02)
        raise AssertionError("it was not cancelled")

    layer = real_dock.viewer.add_image(image)
    ended = []
    real_dock.controller.state.progressed.connect(lambda share, stage: ended.append(share))
    with monkeypatch.context() as slow:
        slow.setattr(AppearanceAttention, "attention", slowly)
        real_dock.start(layer, wait=False)
        real_dock.qtbot.waitUntil(lambda: bool(ended), timeout=30_000)
        real_dock.widget.cancel.click()
        assert real_dock.workspace.state is FeatureState.MISSING
        seen = len(ended)
        real_dock.qtbot.wait(500)
        assert len(ended) == seen and real_dock.workspace.features is None
    real_dock.start(layer)
    assert real_dock.workspace.features is not None and not real_dock.errors


def test_fast_clicks_end_with_the_mask_of_them_all(real_dock, image):
    real_dock.start(real_dock.viewer.add_image(image))
    for place in [(16, 16), (33, 48), (40, 10), (10, 20), (5, 50)]:
        real_dock.points.add(place)
    real_dock.widget.buttons.undo.click()
    real_dock.settle()
    assert len(real_dock.workspace.clicks) == 4
    same(real_dock.labels, real_dock.expected())


def test_features_are_computed_once_per_image(started, image):
    first = started.workspace.features
    other = started.viewer.add_image(image[:, ::-1].copy(), name="other")
    started.start(other)
    assert started.workspace.image is other and started.workspace.features is not first
    started.start(started.viewer.layers["cells"])
    assert started.workspace.features is first


@pytest.mark.parametrize("change", ["contrast", "data", "setting"])
def test_features_that_no_longer_match_are_marked_not_recomputed(dock, image, change):
    layer = dock.viewer.add_image(image[..., 0])
    dock.start(layer)
    features = dock.workspace.features
    if change == "contrast":
        layer.contrast_limits = (10, 90)
    elif change == "data":
        layer.data = image[..., 1]
    else:
        dock.controller.settings.change(grid=8)
    assert dock.workspace.state is FeatureState.STALE and dock.workspace.features is features
    assert "Compute again" in dock.widget.start.text()
    dock.widget.start.click()
    assert dock.workspace.state is FeatureState.READY and dock.workspace.features is not features


@pytest.mark.parametrize("which", ["image", "points", "labels"])
def test_deleting_a_layer_while_computing(real_dock, image, which):
    layer = real_dock.viewer.add_image(image)
    real_dock.start(layer, wait=False)
    real_dock.viewer.layers.remove(getattr(real_dock.workspace, which))
    assert real_dock.workspace is None
    real_dock.qtbot.wait(300)
    if which != "image":
        real_dock.start(layer)
        assert len(real_dock.viewer.layers) == 3  # what was left over is taken up again
    assert not real_dock.errors


def test_missing_weights_are_told_with_the_command_that_gets_them(dock, image):
    dock.controller.settings.change(attention="dinov2-large")
    dock.start(dock.viewer.add_image(image), wait=False)
    assert "napari-m2n2v2 download dinov2-large" in dock.errors[-1]
    assert dock.workspace.state is FeatureState.MISSING


def test_a_guide_layer_is_used(dock, image):
    layer = dock.viewer.add_image(image)
    guide = dock.viewer.add_image(np.tile(np.arange(64.0), (48, 1)), name="depth")
    dock.widget.settings.guide.value = guide
    dock.start(layer)
    assert dock.workspace.features.guide.max() == 1
    dock.viewer.layers.remove(guide)
    assert dock.workspace.state is FeatureState.STALE
