"""OME-Zarr, OME-TIFF and plain relatives: made by the libraries, read by us."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr

from napari_m2n2v2 import MissingDependencyError, open_stack
from napari_m2n2v2.files.open_stack import is_zarr
from tests.files.made_stacks import OME, SHAPE, VOLUME, ngff


class TestReading:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_ome_zarr(self, tmp_path, version):
        with open_stack(ngff(tmp_path / "v.zarr", version)) as file:
            assert (file.axes, file.kind, file.ngff) == (("t", "z", "y", "x"), "ome-zarr", version)
            assert file.scale == (5.0, 2.0, 0.5, 0.25)
            assert file.translation == (0.0, 0.0, 1.5, 1.0)  # the level's, in the scale of them all
            assert file.units == ("second", "micrometer", "micrometer", "micrometer")
            assert [level.shape for level in file.stack.levels] == [SHAPE, (2, 3, 20, 30)]
            np.testing.assert_array_equal(file.read((1, 2)), VOLUME[1, 2])
            np.testing.assert_array_equal(file.read((1, 2), 1), VOLUME[1, 2, ::2, ::2])

    def test_a_container_of_several_images_gives_the_first(self, tmp_path):
        group = zarr.open_group(tmp_path / "c.zarr", mode="w", zarr_format=2)
        group.attrs["bioformats2raw.layout"] = 3
        ngff(tmp_path / "c.zarr" / "0", "0.4")
        with open_stack(tmp_path / "c.zarr") as file:
            np.testing.assert_array_equal(file.read((0, 1)), VOLUME[0, 1])

    @pytest.mark.parametrize("zarr_format", [2, 3])
    def test_plain_zarr(self, tmp_path, zarr_format):
        array = zarr.create_array(
            tmp_path / "p.zarr", shape=SHAPE[1:], chunks=(1, 40, 60), dtype="u2", zarr_format=zarr_format
        )
        array[:] = VOLUME[0]
        assert is_zarr(tmp_path / "p.zarr")
        with open_stack(tmp_path / "p.zarr") as file:
            assert file.axes == ("axis-0", "y", "x") and file.scale == (1, 1, 1) and file.units == ("", "", "")
            np.testing.assert_array_equal(file.read((2,)), VOLUME[0, 2])

    def test_the_names_of_dimensions_in_zarr_3(self, tmp_path):
        zarr.create_array(tmp_path / "n.zarr", shape=(4, 5, 6), dtype="u1", dimension_names=("Y", "X", "Z"))
        with open_stack(tmp_path / "n.zarr") as file:
            assert file.axes == ("y", "x", "z") and file.stack.plane_axes == (0, 1) and len(file.stack) == 6

    def test_colour_in_plain_zarr(self, tmp_path):
        zarr.create_array(tmp_path / "c.zarr", shape=(4, 5, 6, 3), dtype="u1")
        with open_stack(tmp_path / "c.zarr") as file:
            assert file.stack.rgb and file.axes == ("axis-0", "y", "x")

    def test_only_the_chunks_of_a_plane_are_read(self, tmp_path, monkeypatch):
        path, read = ngff(tmp_path / "v.zarr", "0.5"), []
        get = zarr.storage.LocalStore.get

        async def counted(self, key, *rest, **named):
            read.append(key)
            return await get(self, key, *rest, **named)

        monkeypatch.setattr(zarr.storage.LocalStore, "get", counted)
        with open_stack(path) as file:
            assert not [key for key in read if "/c/" in key]
            file.read((1, 2))
        assert sorted(key for key in read if "/c/" in key) == ["0/c/1/2/0/0", "0/c/1/2/1/0"]

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_ome_tiff(self, tmp_path, compression):
        path = tmp_path / "v.ome.tif"
        tifffile.imwrite(path, VOLUME, metadata={"axes": "TZYX", **OME}, compression=compression)
        with open_stack(path) as file:
            assert (file.axes, file.kind) == (("t", "z", "y", "x"), "ome-tiff")
            assert file.scale == (30.0, 2.0, 0.5, 0.25)
            assert file.units == ("minute", "millimeter", "micrometer", "nanometer")
            np.testing.assert_array_equal(file.read((1, 2)), VOLUME[1, 2])

    def test_the_pyramid_of_an_ome_tiff(self, tmp_path):
        path = tmp_path / "p.ome.tif"
        big = np.tile(VOLUME[0], (1, 4, 4))
        with tifffile.TiffWriter(path) as writer:
            writer.write(big, subifds=1, tile=(64, 64), metadata={"axes": "ZYX"})
            writer.write(big[:, ::2, ::2], subfiletype=1, tile=(64, 64))
        with open_stack(path) as file:
            assert [level.shape for level in file.stack.levels] == [(3, 160, 240), (3, 80, 120)]
            np.testing.assert_array_equal(file.read((2,), 1), big[2, ::2, ::2])

    def test_imagej(self, tmp_path):
        path = tmp_path / "i.tif"
        told = {"axes": "TZYX", "spacing": 3.0, "unit": "um", "finterval": 0.5}
        tifffile.imwrite(path, VOLUME, imagej=True, resolution=(4.0, 2.0), metadata=told)
        with open_stack(path) as file:
            assert file.scale == (0.5, 3.0, 0.5, 0.25)
            assert file.units == ("second", "micrometer", "micrometer", "micrometer")

    def test_planes_in_one_piece_are_read_one_at_a_time(self, tmp_path, monkeypatch):
        """So ImageJ writes what is larger than 4 GB."""
        path = tmp_path / "i.tif"
        tifffile.imwrite(path, VOLUME[0], imagej=True, truncate=True)
        read = []
        real = tifffile.FileHandle.read
        monkeypatch.setattr(tifffile.FileHandle, "read", lambda *a, **k: read.append(real(*a, **k)) or read[-1])
        whole = tifffile.TiffPageSeries.asarray
        monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *a, **k: read.append(whole(*a, **k)) or read[-1])
        with open_stack(path) as file:
            read.clear()
            for z in range(3):
                np.testing.assert_array_equal(file.read((z,)), VOLUME[0, z])
        assert sum(len(part) if isinstance(part, bytes) else part.nbytes for part in read) == VOLUME[0].nbytes

    def test_plain_tiff_has_axes_without_names_and_a_resolution_for_printing(self, tmp_path):
        path = tmp_path / "p.tif"
        tifffile.imwrite(path, VOLUME[0], metadata=None, resolution=(300, 300), photometric="minisblack")
        with open_stack(path) as file:
            assert file.axes == ("axis-0", "y", "x") and file.scale == (1, 1, 1)

    def test_colour_tiff_and_photos(self, tmp_path, image):
        from skimage.io import imsave

        tifffile.imwrite(tmp_path / "c.tif", np.stack([image, image + 1]), photometric="rgb")
        imsave(tmp_path / "c.png", image)
        with open_stack(tmp_path / "c.tif") as file, open_stack(tmp_path / "c.png") as photo:
            assert file.stack.rgb and len(file.stack) == 2
            np.testing.assert_array_equal(file.read((1,)), image + 1)
            np.testing.assert_array_equal(photo.read(()), image)

    def test_a_tiff_of_one_plane_needs_no_zarr(self, tmp_path, monkeypatch):
        tifffile.imwrite(tmp_path / "one.tif", VOLUME[0, 0])
        tifffile.imwrite(tmp_path / "many.tif", VOLUME[0], photometric="minisblack")
        monkeypatch.setitem(sys.modules, "zarr", None)
        with open_stack(tmp_path / "one.tif") as file:
            np.testing.assert_array_equal(file.read(()), VOLUME[0, 0])
        for path in (tmp_path / "many.tif", ngff_folder(tmp_path)):
            with pytest.raises(MissingDependencyError, match="stacks"):
                open_stack(path)


def ngff_folder(tmp_path):
    folder = tmp_path / "x.zarr"
    folder.mkdir()
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    return folder


def test_importing_is_cheap():
    heavy = ("torch", "zarr", "tifffile", "napari")
    code = f"import sys, napari_m2n2v2.files.open_stack; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
