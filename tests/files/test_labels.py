"""Label volumes: written by us, read by the libraries and by an outside reader."""

import json

import numpy as np
import pytest
import tifffile
import yaozarrs
import zarr

from napari_m2n2v2 import StackFile, UnreadableFileError, UnwritableFileError, open_stack
from napari_m2n2v2.files.open_stack import create_labels, open_labels
from tests.files.made_stacks import AXES, OME, RNG, SHAPE, VOLUME, ngff


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
            with pytest.raises(UnwritableFileError, match="There is no folder"):
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
    def test_an_outside_reader_takes_them_for_labels(self, tmp_path, version):
        """yaozarrs checks a store against the documents of OME-Zarr, arrays included, and warns of what they advise."""
        with open_stack(ngff(tmp_path / "v.zarr", version)) as image:
            create_labels(tmp_path / "l.ome.zarr", image, np.uint16).write((1, 2), labels_of((1, 2)))
        group = yaozarrs.validate_zarr_store(str(tmp_path / "l.ome.zarr"))
        told = group.ome_metadata()
        told = getattr(told, "ome", told)
        assert group.ome_version() == version
        (scales,) = told.multiscales
        assert [axis.model_dump(exclude_unset=True) for axis in scales.axes] == AXES
        assert scales.datasets[0].coordinateTransformations[0].scale == [5.0, 2.0, 0.5, 0.25]
        source = yaozarrs.open_group(str(tmp_path / "l.ome.zarr" / told.image_label.source.image))
        np.testing.assert_array_equal(source["0"].to_zarr_python()[:], VOLUME)
        np.testing.assert_array_equal(group["0"].to_zarr_python()[1, 2], labels_of((1, 2)))
