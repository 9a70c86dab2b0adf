"""Files as other programs write them: issue 16, lines 4, 16, 18 and 23."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_m2n2v2 import Click, ClickError, Session, UnreadableFileError, load_session, open_stack, save_session
from napari_m2n2v2.batch import read_click_table
from napari_m2n2v2.evaluation.coco import coco_mask
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.files.read import read_image
from tests.conftest import blob_image

RGB = blob_image()
DEEP = RGB.astype(np.uint16) * 16 + 3


def planes_of(path):
    with open_stack(path) as file:
        return file.read(())


@pytest.mark.parametrize("comment", [b"", b"# by a camera\n"])
def test_line_4_ppm_keeps_its_depth(tmp_path, comment):
    height, width = DEEP.shape[:2]
    head = b"P6\n" + comment + f"{width} {height}\n4095\n".encode()
    (tmp_path / "deep.ppm").write_bytes(head + DEEP.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "deep.ppm"), DEEP)
    (tmp_path / "cut.ppm").write_bytes(head + DEEP.astype(">u2").tobytes()[:-2])
    with pytest.raises(UnreadableFileError, match="truncated"):
        read_image(tmp_path / "cut.ppm")
    Image.fromarray(RGB).save(tmp_path / "eight.ppm")
    np.testing.assert_array_equal(read_image(tmp_path / "eight.ppm"), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("pixels", [RGB, RGB[..., 0]], ids=["colour", "grey"])
def test_line_4_tiff_stands_upright(tmp_path, pixels, orientation):
    """As the same photo does as PNG."""
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, pixels, extratags=[(0x0112, "H", 1, orientation, True)], metadata=None)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif.tobytes())
    expected = read_image(tmp_path / "photo.png")
    for read in (read_image, planes_of):
        np.testing.assert_array_equal(read(path), expected)


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_line_4_grey_with_alpha_as_tiff(tmp_path, planes):
    pixels = np.stack([RGB[..., 0], RGB[..., 1]], axis=-1 if planes == "contig" else 0)
    path = tmp_path / "la.tif"
    kind = {"photometric": "minisblack", "planarconfig": planes, "extrasamples": ["unassalpha"]}
    tifffile.imwrite(path, pixels, metadata=None, **kind)
    for read in (read_image, planes_of):
        np.testing.assert_array_equal(read(path), RGB[..., 0])


def test_line_4_what_is_in_a_file_counts_and_not_its_name(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB)
    Image.fromarray(RGB).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", RGB)
    for source in ("a.tif", "a.png", "a.npy"):
        for name in ("b.tif", "b.png", "b.jpg"):
            (tmp_path / name).write_bytes((tmp_path / source).read_bytes())
            for read in (read_image, planes_of):
                np.testing.assert_array_equal(read(tmp_path / name), RGB)
    (tmp_path / "empty.tif").write_bytes(b"")
    for read in (read_image, open_stack):
        with pytest.raises(UnreadableFileError, match="expected TIFF"):
            read(tmp_path / "empty.tif")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("row;col;threshold\n1,5;2,25;0,5\n", "utf-8"),
        ("row\tcol\tthreshold\n1,5\t2,25\t,5\n", "utf-16"),
        ("\ufeffrow;col;threshold;;\r\n1,5;2,25;0,5;;\r\n", "utf-8"),
        (",row,col,threshold,\n0,1.5,2.25,0.5,\n", "utf-8"),
    ],
    ids=["decimal commas", "unicode text", "columns without a name", "an index"],
)
def test_line_18_tables_of_spreadsheets(tmp_path, text, encoding):
    (tmp_path / "clicks.csv").write_bytes(text.encode(encoding))
    ((placed,),) = read_click_table(tmp_path / "clicks.csv").clicks_of(["a"]).values()
    assert placed.click == Click(1.5, 2.25, threshold=0.5)


def test_line_18_commas_in_names_and_in_thousands(tmp_path):
    table = tmp_path / "clicks.csv"
    table.write_text("image;row;col\n1,5;1,5;2\n", encoding="utf-8")
    assert read_click_table(table).images == {"1,5": 2}
    for text in ("row;col\n1.000,5;2\n", 'row,col\n"1,000",2\n'):
        table.write_text(text, encoding="utf-8")
        with pytest.raises(ClickError, match="line 2: expected a number in the column row"):
            read_click_table(table)


def test_line_23_a_table_in_another_encoding_says_what_to_do(tmp_path):
    (tmp_path / "clicks.csv").write_bytes("image,row,col\ncafé,1,2\n".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match="Save it as CSV in UTF-8"):
        read_click_table(tmp_path / "clicks.csv")


def test_line_23_documents_with_a_mark_at_the_beginning(tmp_path, features):
    image = {"id": 1, "file_name": "a.png", "height": 48, "width": 64}
    found = {"id": 1, "image_id": 1, "segmentation": [[0, 0, 3, 0, 3, 3]]}
    (tmp_path / "gt.json").write_text(json.dumps({"images": [image], "annotations": [found]}), encoding="utf-8-sig")
    assert len(open_dataset(tmp_path / "gt.json").samples) == 1
    session = Session(features)
    session.click(Click(16, 16))
    save_session(tmp_path / "s.json", session)
    (tmp_path / "s.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "s.json").read_bytes())
    assert load_session(tmp_path / "s.json").clicks == session.clicks


@pytest.mark.parametrize("lacking", ["segmentation", "image_id", "height", "file_name"])
def test_line_23_lists_that_lack_something_say_what(tmp_path, lacking):
    image = {"id": 1, "file_name": "a.png", "height": 48, "width": 64}
    found = {"id": 1, "image_id": 1, "segmentation": [[0, 0, 3, 0, 3, 3]]}
    for entry in (image, found):
        entry.pop(lacking, None)
    (tmp_path / "gt.json").write_text(json.dumps({"images": [image], "annotations": [found]}))
    with pytest.raises(UnreadableFileError, match=f"'{lacking}' is missing. Expected images with id"):
        open_dataset(tmp_path / "gt.json")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2
def test_line_16_run_lengths_as_the_library_gives_them(tmp_path):
    coco = pytest.importorskip("pycocotools.mask")
    mask = RGB[..., 0] > 100
    runs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    for counts in (runs["counts"], runs["counts"].decode()):
        for size in (runs["size"], tuple(runs["size"])):
            drawn = coco_mask({"segmentation": {"size": size, "counts": counts}, "height": 48, "width": 64})
            np.testing.assert_array_equal(drawn, mask)
    with pytest.raises(UnreadableFileError):
        coco_mask({"segmentation": {"size": [48, 64], "counts": b"\xff\xfe"}, "height": 48, "width": 64})
