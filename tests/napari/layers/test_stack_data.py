"""Stacks: what is read and written of them, and the features of many slices."""

import numpy as np
import pytest

from napari_m2n2v2._napari.model.settings import FeatureState
from napari_m2n2v2.session.document import PlaneKey
from tests.napari.conftest import DEPTH, same, written_planes


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
        masks = stack.workspace.masks_of(stack.workspace.here)
        same(masks.protected, stack.shown_labels > 0)  # no clicks say that these masks are ours

    def test_a_stack_that_changes_its_depth_is_begun_anew(self, stack, volume):
        image = stack.workspace.image
        image.data = volume[:2]
        assert stack.workspace is None and not stack.errors
        stack.viewer.layers.remove("stack masks")
        stack.start(image)
        assert stack.labels.shape == volume[:2].shape
