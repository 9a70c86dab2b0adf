"""Choosing backbones, seeing what is ready, and fetching weights from a hub that is this machine."""

import numpy as np
import pytest

from napari_m2n2v2 import BACKBONES, find_depth, release_models
from napari_m2n2v2._napari.model.settings import Settings
from napari_m2n2v2.backbones import hub as hub_client
from napari_m2n2v2.features.states import FeatureState
from tests.backbones.small_hub import SmallHub
from tests.backbones.tiny_models import save_depth_anything, save_dinov2

DEPTH = "depth-anything/Depth-Anything-V2-Small-hf"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    folders = {
        "facebook/dinov2-small": save_dinov2(tmp_path / "dino"),
        DEPTH: save_depth_anything(tmp_path / "depth"),
    }
    hub = SmallHub(folders)
    hub.stand_in(monkeypatch, tmp_path / "cache")
    release_models()
    yield hub
    hub.close()
    release_models()


@pytest.fixture
def panel(real_dock):
    real_dock.controller.settings.change(attention="auto")
    panel = real_dock.widget.backbones
    panel.questions = []
    panel.ask = lambda text, agreed: panel.questions.append((text, agreed))
    panel.refresh()
    return panel


def choose(box, name):
    box.setCurrentIndex(box.findData(name))


def test_states_are_shown_and_settings_follow(hub, panel, real_dock):
    texts = [panel.attention.itemText(i) for i in range(panel.attention.count())]
    assert "dinov2-small: needs download" in texts and "appearance" in texts
    assert not panel.fetch.isVisibleTo(panel)
    choose(panel.attention, "stable-diffusion-2")
    choose(panel.depth, "marigold")
    settings = real_dock.controller.state.settings
    assert (settings.attention, settings.depth) == ("stable-diffusion-2", "marigold")
    assert panel.fetch.isVisibleTo(panel) and "CreativeML" in panel.told.text() and "2600 MB" in panel.told.text()


def test_nothing_comes_unasked_and_what_is_agreed_to_comes(hub, panel, qtbot):
    choose(panel.attention, "dinov2-small")
    panel.fetch.click()
    qtbot.waitUntil(lambda: bool(panel.questions), timeout=20_000)
    text, agreed = panel.questions[0]
    assert "facebook/dinov2-small" in text and "Licence: apache-2.0" in text and hub.served == 0
    agreed()
    qtbot.waitUntil(lambda: BACKBONES["dinov2-small"].state == "ready", timeout=20_000)
    qtbot.waitUntil(lambda: not panel.fetch.isVisibleTo(panel), timeout=5_000)
    assert panel.attention.currentText() == "dinov2-small" and not panel.progress.isVisibleTo(panel)


def test_a_download_can_be_cancelled(hub, panel, qtbot, monkeypatch):
    import threading

    going = threading.Event()

    def slowly(wanted, report):
        going.set()
        while True:
            report(0.5, "model.safetensors")

    monkeypatch.setattr(hub_client, "download", slowly)
    choose(panel.attention, "dinov2-small")
    panel.fetch.click()
    qtbot.waitUntil(lambda: bool(panel.questions), timeout=20_000)
    panel.questions[0][1]()
    qtbot.waitUntil(lambda: going.is_set() and panel.cancel.isVisibleTo(panel), timeout=5_000)
    panel.cancel.click()
    assert not panel.cancel.isVisibleTo(panel) and panel.fetch.isEnabled()


def test_a_hub_that_is_not_there_is_told(hub, panel, qtbot, monkeypatch):
    told = []
    monkeypatch.setattr("napari_m2n2v2._napari.view.backbone.show_error", told.append)
    hub.close()
    choose(panel.attention, "dinov2-small")
    panel.fetch.click()
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert "cannot be reached" in told[0] and panel.fetch.isEnabled()


def test_the_question_is_a_real_dialog(hub, real_dock, qtbot):
    from qtpy.QtWidgets import QMessageBox

    panel, agreed = real_dock.widget.backbones, []
    for button, times in ((QMessageBox.StandardButton.No, 0), (QMessageBox.StandardButton.Yes, 1)):
        panel.ask("Download now?", lambda: agreed.append(True))
        box = panel.findChild(QMessageBox)
        box.button(button).click()
        qtbot.waitUntil(lambda: panel.findChild(QMessageBox) is None, timeout=5_000)
        assert len(agreed) == times


def test_depth_computed_from_the_image_guides(hub, real_dock, image):
    hub_client.download(hub_client.plan(hub_client.Weights((DEPTH,), ("",), (), 1)), lambda share, file: None)
    panel = real_dock.widget.backbones
    choose(panel.depth, "depth-anything-v2-small")
    real_dock.start(real_dock.viewer.add_image(image))
    features = real_dock.workspace.features
    assert features.guide_from.startswith("depth-anything-v2-small commit")
    assert "Guide: depth-anything-v2-small" in real_dock.widget.status.text()
    assert features.guide.shape == image.shape[:2] and find_depth("depth-anything-v2-small").backbone is not None


def test_another_guide_layer_does_not_compute_attention_again(started, monkeypatch):
    before = started.workspace.features
    guide = started.viewer.add_image(np.tile(np.linspace(0, 1, 64), (48, 1)), name="height")
    started.controller.settings.change(guide=guide)
    assert started.workspace.state is FeatureState.STALE
    started.start(started.workspace.image)
    assert started.workspace.features.transition is before.transition
    assert started.workspace.features.guide is not None
    started.controller.settings.change(grid=10)
    started.start(started.workspace.image)
    assert started.workspace.features.transition is not before.transition


def test_only_a_guide_layer_can_be_changed_without_the_rest():
    plain = Settings()
    assert Settings(guide="layer").differs_in_guide_alone(plain)
    assert plain.differs_in_guide_alone(Settings(depth="marigold"))
    assert not Settings(depth="marigold").differs_in_guide_alone(plain)
    assert not Settings(guide="layer", grid=10).differs_in_guide_alone(plain)
    assert not plain.differs_in_guide_alone(None)


def test_the_images_own_lightness_guides(real_dock, image):
    panel = real_dock.widget.backbones
    choose(panel.depth, "lightness")
    assert panel.depth.currentText() == "lightness of the image" and not panel.fetch.isVisibleTo(panel)
    real_dock.start(real_dock.viewer.add_image(image))
    assert real_dock.workspace.features.guide_from == "lightness"
    assert "Guide: lightness" in real_dock.widget.status.text()
