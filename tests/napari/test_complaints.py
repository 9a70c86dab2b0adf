"""What users complain about elsewhere, by the number of the complaint."""

import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import same

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_complaint_1_there_is_always_a_way_back(started):
    """Undo without limit over everything that can be done to clicks, and redo to where it was."""
    states = [started.labels.copy()]

    def did():
        started.settle()
        states.append(started.labels.copy())

    started.points.add([16, 16]), did()
    started.points.add([33, 48]), did()
    started.points.mode = "select"
    started.drag((33, 48), (40, 10)), did()
    started.points.selected_data = {0}
    started.press(Qt.Key.Key_T), did()
    started.press(Qt.Key.Key_Delete), did()
    started.controller.objects.next(), did()  # keeps the object, which is a step
    started.points.add([16, 16]), did()
    started.controller.objects.reset(), did()
    for expected in states[-2::-1]:
        started.press(Qt.Key.Key_Z, CONTROL)
        same(started.labels, expected)
    for expected in states[1:]:
        started.press(Qt.Key.Key_Z, CONTROL | SHIFT)
        same(started.labels, expected)
    started.press(Qt.Key.Key_Z, CONTROL | SHIFT)  # nothing more to redo, and nothing breaks
    same(started.labels, states[-1])


def test_complaint_2_labels_are_not_overwritten_and_can_be_started_from(dock, image):
    data = np.zeros(image.shape[:2], int)
    data[10:20, 10:20] = 2
    labels = dock.viewer.add_labels(data.copy(), name="mine")
    layer = dock.viewer.add_image(image)
    dock.widget.settings.labels.value = labels
    dock.start(layer)
    dock.points.add([16, 16])
    same(labels.data[data > 0], data[data > 0])
    dock.controller.taking_over.take_over(2)
    dock.points.add([16, 16])
    assert labels.data[16, 16] == 2


def test_complaint_3_naparis_keys_still_do_what_they_did(started):
    before = {str(key) for key in type(started.points).class_keymap} & {"1", "2", "3", "4", "A", "P", "S"}
    assert before and not before & {str(key) for key in started.points.keymap}
    started.press(Qt.Key.Key_3)
    assert started.points.mode == "select"
    started.press(Qt.Key.Key_2)
    assert started.points.mode == "add"


def test_complaint_4_layers_moved_later_take_their_clicks_along(started):
    image = started.workspace.image
    image.scale, image.translate = (2.0, 3.0), (10, -5)
    started.viewer.reset_view()
    started.click(33, 48)
    np.testing.assert_allclose(started.points.data[-1], [33, 48], atol=1)
    same(started.workspace.labels.data_to_world((7, 9)), image.data_to_world((7, 9)))
    same(image.scale, (2.0, 3.0))


class TestComplaint5:
    def test_twelve_bits_in_sixteen_are_not_black(self, dock, image):
        dock.start(dock.viewer.add_image(image[..., 0].astype(np.uint16) * 16))
        assert dock.workspace.features.image.max() > 200

    @pytest.mark.parametrize("rule", ["as shown", "minimum to maximum", "percentiles 1 to 99.8"])
    def test_the_bit_depth_rule_is_chosen_and_shown(self, dock, image, rule):
        dock.widget.settings.bit_depth.setCurrentText(rule)
        grey = image[..., 0].astype(np.float32) * 3 - 200
        grey[0, 0] = 1e6  # a hot pixel
        dock.start(dock.viewer.add_image(grey, contrast_limits=(-300, 400)))
        assert rule in dock.widget.status.text()
        bright = np.median(dock.workspace.features.image[..., 0])
        assert (bright < 5) == (rule == "minimum to maximum")

    def test_three_channels_are_merged_as_seen(self, dock, image):
        for i, colour in enumerate(("red", "green", "blue")):
            layer = dock.viewer.add_image(
                image[..., i], colormap=colour, blending="additive", name=colour, contrast_limits=(0, 255)
            )
        dock.widget.settings.merge.setChecked(True)
        dock.start(layer)
        np.testing.assert_allclose(dock.workspace.features.image, image, atol=2)

    def test_more_than_three_are_refused_with_what_to_do(self, dock, image):
        for i in range(4):
            layer = dock.viewer.add_image(image[..., 0], name=f"{i}")
        dock.widget.settings.merge.setChecked(True)
        dock.start(layer, wait=False)
        assert "Hide the others" in dock.errors[-1]
        dock.viewer.layers[0].visible = False
        dock.start(layer)
        assert dock.workspace.state is FeatureState.READY


class TestComplaint6:
    def test_the_event_loop_goes_on_while_features_are_computed(self, real_dock, image):
        """Turns of the event loop are counted while the worker is busy."""
        import torch  # noqa: F401 (importing it for the first time is another matter)

        large = np.tile(image, (10, 12, 1))
        real_dock.controller.settings.change(grid=48)
        gaps, last = [], time.perf_counter()
        real_dock.start(real_dock.viewer.add_image(large), wait=False)
        while real_dock.workspace.state is FeatureState.COMPUTING:
            real_dock.qtbot.wait(1)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now
        assert len(gaps) > 20 and np.median(gaps) < 0.05

    def test_cancel_frees_the_worker_within_a_second(self, real_dock, image):
        stages = []
        real_dock.controller.state.progressed.connect(lambda share, stage: stages.append(stage))
        real_dock.controller.settings.change(grid=64)
        real_dock.start(real_dock.viewer.add_image(np.tile(image, (12, 14, 1))), wait=False)
        real_dock.qtbot.waitUntil(lambda: "upsampling operator" in stages or len(stages) > 4, timeout=60_000)
        begin = time.perf_counter()
        real_dock.widget.cancel.click()
        freed = []
        real_dock.controller.jobs.submit("probe", lambda report: None, freed.append, freed.append)
        real_dock.qtbot.waitUntil(lambda: bool(freed), timeout=10_000)
        assert time.perf_counter() - begin < 1.0

    def test_lazy_data_are_read_by_the_worker(self, dock, image):
        import dask.array

        dock.start(dock.viewer.add_image(dask.array.from_array(image[..., 0], chunks=16)))
        dock.points.add([16, 16])
        assert dock.labels[16, 16] == 1


def test_complaint_7_no_network_and_no_float64_on_the_device(started):
    """The suite blocks the network; MPS has no float64."""
    import torch

    assert started.workspace.features.transition.dtype == torch.float32
    started.controller.settings.change(attention="dinov2-base")
    started.widget.start.click()
    assert "napari-m2n2v2 download dinov2-base" in started.errors[-1]
    assert started.workspace.state is FeatureState.STALE and started.workspace.features is not None


def test_complaint_8_a_session_is_a_file_that_replays(started, tmp_path):
    from napari_m2n2v2 import load_session, save_session

    started.points.add([[16, 16], [33, 48]])
    save_session(tmp_path / "s.json", started.session())
    session, differences = load_session(tmp_path / "s.json").replay(started.workspace.features)
    assert differences == []
    same(session.result.labels, started.labels)


def test_several_images_and_docks_keep_apart(dock, real_dock, image):
    first = dock.start(dock.viewer.add_image(image, name="one"))
    second = real_dock.start(real_dock.viewer.add_image(image[:, ::-1].copy(), name="two"))
    first.controller.clicks.add(16, 16)
    second.points.add([16, 48])
    second.settle()
    assert first.workspace.clicks == (Click(16, 16),) and second.workspace.clicks == (Click(16, 48),)
    same(first.labels, first.expected())
    same(second.labels, second.expected())


def test_keys_act_on_the_image_whose_layer_is_chosen(started, image):
    first = started.workspace
    started.start(started.viewer.add_image(image[:, ::-1].copy(), name="other"))
    started.points.add([16, 16])
    started.viewer.layers.selection.active = first.points
    assert started.workspace is first
    started.points.add([33, 48])
    started.press(Qt.Key.Key_Z, CONTROL)
    assert first.clicks == () and len(list(started.controller.state.workspaces)[1].clicks) == 1


def test_changes_made_while_computing_leave_the_features_marked(real_dock, image):
    layer = real_dock.viewer.add_image(image[..., 0])
    real_dock.start(layer, wait=False)
    layer.contrast_limits = (3, 99)
    real_dock.controller.settings.change(grid=10)
    real_dock.qtbot.waitUntil(lambda: real_dock.workspace.state is not FeatureState.COMPUTING, timeout=60_000)
    assert real_dock.workspace.state is FeatureState.STALE


def test_an_image_that_changes_its_shape_is_begun_anew(started, image):
    started.workspace.image.data = image[:30, :40]
    assert started.workspace is None and not started.errors


def test_pasted_points_are_clicks(started):
    started.points.add([16, 16])
    started.points.mode = "select"
    started.points.selected_data = {0}
    started.press(Qt.Key.Key_C, CONTROL)
    started.press(Qt.Key.Key_V, CONTROL)
    assert len(started.points.data) == len(started.workspace.clicks) == 2


def test_features_are_kept_when_a_layer_of_ours_is_deleted(started):
    features, layer = started.workspace.features, started.workspace.image
    started.viewer.layers.remove(started.points)
    started.start(layer)
    assert started.workspace.features is features
