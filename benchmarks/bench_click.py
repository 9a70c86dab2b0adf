"""Time of features and clicks: ``python -m pytest benchmarks/bench_click.py --benchmark-only -c /dev/null``.

A photo of 480 x 854 pixels (made from one that scikit-image ships), offline weights, grid 64.
"""

import numpy as np
import pytest
from skimage.data import coffee
from skimage.transform import resize

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features

PLACES = [
    (200, 380),
    (60, 90),
    (330, 300),
    (420, 700),
    (90, 600),
    (250, 520),
    (400, 120),
    (130, 330),
    (300, 640),
    (50, 420),
]


@pytest.fixture(scope="module")
def photo():
    return (resize(coffee(), (480, 854), anti_aliasing=True) * 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def features(photo):
    return compute_features(photo, "offline", device="cpu", parameters=FeatureParameters(grid=64))


def clicks(count):
    return [Click(row, col, foreground=i % 2 == 0) for i, (row, col) in enumerate(PLACES[:count])]


def test_features(benchmark, photo, features):
    benchmark.pedantic(
        compute_features, (photo, "offline"), {"device": "cpu", "parameters": FeatureParameters(grid=64)}, rounds=3
    )


@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_click(benchmark, features, number):
    """Click ``number`` on a session that holds the ones before it; its Markov-map is new."""

    def setup():
        session = Session(features)
        session.replay(clicks(number - 1))
        return (session, clicks(number)[-1]), {}

    benchmark.pedantic(lambda session, click: session.click(click), setup=setup, rounds=10, warmup_rounds=1)


def test_moved_click_among_ten(benchmark, features):
    def setup():
        session = Session(features)
        session.replay(clicks(10))
        return (session,), {}

    benchmark.pedantic(lambda session: session.move(4, 100.0, 100.0), setup=setup, rounds=10, warmup_rounds=1)


def test_undo_and_redo(benchmark, features):
    session = Session(features)
    session.replay(clicks(9))
    session.click(clicks(10)[-1])
    benchmark(lambda: (session.undo().mask, session.redo().mask))


def test_preview_at_a_new_place(benchmark, features):
    """What the cursor waits for while it moves, with five clicks there already."""
    session = Session(features)
    session.replay(clicks(5))
    places = iter([(row, col) for row in range(30, 470, 11) for col in range(20, 840, 37)])
    benchmark.pedantic(lambda: session.preview(Click(*next(places))), rounds=20, warmup_rounds=1)
