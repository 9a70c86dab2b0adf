"""Batches: what stops one image, what ends the run, and what is never replaced."""

import gc
import json
from pathlib import Path

import dask
import pytest
from skimage.io import imsave

from napari_m2n2v2 import (
    ClickError,
    ParameterError,
    UnknownBackboneError,
    UnreadableFileError,
    UnwritableFileError,
    segment_folder,
)
from napari_m2n2v2.cli.main import main
from tests.batch.small_batch import COARSE, FEW
from tests.conftest import blob_image


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
        lines = told.err.splitlines()
        assert "napari-m2n2v2: p2.png: line 4 of the clicks changed nothing: it was so already" in lines
        last = [line for line in lines if "changed nothing" not in line][-3:]
        assert "p1.png" in last[0] and "cannot be read as an image" in last[0]
        assert "p3.tif" in last[1] and "cannot be read as an image: expected TIFF" in last[1]
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
