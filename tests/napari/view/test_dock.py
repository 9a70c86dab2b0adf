"""The dock through the real viewer: real mouse and key events, real layers."""

import subprocess
import sys
import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click
from napari_m2n2v2._napari.model.settings import FeatureState
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from tests.napari.conftest import same

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
RIGHT = Qt.MouseButton.RightButton


def test_left_click_is_foreground_right_click_background(started):
    started.click(16, 16)
    started.click(5, 50, RIGHT)
    started.click(33, 48)
    assert [click.foreground for click in started.workspace.clicks] == [True, False, True]
    same(np.round(started.points.data), [[16, 16], [5, 50], [33, 48]])
    same(started.labels, started.expected())
    assert started.labels[16, 16] == 1 and started.labels[5, 50] == 0


def test_points_differ_by_colour_and_symbol(started):
    started.click(16, 16)
    started.click(5, 50, RIGHT)
    assert [str(symbol) for symbol in started.points.symbol] == ["disc", "cross"]
    green, red = started.points.face_color[:, :3]
    assert green[1] > green[0] and red[0] > red[1]


def test_t_turns_left_click_into_background_and_back(started):
    started.press(Qt.Key.Key_T)
    started.click(16, 16)
    started.press(Qt.Key.Key_T)
    started.click(5, 50)
    assert [click.foreground for click in started.workspace.clicks] == [False, True]
    assert "Foreground" in started.widget.sign.text()


def test_t_flips_selected_points(started):
    started.click(16, 16)
    started.click(33, 48)
    started.points.mode = "select"
    started.points.selected_data = {1}
    started.press(Qt.Key.Key_T)
    assert [click.foreground for click in started.workspace.clicks] == [True, False]
    assert started.points.selected_data == {1}
    same(started.labels, started.expected())


def test_deleting_a_point_updates_the_mask(started):
    started.click(16, 16)
    before = started.labels.copy()
    started.click(33, 48)
    started.points.selected_data = {1}
    started.press(Qt.Key.Key_Delete)
    same(started.labels, before)


def test_dragging_a_point_updates_the_mask(started):
    started.click(16, 16)
    started.points.mode = "select"
    started.drag((16, 16), (33, 48))
    np.testing.assert_allclose(started.points.data, [[33, 48]], atol=1)
    assert started.workspace.clicks == (Click(*started.points.data[0]),)
    same(started.labels, started.expected())
    started.press(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_allclose(started.points.data, [[16, 16]], atol=1)


def test_undo_and_redo_by_key_go_all_the_way(started):
    states = [started.labels.copy()]
    for place in [(16, 16), (33, 48), (40, 10)]:
        started.click(*place)
        states.append(started.labels.copy())
    for expected in states[-2::-1]:
        started.press(Qt.Key.Key_Z, CONTROL)
        same(started.labels, expected)
    assert len(started.points.data) == 0 and not started.widget.undo.isEnabled()
    for expected in states[1:]:
        started.press(Qt.Key.Key_Z, CONTROL | SHIFT)
        same(started.labels, expected)
    assert len(started.points.data) == 3 and not started.widget.redo.isEnabled()


def test_next_object_gets_its_own_label_and_reset_only_its_clicks(started):
    started.click(16, 16)
    first = started.labels == 1
    started.press(Qt.Key.Key_N)
    started.click(33, 48)
    assert set(np.unique(started.labels)) == {0, 1, 2}
    started.widget.reset.click()
    same(started.labels, first.astype(np.int32))
    started.widget.undo.click()
    assert started.labels[33, 48] == 2


def test_points_added_by_script_are_clicks(started):
    started.points.add([[16, 16], [33, 48]])
    started.settle()
    assert started.workspace.clicks == (Click(16, 16), Click(33, 48))
    same(started.labels, started.expected())


def test_editing_the_features_table_flips_clicks(started):
    started.points.add([[16, 16], [33, 48]])
    features = started.points.features.copy()
    features.loc[1, "class"] = "background"
    started.points.features = features
    started.settle()
    assert [click.foreground for click in started.workspace.clicks] == [True, False]
    same(started.labels, started.expected())


def test_a_click_beside_the_image_is_taken_back_and_told(started):
    started.points.add([16, 16])
    started.points.add([-20, 16])
    assert len(started.points.data) == 1 and len(started.workspace.clicks) == 1
    assert "outside the image" in started.errors[-1]


@pytest.mark.parametrize(
    "make",
    [
        lambda rgb: rgb,
        lambda rgb: np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
        lambda rgb: rgb[..., 0],
        lambda rgb: rgb[..., 0].astype(np.uint16) * 16,
        lambda rgb: rgb[..., 0].astype(np.float32) / 255 - 0.5,
        lambda rgb: rgb.astype(np.float64) / 255,
        lambda rgb: rgb[..., 0] > 100,
    ],
    ids=["rgb", "rgba", "grey", "uint16", "negative float", "float rgb", "bool"],
)
def test_kinds_of_images(dock, image, make):
    dock.start(dock.viewer.add_image(make(image)))
    dock.click(16, 16)
    assert not dock.errors
    found, disc = dock.labels == 1, image[..., 0] > 120
    assert np.count_nonzero(found & disc) / np.count_nonzero(found | disc) > 0.7


def test_twelve_bit_data_is_seen_as_the_user_sees_it(dock, image):
    grey = image[..., 0].astype(np.uint16)
    dock.start(dock.viewer.add_image(grey * 16 + 300, contrast_limits=(300, 300 + 255 * 16)))
    np.testing.assert_allclose(dock.workspace.features.image[..., 0], image[..., 0], atol=1)


TRANSFORMS = {
    "scale": {"scale": (0.3, 2.5)},
    "translate": {"translate": (100, -40)},
    "rotate": {"rotate": 30},
    "shear": {"shear": [0.4]},
    "affine": {"affine": [[0.8, 0.3, 5], [-0.2, 1.1, 9], [0, 0, 1]]},
    "units": {"units": ("um", "um"), "scale": (0.5, 0.5)},
}


@pytest.mark.parametrize("named", TRANSFORMS.values(), ids=TRANSFORMS)
def test_clicks_land_where_the_mouse_is_on_transformed_layers(dock, image, named):
    layer = dock.viewer.add_image(image, **named)
    before = {key: getattr(layer, key) for key in ("scale", "translate", "rotate", "shear", "units")}
    dock.start(layer)
    dock.viewer.reset_view()
    dock.click(33, 48)
    for ours in (dock.workspace.points, dock.workspace.labels):
        same(ours.extent.world[:, :2].shape, (2, 2))
        same(ours.data_to_world((7, 9)), layer.data_to_world((7, 9)))
        assert ours.units == layer.units
    np.testing.assert_allclose(dock.points.data[0], [33, 48], atol=1.5)
    for key, value in before.items():
        same(getattr(layer, key), value)


def test_computing_reports_progress_and_draws_the_mask_when_ready(real_dock, image):
    shares = []
    real_dock.controller.progressed.connect(lambda share, stage: shares.append(share))
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
    real_dock.controller.progressed.connect(lambda share, stage: ended.append(share))
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
    real_dock.widget.undo.click()
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
        dock.controller.computing.change(grid=8)
    assert dock.workspace.state is FeatureState.STALE and dock.workspace.features is features
    assert "Compute again" in dock.widget.start.text()
    dock.widget.start.click()
    assert dock.workspace.state is FeatureState.READY and dock.workspace.features is not features


def test_what_the_user_painted_stays_and_labels_undo_takes_back_only_that(started):
    started.click(16, 16)
    labels = started.workspace.labels
    labels.data_setitem((np.array([45, 46]), np.array([60, 60])), 7)
    started.click(33, 48)
    assert labels.data[45, 60] == 7
    mask = labels.data.copy()
    labels.undo()
    mask[[45, 46], [60, 60]] = 0
    same(labels.data, mask)


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


def test_renamed_and_reordered_layers_are_followed(started):
    started.workspace.image.name = "renamed"
    started.viewer.layers.move(0, 2)
    started.click(16, 16)
    same(started.labels, started.expected())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rgb: np.where(np.eye(48, 64) > 0, np.nan, 1.0), "NaN"),
        (lambda rgb: rgb[:1, :1, 0], "2 x 2"),
    ],
    ids=["NaN", "one pixel"],
)
@pytest.mark.filterwarnings("ignore:All-NaN|invalid value:RuntimeWarning")
def test_images_that_cannot_be_segmented_are_told_and_nothing_breaks(dock, image, make, message):
    dock.start(dock.viewer.add_image(make(image), contrast_limits=(0, 255)), wait=False)
    assert message in dock.errors[-1]
    good = dock.viewer.add_image(image)
    dock.start(good)
    dock.points.add([16, 16])
    assert dock.labels[16, 16] == 1


def test_missing_weights_are_told_with_the_command_that_gets_them(dock, image):
    dock.controller.computing.change(attention="dinov2-large")
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


def test_closing_the_dock_gives_everything_back(viewer, qtbot, image):
    keys = dict(viewer.keymap)
    callbacks = list(viewer.mouse_drag_callbacks)
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    widget.controller.computing.change(attention="appearance", grid=12)
    layer = viewer.add_image(image)
    widget.image.value = layer
    widget.start.click()
    qtbot.waitUntil(lambda: widget.controller.active.state is FeatureState.READY, timeout=60_000)
    points = widget.controller.active.points
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
