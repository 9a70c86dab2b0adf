"""All layers deleted at once, as with Ctrl+A and Delete in the list of layers, whatever of ours is there."""

import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2._napari.controller.explain import VIEWS
from tests.napari.view.test_drawing import SHIFT
from tests.napari.view.test_similar import begin, centre


@pytest.fixture
def everything(dock):
    """An image with all layers that the dock ever draws."""
    controller = dock.controller
    begin(dock)
    row, col = centre(9)
    dock.draw([(row - 16, col - 16), (row, col), (row + 16, col + 16)], SHIFT)
    controller.similar.find()
    controller.similar.reject(controller.similar.shown[:1])
    for name in VIEWS:
        controller.explain.show(name, True)
    controller.explain.show_frames(True)
    workspace = dock.workspace
    controller.glimpse._begin(workspace, workspace.focus, workspace.features)
    controller.preview.suggest()
    controller.preview.toggle()
    for n in (17, 18, 19, 17):
        dock.qtbot.mouseMove(dock.canvas.native, dock.where(*centre(n)))
        dock.qtbot.wait(50)
    dock.qtbot.waitUntil(lambda: "preview" in dock.viewer.layers, timeout=5_000)
    return dock


def names(dock):
    return {layer.name for layer in dock.viewer.layers}


def test_nothing_is_left_and_nothing_is_raised(everything, qtbot):
    there = names(everything)
    views = {
        "discs proposals",
        "discs parts",
        "suggested click",
        "preview",
        "first look",
        *(f"discs {v}" for v in VIEWS),
    }
    assert there == {"discs", "discs clicks", "discs masks", "discs prompts", *views}
    layers = everything.viewer.layers
    tree = everything.viewer.window._qt_viewer.layers
    qtbot.keyClick(tree, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(layers.selection) == len(layers)
    qtbot.keyClick(tree, Qt.Key.Key_Delete)
    assert not names(everything) and everything.workspace is None and not everything.errors
    assert everything.widget.hint.text().startswith("Open an image first")


def test_an_image_deleted_with_its_proposals_takes_its_overlays_along(everything):
    layers = everything.viewer.layers
    layers.selection = {layers["discs proposals"], layers["discs"], layers["preview"]}
    layers.remove_selected()
    assert everything.workspace is None and not everything.errors
    assert names(everything) >= {"discs clicks", "discs masks", "discs prompts"}
    assert not names(everything) & {"discs proposals", "preview", "discs parts", "first look", "suggested click"}


def test_cleared_by_a_script(everything):
    everything.viewer.layers.clear()
    assert not names(everything) and everything.workspace is None and not everything.errors
