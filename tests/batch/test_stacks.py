"""Batches of stacks: label volumes with scale and units, only of planes with clicks."""

import shutil

import numpy as np
import pytest
import tifffile

from napari_m2n2v2 import (
    Click,
    FeatureParameters,
    ParameterError,
    Session,
    compute_features,
    open_stack,
    segment_folder,
)
from tests.batch.small_batch import FEW, damage, solved, times
from tests.files.made_stacks import OME


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
