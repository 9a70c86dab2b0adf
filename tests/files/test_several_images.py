"""Files that hold several images or name others, in Python and in a shell: issue 16, lines 18 and 24."""

import json
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_m2n2v2 import Click, UnreadableFileError, open_stack, segment_folder
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.files.read import read_image
from tests.batch.small_batch import BOTH, CLICKS, COARSE, FEW, solved
from tests.conftest import blob_image

GREY = blob_image()[..., 0]


def opened(path, **named):
    with open_stack(path, **named) as file:
        return file.stack


@pytest.fixture
def two(tmp_path):
    """A TIFF of a dark volume, and of the blobs."""
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(np.zeros((3, 8, 9), np.uint8), metadata={"axes": "ZYX", "Name": "overview"})
        writer.write(GREY, metadata={"axes": "YX", "Name": "detail"})
    (tmp_path / "clicks.csv").write_text(BOTH)
    return path


def test_line_18_another_image_of_a_tiff_by_every_way(two, tmp_path, capsys):
    mask = tmp_path / "mask.png"
    assert main(["segment", str(two), "--series", "1", "--fg", "16,16", "-o", str(mask), *COARSE]) == 0
    assert np.array_equal(read_image(mask) > 0, solved(GREY, CLICKS[:1]) > 0)
    command = ["segment", str(two), "--series", "1", "--clicks", str(tmp_path / "clicks.csv"), *COARSE]
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    assert np.array_equal(read_image(tmp_path / "out" / "two.png"), solved(GREY))
    (outcome,) = segment_folder(two, tmp_path / "clicks.csv", tmp_path / "again", series=1, **FEW)
    assert np.array_equal(read_image(outcome.output), solved(GREY)) and "holds 2 images" not in capsys.readouterr().err
    cache = ["--cache", str(tmp_path / "cache"), *COARSE]
    assert main(["features", str(two), "--series", "1", *cache]) == 0
    assert "1 of 1 planes" in capsys.readouterr().err
    assert main(["features", str(two), "--series", "2", *cache]) == 1
    assert "no image 2" in capsys.readouterr().err


def test_line_18_what_is_told_of_several_images_says_both_ways(two):
    for read in (opened, read_image):
        with pytest.warns(UserWarning, match=r"holds 2 images.*open_stack\(path, series=1\).*--series 1"):
            read(two)


def test_line_18_the_result_of_one_image_is_not_that_of_another(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for pixels in (GREY[:, ::-1], GREY):
            writer.write(pixels, metadata={"axes": "YX"})
    (tmp_path / "clicks.csv").write_text(BOTH)
    for series, plane in ((0, GREY[:, ::-1]), (1, GREY)):
        (outcome,) = segment_folder(path, tmp_path / "clicks.csv", tmp_path / "out", series=series, **FEW)
        assert outcome.done == 1
        assert np.array_equal(read_image(outcome.output), solved(plane))


@pytest.mark.parametrize("name", ["one.png", "one.npy", "one.tif", "one.zarr"])
def test_line_18_a_file_of_one_image_has_no_second(tmp_path, name):
    path = tmp_path / name
    if name == "one.zarr":
        pytest.importorskip("zarr").create_array(path, data=GREY)
    elif name == "one.npy":
        np.save(path, GREY)
    else:
        tifffile.imwrite(path, GREY) if name == "one.tif" else Image.fromarray(GREY).save(path)
    for read in (opened, *([] if name == "one.zarr" else [read_image])):
        read(path, series=0)
        with pytest.raises(UnreadableFileError, match="no image 1"):
            read(path, series=1)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_line_18_a_container_of_several_images(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "many.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    layout = {"bioformats2raw.layout": 3}
    group.attrs.update(layout if version == "0.4" else {"ome": {"version": version, **layout}})
    for n in range(11):
        image = group.create_group(str(n))
        image.create_array("0", data=np.full((4, 5), n, np.uint8))
        scales = [{"axes": ["y", "x"], "datasets": [{"path": "0"}]}]
        image.attrs.update({"multiscales": scales} if version == "0.4" else {"ome": {"multiscales": scales}})
    with pytest.warns(UserWarning, match=r"holds 11 images \(0, 1, 2, .*--series 1"), open_stack(path) as first:
        assert (first.read(()) == 0).all()
    for n in (2, 10):
        with open_stack(path, series=n) as other:
            assert (other.read(()) == n).all()
    with pytest.raises(UnreadableFileError, match="no image 11"):
        open_stack(path, series=11)


@pytest.fixture
def outside(tmp_path):
    """An OME-TIFF whose second plane is in a file of another folder, as its first says."""
    (tmp_path / "in").mkdir()
    (tmp_path / "other").mkdir()
    first, second = tmp_path / "in" / "main.ome.tif", tmp_path / "other" / "rest.tif"
    tifffile.imwrite(first, np.stack([GREY, GREY]), ome=True, photometric="minisblack", metadata={"axes": "ZYX"})
    xml = tifffile.tiffcomment(first)
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(2)]
    named = "".join(
        f'<TiffData FirstZ="{n}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
        for n, (name, uuid) in enumerate(zip(("main.ome.tif", "../other/rest.tif"), uuids, strict=True))
    )
    start = xml.index("<TiffData")
    end = xml.index("</Pixels>")
    for path, uuid, plane in ((first, uuids[0], GREY), (second, uuids[1], GREY[::-1])):
        own = re.sub(r'UUID="[^"]*"', f'UUID="{uuid}"', xml[:start] + named + xml[end:], count=1)
        tifffile.imwrite(path, plane, description=own.encode(), metadata=None)
    (tmp_path / "clicks.csv").write_text("z,row,col\n1,31,16\n")
    return first


def test_line_24_planes_elsewhere_are_read_where_that_is_allowed(outside, tmp_path, capsys):
    with pytest.raises(UnreadableFileError, match=r"outside its own folder.*allow_outside=True.*--allow-outside"):
        open_stack(outside)
    with open_stack(outside, allow_outside=True) as file:
        assert file.stack.shape == (2, *GREY.shape)
        assert np.array_equal(file.read((0,)), GREY) and np.array_equal(file.read((1,)), GREY[::-1])
    command = ["segment", str(outside), "--clicks", str(tmp_path / "clicks.csv"), "-o", str(tmp_path / "out"), *COARSE]
    assert main(command) == 1 and "--allow-outside" in capsys.readouterr().err
    assert main([*command, "--allow-outside"]) == 0
    with open_stack(tmp_path / "out" / "main.ome.tif") as labels:
        assert np.array_equal(labels.read((1,)), solved(GREY[::-1], [Click(31, 16)]))
    assert main(["features", str(outside), "--cache", str(tmp_path / "c"), "--allow-outside", *COARSE]) == 0


def test_line_24_images_of_a_list_elsewhere_are_read_where_that_is_allowed(tmp_path, capsys):
    (tmp_path / "lists").mkdir()
    Image.fromarray(GREY).save(tmp_path / "photo.png")
    height, width = GREY.shape
    found = {"id": 1, "image_id": 1, "segmentation": [[5, 5, 30, 5, 30, 30]]}
    for name in ("../photo.png", str(tmp_path / "photo.png")):
        image = {"id": 1, "file_name": name, "height": height, "width": width}
        path = tmp_path / "lists" / "gt.json"
        path.write_text(json.dumps({"images": [image], "annotations": [found]}))
        with pytest.raises(UnreadableFileError, match=r"allow_outside=True.*--allow-outside"):
            open_dataset(path)
        (sample,) = open_dataset(path, allow_outside=True).samples
        assert np.array_equal(read_image(sample.image), GREY)
    command = ["evaluate", str(path), "-o", str(tmp_path / "r"), "--max-clicks", "1", *COARSE[:4]]
    assert main(command) == 1 and "--allow-outside" in capsys.readouterr().err
    assert main([*command, "--allow-outside"]) == 0
