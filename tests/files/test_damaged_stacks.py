"""Stacks that are damaged or none: told, and no other plane is harmed."""

import numpy as np
import pytest
import tifffile
import zarr

from napari_m2n2v2 import UnreadableFileError, open_stack
from tests.files.made_stacks import VOLUME, ngff


class TestDamage:
    def test_there_is_nothing_or_no_zarr(self, tmp_path):
        (tmp_path / "folder").mkdir()
        for path, said in [("none.tif", "no file"), ("none.zarr", "no file"), ("folder", "without zarr.json")]:
            with pytest.raises(UnreadableFileError, match=said):
                open_stack(tmp_path / path)

    @pytest.mark.parametrize("content", [b"", b"II*\0", b"this is no TIFF"])
    def test_a_tiff_that_is_none(self, tmp_path, content):
        (tmp_path / "x.tif").write_bytes(content)
        with pytest.raises(UnreadableFileError, match="cannot be read"):
            open_stack(tmp_path / "x.tif")

    @pytest.mark.parametrize("compression", [None, "zlib"])
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_a_tiff_that_was_cut_off(self, tmp_path, compression, share):
        path = tmp_path / "x.ome.tif"
        tifffile.imwrite(path, VOLUME, metadata={"axes": "TZYX"}, compression=compression)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(UnreadableFileError, match=r"x\.ome\.tif"), open_stack(path) as file:
            file.read((1, 2))

    @pytest.mark.parametrize("document", ["{", '{"zarr_format": 3, "node_type": "group", "attributes": {"ome": 3}}'])
    def test_zarr_metadata_that_are_none(self, tmp_path, document):
        folder = tmp_path / "x.zarr"
        folder.mkdir()
        (folder / "zarr.json").write_text(document)
        with pytest.raises(UnreadableFileError, match=r"x\.zarr cannot be read as zarr"):
            open_stack(folder)

    def test_a_level_that_is_missing(self, tmp_path):
        path = ngff(tmp_path / "v.zarr", "0.5")
        (path / "1" / "zarr.json").unlink()
        with pytest.raises(UnreadableFileError, match="cannot be read as zarr"):
            open_stack(path)

    def test_a_chunk_that_is_damaged_harms_its_own_plane_only(self, tmp_path):
        path = ngff(tmp_path / "v.zarr", "0.5")
        (path / "0" / "c" / "1" / "2" / "0" / "0").write_bytes(b"damaged")
        with open_stack(path) as file:
            np.testing.assert_array_equal(file.read((1, 1)), VOLUME[1, 1])
            with pytest.raises(UnreadableFileError, match=r"Plane \(1, 2\)"):
                file.read((1, 2))

    def test_several_arrays_without_multiscales(self, tmp_path):
        group = zarr.open_group(tmp_path / "g.zarr", mode="w")
        for name in "ab":
            group.create_array(name, shape=(4, 5), dtype="u1")
        with pytest.raises(UnreadableFileError, match="there are 2"):
            open_stack(tmp_path / "g.zarr")
        with open_stack(tmp_path / "g.zarr" / "b") as file:
            assert file.stack.shape == (4, 5)
