"""Features and clicks as users wait for them."""

import pytest

from napari_m2n2v2 import Click, FeatureParameters, SegmentationParameters, Session, compute_features
from napari_m2n2v2.session.seed import working_seed
from napari_m2n2v2.session.segmentation import score_of_click

from .conftest import BACKBONE, SIZES

PLACES = [
    (0.42, 0.45), (0.12, 0.11), (0.69, 0.35), (0.87, 0.82), (0.19, 0.7),
    (0.52, 0.61), (0.83, 0.14), (0.27, 0.39), (0.62, 0.75), (0.1, 0.49),
]  # fmt: skip
METHODS = {"published": SegmentationParameters.paper(), "default": SegmentationParameters()}
SIZES_AND_GRIDS = [("321x481", 64), ("480x854", 37), ("480x854", 64), ("1024x1024", 64), ("480x854", 128)]
CASES = [
    *((*one, BACKBONE, "published") for one in SIZES_AND_GRIDS),
    ("480x854", 64, BACKBONE, "default"),
    ("480x854", 64, "appearance", "default"),
]
of_case = pytest.mark.parametrize(("size", "grid", "attention", "method"), CASES)


def rounds_of(grid, attention):
    return 4 if grid == 128 or attention == "appearance" else 10


def clicks(size, count):
    height, width = SIZES[size]
    return [Click(row * height, col * width, i % 2 == 0) for i, (row, col) in enumerate(PLACES[:count])]


@pytest.mark.parametrize(("size", "grid"), SIZES_AND_GRIDS[:4])
def test_features(benchmark, photo, size, grid):
    parameters = FeatureParameters(grid=grid)
    call = (photo(size), BACKBONE), {"device": "cpu", "parameters": parameters}
    benchmark.pedantic(compute_features, *call, rounds=2, warmup_rounds=1)


@of_case
@pytest.mark.parametrize("number", [1, 2, 10])
def test_click(benchmark, features, size, grid, attention, method, number):
    """Click ``number`` on a session that holds the ones before it; its Markov-map is new."""

    def setup():
        session = Session(features(size, grid, attention), METHODS[method])
        session.replay(clicks(size, number - 1))
        return (session, clicks(size, number)[-1]), {}

    how = {"setup": setup, "rounds": rounds_of(grid, attention), "warmup_rounds": 1}
    benchmark.pedantic(lambda session, click: session.click(click), **how)


@of_case
def test_moved_click_among_ten(benchmark, features, size, grid, attention, method):
    """The fifth of ten clicks goes to another place: one new Markov-map, six clicks solved again."""

    def setup():
        session = Session(features(size, grid, attention), METHODS[method])
        session.replay(clicks(size, 10))
        return (session,), {}

    how = {"setup": setup, "rounds": rounds_of(grid, attention), "warmup_rounds": 1}
    benchmark.pedantic(lambda session: session.move(4, 100.0, 100.0), **how)


@pytest.mark.parametrize(("size", "grid"), [("480x854", 64)])
class TestAtTenClicks:
    @pytest.fixture
    def session(self, features, size, grid):
        session = Session(features(size, grid))
        session.replay(clicks(size, 9))
        session.click(clicks(size, 10)[-1])
        return session

    def test_undo_and_redo(self, benchmark, session, size, grid):
        benchmark(lambda: (session.undo().mask, session.redo().mask))

    def test_scores_of_all_clicks(self, benchmark, session, size, grid):
        found = session.result.objects[1]
        seeds = [working_seed(click, session.features) for click in found.clicks]
        maps = [session.map_at(seed) for seed in seeds]
        state = maps, seeds, found.clicks, found.ceilings, found.discarded, session.parameters
        benchmark(lambda: [score_of_click(i, *state) for i in range(10)])

    def test_threshold_of_a_click_set_by_hand(self, benchmark, session, size, grid):
        """What the slider of "Reach of a click" costs at its last click."""
        from dataclasses import replace

        *before, last = session.clicks
        reach = iter(range(1, 10_000))
        benchmark(lambda: session.replay((*before, replace(last, threshold=0.1 + 1e-5 * next(reach)))))

    def test_preview_at_a_new_place(self, benchmark, session, size, grid):
        """What the cursor waits for while it moves."""
        places = iter([(row, col) for row in range(30, 470, 11) for col in range(20, 840, 37)])
        benchmark.pedantic(lambda: session.preview(Click(*next(places))), rounds=20, warmup_rounds=1)
