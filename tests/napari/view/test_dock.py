"""The dock in napari: menus, keys, commands, closing."""

import subprocess
import sys

from qtpy.QtCore import Qt

from napari_m2n2v2 import Click
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import same


def test_closing_the_dock_gives_everything_back(viewer, qtbot, image):
    keys = dict(viewer.keymap)
    callbacks = list(viewer.mouse_drag_callbacks)
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    widget.controller.settings.change(attention="appearance", grid=12)
    layer = viewer.add_image(image)
    widget.image.value = layer
    widget.start.click()
    qtbot.waitUntil(lambda: widget.controller.state.active.state is FeatureState.READY, timeout=60_000)
    points = widget.controller.state.active.points
    viewer.window.remove_dock_widget(widget)
    assert dict(viewer.keymap) == keys and viewer.mouse_drag_callbacks == callbacks
    assert not points.keymap and len(viewer.layers) == 3
    points.add([16, 16])  # an ordinary layer again


def test_no_key_of_naparis_own_is_taken(viewer, dock, image):
    from napari.layers import Labels, Points
    from napari.viewer import ViewerModel

    from napari_m2n2v2._napari.view.keys import KEYS

    ours = {key.replace("Control", "Ctrl").replace("-", "+") for key in KEYS.values()}
    for owner in (Points, ViewerModel):
        assert not ours & {str(key) for key in owner.class_keymap}
    labels = {str(key) for key in Labels.class_keymap}
    dock.start(viewer.add_image(image))
    assert not labels & {str(key) for key in dock.workspace.labels.keymap}


def test_the_manifest_offers_the_dock_the_menu_and_samples(viewer):
    assert viewer.open_sample("napari-m2n2v2", "coffee")[0].data.shape == (400, 600, 3)
    assert viewer.open_sample("napari-m2n2v2", "cell")[0].data.ndim == 2


def test_opening_the_dock_loads_no_torch():
    code = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
application = QApplication([])
dock = SegmentWithClicks(ViewerModel())
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torch_is_imported_while_one_looks_for_the_first_object():
    code = """
import sys, time
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
application = QApplication([])
dock = SegmentWithClicks(ViewerModel())
end = time.monotonic() + 60
while "torch" not in sys.modules or dock.backbones._jobs.is_busy("warm"):
    assert time.monotonic() < end
    application.processEvents()
dock.close_down()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_click_by_keyboard_alone(started):
    started.qtbot.keyClicks(started.widget.place, "16, 17")
    started.qtbot.keyClick(started.widget.place, Qt.Key.Key_Return)
    assert started.workspace.clicks == (Click(16, 17),) and started.widget.place.text() == ""
    same(started.labels, started.expected())


def test_the_commands_are_in_the_menu_and_the_palette(viewer):
    from napari._app_model import get_app_model

    menus = get_app_model().menus

    def ids(menu):
        return {item.command.id for item in menus.get_menu(menu) if hasattr(item, "command")}

    assert "napari-m2n2v2.segment_with_clicks" in ids("napari/layers/segment")
    assert {"napari-m2n2v2.segment_with_clicks", "napari-m2n2v2.clicks_to_reach"} <= ids(menus.COMMAND_PALETTE_ID)
