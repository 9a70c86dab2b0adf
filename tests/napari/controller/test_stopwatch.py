"""How long the next features will take."""

import time

import pytest

from napari_m2n2v2._napari.controller.stopwatch import Stopwatch


@pytest.fixture
def now(monkeypatch):
    """The clock, which stands until it is set."""
    at = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    return at


def run(now, *stages):
    heard = []
    timed = Stopwatch(lambda share, stage: heard.append(stage))
    for stage, seconds in stages:
        timed(0.0, stage)
        now[0] += seconds
    assert heard == [stage for stage, _ in stages]
    return timed.seconds


def test_loading_is_left_out(now):
    took = run(
        now, ("loading", 30), ("reading the image", 1), ("stored features", 0), ("loading offline", 20),
        ("attention", 7), ("temperature", 1), ("upsampling operator", 9), ("features", 0),
    )  # fmt: skip
    assert took == 18


def test_what_is_not_computed_says_nothing(now):
    assert run(now, ("loading", 1), ("stored features", 3), ("upsampling operator", 9), ("features", 0)) is None
    assert run(now, ("loading", 1), ("features", 0)) is None
