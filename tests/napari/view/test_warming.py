"""What is read ahead while the user looks for the first object, and that it gives way."""

import threading

import pytest

from napari_m2n2v2._napari.view import warming
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from tests.napari.conftest import Dock


@pytest.fixture
def warm_dock(viewer, qtbot, monkeypatch):
    """A dock with the backbone that has no weights, which reads ahead when it is told."""
    monkeypatch.setattr(warming, "_warmed", set())
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    yield Dock(viewer, qtbot, widget)
    widget.close_down()


def test_a_backbone_is_warmed_once(warm_dock, qtbot):
    warm_dock.widget.warming.start(0)
    assert not warm_dock.widget.warming.is_done
    qtbot.waitUntil(lambda: warming._warmed == {"appearance"}, timeout=60_000)
    qtbot.waitUntil(lambda: warm_dock.widget.warming.is_done, timeout=5_000)
    assert not warm_dock.errors and not warm_dock.viewer.layers


def test_it_ends_when_an_image_is_begun_with(warm_dock, qtbot, image, monkeypatch):
    begun, ended, may_go_on = threading.Event(), threading.Event(), threading.Event()
    real = AppearanceAttention.attention

    def slowly(backbone, pixels, grid, device, progress):
        if pixels.shape == image.shape:
            return real(backbone, pixels, grid, device, progress)
        begun.set()
        try:
            while not may_go_on.wait(0.01):
                progress(0.5, "slowly")
        finally:
            ended.set()
        raise AssertionError("it went on")

    monkeypatch.setattr(AppearanceAttention, "attention", slowly)
    warm_dock.widget.warming.start(0)
    qtbot.waitUntil(begun.is_set, timeout=60_000)
    warm_dock.start(warm_dock.viewer.add_image(image))
    assert ended.is_set() and not may_go_on.is_set() and not warming._warmed
    assert warm_dock.workspace.features is not None and not warm_dock.errors


def test_what_draws_boxes_is_warmed_also_where_an_image_is_begun_with(warm_dock, qtbot, image, monkeypatch):
    made = []
    monkeypatch.setattr(warming, "_load_drawing", lambda: made.append(threading.current_thread()))
    monkeypatch.setattr(warming, "_load", lambda attention, report: warm_dock.widget.warming._on_opened(None))
    warm_dock.widget.warming.start(0)
    qtbot.waitUntil(lambda: warm_dock.widget.warming.is_done and bool(made), timeout=20_000)
    assert made[0] is not threading.main_thread()


def test_the_first_box_finds_napari_s_kernels_there():
    from napari.layers.shapes import _accelerated_triangulate_dispatch as kernels

    warming._load_drawing()
    assert kernels.CACHE_WARMUP
