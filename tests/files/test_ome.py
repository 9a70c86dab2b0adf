"""OME-Zarr, OME-TIFF and plain relatives: made by the libraries, read by us, and the other way round."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr

from napari_m2n2v2 import MissingDependencyError, StackFile, UnreadableFileError, UnwritableFileError, open_stack
from napari_m2n2v2.files.open_stack import create_labels, is_zarr, open_labels

SHAPE = (2, 3, 40, 60)
RNG = np.random.default_rng(0)
VOLUME = RNG.integers(0, 4000, SHAPE, dtype=np.uint16)
AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
OME = {
    "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
    "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "mm", "TimeIncrement": 30.0, "TimeIncrementUnit": "min",
}  # fmt: skip


def ngff(path, version, data=VOLUME, levels=2, extra=None):
    """Write OME-Zarr as its documents say, with zarr alone."""
    old = version == "0.4"
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    datasets = []
    for n in range(levels):
        step = 2**n
        pixels = data[..., ::step, ::step]
        keys = {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if old else {}
        array = group.create_array(str(n), shape=pixels.shape, chunks=(1, 1, 20, 60), dtype=pixels.dtype, **keys)
        array[:] = pixels
        steps = [{"type": "scale", "scale": [1, 1, step, step]}, {"type": "translation", "translation": [0, 0, 3, 4]}]
        datasets.append({"path": str(n), "coordinateTransformations": steps})
    image = {"axes": AXES, "datasets": datasets, **(extra or {})}
    image["coordinateTransformations"] = [{"type": "scale", "scale": [5.0, 2.0, 0.5, 0.25]}]
    if old:
        group.attrs.update({"multiscales": [{"version": version, **image}]})
    else:
        group.attrs.update({"ome": {"version": version, "multiscales": [image]}})
    return path


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


def labels_of(index):
    found = np.zeros(SHAPE[2:], np.uint16)
    found[10 * index[0] + 3 : 30, 5 * index[1] : 50] = 300 + index[1]
    return found


class TestWriting:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_ome_zarr_keeps_scale_units_and_levels(self, tmp_path, version):
        out = tmp_path / "labels.ome.zarr"
        with open_stack(ngff(tmp_path / "v.zarr", version)) as image:
            volume = create_labels(out, image, np.uint16)
            for index in [(0, 1), (1, 2)]:
                volume.write(index, labels_of(index))
        attributes = json.loads((out / (".zattrs" if version == "0.4" else "zarr.json")).read_text())
        described = attributes if version == "0.4" else attributes["attributes"]["ome"]
        (multiscale,) = described["multiscales"]
        assert (multiscale if version == "0.4" else described)["version"] == version
        assert multiscale["axes"] == AXES
        first, second = (dataset["coordinateTransformations"] for dataset in multiscale["datasets"])
        assert first[0] == {"type": "scale", "scale": [5.0, 2.0, 0.5, 0.25]}
        assert first[1] == {"type": "translation", "translation": [0.0, 0.0, 1.5, 1.0]}
        assert second[0]["scale"] == [5.0, 2.0, 1.0, 0.5]
        assert described["image-label"]["source"] == {"image": "../v.zarr"}
        assert (out / "0" / (".zarray" if version == "0.4" else "zarr.json")).is_file()
        with open_stack(out) as file:
            assert isinstance(file, StackFile) and file.ngff == version
            assert (file.scale, file.translation) == ((5.0, 2.0, 0.5, 0.25), (0.0, 0.0, 1.5, 1.0))
            for index in file.stack:
                expected = labels_of(index) if index in [(0, 1), (1, 2)] else 0 * labels_of(index)
                np.testing.assert_array_equal(file.read(index), expected)
                np.testing.assert_array_equal(file.read(index, 1), expected[1::2, 1::2])
        written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
        assert not [name for name in written if name.startswith(("0/0/0", "0/c/0/0"))]  # nothing for what is empty

    def test_levels_with_fewer_planes_are_not_written(self, tmp_path):
        group = zarr.open_group(tmp_path / "v.zarr", mode="w")
        for n, planes in enumerate((6, 3)):
            group.create_array(str(n), shape=(planes, 8, 8), dtype="u1")
        axes = [{"name": name, "type": "space"} for name in "zyx"]
        datasets = [{"path": str(n), "coordinateTransformations": []} for n in range(2)]
        group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
        with open_stack(tmp_path / "v.zarr") as image:
            volume = create_labels(tmp_path / "l.zarr", image, np.uint8)
            for z in range(6):
                volume.write((z,), np.full((8, 8), z + 1))
        labels = zarr.open_group(tmp_path / "l.zarr", mode="r")
        assert labels["0"][:, 0, 0].tolist() == [1, 2, 3, 4, 5, 6] and list(labels.array_keys()) == ["0"]

    def test_ome_tiff_as_tifffile_reads_it(self, tmp_path):
        path, out = tmp_path / "v.ome.tif", tmp_path / "labels.ome.tif"
        tifffile.imwrite(path, VOLUME, metadata={"axes": "TZYX", **OME})
        with open_stack(path) as image:
            volume = create_labels(out, image, np.uint16)
            volume.write((1, 2), labels_of((1, 2)))
            open_labels(out, image).write((0, 1), labels_of((0, 1)))
        with tifffile.TiffFile(out) as file:
            told = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
            assert {name: told[name] for name in OME} == OME
            assert file.series[0].axes == "TZYX" and file.series[0].shape == SHAPE
            pixels = file.series[0].asarray()
        np.testing.assert_array_equal(pixels[1, 2], labels_of((1, 2)))
        np.testing.assert_array_equal(pixels[0, 1], labels_of((0, 1)))
        assert pixels.dtype == np.uint16 and not pixels[0, 0].any()

    def test_scale_and_units_go_from_either_format_to_the_other(self, tmp_path):
        with open_stack(ngff(tmp_path / "v.zarr", "0.4")) as image:
            create_labels(tmp_path / "a.ome.tif", image, np.uint8)
            with open_stack(tmp_path / "a.ome.tif") as tiff:
                assert (tiff.axes, tiff.scale, tiff.units) == (image.axes, image.scale, image.units)
                create_labels(tmp_path / "b.ome.zarr", tiff, np.uint8)
                with open_stack(tmp_path / "b.ome.zarr") as back:
                    assert (back.axes, back.scale, back.units) == (image.axes, image.scale, image.units)
                    assert back.ngff == "0.5"

    def test_a_unit_without_a_symbol_does_not_become_another_one(self, tmp_path):
        group = zarr.open_group(tmp_path / "v.zarr", mode="w")
        group.create_array("0", shape=(3, 8, 9), dtype="u1")
        axes = [{"name": "t", "unit": "year"}, {"name": "y", "unit": "parsec"}, {"name": "x"}]
        steps = [{"type": "scale", "scale": [2, 3, 4]}]
        datasets = [{"path": "0", "coordinateTransformations": steps}]
        group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
        with open_stack(tmp_path / "v.zarr") as image:
            create_labels(tmp_path / "l.tif", image, np.uint8)
        with open_stack(tmp_path / "l.tif") as labels:
            assert labels.units == ("", "", "") and labels.scale == (1, 3, 4)

    @pytest.mark.parametrize("ending", ["ome.tif", "zarr"])
    def test_axes_in_another_order(self, tmp_path, ending):
        array = zarr.create_array(tmp_path / "n.zarr", shape=(40, 60, 3), dtype="u2", dimension_names=("x", "y", "z"))
        array[:] = VOLUME[0].T[:40, :, :][:, :40].repeat(2, 1)[:, :60]
        plane = labels_of((0, 0))[:40, :40].repeat(2, 0)[:60]  # [y, x]
        with open_stack(tmp_path / "n.zarr") as image:
            assert image.read((1,)).shape == (60, 40)
            volume = create_labels(tmp_path / f"l.{ending}", image, np.uint16)
            volume.write((1,), plane)
        with open_stack(tmp_path / f"l.{ending}") as labels:
            np.testing.assert_array_equal(labels.read((1,)), plane)

    def test_an_image_is_never_written_into(self, tmp_path):
        path = ngff(tmp_path / "v.zarr", "0.5")
        before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        with open_stack(path) as image:
            for out in (path, path / "labels.zarr", tmp_path / "x" / ".." / "v.zarr"):
                with pytest.raises(UnwritableFileError, match="own image"):
                    create_labels(out, image, np.uint8)
        assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before

    def test_formats_dtypes_and_axes_that_do_not_exist(self, tmp_path):
        zarr.create_array(tmp_path / "many.zarr", shape=(1, 1, 1, 2, 4, 5), dtype="u1")
        with open_stack(tmp_path / "many.zarr") as image:
            with pytest.raises(UnwritableFileError, match="five axes"):
                create_labels(tmp_path / "l.tif", image, np.uint8)
            with pytest.raises(UnwritableFileError, match="uint32"):
                create_labels(tmp_path / "l.zarr", image, np.int64)
            with pytest.raises(UnwritableFileError, match="ends in"):
                create_labels(tmp_path / "l.png", image, np.uint8)
            with pytest.raises(UnwritableFileError, match="Cannot write"):
                create_labels(tmp_path / "no" / "l.zarr", image, np.uint8)
            assert {p.name for p in tmp_path.iterdir()} == {"many.zarr"}

    @pytest.mark.parametrize("ending", ["tif", "zarr"])
    def test_a_full_disk_is_told(self, small_disk, tmp_path, ending):
        place, _ = small_disk
        zarr.create_array(tmp_path / "v.zarr", shape=(40, 200, 300), chunks=(1, 200, 300), dtype="u1")
        plane = RNG.integers(0, 200, (200, 300), dtype=np.uint8)  # of which 800 kB hold less than 14
        with open_stack(tmp_path / "v.zarr") as image:
            labels = create_labels(place / f"l.{ending}", image, np.uint8)
            with pytest.raises(UnwritableFileError, match=r"Cannot write plane .*No space left"):
                for z in range(40):
                    labels.write((z,), plane)
            open_labels(place / f"l.{ending}", image)

    def test_what_is_no_label_volume_of_this_image(self, tmp_path):
        with open_stack(ngff(tmp_path / "v.zarr", "0.5")) as image:
            zarr.open_group(tmp_path / "l.zarr", mode="w").create_array("0", shape=(4, 5), dtype="u1")
            (tmp_path / "l.tif").write_bytes(b"no")
            for name in ("l.zarr", "l.tif", "none.zarr", "none.tif"):
                with pytest.raises(UnreadableFileError, match=r"is not a label volume|is of shape"):
                    open_labels(tmp_path / name, image)

    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_the_package_ome_zarr_reads_it(self, tmp_path, version):
        """An outside oracle where it is installed; it is no dependency of ours."""
        pytest.importorskip("ome_zarr")
        from ome_zarr.io import parse_url
        from ome_zarr.reader import Label, Reader

        with open_stack(ngff(tmp_path / "v.zarr", version)) as image:
            create_labels(tmp_path / "l.ome.zarr", image, np.uint16).write((1, 2), labels_of((1, 2)))
        # It shows the image that the labels name as their source, and the labels with it.
        nodes = [node for node in Reader(parse_url(tmp_path / "l.ome.zarr"))() if node.data]
        image, labels = nodes
        assert any(isinstance(spec, Label) for spec in labels.specs)
        np.testing.assert_array_equal(np.asarray(image.data[0]), VOLUME)
        np.testing.assert_array_equal(np.asarray(labels.data[0][1, 2]), labels_of((1, 2)))
        assert labels.metadata["axes"] == AXES
        steps = labels.metadata["coordinateTransformations"][0]
        assert steps[0] == {"type": "scale", "scale": [5.0, 2.0, 0.5, 0.25]}


def test_importing_is_cheap():
    heavy = ("torch", "zarr", "tifffile", "napari")
    code = f"import sys, napari_m2n2v2.files.open_stack; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
