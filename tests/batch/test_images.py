"""Batches of pictures: what comes out for the same clicks and for each image's own."""

import json

import numpy as np
import tifffile
from skimage.io import imread

from napari_m2n2v2 import Box, Click, SegmentationParameters, Session, compute_features, segment_folder
from tests.batch.small_batch import FEW, solved, times
from tests.conftest import blob_image


class TestImages:
    def test_the_same_clicks_on_every_image(self, photos, tmp_path):
        out, told = tmp_path / "out", []
        outcomes = segment_folder(photos, tmp_path / "clicks.csv", out, **FEW, finished=lambda *n: told.append(n))
        assert [(o.image.name, o.output.name, o.done, o.skipped, o.errors) for o in outcomes] == [
            (f"p{n}.png", f"p{n}.png", 1, 0, []) for n in range(3)
        ]
        assert told == [(1, 3), (2, 3), (3, 3)]
        for n in range(3):
            found = imread(out / f"p{n}.png")
            assert found.dtype == np.uint8 and set(np.unique(found)) == {0, 1, 2}
            np.testing.assert_array_equal(found, solved(blob_image(seed=n)))

    def test_each_image_its_own_clicks(self, photos, tmp_path):
        (tmp_path / "clicks.csv").write_text("image,row,col\np0.png,16,16\np2,33,48\n")
        (photos / "damaged.tif").write_text("nobody clicked on it, so nobody opens it")
        outcomes = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert [o.output.name for o in outcomes] == ["p0.png", "p2.png"]
        np.testing.assert_array_equal(imread(outcomes[1].output), solved(blob_image(seed=2), [Click(33, 48)]))

    def test_boxes_of_coco_annotations_are_prompts(self, photos, tmp_path):
        images = [{"id": n, "file_name": f"p{n}.png"} for n in (0, 2)]
        found = [{"image_id": n, "bbox": [6, 6, 21, 21]} for n in (0, 2)] + [{"image_id": 2, "bbox": [38, 24, 20, 20]}]
        (tmp_path / "coco.json").write_text(json.dumps({"images": images, "annotations": found}))
        outcomes = segment_folder(photos, tmp_path / "coco.json", tmp_path / "out", **FEW)
        assert [o.output.name for o in outcomes] == ["p0.png", "p2.png"]
        boxes = [Box(6, 6, 26, 26), Box(24, 38, 43, 57, object_id=2)]
        np.testing.assert_array_equal(imread(outcomes[1].output), solved(blob_image(seed=2), boxes))

    def test_ids_that_need_sixteen_bits(self, photos, tmp_path):
        (tmp_path / "clicks.csv").write_text("image,row,col,object\np0,16,16,300\np1,16,16,70000\n")
        first, second = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        found = imread(first.output)
        assert found.dtype == np.uint16 and set(np.unique(found)) == {0, 300}
        assert "more than png can hold" in second.errors[0]
        outcomes = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "t", **FEW, format="ome-tiff")
        found = tifffile.imread(outcomes[1].output)
        assert found.dtype == np.uint32 and set(np.unique(found)) == {0, 70000}

    def test_the_threshold_of_a_click_and_parameters_count(self, photos, tmp_path):
        (tmp_path / "clicks.csv").write_text("image,row,col,threshold\np0,16,16,0.05\n")
        (outcome,) = segment_folder(
            photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, segmentation=SegmentationParameters(tau=0.5)
        )
        features = compute_features(blob_image(seed=0), "appearance", device="cpu", parameters=FEW["parameters"])
        expected = Session(features, SegmentationParameters(tau=0.5)).replay([Click(16, 16, threshold=0.05)])
        np.testing.assert_array_equal(imread(outcome.output), expected.labels)

    def test_overlays(self, photos, tmp_path):
        segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, overlay=tmp_path / "pictures")
        assert sorted(times(tmp_path / "pictures")) == [f"p{n}_overlay.png" for n in range(3)]
        assert imread(tmp_path / "pictures" / "p0_overlay.png").shape == (48, 64, 3)

    def test_images_that_differ_in_their_ending_only(self, photos, tmp_path):
        tifffile.imwrite(photos / "p0.tif", blob_image(seed=7), photometric="rgb")
        outcomes = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert sorted(o.output.name for o in outcomes) == ["p0.png.png", "p0.tif.png", "p1.png", "p2.png"]
        np.testing.assert_array_equal(imread(tmp_path / "out" / "p0.tif.png"), solved(blob_image(seed=7)))

    def test_a_single_image_and_the_file_for_it(self, photos, tmp_path):
        (outcome,) = segment_folder(photos / "p1.png", tmp_path / "clicks.csv", tmp_path / "x" / "m.png", **FEW)
        assert outcome.output == tmp_path / "x" / "m.png" and imread(outcome.output).any()

    def test_a_compute_function_of_ones_own(self, photos, tmp_path):
        seen = []

        def compute(image, *rest, **named):
            seen.append(image.shape)
            return compute_features(image, *rest, **named)

        segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, compute=compute)
        assert seen == [(48, 64, 3)] * 3
