"""The first look: coarse outlines of what waiting clicks will give, shown and gone, and nothing made of them."""

import threading

import numpy as np
import pytest

from napari_m2n2v2 import Session
from napari_m2n2v2.features import image_features
from napari_m2n2v2.features.coarse import coarse_features
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import same


@pytest.fixture
def may_build(monkeypatch, image):
    """The upsampling operator of all pixels is built when this is set."""
    may_go_on, real = threading.Event(), image_features.build_upsampling_operator

    def build(guide, grid_shape, sigma_spatial, sigma_range, finished=None, **how):
        while guide.shape[1:] == image.shape[:2] and not may_go_on.wait(0.02):
            finished(0.1)
        return real(guide, grid_shape, sigma_spatial, sigma_range, finished, **how)

    monkeypatch.setattr(image_features, "build_upsampling_operator", build)
    yield may_go_on
    may_go_on.set()


def first_look(dock):
    found = [layer for layer in dock.viewer.layers if layer.name == "first look"]
    return found[0].data if found else None


def overlap(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def test_clicks_that_wait_are_outlined_until_their_mask_is_there(real_dock, image, may_build):
    dock = real_dock
    dock.start(dock.viewer.add_image(image), wait=False)
    dock.points.add([16, 16])
    dock.qtbot.waitUntil(lambda: first_look(dock) is not None, timeout=30_000)
    before = first_look(dock).copy()
    dock.controller.objects.next()
    dock.points.add([33, 48])
    dock.qtbot.waitUntil(lambda: first_look(dock).max() == 2, timeout=30_000)
    look = first_look(dock).copy()
    assert dock.workspace.state is FeatureState.COMPUTING and not dock.labels.any()
    assert dock.workspace.solution is None and before.max() == 1
    may_build.set()
    dock.qtbot.waitUntil(lambda: dock.workspace.solution is not None, timeout=30_000)
    dock.settle()
    same(dock.labels, dock.expected())
    assert first_look(dock) is None and not dock.errors
    assert min(overlap(look == i, dock.labels == i) for i in (1, 2)) > 0.7
    dock.widget.buttons.undo.click()
    dock.settle()
    same(dock.labels, dock.expected())


def test_cancel_takes_it_away_and_without_clicks_there_is_none(real_dock, image, may_build):
    dock, seen = real_dock, []
    dock.controller.features.nearly.connect(lambda *_: seen.append(True))
    dock.start(dock.viewer.add_image(image), wait=False)
    dock.qtbot.waitUntil(lambda: bool(seen), timeout=30_000)
    dock.qtbot.wait(100)
    assert first_look(dock) is None
    dock.points.add([16, 16])
    dock.qtbot.waitUntil(lambda: first_look(dock) is not None, timeout=30_000)
    dock.widget.cancel.click()
    assert first_look(dock) is None and dock.workspace.state is FeatureState.MISSING
    dock.points.add([20, 16])  # nothing is drawn of features that are not wanted any more; they are begun anew
    may_build.set()
    dock.qtbot.waitUntil(lambda: dock.workspace.solution is not None, timeout=30_000)
    dock.settle()
    assert first_look(dock) is None


def test_coarse_features_share_attention_and_guides(guided_features):
    coarse = coarse_features(guided_features)
    assert coarse.transition is guided_features.transition and coarse.shape == guided_features.shape
    assert coarse.image.shape[:2] == coarse.guide.shape == tuple(3 * side for side in coarse.grid_shape)
    from napari_m2n2v2 import Click

    masks = [Session(features).replay([Click(16, 16)]).mask for features in (coarse, guided_features)]
    assert masks[0].shape == masks[1].shape and overlap(*masks) > 0.7
