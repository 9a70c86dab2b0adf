"""The paper's data sets, in the folders their authors hand out."""

import json

import numpy as np
import pytest
from skimage.io import imsave

from napari_m2n2v2 import ParameterError, UnreadableFileError
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.evaluation.paper_sets import PAPER_SETS, open_named
from tests.conftest import blob_image

MASK = np.zeros((48, 64), np.uint8)
MASK[10:30, 10:30], MASK[10:30, 30:34] = 255, 128


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, pixels, check_contrast=False)


def test_grabcut_leaves_the_uncertain_band_out(tmp_path):
    write(tmp_path / "data_GT" / "llama.bmp", blob_image())
    write(tmp_path / "boundary_GT" / "llama.bmp", MASK)
    (sample,) = open_named("grabcut", tmp_path).samples
    np.testing.assert_array_equal(sample.read_truth(), MASK == 255)
    np.testing.assert_array_equal(sample.read_ignore(), MASK == 128)


def test_berkeley_has_images_with_two_masks(tmp_path):
    write(tmp_path / "images" / "12.jpg", blob_image())
    write(tmp_path / "masks" / "12.png", MASK)
    write(tmp_path / "masks" / "12#2.png", MASK)
    assert [s.image.name for s in open_named("berkeley", tmp_path).samples] == ["12.jpg", "12.jpg"]


def test_davis_counts_every_labelled_object_as_one(tmp_path):
    write(tmp_path / "img" / "dog_00001.jpg", blob_image())
    write(tmp_path / "gt" / "dog_00001.png", np.where(MASK > 128, 38, np.where(MASK > 0, 75, 0)).astype(np.uint8))
    (sample,) = open_named("davis", tmp_path).samples
    np.testing.assert_array_equal(sample.read_truth(), MASK > 0)
    assert sample.read_ignore() is None


def test_hqseg44k_joins_its_four_parts(tmp_path):
    for images, masks in PAPER_SETS["hqseg44k"].folders:
        write(tmp_path / images / "a.jpg", blob_image())
        write(tmp_path / masks / "a.png", MASK)
    names = [sample.name for sample in open_named("hqseg44k", tmp_path).samples]
    assert len(set(names)) == 4 and names == sorted(names)
    assert len(open_named("hqseg44k", tmp_path, limit=2).samples) == 2


def test_dram_has_an_object_for_each_label(tmp_path):
    write(tmp_path / "images" / "boat.jpg", blob_image())
    write(tmp_path / "labels" / "boat.png", np.where(MASK == 255, 4, np.where(MASK == 128, 7, 0)).astype(np.uint8))
    four, seven = open_named("dram", tmp_path).samples
    np.testing.assert_array_equal(four.read_truth(), MASK == 255)
    np.testing.assert_array_equal(seven.read_truth(), MASK == 128)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2
@pytest.mark.parametrize("name", sorted(PAPER_SETS))
def test_every_set_may_be_a_coco_file(tmp_path, name):
    write(tmp_path / "images" / "a.png", blob_image())
    square = [8.0, 6.0, 30.0, 6.0, 30.0, 25.0, 8.0, 25.0]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 48, "width": 64}],
        "annotations": [{"id": 5, "image_id": 1, "segmentation": [square]}],
    }
    (tmp_path / "gt.json").write_text(json.dumps(content))
    dataset = open_named(name, tmp_path)
    assert dataset.name == name and dataset.samples[0].read_truth()[10:20, 10:25].all()


def test_what_is_missing_is_told(tmp_path, capsys):
    with pytest.raises(UnreadableFileError, match="data_GT/ with boundary_GT/"):
        open_named("grabcut", tmp_path)
    with pytest.raises(ParameterError, match="berkeley"):
        open_named("imagenet", tmp_path)
    assert main(["evaluate", f"sbd={tmp_path}", "-o", str(tmp_path / "r")]) == 1
    assert "gt.json" in capsys.readouterr().err


def test_from_the_shell(tmp_path):
    write(tmp_path / "img" / "dog.jpg", blob_image())
    write(tmp_path / "gt" / "dog.png", MASK)
    command = ["evaluate", f"DAVIS={tmp_path}", "-o", str(tmp_path / "r"), "--attention", "appearance"]
    assert main([*command, "--set", "tau=0.2", "--sweep", "grid=8,9", "--max-clicks", "1"]) == 0
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert names == {f"davis_default_{end}.jsonl" for end in ("tau-0.2", "grid-8_tau-0.2", "grid-9_tau-0.2")}


@pytest.mark.parametrize("wrong", ["tau", "tau=", "tau=much", "colour=3", "tau=7"])
def test_wrong_parameters_are_told(tmp_path, capsys, wrong):
    write(tmp_path / "img" / "dog.jpg", blob_image())
    write(tmp_path / "gt" / "dog.png", MASK)
    assert main(["evaluate", f"davis={tmp_path}", "-o", str(tmp_path / "r"), "--set", wrong]) == 1
    assert "napari-m2n2v2:" in capsys.readouterr().err


def write_palette(path, labels):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(labels.astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 0, 0, 128] + [0] * 756)
    picture.save(path)


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
def test_palette_masks_are_read_by_their_indices(tmp_path):
    labels = np.zeros((48, 64), np.uint8)
    labels[5:15, 5:15], labels[20:30, 20:30], labels[35:45, 40:50] = 1, 2, 3
    write(tmp_path / "davis" / "img" / "a.jpg", blob_image())
    write_palette(tmp_path / "davis" / "gt" / "a.png", labels)
    np.testing.assert_array_equal(open_named("davis", tmp_path / "davis").samples[0].read_truth(), labels > 0)
    write(tmp_path / "dram" / "images" / "a.jpg", blob_image())
    write_palette(tmp_path / "dram" / "labels" / "a.png", labels)
    truths = [sample.read_truth() for sample in open_named("dram", tmp_path / "dram").samples]
    for value, truth in enumerate(truths, start=1):
        np.testing.assert_array_equal(truth, labels == value)
