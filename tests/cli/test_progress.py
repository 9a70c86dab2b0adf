"""Progress at a shell: one line that is written over on a terminal, one line each time in a log."""

import io

import pytest

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
