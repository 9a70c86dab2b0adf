"""Masks as files, read back by the programs that others use."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.io import imread

from napari_m2n2v2.errors import Cancelled, UnwritableFileError
from napari_m2n2v2.files.coco import run_lengths
from napari_m2n2v2.files.labels import put_whole
from napari_m2n2v2.files.masks import MASK_ENDINGS, save_masks
from napari_m2n2v2.files.open_stack import open_stack
from napari_m2n2v2.files.stack_file import StackFile
from napari_m2n2v2.images.stack import Stack


def like(shape):
    axes = ("t", "z", "y", "x")[-len(shape) :]
    units = ("second", "micrometer", "micrometer", "micrometer")[-len(shape) :]
    stack = Stack.of(np.zeros(shape, np.uint8))
    return StackFile(Path("cells.tif"), stack, axes, (0.5,) * len(shape), units, (0.0,) * len(shape), "image")


def saved(path, labels):
    save_masks(path, like(labels.shape), Stack.of(labels).read, lambda share: None)
    return path


@pytest.fixture
def flat():
    labels = np.zeros((20, 30), np.int32)
    labels[0:5, 0:7], labels[10:20, 25:30] = 1, 300
    labels[12, 3] = 7
    return labels


@pytest.fixture
def volume(flat):
    return np.stack([flat, np.zeros_like(flat), flat[::-1]])


def test_a_png_holds_every_label(tmp_path, flat):
    found = imread(saved(tmp_path / "m.png", flat))
    assert found.dtype == np.uint16 and np.array_equal(found, flat)
    assert imread(saved(tmp_path / "n.png", flat % 256)).dtype == np.uint8


@pytest.mark.parametrize("kind", ["ome-tiff", "ome-zarr"])
def test_volumes_keep_labels_scale_and_units(tmp_path, volume, kind):
    path = saved(tmp_path / f"m{MASK_ENDINGS[kind]}", volume)
    with open_stack(path) as file:
        assert np.array_equal(np.stack([file.read(index) for index in file.stack]), volume)
        assert file.axes == ("z", "y", "x") and file.scale == (0.5,) * 3 and file.units == ("micrometer",) * 3


def test_a_tiff_is_read_by_tifffile(tmp_path, volume):
    assert np.array_equal(tifffile.imread(saved(tmp_path / "m.ome.tif", volume)), volume)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
def test_coco_is_read_by_pycocotools(tmp_path, volume):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is in the extra evaluation").COCO
    found = coco(str(saved(tmp_path / "m.coco.json", volume)))
    assert [one["file_name"] for one in found.loadImgs(found.getImgIds())] == [f"cells.tif#{i}" for i in range(3)]
    back = np.zeros_like(volume)
    for one in found.loadAnns(found.getAnnIds()):
        mask = found.annToMask(one).astype(bool)
        back[one["image_id"] - 1][mask] = one["attributes"]["label"]
        left, top, width, height = one["bbox"]
        assert mask.sum() == one["area"] == mask[top : top + height, left : left + width].sum()
    assert np.array_equal(back, volume)


@pytest.mark.parametrize("first", [False, True])
def test_run_lengths_begin_with_background(first):
    mask = np.array([[first, True], [False, True]])
    assert run_lengths(mask) == ([0, 1, 1, 2] if first else [2, 2])


def test_what_a_format_cannot_hold_is_refused_and_nothing_is_left(tmp_path, volume, flat):
    with pytest.raises(UnwritableFileError, match=r"one plane.*OME-TIFF"):
        saved(tmp_path / "m.png", volume)
    with pytest.raises(UnwritableFileError, match="70000 needs more than 16 bits"):
        saved(tmp_path / "m.png", np.where(flat == 7, 70000, flat))
    with pytest.raises(UnwritableFileError, match="does not fit into 32 bits"):
        saved(tmp_path / "m.ome.tif", np.where(flat == 7, 2**40, flat.astype(np.int64)))
    assert not list(tmp_path.iterdir())


def bytes_of(path):
    return {one: one.read_bytes() for one in [path, *path.rglob("*")] if one.is_file()}


@pytest.mark.parametrize("ending", MASK_ENDINGS.values())
def test_what_was_there_stays_where_writing_is_ended(tmp_path, flat, ending):
    path = saved(tmp_path / f"m{ending}", flat if ending == ".png" else np.stack([flat, flat]))
    before = bytes_of(path)

    def stop(share):
        raise Cancelled("stopped")

    if ending != ".png":
        with pytest.raises(Cancelled, match="stopped"):
            save_masks(path, like((2, 20, 30)), Stack.of(np.stack([flat, flat]) * 2).read, stop)
    assert bytes_of(path) == before and len(list(tmp_path.iterdir())) == 1
    if ending == ".coco.json":
        assert json.loads(path.read_text())["annotations"]


@pytest.mark.parametrize("ending", [".ome.zarr", ".ome.tif"])
def test_what_was_there_stays_where_the_new_one_cannot_take_its_place(tmp_path, flat, ending):
    path = saved(tmp_path / f"m{ending}", flat)
    before = bytes_of(path)
    with pytest.raises(UnwritableFileError):
        put_whole(path, lambda made: None)  # of which nothing comes
    assert bytes_of(path) == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
