"""Files that are odd, lie, or name others: issue 16, lines 16, 18, 23, 24 and 29."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_m2n2v2 import Click, ClickError, UnreadableFileError, open_stack
from napari_m2n2v2.batch import read_click_table
from napari_m2n2v2.batch.items import list_items
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.evaluation.coco import coco_mask
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.features.disk import FeatureFolder, write_entry
from napari_m2n2v2.files.paths import inside
from napari_m2n2v2.files.read import ENDINGS, read_image

KEY = "0" * 64


OUTLINES = (
    [[1e30, 1, 2, 2, 3, 3]], [[-1e9, 0, 2, 2, 3, 3]], [[float("nan"), 0, 1, 1, 2, 2]],
    [[float("inf"), 0, 1, 1, 2, 2]], [[10**400, 0, 1, 1, 2, 2]], [["a", "b", "c", "d", "e", "f"]],
    [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [[]], [], [1, 2, 3, 4, 5, 6], "abc", None, 5,
    {"size": [4, 6], "counts": [10**9, 1]}, {"size": [4, 6], "counts": [-5, 29]},
    {"size": [4, 6], "counts": [3.5, 20.5]}, {"size": [400_000, 600_000], "counts": [24]},
    {"size": [4, 6], "counts": []}, {"size": [4, 6], "counts": "\x00\x7f"}, {"size": [4, 6], "counts": "P" * 5000},
    {"size": [4, 6], "counts": "o" * 50}, {"size": [4, 6]}, {}, {"size": [4, 6], "counts": None},
)  # fmt: skip
"""Of an image of 4 x 6: none is one."""

LIES = (
    lambda head: {**head, "a": {**head["a"], "data_offsets": []}},
    lambda head: {**head, "a": {**head["a"], "data_offsets": [float("inf"), 24]}},
    lambda head: json.dumps(head).replace('"shape": [2', '"shape": [1e400').encode(),
    lambda head: {**head, "a": {**head["a"], "dtype": []}},
    lambda head: {**head, "a": 5},
    lambda head: {**head, "__metadata__": {**head["__metadata__"], "about": {}}},
    lambda head: {**head, "__metadata__": {**head["__metadata__"], "version": "1e400"}},
    lambda head: {name: value for name, value in head.items() if name != "a"},
    lambda head: b"[" * 100_000 + b"]" * 100_000,
    lambda head: json.dumps(head).replace("[2, 3]", "[" * 50_000 + "]" * 50_000).encode(),
)


def annotation(segmentation, height=4, width=6):
    return {"segmentation": segmentation, "height": height, "width": width}


class TestLine16:
    @pytest.mark.parametrize("segmentation", OUTLINES, ids=lambda value: repr(value)[:40])
    def test_what_is_no_outline_is_told_before_the_library_sees_it(self, segmentation):
        with pytest.raises(UnreadableFileError):
            coco_mask(annotation(segmentation))

    @pytest.mark.parametrize("side", [0, -3, 10**9, 2.5, "4", None])
    def test_sizes_that_lie(self, side):
        with pytest.raises(UnreadableFileError):
            coco_mask(annotation([[0, 0, 3, 0, 3, 3]], height=side, width=10))

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2
    def test_run_lengths_are_the_librarys(self):
        """Plain and packed, against pycocotools."""
        coco = pytest.importorskip("pycocotools.mask")
        rng = np.random.default_rng(0)
        for share in (0.02, 0.5, 0.98):
            mask = rng.random((37, 53)) < share
            packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
            runs = {"size": [37, 53], "counts": packed["counts"].decode()}
            np.testing.assert_array_equal(coco_mask(annotation(runs, 37, 53)), mask)
        plain = {"size": [4, 6], "counts": [5, 7, 12]}
        expected = coco.decode(coco.frPyObjects(plain, 4, 6)).astype(bool)
        np.testing.assert_array_equal(coco_mask(annotation(plain)), expected)

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2
    def test_polygons_are_still_drawn(self):
        pytest.importorskip("pycocotools")
        mask = coco_mask(annotation([[1, 1, 5, 1, 5, 3, 1, 3]]))
        assert mask.shape == (4, 6) and mask[1:3, 1:5].all() and mask.sum() == 8


class TestLine18:
    def test_addresses_are_shown_whole(self, tmp_path, capsys):
        address = "https://example.org/a/photo.png"
        options = ["--clicks", str(tmp_path / "c.csv")], ["--fg", "1,1"]
        (tmp_path / "c.csv").write_text("row,col\n1,1\n")
        for option in options:
            assert (
                main(["segment", address, *option, "-o", str(tmp_path / "out.png"), "--attention", "appearance"]) == 1
            )
            told = capsys.readouterr().err
            assert address in told and "download it first" in told
        for read in (open_dataset, read_image, open_stack, read_click_table):
            for given in (address, "s3://bucket/stack.ome.tif"):
                with pytest.raises(UnreadableFileError, match=r"://.*download it first"):
                    read(Path(given))

    def test_a_plate_and_a_well_say_how_to_name_a_field(self, tmp_path):
        zarr = pytest.importorskip("zarr")
        plate = zarr.open_group(tmp_path / "plate.zarr", mode="w", zarr_format=2)
        plate.attrs["plate"] = {"wells": [{"path": "B/03"}]}
        well = plate.create_group("B/03")
        well.attrs["well"] = {"images": [{"path": "1"}]}
        with pytest.raises(UnreadableFileError, match=r"plate\.zarr/B/03/0"):
            open_stack(tmp_path / "plate.zarr")
        with pytest.raises(UnreadableFileError, match=r"plate\.zarr/B/03/1"):
            open_stack(tmp_path / "plate.zarr" / "B" / "03")

    @pytest.mark.parametrize("multiscales", [[], [{}], [{"datasets": []}]])
    def test_multiscales_without_levels(self, tmp_path, multiscales):
        zarr = pytest.importorskip("zarr")
        zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2).attrs["multiscales"] = multiscales
        with pytest.raises(UnreadableFileError, match="without a level"):
            open_stack(tmp_path / "a.zarr")

    def test_numpy_files_guide(self, tmp_path, image):
        np.save(tmp_path / "depth.npy", image[..., 0].astype(np.float32))
        Image.fromarray(image).save(tmp_path / "photo.png")
        command = ["segment", tmp_path / "photo.png", "--fg", "16,16", "--guide", tmp_path / "depth.npy"]
        engine = ["--attention", "appearance", "--grid", "8", "--device", "cpu"]
        assert main([*map(str, command), "-o", str(tmp_path / "mask.png"), *engine]) == 0

    def test_a_folder_has_every_kind_that_is_read(self, tmp_path, image):
        (tmp_path / "photos").mkdir()
        for ending in ENDINGS:
            (tmp_path / "photos" / f"a{ending}").touch()
        (tmp_path / "photos" / "video.avi").touch()
        (tmp_path / "clicks.csv").write_text("row,col\n1,1\n")
        items = list_items(tmp_path / "photos", tmp_path / "out", "auto", read_click_table(tmp_path / "clicks.csv"))
        assert {item.source.suffix for item in items} == set(ENDINGS)
        (tmp_path / "clicks.csv").write_text("image,row,col\nvideo.avi,1,1\n")
        with pytest.raises(ClickError, match=r"'video\.avi'.*expected .*\.jp2"):
            list_items(tmp_path / "photos", tmp_path / "out", "auto", read_click_table(tmp_path / "clicks.csv"))

    @pytest.mark.parametrize(("on_disk", "in_table"), [("e\u0301", "\xe9"), ("\xe9", "e\u0301")])
    def test_names_in_two_forms_of_unicode_meet(self, tmp_path, on_disk, in_table):
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / f"caf{on_disk}.png").touch()
        (tmp_path / "clicks.csv").write_text(f"image,row,col\ncaf{in_table},1,1\n", encoding="utf-8")
        table = read_click_table(tmp_path / "clicks.csv")
        (item,) = list_items(tmp_path / "photos", tmp_path / "out", "auto", table)
        assert table.mentions(item.names) and table.clicks_of(item.names)

    @pytest.mark.parametrize(("on_disk", "told"), [("e\u0301", "\xe9"), ("\xe9", "e\u0301")])
    def test_data_sets_meet_their_images_too(self, tmp_path, on_disk, told):
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir()
        (tmp_path / "images" / f"caf{on_disk}.png").touch()
        (tmp_path / "masks" / f"caf{told}__1.png").touch()
        image = {"id": 1, "file_name": f"caf{told}.png", "height": 4, "width": 6}
        found = {"id": 1, "image_id": 1, "segmentation": [[0, 0, 3, 0, 3, 3]]}
        (tmp_path / "gt.json").write_text(json.dumps({"images": [image], "annotations": [found]}))
        for given in (tmp_path, tmp_path / "gt.json"):
            (sample,) = open_dataset(given).samples
            assert sample.image.is_file()

    def test_two_images_in_one_tiff(self, tmp_path):
        path = tmp_path / "two.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as writer:
            writer.write(np.zeros((3, 8, 9), np.uint8), metadata={"axes": "ZYX", "Name": "overview"})
            writer.write(np.ones((5, 6), np.uint8), metadata={"axes": "YX", "Name": "detail"})
        with pytest.warns(UserWarning, match="holds 2 images.*overview.*detail"), open_stack(path) as first:
            assert first.stack.shape == (3, 8, 9)
        with open_stack(path, series=1) as second:
            assert second.read(()).shape == (5, 6) and second.read(()).all()
        with pytest.raises(UnreadableFileError, match="no image 2"):
            open_stack(path, series=2)

    @pytest.mark.parametrize(
        "text",
        ["row\tcol\tobject\n3\t4\t2\n", "sep=;\nrow;col;object\n3;4;2\n", '"sep=\t"\nrow\tcol\tobject\n3\t4\t2\n',
         "\ufeffSEP=,\r\nrow,col,object\r\n3,4,2\r\n"],
    )  # fmt: skip
    def test_tables_of_tabs_and_of_spreadsheets(self, tmp_path, text):
        (tmp_path / "clicks.csv").write_text(text, encoding="utf-8")
        ((placed,),) = read_click_table(tmp_path / "clicks.csv").clicks_of(["a"]).values()
        assert placed.click == Click(3, 4, True, 2) and placed.line == text.count("\n")


class TestLine23:
    @pytest.mark.parametrize("row", ['"3,4', '3,"4" or so', '"3"x,4', "3," + "4" * 140_000])
    def test_a_stray_quote_and_a_cell_without_end(self, tmp_path, row):
        (tmp_path / "clicks.csv").write_text(f"row,col\n1,1\n{row}\n5,6\n")
        with pytest.raises(ClickError, match=r"line 3: .*quotation mark"):
            read_click_table(tmp_path / "clicks.csv")

    @pytest.mark.parametrize("wrong", [
        {"foreground": "background"}, {"foreground": None}, {"foreground": {}}, {"foreground": 2}, {"object_id": 2**31},
        {"object_id": 2**63}, {"object_id": 1.5}, {"object_id": "1"}, {"row": "x"}, {"col": None}, {"threshold": "0.5"},
        {"threshold": float("nan")},
    ])  # fmt: skip
    def test_a_click_is_refused_at_once(self, wrong):
        with pytest.raises(ClickError):
            Click(**{"row": 1, "col": 2, **wrong})

    def test_what_numpy_and_tables_give_is_a_click(self, tmp_path):
        Click(np.float32(1), np.int64(2), np.True_, np.uint16(2**16 - 1), np.float64(0.5))
        Click(1, 2, 0, 2**31 - 1)
        (tmp_path / "clicks.csv").write_text(f"row,col,object\n1,1,{2**31}\n")
        with pytest.raises(ClickError, match=r"line 2: .*2147483647"):
            read_click_table(tmp_path / "clicks.csv")

    def entry(self, folder, change):
        """Write an entry, its header changed."""
        path = folder.path(KEY)
        write_entry(path, KEY, {"a": np.zeros((2, 3), np.float32)}, {"note": ""})
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = change(json.loads(content[8 : 8 + length]))
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])

    @pytest.mark.parametrize("lie", LIES)
    def test_a_cache_entry_whose_header_lies_is_dropped_and_told(self, tmp_path, lie):
        told = []
        folder = FeatureFolder(tmp_path, 10**6, told.append)
        self.entry(folder, lie)
        assert folder.load(KEY) is None and len(told) == 1 and not folder.path(KEY).exists()
        assert folder.save(KEY, {"a": np.ones(3, np.float32)}, {}) and folder.load(KEY)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_as_an_entry_does_not_hang(self, tmp_path):
        told = []
        folder = FeatureFolder(tmp_path, 10**6, told.append)
        os.mkfifo(folder.path(KEY))
        assert folder.load(KEY) is None and "no file" in told[0]
        os.mkfifo(folder.path(KEY))
        assert folder.save(KEY, {"a": np.ones(3, np.float32)}, {}) and folder.load(KEY)

    def test_an_entry_of_other_names_is_computed_again(self, tmp_path, image):
        from napari_m2n2v2 import FeatureCache, FeatureParameters

        given = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=8)}
        first = FeatureCache(tmp_path).features(image, **given)
        for path in tmp_path.glob("*.safetensors"):
            write_entry(path, path.name[:64], {"other": np.ones(3, np.float32)}, {"grid": 5})
        again = FeatureCache(tmp_path).features(image, **given)
        assert (again.transition == first.transition).all()

    @pytest.mark.parametrize("shape", [(0, 8, 8), (8, 0), (10**9, 8, 8), (10**12, 10**12, 8, 8)])
    def test_zarr_without_pixels_or_of_planes_without_end(self, tmp_path, shape):
        zarr = pytest.importorskip("zarr")
        zarr.create_array(tmp_path / "a.zarr", shape=shape, chunks=(1,) * (len(shape) - 2) + (8, 8), dtype="uint8")
        with pytest.raises(UnreadableFileError, match="expected 1 to 1000000 planes"):
            open_stack(tmp_path / "a.zarr")

    @pytest.mark.parametrize("content", ["[" * 100_000, "[]", '{"images": 5, "annotations": 3}', "{}"])
    def test_documents_that_are_none(self, tmp_path, content):
        (tmp_path / "gt.json").write_text(content)
        with pytest.raises(UnreadableFileError):
            open_dataset(tmp_path / "gt.json")


class TestLine24:
    @pytest.mark.parametrize("name", ["/etc/a.tif", "../a.tif", "b/../../a.tif", "C:\\a.tif", "..\\a.tif"])
    def test_files_that_are_named_stay_in_the_folder(self, tmp_path, name):
        (tmp_path / "in").mkdir()
        assert not inside(name) and inside("b/..a.tif") and inside("./b/../a.tif")
        path = tmp_path / "in" / "main.ome.tif"
        tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), ome=True, metadata={"axes": "ZYX"})
        xml = tifffile.tiffcomment(path)
        uuid = "urn:uuid:00000000-0000-0000-0000-000000000000"
        other = f'<TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
        tifffile.tiffcomment(path, xml.replace("<TiffData ", f"{other}<TiffData ", 1).encode())
        for read in (open_stack, read_image):
            with pytest.raises(UnreadableFileError, match="outside its own folder"):
                read(path)
        image = {"id": 1, "file_name": name, "height": 4, "width": 6}
        found = {"id": 1, "image_id": 1, "segmentation": [[0, 0, 3, 0, 3, 3]]}
        (tmp_path / "gt.json").write_text(json.dumps({"images": [image], "annotations": [found]}))
        with pytest.raises(UnreadableFileError, match="lies outside"):
            open_dataset(tmp_path / "gt.json")


class TestLine29:
    def test_more_pixels_than_memory_are_refused_before_they_are_decoded(self, tmp_path, monkeypatch):
        from types import SimpleNamespace

        monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10_000))
        Image.fromarray(np.zeros((200, 200), np.uint8)).save(tmp_path / "bomb.png")
        tifffile.imwrite(tmp_path / "bomb.tif", np.zeros((200, 200), np.uint8))
        for name in ("bomb.png", "bomb.tif"):
            with pytest.raises(UnreadableFileError, match="GB of memory are free"):
                read_image(tmp_path / name)

    def test_a_large_image_is_said_before(self, tmp_path, monkeypatch, capsys, image):
        monkeypatch.setattr("napari_m2n2v2.cli.main._MUCH_MEMORY", 10_000)
        Image.fromarray(image).save(tmp_path / "photo.png")
        main(["segment", str(tmp_path / "photo.png"), "--fg", "500,500", "-o", str(tmp_path / "mask.png")])
        assert "photo.png has 48 x 64 pixels, which takes about" in capsys.readouterr().err

    def test_clicks_without_end_are_refused(self, tmp_path):
        (tmp_path / "clicks.csv").write_text("row,col\n" + "1,1\n" * 20_001)
        with pytest.raises(ClickError, match=r"line 20002: .*20000 on one plane"):
            read_click_table(tmp_path / "clicks.csv").clicks_of(["a"])
