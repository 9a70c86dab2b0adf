"""A batch once more: what is done is skipped, and what changed is done again."""

import pytest
from skimage.io import imsave

from napari_m2n2v2 import Cancelled, FeatureParameters, open_stack, segment_folder
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from tests.batch.small_batch import FEW, times
from tests.conftest import blob_image


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
