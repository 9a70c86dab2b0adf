"""Names longer than disks take: issue 16, line 18's kind, told before anything is computed."""

import shutil

import numpy as np
import pytest
from PIL import Image

from napari_m2n2v2 import UnreadableFileError, load_session, open_stack, segment_folder
from napari_m2n2v2.batch import read_click_table
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.files.read import read_image
from tests.batch.small_batch import BOTH, COARSE, FEW, solved
from tests.conftest import blob_image

LONG = "ä" * 130  # 260 bytes


@pytest.fixture
def folder(tmp_path):
    """A photo of a common name, and one of as long a name as a disk takes."""
    (tmp_path / "photos").mkdir()
    for name in ("short", "n" * 251):
        Image.fromarray(blob_image()).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "clicks.csv").write_text(BOTH)
    return tmp_path / "photos"


def test_line_18_the_longest_name_is_segmented_and_known_again(folder, tmp_path):
    for skipped in (0, 1):
        outcomes = segment_folder(folder, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
        assert [(one.errors, one.skipped) for one in outcomes] == [([], skipped)] * 2
    assert np.array_equal(read_image(tmp_path / "out" / f"{'n' * 251}.png"), solved(blob_image()))


def test_line_18_a_result_whose_name_is_too_long_is_told_before_and_stops_no_other(folder, tmp_path, monkeypatch):
    asked = []

    def compute(*given, **named):
        from napari_m2n2v2 import compute_features

        asked.append(given)
        return compute_features(*given, **named)

    named = {"overlay": tmp_path / "pictures", "compute": compute}
    long, short = segment_folder(folder, tmp_path / "clicks.csv", tmp_path / "out", **FEW, **named)
    (told,) = long.errors
    assert "overlay.png: the name has 263 bytes" in told and len(told) < 300
    assert short.done == 1 and len(asked) == 1
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_file()] == ["short.png"]


def test_line_18_volumes_too(tmp_path, stack):
    longer = stack.with_name("s" * 247 + ".zarr")
    shutil.move(stack, longer)
    (tmp_path / "clicks.csv").write_text("t,z,row,col\n0,1,16,16\n")
    (outcome,) = segment_folder(longer, tmp_path / "clicks.csv", tmp_path / "out", **FEW)
    (told,) = outcome.errors
    assert "the name has 256 bytes" in told and not (tmp_path / "out").exists()


def test_line_18_what_is_read_and_written_by_names_no_disk_has(folder, tmp_path, capsys):
    long, photo, table = str(tmp_path / f"{LONG}.png"), str(folder / "short.png"), str(tmp_path / "clicks.csv")
    before = set(tmp_path.rglob("*"))
    for command in (
        ["segment", photo, "--fg", "16,16", "-o", long],
        ["segment", long, "--fg", "16,16", "-o", str(tmp_path / "m.png")],
        ["segment", photo, "--fg", "16,16", "-o", str(tmp_path / "m.png"), "--overlay", long],
        ["segment", photo, "--fg", "16,16", "-o", str(tmp_path / "m.png"), "--guide", long],
        ["segment", photo, "--fg", "16,16", "-o", str(tmp_path / "m.png"), "--guide", LONG],
        ["segment", photo, "--fg", "16,16", "-o", str(tmp_path / "m.png"), "--attention", LONG],
        ["segment", long, "--clicks", table, "-o", str(tmp_path / "out")],
        ["segment", photo, "--clicks", long, "-o", str(tmp_path / "out")],
        ["segment", photo, "--clicks", table, "-o", long],
        ["segment", str(folder), "--clicks", table, "-o", str(tmp_path / LONG)],
        ["segment", photo, "--clicks", table, "-o", str(tmp_path / "out"), "--overlay", str(tmp_path / LONG)],
        ["features", long, "--cache", str(tmp_path / "cache")],
        ["features", photo, "--cache", str(tmp_path / LONG)],
        ["demo", "--headless", "-o", str(tmp_path / LONG)],
        ["evaluate", long, "-o", str(tmp_path / "r")],
        ["report", long, "-o", str(tmp_path / "r")],
    ):
        engine = [] if command[0] in ("report", "evaluate") else COARSE
        engine = engine[2:] if "--attention" in command else engine
        assert main([*command, *engine]) == 1, command
        told = capsys.readouterr().err
        assert "Traceback" not in told and told.count("\n") == 2 and len(told) < 900, (command, told)
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert set(tmp_path.rglob("*")) == before
    for read in (read_image, open_stack, load_session, read_click_table, open_dataset):
        with pytest.raises(UnreadableFileError):
            read(tmp_path / LONG)
