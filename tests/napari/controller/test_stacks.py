"""Stacks, time series, pyramids: what is done is done to the plane that is shown, and only that is read."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click
from napari_m2n2v2._napari.layers import labels as masks
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.document import PlaneKey
from tests.napari.conftest import DEPTH, planes, same, written_planes

KINDS = {
    "Z": (lambda rgb: (rgb[..., 0], {}), (2,)),
    "T C Z": (lambda rgb: (np.broadcast_to(rgb[..., 0], (2, 3, *rgb.shape[:3])), {}), (1, 2, 0)),
    "rgb": (lambda rgb: (rgb, {"rgb": True}), (3,)),
    "uint16": (lambda rgb: (rgb[..., 0].astype(np.uint16) * 16, {"contrast_limits": (0, 4080)}), (0,)),
    "scaled": (lambda rgb: (rgb[..., 0], {"scale": (3, 0.5, 0.5), "translate": (7, 1, 2)}), (2,)),
}


@pytest.mark.parametrize(("make", "index"), KINDS.values(), ids=KINDS)
def test_a_click_belongs_to_the_plane_that_is_shown(dock, make, index):
    data, named = make(planes())
    layer = dock.viewer.add_image(data, **named)
    dock.slide(*index)
    dock.start(layer)
    dock.viewer.reset_view()
    dock.click(16, 16 + 3 * index[-1])
    assert not dock.errors and dock.workspace.here.index == index
    assert [placed.plane.index for placed in dock.workspace.placed] == [index]
    np.testing.assert_allclose(dock.points.data, [[*index, 16, 16 + 3 * index[-1]]], atol=1)
    same(dock.points.data[:, :-2], [index])
    same(dock.shown_labels, dock.expected())
    assert written_planes(dock.labels) == [index] and dock.shown_labels[16, 16 + 3 * index[-1]] == 1
    shape = data.shape[:-1] if layer.rgb else data.shape
    assert dock.labels.shape == shape and dock.points.ndim == len(shape)


def test_each_plane_has_its_own_clicks_features_and_mask(stack):
    first = stack.workspace.features
    stack.points.add([1, 16, 19])
    stack.slide(3)
    assert stack.workspace.features is None and stack.workspace.clicks == ()
    assert "slice 3: features not computed" in stack.widget.status.text()
    stack.points.add([3, 16, 25])
    second = stack.workspace.features
    assert second is not None and second is not first and stack.workspace.clicks == (Click(16, 25),)
    same(stack.shown_labels, stack.expected())
    stack.slide(1)
    assert stack.workspace.features is first and stack.workspace.clicks == (Click(16, 19),)
    same(stack.shown_labels, stack.expected())
    assert written_planes(stack.labels) == [(1,), (3,)]


def test_looking_at_slices_computes_nothing_and_a_click_computes_at_once(stack):
    for z in range(DEPTH):
        stack.slide(z)
    assert [part.key.plane.index for part in stack.workspace.parts] == [(1,)]
    stack.slide(0)
    stack.click(16, 16)
    assert stack.workspace.state is FeatureState.READY and stack.shown_labels[16, 16] == 1


@pytest.mark.parametrize(("z", "plane"), [(1.6, 2), (1.4, 1), (0.5, 1), (-0.4, 0), (3.4, 3)])
def test_a_point_between_planes_is_rounded(stack, z, plane):
    stack.points.add([z, 16, 20])
    assert stack.workspace.placed[0].plane == PlaneKey((1, 2), (plane,))
    same(stack.points.data, [[plane, 16, 20]])
    assert written_planes(stack.labels) == [(plane,)]


def test_of_two_planes_equally_near_the_shown_one_gets_the_point(dock, volume):
    dock.viewer.add_image(volume[:, ::8, ::8], name="finer", scale=(0.5, 8, 8))  # sliders stop between the planes
    layer = dock.viewer.add_image(volume)
    for step in range(2 * (DEPTH - 1)):
        dock.slide(step)
        dock.start(layer)
        same(layer._data_view, volume[dock.workspace.here.index])  # as napari rounds
        dock.points.add([step / 2, 20, 20])
        assert dock.workspace.placed[-1].plane == dock.workspace.here


@pytest.mark.parametrize("position", [[-0.6, 16, 16], [9, 16, 16], [1, -3, 16], [np.nan, 16, 16]])
def test_a_point_outside_is_taken_back_and_told(stack, position):
    stack.points.add(position)
    told = stack.errors if np.isnan(position).any() else stack.hints  # outside is a slip
    assert len(stack.points.data) == 0 and told and not stack.labels.any()


class TestAxes:
    def test_any_two_axes_are_the_plane(self, dock):
        rows = np.repeat(planes(1)[..., 0], 40, axis=0).swapaxes(0, 1)  # 48 x 40 x 64: XZ shows bars
        layer = dock.viewer.add_image(rows)
        dock.viewer.dims.order = (0, 1, 2)
        dock.slide(20)
        dock.start(layer)
        dock.viewer.dims.order = (1, 0, 2)
        dock.slide(7)
        assert dock.workspace.here == PlaneKey((0, 2), (7,)) and dock.workspace.features is None
        dock.viewer.reset_view()
        dock.click(16, 16)
        same(np.round(dock.points.data), [[16, 7, 16]])
        same(dock.labels[:, 7, :], dock.expected())
        assert dock.labels[16, 7, 16] == 1 and np.count_nonzero(dock.labels.any(axis=(0, 2))) == 1

    def test_a_click_stays_with_the_plane_it_was_placed_in(self, dock):
        cube = np.tile(planes(1)[0, :, :48, 0], (48, 1, 1))
        layer = dock.viewer.add_image(cube)
        dock.slide(10)
        dock.start(layer)
        dock.points.add([10, 16, 16])
        mask = dock.shown_labels.copy()
        dock.viewer.dims.order = (1, 0, 2)
        dock.slide(16)
        assert dock.workspace.clicks == ()
        dock.controller.objects.next()
        dock.points.add([30, 16, 16])
        across = dock.shown_labels.copy()
        assert across[30, 16] == 2 and [click.row for click in dock.workspace.clicks] == [30]
        same(across[10][mask[16] > 0], 1)  # what the other plane wrote is not ours to change here
        dock.widget.buttons.undo.click()
        same(dock.shown_labels[10], mask[16])
        assert np.count_nonzero(dock.labels) == np.count_nonzero(mask)
        dock.widget.buttons.undo.click()  # of N
        dock.widget.buttons.undo.click()  # back in the plane of the first click
        assert dock.workspace.here == PlaneKey((1, 2), (10,)) and not dock.labels.any()

    def test_a_transposed_view_shows_the_same_plane(self, stack):
        stack.points.add([1, 16, 19])
        features, mask = stack.workspace.features, stack.shown_labels.copy()
        stack.viewer.dims.order = (0, 2, 1)
        stack.viewer.reset_view()
        assert stack.workspace.features is features and stack.workspace.clicks == (Click(16, 19),)
        stack.click(33, 50)
        np.testing.assert_allclose(stack.points.data[-1], [1, 33, 50], atol=1)
        same(stack.shown_labels, stack.expected())
        stack.widget.buttons.undo.click()
        same(stack.shown_labels, mask)

    def test_layers_may_have_fewer_axes_than_the_viewer(self, dock, volume):
        dock.viewer.add_image(np.zeros((2, 5, *volume.shape)), name="larger")
        layer = dock.viewer.add_image(volume)
        dock.slide(1, 3, 2)
        dock.start(layer)
        dock.click(16, 22)
        assert dock.workspace.here == PlaneKey((1, 2), (2,))
        same(dock.shown_labels, dock.expected())
        flat = dock.viewer.add_image(volume[0], name="flat")
        dock.start(flat)
        dock.click(16, 16)
        assert dock.workspace.here == PlaneKey() and dock.labels[16, 16] == 1

    def test_in_3d_a_plane_has_to_be_shown(self, stack):
        stack.points.add([1, 16, 19])
        before = stack.labels.copy()
        stack.viewer.dims.ndisplay = 3
        assert "2-D view" in stack.widget.status.text()
        stack.points.add([2, 16, 16])
        stack.controller.clicks.add(16, 16)
        assert len(stack.points.data) == 1 and "2-D view" in stack.hints[-1] and "2-D view" in stack.errors[-1]
        stack.widget.buttons.undo.click()  # clicks that have a plane can be changed
        assert not stack.labels.any()
        stack.widget.buttons.redo.click()
        same(stack.labels, before)
        stack.start(stack.viewer.add_image(stack.workspace.image.data, name="other"), wait=False)
        assert "2-D view" in stack.errors[-1]

    def test_sliders_beyond_the_image_show_no_plane(self, stack):
        stack.viewer.add_image(np.zeros((9, 8, 8)), name="deeper")
        stack.slide(8)
        assert stack.workspace.here is None and "sliders" in stack.widget.status.text()
        stack.points.add([1, 16, 19])
        assert "sliders" in stack.hints[-1] and not stack.errors and len(stack.points.data) == 0


class TestHistory:
    @pytest.mark.parametrize("selected", [False, True])
    def test_undo_goes_to_the_plane_of_the_change(self, stack, selected):
        states = [stack.labels.copy()]
        for z in (1, 3, 0, 3):
            stack.slide(z)
            stack.points.add([z, 16 + 5 * len(states), 16 + 3 * z])
            states.append(stack.labels.copy())
        stack.slide(2)
        for expected, z in zip(states[-2::-1], (3, 0, 3, 1), strict=True):
            if selected:  # as in select mode, or by a row of the table
                stack.points.selected_data = set(range(len(stack.points.data)))
            stack.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
            same(stack.labels, expected)
            assert stack.workspace.here.index == (z,)
        for expected, z in zip(states[1:], (1, 3, 0, 3), strict=True):
            stack.widget.buttons.redo.click()
            same(stack.labels, expected)
            assert stack.workspace.here.index == (z,)

    def test_a_change_in_the_plane_shown_moves_nothing(self, stack):
        stack.points.add([[1, 16, 19], [3, 16, 25]])  # one change of two planes
        stack.slide(3)
        stack.widget.buttons.undo.click()
        assert stack.workspace.here.index == (3,) and not stack.labels.any()

    def test_moving_a_point_to_another_slice_changes_both(self, stack):
        stack.points.add([1, 16, 19])
        data = stack.points.data.copy()
        data[0] = [2, 16, 22]
        stack.points.data = data
        assert written_planes(stack.labels) == [(2,)] and stack.workspace.clicks == ()
        stack.slide(2)
        same(stack.shown_labels, stack.expected())

    def test_reset_is_of_the_slice_shown(self, stack):
        stack.points.add([[1, 16, 19], [3, 16, 25]])
        stack.widget.buttons.reset.click()
        assert written_planes(stack.labels) == [(3,)]
        stack.widget.buttons.undo.click()
        assert written_planes(stack.labels) == [(1,), (3,)]

    def test_a_threshold_is_set_on_the_click_of_this_slice(self, stack):
        stack.points.add([[3, 16, 25], [1, 16, 19]])
        stack.controller.clicks.set_threshold(0, 0.25)
        assert [placed.click.threshold for placed in stack.workspace.placed] == [None, 0.25]
        same(stack.shown_labels, stack.expected())


class TestObjects:
    def test_an_object_keeps_its_id_and_a_new_one_is_new_in_all_planes(self, stack):
        stack.points.add([1, 16, 19])
        stack.slide(2)
        stack.controller.objects.next()
        stack.points.add([2, 33, 52])
        stack.slide(1)
        stack.controller.objects.next()
        assert stack.workspace.object_id == 3
        stack.controller.objects.select(2)
        stack.points.add([1, 33, 49])
        assert stack.shown_labels[33, 49] == 2 and stack.labels[2, 33, 52] == 2
        same(stack.shown_labels, stack.expected())
        assert [stack.widget.table.item(row, 0).text() for row in range(2)] == ["1", "2"]

    @pytest.mark.parametrize("small", [True, False])
    def test_labels_from_before_are_protected_in_every_slice(self, dock, volume, monkeypatch, small):
        monkeypatch.setattr(masks, "SMALL", 1 << 24 if small else 0)
        data = np.zeros(volume.shape, np.uint16)
        data[1, 10:20, 10:20], data[3, 30:34, 2:9] = 3, 7
        labels = dock.viewer.add_labels(data.copy(), name="mine")
        layer = dock.viewer.add_image(volume)
        dock.slide(1)
        dock.widget.settings.labels.value = labels
        dock.start(layer)
        assert dock.workspace.object_id == 8 and dock.workspace.labels is labels
        dock.points.add([1, 16, 22])
        same(labels.data[data > 0], data[data > 0])
        same(dock.shown_labels, np.where(data[1] > 0, data[1], dock.expected()))
        assert (dock.shown_labels == 8).any()
        dock.controller.taking_over.take_over(3)
        assert not dock.errors and dock.workspace.object_id == 3
        dock.points.add([1, 16, 24])
        assert labels.data[1, 16, 24] == 3
        dock.controller.taking_over.take_over(7)  # is in another slice
        assert dock.workspace.work.planes[7] == {PlaneKey((1, 2), (3,))} and not dock.errors
        same(labels.data == 7, data == 7)

    def test_what_was_painted_in_another_slice_is_no_new_id(self, stack, monkeypatch):
        monkeypatch.setattr(masks, "SMALL", 0)  # as for a volume too large to look through
        stack.slide(3)
        labels = stack.workspace.labels
        labels.selected_label = 12
        labels.paint((3, 10, 10), 12)
        stack.slide(1)
        stack.controller.objects.next()
        assert stack.workspace.object_id == 13

    def test_a_click_before_the_labels_are_known_is_told(self, real_dock, volume, monkeypatch):
        monkeypatch.setattr(masks, "SMALL", 0)
        told = []
        real_dock.controller.state.told.connect(told.append)
        data = np.zeros(volume.shape, int)
        data[3, 30:34, 2:9] = 7
        real_dock.widget.settings.labels.value = real_dock.viewer.add_labels(data)
        real_dock.start(real_dock.viewer.add_image(volume), wait=False)
        real_dock.points.add([real_dock.workspace.here.index[0], 16, 19])
        real_dock.qtbot.waitUntil(lambda: bool(told), timeout=20_000)
        assert "labels up to 7" in told[0]
        real_dock.controller.objects.next()
        assert real_dock.workspace.object_id == 8
