"""Batches: what comes out, what is done again and what is not, and what stops them."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import dask
import numpy as np
import pytest
import tifffile
from skimage.io import imread, imsave

from napari_m2n2v2 import (
    Cancelled,
    Click,
    ClickError,
    FeatureParameters,
    MissingDependencyError,
    ParameterError,
    SegmentationParameters,
    Session,
    UnknownBackboneError,
    UnreadableFileError,
    UnwritableFileError,
    compute_features,
    open_stack,
    segment_folder,
)
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.cli.main import main

from ..conftest import blob_image
from .test_ome import OME, ngff

FEW = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=8)}
COARSE = ["--attention", "appearance", "--grid", "8", "--device", "cpu"]
BOTH = "row,col,class,object\n16,16,1,1\n33,48,1,2\n5,50,0,1\n"
CLICKS = [Click(16, 16), Click(33, 48, object_id=2), Click(5, 50, foreground=False)]


def solved(plane, clicks=CLICKS, **named):
    """What a session gives, outside of any batch."""
    features = compute_features(plane, "appearance", device="cpu", parameters=FeatureParameters(grid=8), **named)
    return Session(features).replay(clicks).labels


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}


def damage(level, but=()):
    """Spoil every chunk of a level that is not of these planes, so that reading one raises."""
    chunks = list(level.glob("*/*/*/*"))
    assert chunks
    for chunk in chunks:
        if tuple(int(at) for at in chunk.parts[-4:-2]) not in but:
            chunk.write_bytes(b"damaged")


@pytest.fixture
def photos(tmp_path):
    """Three photos, a file that is none of our business, and a table for them all."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(3):
        imsave(folder / f"p{n}.png", blob_image(seed=n))
    (folder / "notes.txt").write_text("hello")
    (tmp_path / "clicks.csv").write_text(BOTH)
    return folder


@pytest.fixture
def stack(tmp_path):
    """A 16-bit OME-Zarr of blobs, ``[t, z, y, x]``, two levels."""
    planes = [[blob_image(seed=3 * t + z)[..., 0].astype(np.uint16) * 13 for z in range(3)] for t in range(2)]
    return ngff(tmp_path / "cells.ome.zarr", "0.4", np.array(planes))


@pytest.fixture
def tiff(tmp_path):
    planes = np.array([blob_image(seed=z)[..., 0].astype(np.uint16) * 13 for z in range(4)])
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX", **{k: v for k, v in OME.items() if k[0] == "P"}})
    return path, planes


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


class TestDoneOnce:
    def run(self, source, tmp_path, **named):
        outcomes = segment_folder(source, tmp_path / "clicks.csv", tmp_path / "out", **{**FEW, **named})
        assert not [o.errors for o in outcomes if o.errors]
        return {o.image.name: o.done for o in outcomes if o.done}

    def test_what_is_done_is_skipped_and_what_changed_is_not(self, photos, tmp_path):
        assert self.run(photos, tmp_path) == {"p0.png": 1, "p1.png": 1, "p2.png": 1}
        before = times(tmp_path / "out")
        assert self.run(photos, tmp_path) == {}
        assert times(tmp_path / "out") == before
        (tmp_path / "out" / "p1.png").unlink()
        assert self.run(photos, tmp_path) == {"p1.png": 1}
        imsave(photos / "p2.png", blob_image(seed=9))
        assert self.run(photos, tmp_path) == {"p2.png": 1}
        text = "image,row,col,object\n,16,16,1\n,33,48,2\np0,40,5,3\n"
        (tmp_path / "clicks.csv").write_text(text)
        assert self.run(photos, tmp_path) == {"p0.png": 1, "p1.png": 1, "p2.png": 1}
        (tmp_path / "clicks.csv").write_text(text.replace("40,5,3", "41,5,3"))
        assert self.run(photos, tmp_path) == {"p0.png": 1}
        assert self.run(photos, tmp_path, parameters=FeatureParameters(grid=9)) == dict.fromkeys(before, 1)
        assert self.run(photos, tmp_path, parameters=FeatureParameters(grid=9), redo=True) == dict.fromkeys(before, 1)

    def test_another_backbone_of_the_same_name_is_another(self, photos, tmp_path):
        self.run(photos, tmp_path, attention=AppearanceAttention())
        assert self.run(photos, tmp_path, attention=AppearanceAttention()) == {}
        assert self.run(photos, tmp_path, attention=AppearanceAttention(look=0.5)) == {f"p{n}.png": 1 for n in range(3)}

    def test_other_notes_and_rows_in_the_table_change_nothing(self, photos, tmp_path):
        self.run(photos, tmp_path)
        (tmp_path / "clicks.csv").write_text("note,col,row,object,class\nx,16,16,1,fg\nx,48,33,2,1\n\nx,50,5,1,bg\n")
        assert self.run(photos, tmp_path) == {}

    def test_a_missing_picture_is_made(self, photos, tmp_path):
        self.run(photos, tmp_path)
        assert len(self.run(photos, tmp_path, overlay=tmp_path / "pictures")) == 3
        (tmp_path / "pictures" / "p1_overlay.png").unlink()
        assert self.run(photos, tmp_path, overlay=tmp_path / "pictures") == {"p1.png": 1}

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', '{"format": "napari-m2n2v2 batch"}'])
    def test_a_damaged_note_means_doing_it_again(self, photos, tmp_path, text):
        self.run(photos, tmp_path)
        (tmp_path / "out" / ".m2n2v2" / "p1.png.json").write_text(text)
        assert self.run(photos, tmp_path) == {"p1.png": 1}

    def test_a_changed_scale_of_the_image_becomes_that_of_the_labels(self, stack, tmp_path):
        (tmp_path / "clicks.csv").write_text("t,z,row,col\n1,1,16,16\n")
        assert self.run(stack, tmp_path) == {"cells.ome.zarr": 1}
        attributes = stack / ".zattrs"
        attributes.write_text(attributes.read_text().replace("0.25", "0.75"))
        assert self.run(stack, tmp_path) == {"cells.ome.zarr": 1}
        with open_stack(tmp_path / "out" / "cells.ome.zarr") as labels:
            assert labels.scale == (5.0, 2.0, 0.5, 0.75) and labels.read((1, 1)).any()

    def test_stopping_between_images_loses_nothing(self, photos, tmp_path):
        def stop(done, total):
            if done == 2:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            self.run(photos, tmp_path, finished=stop)
        assert self.run(photos, tmp_path) == {"p2.png": 1}

    @pytest.mark.parametrize("form", ["ome-zarr", "ome-tiff"])
    def test_only_the_planes_whose_clicks_changed(self, stack, tmp_path, form):
        table = "t,z,row,col,object\n0,0,16,16,1\n0,2,16,16,1\n1,1,16,16,1\n"
        (tmp_path / "clicks.csv").write_text(table)
        assert self.run(stack, tmp_path, format=form) == {"cells.ome.zarr": 3}
        assert self.run(stack, tmp_path, format=form) == {}
        (tmp_path / "clicks.csv").write_text(table.replace("0,2,16,16,1", "0,2,33,48,5"))
        assert self.run(stack, tmp_path, format=form) == {"cells.ome.zarr": 1}
        (tmp_path / "clicks.csv").write_text("t,z,row,col,object\n0,0,16,16,1\n")  # the others' clicks are gone
        assert self.run(stack, tmp_path, format=form) == {}
        ending = {"ome-zarr": "zarr", "ome-tiff": "tif"}[form]
        with open_stack(tmp_path / "out" / f"cells.ome.{ending}") as labels:
            assert [index for index in labels.stack if labels.read(index).any()] == [(0, 0)]
        (tmp_path / "clicks.csv").write_text(table)
        assert self.run(stack, tmp_path, format=form) == {"cells.ome.zarr": 2}
        # ids that the volume cannot hold: it is made anew, and all planes with it
        (tmp_path / "clicks.csv").write_text(table.replace("0,2,16,16,1", "0,2,33,48,500"))
        assert self.run(stack, tmp_path, format=form) == {"cells.ome.zarr": 3}
        with open_stack(tmp_path / "out" / f"cells.ome.{ending}") as labels:
            assert labels.read((0, 2)).max() == 500 and labels.read((1, 1)).max() == 1


class TestStacks:
    CLICKS = "t,z,row,col,class,object\n1,2,16,16,1,1\n1,2,33,48,1,2\n1,2,5,50,0,1\n0,1,16,16,fg,2\n"

    def test_labels_with_scale_and_units(self, stack, tmp_path):
        (tmp_path / "clicks.csv").write_text(self.CLICKS)
        (outcome,) = segment_folder(stack, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert outcome.output.name == "cells.ome.zarr" and (outcome.planes, outcome.done) == (2, 2)
        with open_stack(stack) as image, open_stack(outcome.output) as labels:
            assert (labels.axes, labels.scale, labels.units) == (image.axes, image.scale, image.units)
            assert labels.ngff == "0.4" and labels.stack.shape == image.stack.shape
            np.testing.assert_array_equal(labels.read((1, 2)), solved(image.read((1, 2))))
            np.testing.assert_array_equal(labels.read((0, 1)), solved(image.read((0, 1)), [Click(16, 16, object_id=2)]))
            assert not labels.read((0, 0)).any()

    def test_nothing_but_the_planes_with_clicks_is_read(self, stack, tmp_path):
        damage(stack / "0", but=[(1, 2), (0, 1)])
        damage(stack / "1")
        (tmp_path / "clicks.csv").write_text(self.CLICKS)
        (outcome,) = segment_folder(stack, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert (outcome.done, outcome.errors) == (2, [])
        (tmp_path / "clicks.csv").write_text(self.CLICKS + "0,0,16,16,fg,2\n")
        (outcome,) = segment_folder(stack, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert (outcome.done, outcome.skipped) == (0, 2) and "Plane (0, 0)" in outcome.errors[0]

    def test_ome_tiff_in_and_out(self, tiff, tmp_path):
        path, planes = tiff
        (tmp_path / "clicks.csv").write_text("z,row,col,class,object\n2,16,16,1,1\n2,33,48,1,2\n2,5,50,0,1\n")
        (outcome,) = segment_folder(path, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        with tifffile.TiffFile(outcome.output) as file:
            told = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
            assert all(told[name] == value for name, value in OME.items() if name[0] == "P")
            labels = file.asarray()
        np.testing.assert_array_equal(labels[2], solved(planes[2]))
        assert labels.shape == planes.shape and not labels[[0, 1, 3]].any()

    def test_contrast_limits(self, tiff, tmp_path):
        path, planes = tiff
        (tmp_path / "clicks.csv").write_text("z,row,col\n2,16,16\n")
        (outcome,) = segment_folder(path, tmp_path / "clicks.csv", tmp_path / "o", **FEW, contrast_limits=(500, 520))
        expected = solved(planes[2], [Click(16, 16)], contrast_limits=(500, 520))
        assert (expected != solved(planes[2], [Click(16, 16)])).any()
        np.testing.assert_array_equal(tifffile.imread(outcome.output)[2], expected)

    def test_a_pyramid_is_read_where_it_fits_and_labelled_in_full(self, stack, tmp_path):
        (tmp_path / "clicks.csv").write_text(self.CLICKS)
        parameters = FeatureParameters(grid=8, working_side=20)
        options = {**FEW, "parameters": parameters, "overlay": tmp_path / "pictures"}
        damage(stack / "0")  # the level of 24 x 32 pixels is enough
        (outcome,) = segment_folder(stack, tmp_path / "clicks.csv", tmp_path / "out", **options)
        assert outcome.errors == [] and outcome.done == 2
        with open_stack(stack) as image, open_stack(outcome.output) as labels:
            # Pixel centres: full-resolution row 16 lies a quarter of a coarse pixel before coarse row 8.
            coarse = [Click(7.75, 7.75), Click(16.25, 23.75, object_id=2), Click(2.25, 24.75, foreground=False)]
            features = compute_features(image.read((1, 2), 1), "appearance", device="cpu", parameters=parameters)
            expected = Session(features).replay(coarse).labels
            assert set(np.unique(expected)) == {0, 1, 2}
            np.testing.assert_array_equal(labels.read((1, 2)), expected.repeat(2, axis=0).repeat(2, axis=1))
        assert sorted(times(tmp_path / "pictures")) == ["cells_plane-0-1_overlay.png", "cells_plane-1-2_overlay.png"]

    def test_the_file_for_it_says_the_format(self, tiff, tmp_path):
        path, _ = tiff
        (tmp_path / "clicks.csv").write_text("z,row,col\n2,16,16\n")
        (outcome,) = segment_folder(path, tmp_path / "clicks.csv", tmp_path / "l.zarr", **FEW)
        with open_stack(tmp_path / "l.zarr") as labels:
            assert labels.read((2,)).any() and labels.units == ("millimeter", "micrometer", "nanometer")
        (outcome,) = segment_folder(path, tmp_path / "clicks.csv", tmp_path / "l.png", **FEW)
        assert "which no PNG holds" in outcome.errors[0]
        with pytest.raises(ParameterError, match=r"l\.zarr says ome-zarr"):
            segment_folder(path, tmp_path / "clicks.csv", tmp_path / "l.zarr", **FEW, format="ome-tiff")

    def test_folders_with_stacks_and_images(self, photos, stack, tiff, tmp_path):
        shutil.copytree(stack, photos / "cells.ome.zarr")
        shutil.copy(tiff[0], photos / "other.ome.tif")
        text = "image,t,z,row,col\np0,,,16,16\ncells,1,0,16,16\nother,,3,16,16\nother.ome.tif,,1,16,16\n"
        (tmp_path / "clicks.csv").write_text(text)
        outcomes = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert [(o.output.name, o.done, o.errors) for o in outcomes] == [
            ("cells.ome.zarr", 1, []),
            ("other.ome.tif", 2, []),
            ("p0.png", 1, []),
        ]


class TestFailures:
    # imageio leaves the file open when it cannot read it.
    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_bad_image_does_not_end_the_others(self, photos, tmp_path, capsys):
        (photos / "p1.png").write_text("no image")
        (photos / "p3.tif").write_text("no image")
        imsave(photos / "p4.png", blob_image()[:10])
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", "--json", *COARSE]
        assert main([str(a) for a in arguments]) == 1
        told = capsys.readouterr()
        summary = json.loads(told.out)
        assert summary["done"] == 2 and [Path(path).name for path in summary["failed"]] == [
            "p1.png",
            "p3.tif",
            "p4.png",
        ]
        last = told.err.splitlines()[-3:]
        assert "p1.png" in last[0] and "cannot be read as an image" in last[0]
        assert "p3.tif" in last[1] and "cannot be read as TIFF" in last[1]
        assert "p4.png" in last[2] and "line 2" in last[2] and "outside the image of 10 rows" in last[2]
        imsave(photos / "p1.png", blob_image())
        imsave(photos / "p4.png", blob_image())
        (photos / "p3.tif").unlink()
        gc.collect()
        assert main([str(a) for a in arguments]) == 0
        assert json.loads(capsys.readouterr().out)["done"] == 2

    def test_what_is_wrong_with_the_run_ends_it(self, photos, tmp_path):
        with pytest.raises(UnknownBackboneError):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", "resnet")
        with pytest.raises(UnknownBackboneError):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", "appearance", "no-such-depth")
        assert not (tmp_path / "out").exists()

    def test_a_scheduler_that_is_not_there(self, photos, tmp_path):
        """Its workers may have other devices than this machine."""
        default = dask.config.get("scheduler", None)
        for device in ("cpu", "cuda"):
            with pytest.raises(ParameterError, match="No dask scheduler"):
                segment_folder(
                    photos, tmp_path / "clicks.csv", tmp_path / "out", **{**FEW, "device": device}, scheduler="nowhere"
                )
        assert dask.config.get("scheduler", None) == default  # nobody else's arrays are sent there

    def test_images_that_are_not_there(self, photos, tmp_path):
        (tmp_path / "clicks.csv").write_text("image,row,col\np0,1,2\np9.png,1,2\n")
        with pytest.raises(ClickError, match=r"clicks\.csv, line 3: there is no image 'p9\.png'"):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        with pytest.raises(ClickError, match="no click on any image"):
            segment_folder(photos / "p1.png", tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        with pytest.raises(UnreadableFileError, match="no file at"):
            segment_folder(tmp_path / "none", tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        (tmp_path / "empty").mkdir()
        with pytest.raises(UnreadableFileError, match="There is no image"):
            segment_folder(tmp_path / "empty", tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        with pytest.raises(ParameterError, match="auto, ome-zarr or ome-tiff"):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, format="gif")

    def test_nothing_that_is_not_ours_is_replaced(self, photos, stack, tmp_path):
        kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        for source, out in [
            (photos, photos),
            (photos / "p1.png", photos),
            (photos / "p1.png", photos / "p1.png"),
            (stack, stack),
            (stack, stack / "labels.zarr"),
        ]:
            with pytest.raises(UnwritableFileError, match=r"would replace an image|folder of their own"):
                segment_folder(source, tmp_path / "clicks.csv", out, **FEW)
        for pictures in (photos, tmp_path / "out"):
            with pytest.raises(UnwritableFileError, match="folder of their own"):
                segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, overlay=pictures)
        with pytest.raises(UnwritableFileError, match="need a folder"):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "m.png", **FEW)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept

    def test_a_result_of_somebody_else_is_kept(self, photos, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "p1.png").write_text("drawn by hand")
        outcomes = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert [o.done for o in outcomes] == [1, 0, 1] and "no result of a batch" in outcomes[1].errors[0]
        assert (tmp_path / "out" / "p1.png").read_text() == "drawn by hand"


class TestShell:
    def test_a_folder(self, photos, tmp_path, capsys):
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE]
        assert main([str(a) for a in [*arguments, "--overlay", tmp_path / "pictures", "--mode", "m2n2"]]) == 0
        told = capsys.readouterr()
        assert "3 done, 0 done before, 0 of 3 images failed" in told.out
        assert "photos: 3 of 3, 0 s left" in told.err and len(times(tmp_path / "pictures")) == 3
        assert main([str(a) for a in [*arguments, "--mode", "m2n2"]]) == 0
        assert "0 done, 3 done before" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (["--fg", "1,2"], "not both"),
            (["--contrast", "5"], "LOW,HIGH"),
            (["--workers", "0"], "1 or more"),
            (["--workers", "some"], "workers"),
        ],
    )
    def test_unusable_options(self, photos, tmp_path, capsys, more, said):
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE, *more]
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
        assert code == 2 and said in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_options_of_a_batch_need_a_table(self, photos, tmp_path, capsys):
        arguments = ["segment", photos / "p0.png", "--fg", "1,2", "-o", tmp_path / "m.png", "--redo"]
        assert main([str(a) for a in arguments]) == 2
        assert "--redo needs --clicks" in capsys.readouterr().err

    def test_a_wrong_table_is_one_line(self, photos, tmp_path, capsys):
        (tmp_path / "clicks.csv").write_text("row,col\n1,x\n")
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE]
        assert main([str(a) for a in arguments]) == 1
        told = capsys.readouterr().err
        assert told == "napari-m2n2v2: clicks.csv, line 2: expected a number in the column col, got 'x'.\n"

    @pytest.mark.parametrize("kind", ["photos", "stack", "tiff"])
    def test_a_killed_run_goes_on_where_it_was(self, request, tmp_path, kind):
        """kill -9, while it works; what it had finished is not touched again, the rest is as without the kill."""
        source = request.getfixturevalue("photos" if kind == "photos" else kind)
        source = source[0] if kind == "tiff" else source
        for n in range(3, 40 if kind == "photos" else 0):
            imsave(source / f"p{n}.png", blob_image(seed=n % 3))
        lines = {"photos": [""], "stack": [f"{t},{z}," for t in (0, 1) for z in range(3)],
                 "tiff": [f"{z}," for z in range(4)]}[kind]  # fmt: skip
        head = {"photos": "", "stack": "t,z,", "tiff": "z,"}[kind]
        places = [f"{plane}{row},{col}\n" for plane in lines for row, col in ((16, 16), (33, 48), (8, 8), (20, 12))]
        (tmp_path / "clicks.csv").write_text(f"{head}row,col\n" + "".join(places))
        out = tmp_path / "out"
        arguments = ["segment", source, "--clicks", tmp_path / "clicks.csv", "-o", out, *COARSE]
        command = [sys.executable, "-m", "napari_m2n2v2.cli", *(str(a) for a in arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        first = process.stderr.readline()  # told when the first plane is on disk
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert " 1 of " in first and process.returncode == -signal.SIGKILL
        finished = sum(json.loads(note.read_text())["planes"][plane]["key"] != ""
                       for note in (out / ".m2n2v2").iterdir()
                       for plane in json.loads(note.read_text())["planes"])  # fmt: skip
        total = 40 if kind == "photos" else len(lines)
        assert 1 <= finished < total
        again = segment_folder(source, tmp_path / "clicks.csv", out, **FEW)
        assert sum(o.skipped for o in again) == finished and sum(o.done for o in again) == total - finished
        fresh = segment_folder(source, tmp_path / "clicks.csv", tmp_path / "fresh", **FEW)
        for one, other in zip(again, fresh, strict=True):
            with open_stack(one.output) as a, open_stack(other.output) as b:
                for index in a.stack:
                    np.testing.assert_array_equal(a.read(index), b.read(index))

    def test_without_qt_or_napari(self, photos, tmp_path):
        (tmp_path / "sitecustomize.py").write_text(
            "import sys\nfor name in ('napari', 'qtpy', 'magicgui', 'superqt'): sys.modules[name] = None\n"
        )
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE]
        paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", "napari_m2n2v2.cli", *(str(a) for a in arguments)],
            env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


class TestWorkers:
    def test_two_workers_give_what_one_gives(self, photos, stack, tmp_path):
        shutil.copytree(stack, photos / "cells.ome.zarr")
        table = "image,t,z,row,col\np0,,,16,16\np1,,,16,16\ncells,1,0,16,16\ncells,0,2,16,16\np2,,,500,16\n"
        (tmp_path / "clicks.csv").write_text(table)
        one = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "one", **FEW)
        two = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "two", **FEW, workers=2)
        assert [o.done for o in one] == [o.done for o in two] == [2, 1, 1, 0]
        assert one[3].errors == two[3].errors and "line 6" in one[3].errors[0]
        for a, b in zip(one[:3], two[:3], strict=True):
            with open_stack(a.output) as first, open_stack(b.output) as second:
                for index in first.stack:
                    np.testing.assert_array_equal(first.read(index), second.read(index))

    def test_without_dask(self, photos, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(MissingDependencyError, match=r"pip install .*\[stacks\]"):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, workers=2)

    def test_a_cluster_that_loses_a_worker(self, photos, tmp_path):
        from distributed import Client, LocalCluster

        for n in range(3, 12):
            imsave(photos / f"p{n}.png", blob_image(seed=n))
        killed = []
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                pids = list(client.run(os.getpid).values())

            def kill_one(done, total):
                if not killed:
                    killed.append(pids[0])
                    os.kill(pids[0], signal.SIGKILL)

            outcomes = segment_folder(
                photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW,
                scheduler=cluster.scheduler_address, finished=kill_one,
            )  # fmt: skip
        assert killed and [o.done for o in outcomes] == [1] * 12
        np.testing.assert_array_equal(imread(tmp_path / "out" / "p2.png"), solved(blob_image(seed=2)))
