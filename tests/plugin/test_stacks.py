"""Stacks, time series, pyramids: what is done is done to the plane that is shown, and only that is read."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click, Session
from napari_m2n2v2._napari import masks
from napari_m2n2v2._napari.places import PlaneKey
from napari_m2n2v2._napari.workspace import FeatureState

from ..conftest import blob_image
from .conftest import same

DEPTH = 4


def planes(depth=DEPTH):
    """RGB planes that differ: the disc and the square move."""
    return np.stack([np.roll(blob_image(seed=z), 3 * z, axis=1) for z in range(depth)])


@pytest.fixture
def volume():
    return planes()[..., 0]


@pytest.fixture
def stack(dock, volume):
    """A started stack, slice 1 shown."""
    layer = dock.viewer.add_image(volume, name="stack")
    dock.slide(1)
    return dock.start(layer)


def written_planes(labels):
    """Indices of the planes of the last two axes that hold a label."""
    return sorted(zip(*(axis.tolist() for axis in np.nonzero(labels.any(axis=(-2, -1)))), strict=True))


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
    assert len(stack.points.data) == 0 and stack.errors and not stack.labels.any()


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
        dock.controller.next_object()
        dock.points.add([30, 16, 16])
        across = dock.shown_labels.copy()
        assert across[30, 16] == 2 and [click.row for click in dock.workspace.clicks] == [30]
        same(across[10][mask[16] > 0], 1)  # what the other plane wrote is not ours to change here
        dock.widget.undo.click()
        same(dock.shown_labels[10], mask[16])
        assert np.count_nonzero(dock.labels) == np.count_nonzero(mask)
        dock.widget.undo.click()  # back in the plane of the first click
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
        stack.widget.undo.click()
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
        stack.controller.add_click(16, 16)
        assert len(stack.points.data) == 1 and all("2-D view" in error for error in stack.errors[-2:])
        stack.widget.undo.click()  # clicks that have a plane can be changed
        assert not stack.labels.any()
        stack.widget.redo.click()
        same(stack.labels, before)
        stack.start(stack.viewer.add_image(stack.workspace.image.data, name="other"), wait=False)
        assert "2-D view" in stack.errors[-1]

    def test_sliders_beyond_the_image_show_no_plane(self, stack):
        stack.viewer.add_image(np.zeros((9, 8, 8)), name="deeper")
        stack.slide(8)
        assert stack.workspace.here is None and "sliders" in stack.widget.status.text()
        stack.points.add([1, 16, 19])
        assert "sliders" in stack.errors[-1] and len(stack.points.data) == 0


class TestHistory:
    def test_undo_goes_to_the_plane_of_the_change(self, stack):
        states = [stack.labels.copy()]
        for z in (1, 3, 0, 3):
            stack.slide(z)
            stack.points.add([z, 16 + 5 * len(states), 16 + 3 * z])
            states.append(stack.labels.copy())
        stack.slide(2)
        for expected, z in zip(states[-2::-1], (3, 0, 3, 1), strict=True):
            stack.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
            same(stack.labels, expected)
            assert stack.workspace.here.index == (z,)
        for expected, z in zip(states[1:], (1, 3, 0, 3), strict=True):
            stack.widget.redo.click()
            same(stack.labels, expected)
            assert stack.workspace.here.index == (z,)

    def test_a_change_in_the_plane_shown_moves_nothing(self, stack):
        stack.points.add([[1, 16, 19], [3, 16, 25]])  # one change of two planes
        stack.slide(3)
        stack.widget.undo.click()
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
        stack.widget.reset.click()
        assert written_planes(stack.labels) == [(3,)]
        stack.widget.undo.click()
        assert written_planes(stack.labels) == [(1,), (3,)]

    def test_a_threshold_is_set_on_the_click_of_this_slice(self, stack):
        stack.points.add([[3, 16, 25], [1, 16, 19]])
        stack.controller.set_threshold(0, 0.25)
        assert [placed.click.threshold for placed in stack.workspace.placed] == [None, 0.25]
        same(stack.shown_labels, stack.expected())


class TestObjects:
    def test_an_object_keeps_its_id_and_a_new_one_is_new_in_all_planes(self, stack):
        stack.points.add([1, 16, 19])
        stack.slide(2)
        stack.controller.next_object()
        stack.points.add([2, 33, 52])
        stack.slide(1)
        stack.controller.next_object()
        assert stack.workspace.object_id == 3
        stack.controller.select_object(2)
        stack.points.add([1, 33, 49])
        assert stack.shown_labels[33, 49] == 2 and stack.labels[2, 33, 52] == 2
        same(stack.shown_labels, stack.expected())
        assert [stack.widget.table.item(row, 0).text() for row in range(2)] == ["1", "2"]

    @pytest.mark.parametrize("small", [True, False])
    def test_labels_from_before_are_protected_in_every_slice(self, dock, volume, monkeypatch, small):
        monkeypatch.setattr(masks, "_SMALL", 1 << 24 if small else 0)
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
        dock.controller.take_over(3)
        assert not dock.errors and dock.workspace.object_id == 3
        dock.points.add([1, 16, 24])
        assert labels.data[1, 16, 24] == 3
        dock.controller.take_over(7)  # is in another slice
        assert "no label 7" in dock.errors[-1]

    def test_what_was_painted_in_another_slice_is_no_new_id(self, stack, monkeypatch):
        monkeypatch.setattr(masks, "_SMALL", 0)  # as for a volume too large to look through
        stack.slide(3)
        labels = stack.workspace.labels
        labels.selected_label = 12
        labels.paint((3, 10, 10), 12)
        stack.slide(1)
        stack.controller.next_object()
        assert stack.workspace.object_id == 13

    def test_a_click_before_the_labels_are_known_is_told(self, real_dock, volume, monkeypatch):
        monkeypatch.setattr(masks, "_SMALL", 0)
        told = []
        real_dock.controller.told.connect(told.append)
        data = np.zeros(volume.shape, int)
        data[3, 30:34, 2:9] = 7
        real_dock.widget.settings.labels.value = real_dock.viewer.add_labels(data)
        real_dock.start(real_dock.viewer.add_image(volume), wait=False)
        real_dock.points.add([real_dock.workspace.here.index[0], 16, 19])
        real_dock.qtbot.waitUntil(lambda: bool(told), timeout=20_000)
        assert "labels up to 7" in told[0]
        real_dock.controller.next_object()
        assert real_dock.workspace.object_id == 8


class TestReading:
    @pytest.fixture
    def counted(self, volume):
        """A dask array that notes which of its chunks are read."""
        import dask.array

        read = []

        def block(block_info=None):
            at = block_info[None]["chunk-location"]
            read.append(at)
            return volume[at[0] : at[0] + 1]

        chunks = ((1,) * DEPTH, volume.shape[1:2], volume.shape[2:])
        data = dask.array.map_blocks(block, chunks=chunks, dtype=np.uint8, meta=np.zeros((0, 0, 0), np.uint8))
        return data, read

    def test_only_planes_that_are_visited_are_read(self, dock, counted):
        data, read = counted
        layer = dock.viewer.add_image(data, contrast_limits=(0, 255), cache=False)
        dock.slide(1)
        read.clear()
        dock.start(layer)
        dock.points.add([1, 16, 19])
        dock.controller.next_object()
        dock.points.add([1, 33, 45])
        assert set(read) == {(1, 0, 0)} and len(read) == 1
        dock.points.add([3, 16, 25])  # of a plane that is not even shown
        assert read == [(1, 0, 0), (3, 0, 0)]
        assert written_planes(dock.labels) == [(1,), (3,)]

    def test_memory_mapped_and_zarr_images(self, dock, volume, tmp_path):
        import zarr

        np.save(tmp_path / "volume.npy", volume)
        stored = zarr.create_array(tmp_path / "volume.zarr", shape=volume.shape, chunks=(1, 24, 32), dtype=np.uint8)
        stored[:] = volume
        found = []
        for data in (volume, np.load(tmp_path / "volume.npy", mmap_mode="r"), stored):
            layer = dock.viewer.add_image(data, contrast_limits=(0, 255))
            dock.slide(2)
            dock.start(layer)
            dock.points.add([2, 16, 22])
            found.append(dock.labels.copy())
        assert not dock.errors and found[0].any()
        same(found[0], found[1])
        same(found[0], found[2])

    def test_a_pyramid_is_read_where_it_fits_and_masked_in_full(self, dock):
        side = 48
        disc = np.hypot(*np.mgrid[-side:side:1, -side:side:1]) < side / 2  # 2 side x 2 side
        full = np.stack([disc, ~disc]).astype(np.uint8) * 200
        full[:, ::2, ::2] //= 2  # which no average of areas gives
        levels = [full, full[:, ::2, ::2], full[:, ::4, ::4]]
        layer = dock.viewer.add_image(levels, multiscale=True, contrast_limits=(0, 255))
        dock.viewer.dims.set_current_step(0, 0)
        dock.controller.computing.change(working_side=side)
        dock.start(layer)
        features = dock.workspace.features
        assert features.shape == (2 * side, 2 * side) and features.image.shape == (side, side, 3)
        same(features.image[..., 0], levels[1][0])  # the very level, not the full one made smaller
        dock.points.add([0, side, side])
        assert dock.labels.shape == full.shape and written_planes(dock.labels) == [(0,)]
        found = dock.labels[0] == 1
        assert np.count_nonzero(found & disc) / np.count_nonzero(found | disc) > 0.8
        same(dock.shown_labels, dock.expected())

        guide = [level.astype(np.float32) * 3 for level in levels[:2]]  # with other levels
        dock.widget.settings.guide.value = dock.viewer.add_image(guide, multiscale=True, contrast_limits=(0, 600))
        dock.start(layer)
        assert dock.workspace.features.guide.shape == (side, side) and not dock.errors
        assert dock.workspace.features.shape == (2 * side, 2 * side)
        assert dock.workspace.features.transition is features.transition

    def test_masks_go_into_zarr_by_the_box_that_changed(self, dock, volume):
        import zarr

        store = zarr.storage.MemoryStore()
        data = zarr.create_array(store, shape=volume.shape, chunks=(1, 16, 16), dtype=np.uint16)
        dock.widget.settings.labels.value = dock.viewer.add_labels(data, name="stored")
        layer = dock.viewer.add_image(volume)
        dock.slide(1)
        dock.start(layer)
        dock.points.add([1, 16, 19])
        expected = dock.expected()
        same(data[1], expected)
        assert expected.any() and not data[:1].any() and not data[2:].any()
        chunks = {key for key in store._store_dict if "zarr.json" not in key}
        boxes = {f"c/1/{r // 16}/{c // 16}" for r, c in np.argwhere(expected)}
        assert boxes <= chunks and all(key.startswith("c/1/") for key in chunks)
        dock.widget.undo.click()
        assert not data[:].any()

    @pytest.mark.parametrize("kind", ["dask", "read-only", "multiscale", "other shape"])
    def test_labels_that_cannot_be_written_are_refused(self, dock, volume, kind):
        import dask.array

        data = np.zeros(volume.shape, int)
        fixed = data.copy()
        fixed.flags.writeable = False
        makes = {
            "dask": dask.array.from_array(data),
            "read-only": fixed,
            "multiscale": [data, data[:, ::2, ::2]],
            "other shape": data[1:],
        }
        labels = dock.viewer.add_labels(makes[kind], multiscale=kind == "multiscale", name="mine")
        dock.widget.settings.labels.value = labels
        dock.start(dock.viewer.add_image(volume), wait=False)
        assert "'mine'" in dock.errors[-1] and dock.workspace is None

    def test_a_large_volume_takes_memory_where_it_is_written_alone(self, dock):
        import psutil

        process = psutil.Process()
        pixels = np.zeros((50, 2000, 2000), np.uint8)  # of pages that are all one, until written to
        pixels[30, 500:900, 500:900] = 255
        layer = dock.viewer.add_image(pixels, contrast_limits=(0, 255))
        dock.controller.computing.change(working_side=64)
        before = process.memory_info().rss
        dock.slide(30)
        dock.start(layer)
        dock.points.add([30, 700, 700])
        assert dock.labels.shape == (50, 2000, 2000) and dock.labels.nbytes == 800_000_000
        assert process.memory_info().rss - before < 200e6


class TestFeatures:
    def test_slices_switched_while_computing_get_their_own_answers(self, real_dock, volume):
        layer = real_dock.viewer.add_image(volume)
        real_dock.slide(0)
        real_dock.start(layer, wait=False)
        for z in range(DEPTH):
            real_dock.slide(z)
            real_dock.points.add([z, 16, 16 + 3 * z])
        workspace = real_dock.workspace
        assert workspace.is_computing and real_dock.widget.cancel.isEnabled()
        real_dock.qtbot.waitUntil(lambda: not workspace.is_computing, timeout=60_000)
        real_dock.settle()
        assert len({id(part.features) for part in workspace.parts}) == DEPTH and not real_dock.errors
        for z in range(DEPTH):
            real_dock.slide(z)
            same(workspace.features.image[..., 0], volume[z])
            same(real_dock.shown_labels, real_dock.expected())
            assert real_dock.shown_labels[16, 16 + 3 * z] == 1

    def test_cancel_stops_all_slices_and_a_click_begins_again(self, real_dock, volume):
        layer = real_dock.viewer.add_image(volume)
        real_dock.slide(0)
        real_dock.start(layer, wait=False)
        real_dock.points.add([1, 16, 19])
        real_dock.slide(2)
        assert "Computing slice 0; slice 1" in real_dock.widget.status.text()
        real_dock.widget.cancel.click()
        workspace = real_dock.workspace
        assert [part.state for part in workspace.parts] == [FeatureState.MISSING] * 2
        real_dock.qtbot.wait(300)
        assert not any(part.features for part in workspace.parts) and not real_dock.labels.any()
        real_dock.points.add([1, 33, 48])
        real_dock.qtbot.waitUntil(lambda: not workspace.is_computing, timeout=60_000)
        real_dock.settle()
        assert written_planes(real_dock.labels) == [(1,)]

    @pytest.mark.parametrize("which", ["image", "points", "labels"])
    def test_deleting_a_layer_while_slices_are_computed(self, real_dock, volume, which):
        layer = real_dock.viewer.add_image(volume)
        real_dock.start(layer, wait=False)
        real_dock.points.add([[0, 16, 16], [1, 16, 19]])
        real_dock.viewer.layers.remove(getattr(real_dock.workspace, which))
        assert real_dock.workspace is None
        real_dock.qtbot.wait(500)
        assert not real_dock.errors and not real_dock.controller.jobs.keys
        if which != "image":
            real_dock.start(layer)
            assert len(real_dock.viewer.layers) == 3

    def test_features_of_many_slices_are_bounded_and_masks_stay(self, stack):
        stack.points.add([1, 16, 19])
        mask = stack.shown_labels.copy()
        one = stack.workspace.part.nbytes
        stack.controller.computing.store.use_memory(0)
        stack.workspace.parts.most_bytes = 2 * one
        for z in (2, 3, 0):
            stack.slide(z)
            stack.points.add([z, 16, 16 + 3 * z])
        held = [part.key.plane.index[0] for part in stack.workspace.parts if part.features is not None]
        assert held[-1] == 0 and 1 not in held
        assert sum(part.nbytes for part in stack.workspace.parts) <= 2 * one + one // 2
        assert written_planes(stack.labels) == [(0,), (1,), (2,), (3,)]
        stack.slide(1)
        same(stack.shown_labels, mask)
        assert stack.workspace.state is FeatureState.MISSING
        stack.points.add([1, 33, 48])
        assert stack.workspace.features is not None and len(stack.workspace.clicks) == 2
        same(stack.shown_labels, stack.expected())
        stack.widget.undo.click()
        same(stack.shown_labels, mask)

    def test_the_mask_of_a_slice_let_go_can_still_be_undone(self, stack):
        stack.points.add([1, 16, 19])
        stack.workspace.parts.most_bytes = 0
        stack.controller.computing.store.use_memory(0)
        stack.points.add([2, 16, 22])
        stack.slide(0)
        stack.points.add([0, 16, 16])
        assert stack.workspace.parts.of(PlaneKey((1, 2), (2,)))[0].features is None
        stack.widget.undo.click()
        stack.widget.undo.click()
        assert stack.workspace.here.index == (2,) and written_planes(stack.labels) == [(1,)]
        assert stack.workspace.features is None  # nothing to compute for no clicks

    def test_what_changes_marks_all_slices(self, stack):
        stack.points.add([[1, 16, 19], [2, 16, 22]])
        stack.workspace.image.contrast_limits = (10, 90)
        assert {part.state for part in stack.workspace.parts} == {FeatureState.STALE}
        stack.widget.start.click()
        assert stack.workspace.state is FeatureState.READY
        stack.slide(2)
        assert stack.workspace.state is FeatureState.STALE and "Compute again" in stack.widget.start.text()

    def test_features_of_all_slices_are_kept_when_a_layer_of_ours_is_deleted(self, stack):
        stack.points.add([[1, 16, 19], [2, 16, 22]])
        kept = {part.key: part.features for part in stack.workspace.parts}
        layer = stack.workspace.image
        stack.viewer.layers.remove(stack.points)
        stack.start(layer)
        assert {part.key: part.features for part in stack.workspace.parts} == kept
        same(stack.workspace.protected, stack.shown_labels > 0)  # no clicks say that these masks are ours

    def test_a_stack_that_changes_its_depth_is_begun_anew(self, stack, volume):
        image = stack.workspace.image
        image.data = volume[:2]
        assert stack.workspace is None and not stack.errors
        stack.viewer.layers.remove("stack masks")
        stack.start(image)
        assert stack.labels.shape == volume[:2].shape


class TestGuides:
    @pytest.mark.parametrize(
        ("make", "plane"),
        [
            (lambda ramps: ramps, lambda ramps: ramps[1, 2]),
            (lambda ramps: ramps[1], lambda ramps: ramps[1, 2]),
            (lambda ramps: ramps[0, 3], lambda ramps: ramps[0, 3]),
        ],
        ids=["stack", "fewer axes", "one plane"],
    )
    def test_the_guide_is_of_the_same_plane(self, dock, volume, make, plane):
        from napari_m2n2v2.images import as_guide

        ramps = np.random.default_rng(0).normal(size=(2, *volume.shape))
        guide = dock.viewer.add_image(make(ramps), name="height")
        layer = dock.viewer.add_image(np.stack([volume, volume]), name="series")
        dock.slide(1, 2)
        dock.widget.settings.guide.value = guide
        dock.start(layer)
        shape = volume.shape[1:]
        same(dock.workspace.features.guide, as_guide(plane(ramps), shape, shape))

    def test_one_that_does_not_fit_is_told(self, dock, volume):
        dock.widget.settings.guide.value = dock.viewer.add_image(volume[1:], name="height")
        dock.start(dock.viewer.add_image(volume), wait=False)
        assert "(4, 48, 64) or (48, 64)" in dock.errors[-1] and dock.workspace.state is FeatureState.MISSING

    def test_channels_are_merged_plane_by_plane(self, dock):
        rgb = planes()
        for i, colour in enumerate(("red", "green", "blue")):
            layer = dock.viewer.add_image(
                rgb[..., i], colormap=colour, blending="additive", name=colour, contrast_limits=(0, 255)
            )
        dock.widget.settings.merge.setChecked(True)
        dock.slide(2)
        dock.start(layer)
        np.testing.assert_allclose(dock.workspace.features.image, rgb[2], atol=2)


class TestOtherParts:
    def test_views_and_suggestions_are_drawn_in_their_plane(self, stack):
        stack.workspace.image.scale = (4, 1, 1)
        stack.slide(1)
        stack.points.add([[1, 16, 19], [1, 5, 50]])
        stack.widget.why.toggles["Markov-map"].click()
        view = stack.viewer.layers["stack Markov-map"]
        assert view.data.shape == (1, *stack.shown_labels.shape)
        same(view.data_to_world((0, 7, 9)), stack.workspace.image.data_to_world((1, 7, 9)))
        stack.widget.suggest.click()
        assert stack.viewer.layers["suggested click"].data[0, 0] == 1
        stack.slide(3)
        assert "suggested click" not in stack.viewer.layers
        same(view.data_to_world((0, 7, 9))[0], 4)  # nothing is known of slice 3
        stack.points.add([3, 16, 25])
        same(view.data_to_world((0, 7, 9)), stack.workspace.image.data_to_world((3, 7, 9)))
        assert view.data[0, 16, 25] == 0
        stack.viewer.dims.order = (1, 0, 2)
        stack.slide(16)
        stack.points.add([1, 16, 16])
        assert stack.viewer.layers["stack Markov-map"].data.shape == (DEPTH, 1, 64)

    def test_the_preview_is_of_the_plane_shown(self, stack):
        stack.points.add([1, 16, 19])
        stack.press(Qt.Key.Key_H)
        stack.qtbot.wait(50)
        for place in [(20, 20), (33, 48)]:
            stack.qtbot.mouseMove(stack.canvas.native, stack.where(*place))
            stack.qtbot.wait(50)
        stack.qtbot.waitUntil(lambda: "preview" in stack.viewer.layers, timeout=5000)
        preview = stack.viewer.layers["preview"]
        _, row, col = stack.viewer.cursor.position
        session = Session(stack.workspace.features)
        session.replay(stack.workspace.clicks)
        same(preview.data[0], session.preview(Click(row, col)))
        same(preview.data_to_world((0, 0, 0)), (1, 0, 0))
        stack.slide(2)
        assert "preview" not in stack.viewer.layers

    def test_the_table_and_the_reach_are_of_the_plane_shown(self, stack):
        stack.points.add([[1, 16, 19], [3, 16, 25], [3, 5, 60]])
        rows = []
        for z in (1, 3, 0):
            stack.slide(z)
            rows.append([stack.widget.table.item(0, column).text() for column in range(3)])
        areas = [np.count_nonzero(stack.labels[z]) for z in (1, 3)]
        assert rows == [["1", "1", f"{areas[0]} px"], ["1", "2", f"{areas[1]} px"], ["1", "0", "0 px"]]
        assert not stack.widget.reach.isEnabled()
        stack.slide(3)
        assert "click 2" in stack.widget.reach.title.text() and stack.widget.reach.plot.scores.max() > 0
        stack.points.mode = "select"
        stack.points.selected_data = {1}
        assert "click 1" in stack.widget.reach.title.text()

    @pytest.mark.filterwarnings("ignore:.*stored as RGB:DeprecationWarning")  # tifffile's, of any stack of four
    def test_layers_saved_by_napari_are_taken_up_again(self, stack, volume, tmp_path):
        stack.points.add([[1, 16, 19], [3, 16, 25]])
        stack.viewer.dims.order = (1, 0, 2)
        stack.slide(33)
        stack.controller.next_object()
        stack.points.add([2, 33, 50])
        placed, before = stack.workspace.placed, stack.labels.copy()
        names = [stack.points.save(str(tmp_path / "stack clicks.csv"))[0]]
        names += stack.workspace.labels.save(str(tmp_path / "stack masks.tif"))
        stack.viewer.layers.clear()
        stack.viewer.dims.order = (0, 1, 2)
        layer = stack.viewer.add_image(volume, name="stack")
        for name in names:
            stack.viewer.open(name, layer_type="points" if name.endswith("csv") else "labels")
        stack.slide(1)
        stack.start(layer)
        assert len(stack.viewer.layers) == 3 and stack.workspace.placed == placed
        same(stack.labels, before)
        stack.points.add([1, 40, 10])
        same(stack.labels[[0, 2, 3]], before[[0, 2, 3]])
        across = before[1, 33] == 2
        assert across.any() and (stack.shown_labels[33][across] == 2).all()  # what the plane across wrote

    def test_clicks_are_counted_on_the_slice_shown(self, viewer, volume, monkeypatch):
        from napari_m2n2v2._napari.clicks_widget import ClicksToReach
        from napari_m2n2v2._napari.jobs import Jobs

        from .conftest import AtOnce, run_now

        errors = []
        monkeypatch.setattr("napari_m2n2v2._napari.clicks_widget.show_error", errors.append)
        viewer.add_image(volume)
        truth = np.zeros(volume.shape, int)
        truth[2][volume[2] > 120] = 5
        viewer.add_labels(truth, name="truth")
        widget = ClicksToReach(viewer, Jobs(run_now, AtOnce()))
        widget.attention, widget.grid = "appearance", 12
        viewer.window.add_dock_widget(widget)
        widget.reset_choices()
        viewer.dims.set_current_step(0, 0)
        widget.run.click()
        assert "in what is shown" in errors[-1]
        viewer.dims.set_current_step(0, 2)
        widget.run.click()
        assert "Label 5: " in widget.answer.text() and "over 1 objects" in widget.answer.text()
