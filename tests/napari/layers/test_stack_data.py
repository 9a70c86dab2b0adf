"""Stacks: what is read and written of them."""

import numpy as np
import pytest

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
        dock.controller.objects.next()
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
        dock.controller.settings.change(working_side=side)
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
        dock.widget.buttons.undo.click()
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
        dock.controller.settings.change(working_side=64)
        before = process.memory_info().rss
        dock.slide(30)
        dock.start(layer)
        dock.points.add([30, 700, 700])
        assert dock.labels.shape == (50, 2000, 2000) and dock.labels.nbytes == 800_000_000
        assert process.memory_info().rss - before < 200e6
