"""What is told where a file cannot be written: why, what to do, and nothing of temporary files."""

import errno
from pathlib import Path

import numpy as np
import pytest

from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.files.atomic import write_image, write_whole
from napari_m2n2v2.files.labels import put_whole
from napari_m2n2v2.files.masks import MASK_ENDINGS, kind_and_ending
from napari_m2n2v2.files.paths import first_replaced


@pytest.mark.parametrize("write", [write_whole, put_whole])
@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "No space left on device: {} is not written.",
        ),
        (UnwritableFileError("OME-TIFF has five axes: write OME-Zarr."), "OME-TIFF has five axes: write OME-Zarr."),
        (ValueError("bad"), "ValueError, bad: {} is not written."),
    ],
)
def test_the_reason_comes_first_and_the_error_is_kept(tmp_path, write, raised, told):
    def fail(path):
        raise raised

    with pytest.raises(UnwritableFileError) as found:
        write(tmp_path / "m.tif", fail)
    assert str(found.value).startswith(told.format(tmp_path / "m.tif"))
    assert found.value.__cause__ is raised and not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_whole, put_whole])
def test_the_temporary_file_is_never_named(tmp_path, write):
    def fail(path):
        raise RuntimeError(f"cannot do {path}")

    with pytest.raises(UnwritableFileError, match="cannot do") as found:
        write(tmp_path / "m.tif", fail)
    assert ".m2n2v2-" not in str(found.value) and f"cannot do {tmp_path / 'm.tif'}" in str(found.value)


def test_folders_that_are_missing_or_closed(tmp_path, monkeypatch):
    for write in (write_whole, put_whole):
        with pytest.raises(UnwritableFileError, match=r"^There is no folder .*no. Make it, or choose another folder"):
            write(tmp_path / "no" / "m.tif", Path.touch)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    for write in (write_whole, put_whole):
        with pytest.raises(UnwritableFileError, match=r"^The folder cannot be written: .*Choose another folder"):
            write(tmp_path / "m.tif", Path.touch)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_that_name(tmp_path):
    (tmp_path / "m.png").mkdir()
    with pytest.raises(UnwritableFileError, match=r"^There is a folder of this name"):
        write_image(tmp_path / "m.png", np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.PNG", ("png", ".PNG")),
        ("a.b.tif", ("ome-tiff", ".tif")),
        ("a.ome.tiff", ("ome-tiff", ".ome.tiff")),
        ("a.zarr", ("ome-zarr", ".zarr")),
        ("a.coco.json", ("coco", ".coco.json")),
        ("a.json", None),
        ("a.jpg", None),
        ("a", None),
        *((f"a{ending}", (kind, ending)) for kind, ending in MASK_ENDINGS.items()),
    ],
)
def test_the_form_that_a_name_says(name, found):
    assert kind_and_ending(name) == found


def test_what_a_result_would_change(tmp_path):
    photo, stack = tmp_path / "a.png", tmp_path / "in" / "s.zarr"
    photo.touch()
    stack.mkdir(parents=True)
    (tmp_path / "hard.png").hardlink_to(photo)
    (tmp_path / "soft.png").symlink_to(photo)
    read = [photo, stack]
    for path in (photo, tmp_path / "in" / ".." / "a.png", tmp_path / "hard.png", tmp_path / "soft.png"):
        assert first_replaced(path, read) == photo
    for path in (stack, stack / "0" / "x.png", tmp_path / "in"):
        assert first_replaced(path, read) == stack
    for path in (tmp_path / "a.png.json", tmp_path / "in" / "s.zarr.json", tmp_path / "b.png"):
        assert first_replaced(path, read) is None
