"""Progress at a shell: one line that is written over on a terminal, one line each time in a log."""

import io

import pytest
from skimage.io import imsave
from tqdm import tqdm

from napari_m2n2v2 import Cancelled, FeatureParameters, segment_folder
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.cli.progress import counter, shares


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def watched(monkeypatch):
    def begin():  # in the test itself: pytest puts its own stream in place before each
        screen = Terminal()
        monkeypatch.setattr("sys.stderr", screen)
        return screen

    return begin


def test_a_log_gets_a_line_each_time(capsys):
    show = counter("photos")
    for done in (1, 2, 3):
        show(done, 3)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["photos: 1 of 3", "photos: 2 of 3", "photos: 3 of 3"]
    assert lines[-1].endswith("0 s left")


def test_a_terminal_keeps_one_line_and_ends_it(watched):
    terminal = watched()
    show = counter("photos")
    for done in (2, 3):
        show(done, 3)
    written = terminal.getvalue()
    assert "photos: 2 of 3" in written and written.endswith("\n") and written.count("\n") == 1


def test_a_log_of_shares_gets_no_line_for_less_than_a_step(capsys):
    show = shares(step=0.1)
    for share in (0.0, 0.01, 0.2, 0.25, 0.999, 1.0):
        show(share, "model")
    assert [line.split("%")[0].strip() for line in capsys.readouterr().err.splitlines()] == ["20", "100", "100"]


def test_stages_are_named_on_a_terminal(watched):
    terminal = watched()
    show = shares()
    show(0.25, "attention")
    show(1.0, "ready")
    assert " 25% attention" in terminal.getvalue() and "100% ready" in terminal.getvalue()


def test_what_was_done_before_takes_no_time(capsys):
    show = counter("photos")
    show(9_999, 10_000)
    assert capsys.readouterr().err.endswith(", 0 s left\n")


def test_line_29_many_clicks_on_one_image_say_how_far_they_are(tmp_path, monkeypatch, capsys, image):
    """What takes long says so each ten seconds, here always; a large table is told before it is read."""
    monkeypatch.setattr("napari_m2n2v2.cli.progress._LONG", 0.0)
    monkeypatch.setattr("napari_m2n2v2.cli.segment._LARGE_TABLE", 10)
    imsave(tmp_path / "photo.png", image)
    (tmp_path / "clicks.csv").write_text("row,col,object\n16,16,1\n33,48,2\n34,48,2\n35,48,2\n")
    photo, common = str(tmp_path / "photo.png"), ["--attention", "appearance", "--grid", "8", "--device", "cpu"]
    table = ["--clicks", str(tmp_path / "clicks.csv"), "-o", str(tmp_path / "out")]
    assert main(["segment", photo, *table, *common]) == 0
    told = capsys.readouterr().err
    shares = [line.split("%")[0] for line in told.splitlines() if "% of the clicks" in line]
    assert shares == ["photo.png: 25", "photo.png: 50", "photo.png: 75"] and "s left" in told
    assert told.startswith("napari-m2n2v2: clicks.csv has 0 MB, which takes about")
    clicks = ["--fg", "16,16", "--fg", "33,48", "-o", str(tmp_path / "mask.png")]
    assert main(["segment", photo, *clicks, *common]) == 0
    assert "clicks: 50% of the clicks" in capsys.readouterr().err


def test_line_29_a_batch_can_be_stopped_between_two_clicks(tmp_path, image):
    imsave(tmp_path / "photo.png", image)
    (tmp_path / "clicks.csv").write_text("row,col\n16,16\n33,48\n")

    def stop(share, stage):
        if share:
            raise Cancelled("enough")

    few = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=8)}
    with pytest.raises(Cancelled):
        segment_folder(tmp_path / "photo.png", tmp_path / "clicks.csv", tmp_path / "out", progress=stop, **few)
    assert not (tmp_path / "out").exists()


def test_bars_of_others_do_not_move_the_line(capsys):
    others = [tqdm(total=2, file=io.StringIO()) for _ in range(3)]
    counter("photos")(1, 1)
    for one in others:
        one.close()
    assert capsys.readouterr().err.splitlines() == ["photos: 1 of 1, 0 s left"]
