import gc
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from skimage.io import imread, imsave

from napari_m2n2v2.cli.main import main

COARSE = ["--attention", "appearance", "--grid", "12", "--device", "cpu"]


@pytest.fixture
def photo(tmp_path, image):
    path = tmp_path / "photo.png"
    imsave(path, image)
    return path


def test_segment_writes_the_mask_the_overlay_and_json(tmp_path, photo, image, capsys):
    mask, overlay = tmp_path / "mask.png", tmp_path / "overlay.png"
    arguments = ["segment", photo, "--fg", "16,16", "--bg", "5,50", "-o", mask, "--overlay", overlay, "--json", *COARSE]
    assert main([str(a) for a in arguments]) == 0
    found, disc = imread(mask), image[..., 0] > 120
    assert found.dtype == np.uint8 and set(np.unique(found)) == {0, 255}
    assert np.count_nonzero((found > 0) & disc) / np.count_nonzero((found > 0) | disc) > 0.7
    assert imread(overlay).shape == image.shape
    told = json.loads(capsys.readouterr().out)
    assert told["area"] == np.count_nonzero(found) and [c["foreground"] for c in told["clicks"]] == [True, False]


def test_segment_says_what_each_click_changed_or_why_it_did_not(tmp_path, photo, capsys):
    again = ["segment", photo, "--fg", "16,16", "--fg", "16,17", "--mode", "v2", "-o", tmp_path / "m.png", *COARSE]
    assert main([str(a) for a in again]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"click 1 at 16,16 changed \+\d+ px", lines[1])
    assert lines[2] == "click 2 at 16,17 changed nothing: it was so already"
    assert main([str(a) for a in [*again, "--json"]]) == 0
    effects = [click["effect"] for click in json.loads(capsys.readouterr().out)["clicks"]]
    assert effects[0]["changed"] > 1 and (effects[1]["why"], effects[1]["claimed"]) == ("already so", 0)


def test_order_of_clicks_is_the_order_given(photo, tmp_path, capsys):
    arguments = ["segment", photo, "--bg", "5,50", "--fg", "16,16", "-o", tmp_path / "m.png", "--json", *COARSE]
    assert main([str(a) for a in arguments]) == 0
    assert [c["foreground"] for c in json.loads(capsys.readouterr().out)["clicks"]] == [False, True]


def test_boxes_and_what_was_drawn_take_their_place_in_the_order(photo, image, tmp_path, capsys):
    line = {"type": "LineString", "coordinates": [[30, 3], [60, 3]]}
    drawn = {"type": "Feature", "geometry": line, "properties": {"class": "background"}}
    (tmp_path / "drawn.geojson").write_text(json.dumps(drawn))
    mask, overlay = tmp_path / "m.png", tmp_path / "overlay.png"
    arguments = ["segment", photo, "--box", "6,6,26,26", "--scribble", tmp_path / "drawn.geojson", "--fg", "16,16"]
    assert main([str(a) for a in [*arguments, "-o", mask, "--overlay", overlay, "--json", *COARSE]]) == 0
    told = json.loads(capsys.readouterr().out)["clicks"]
    assert [(c["row"], c["col"], c["foreground"]) for c in told] == [(6, 6, True), (3, 30, False), (16, 16, True)]
    found, disc = imread(mask) > 0, image[..., 0] > 120
    assert np.count_nonzero(found & disc) / np.count_nonzero(found | disc) > 0.8
    assert tuple(imread(overlay)[3, 50]) == (255, 65, 54)


def test_boxes_that_are_none_are_told(photo, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["segment", str(photo), "--box", "1,2,3", "-o", str(tmp_path / "m.png")])
    assert "ROW0,COL0,ROW1,COL1" in capsys.readouterr().err
    assert main(["segment", str(photo), "--box", "90,2,99,9", "-o", str(tmp_path / "m.png"), *COARSE]) == 1
    assert "outside the image of 48 rows" in capsys.readouterr().err


def test_a_guide_and_the_earlier_mode(photo, tmp_path):
    guide = tmp_path / "depth.png"
    imsave(guide, np.tile(np.arange(64, dtype=np.uint8), (48, 1)), check_contrast=False)
    for mode in ("v2", "m2n2"):
        arguments = [
            "segment",
            photo,
            "--fg",
            "16,16",
            "--guide",
            guide,
            "--mode",
            mode,
            "-o",
            tmp_path / "m.png",
            *COARSE,
        ]
        assert main([str(a) for a in arguments]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "missing.png"}, "no file at"),
        ({"fg": "500,3"}, "outside the image of 48 rows"),
        ({"attention": "resnet"}, "Unknown attention backbone"),
        ({"attention": "dinov2-large"}, "napari-m2n2v2 download"),
        ({"output": "no/such/mask.png"}, "There is no folder no/such"),
        ({"output": "mask.nothing"}, "Cannot write"),
        ({"output": "mask.jpg"}, "ends in .png"),
        ({"output": "photo.png"}, "files of their own"),
        ({"output": "x" * 300 + ".png"}, "Cannot write"),
        ({"image": "stack.tif"}, "Expected one 2-D image"),
        ({"attention": "my weights/dino"}, "not whole on this machine"),
        ({"guide": "photo.png"}, "guide must be one channel"),
    ],
)
def test_bad_input_is_one_message_a_non_zero_exit_and_no_file(photo, tmp_path, capsys, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((3, 40, 50), np.uint8), photometric="minisblack")
    given = {"image": "photo.png", "fg": "16,16", "output": "mask.png", "attention": "appearance", **change}
    before = set(tmp_path.rglob("*"))
    arguments = ["segment", given["image"], "--fg", given["fg"], "-o", given["output"]]
    arguments += ["--attention", given["attention"], "--grid", "12"]
    if "guide" in given:
        arguments += ["--guide", given["guide"]]
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 2  # it, and where to read on
    assert set(tmp_path.rglob("*")) == before


# imageio leaves the file open when it cannot read it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_is_no_image(tmp_path, capsys):
    path = tmp_path / "text.png"
    path.write_text("this is no image")
    assert main(["segment", str(path), "--fg", "1,1", "-o", str(tmp_path / "mask.png")]) == 1
    told = capsys.readouterr().err
    assert "cannot be read as an image" in told and told.count("\n") == 2  # it, and where to read on
    assert list(tmp_path.iterdir()) == [path]
    gc.collect()


def test_no_clicks_and_clicks_that_are_none(photo, tmp_path, capsys):
    assert main(["segment", str(photo), "-o", str(tmp_path / "m.png")]) == 2
    with pytest.raises(SystemExit) as stop:
        main(["segment", str(photo), "--fg", "12", "-o", str(tmp_path / "m.png")])
    assert stop.value.code == 2 and "ROW,COL" in capsys.readouterr().err


def test_a_failed_write_keeps_the_old_file(tmp_path):
    from napari_m2n2v2.errors import UnwritableFileError
    from napari_m2n2v2.files.atomic import write_whole

    path = tmp_path / "mask.png"
    path.write_text("old")

    def half(temporary):
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(UnwritableFileError, match="disk full"):
        write_whole(path, half)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_demo_without_a_window(tmp_path, capsys):
    assert main(["demo", "--headless", "-o", str(tmp_path / "demo"), "--attention", "appearance", "--grid", "16"]) == 0
    assert imread(tmp_path / "demo" / "mask.png").any() and (tmp_path / "demo" / "overlay.png").exists()
    assert "Attention: appearance" in capsys.readouterr().out


def test_backbones_lists_each_with_its_state(capsys):
    assert main(["backbones"]) == 0
    told = capsys.readouterr().out
    for name in ("dinov2-small", "dinov2-base", "dinov2-large", "offline", "appearance"):
        assert name in told
    assert "licence" in told and "get it with: napari-m2n2v2 download" in told


def test_the_installed_command_runs_without_qt_or_napari(photo, tmp_path):
    """From a shell, with napari and Qt made impossible to import."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor name in ('napari', 'qtpy', 'magicgui', 'superqt'): sys.modules[name] = None\n"
    )
    arguments = ["segment", photo, "--fg", "16,16", "-o", tmp_path / "m.png", *COARSE]
    command = [sys.executable, "-m", "napari_m2n2v2.cli", *(str(a) for a in arguments)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert imread(tmp_path / "m.png").any()
