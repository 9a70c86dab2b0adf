"""What CI says of a program beside an earlier one, without timing anything."""

import json

import pytest

from benchmarks import ratios


@pytest.fixture
def compared(monkeypatch, capsys):
    """Compare seconds before and now, with these waits; whether it is an error, and what was said."""

    def compare(was, now, waits=()):
        monkeypatch.setattr(ratios, "WAITS", dict.fromkeys(waits))
        monkeypatch.setattr(ratios, "earlier", lambda revision, folder: "before")
        monkeypatch.setattr(ratios, "in_turns", lambda before, turns: (was, now))
        return ratios.check(None), capsys.readouterr().out

    return compare


def test_what_became_slower_is_an_error(compared):
    failed, told = compared({"a": 1.0, "b": 1.0}, {"a": 1.2, "b": 1.4})
    slower = [line for line in told.splitlines() if "SLOWER" in line]
    assert failed and len(slower) == 1 and slower[0].startswith("b ")


def test_what_was_not_there_before_is_passed_over(compared):
    failed, told = compared({"a": 1.0, "gone": 1.0}, {"a": 1.2, "new": 9.0}, ["new"])
    assert not failed and "new: not there before" in told and "gone" not in told


def test_a_wait_that_is_no_longer_timed_is_an_error(compared):
    failed, told = compared({"a": 1.0, "lost": 1.0}, {"a": 1.0}, ["lost"])
    assert failed and "lost cannot be timed any more" in told


def test_what_a_program_lacks_is_null(monkeypatch, capsys):
    def lacking(folder):
        from napari_m2n2v2 import nothing_of_this_name  # noqa: F401

    waits = {"there": lambda folder: lambda: None, "lacking": lacking}
    monkeypatch.setattr(ratios, "WAITS", waits)
    monkeypatch.setattr(ratios, "stages", lambda: ())
    ratios.print_seconds()
    told = capsys.readouterr()
    seconds = json.loads(told.out)
    assert seconds["there"] >= 0 and seconds["lacking"] is None and "nothing_of_this_name" in told.err
