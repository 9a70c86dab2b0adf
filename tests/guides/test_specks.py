"""Area opening and closing against scikit-image's."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import area_closing, area_opening

from napari_m2n2v2.guides.specks import without_specks


@settings(deadline=None)  # the first call compiles
@given(
    steps=arrays(np.uint8, st.tuples(st.integers(3, 14), st.integers(3, 14)), elements=st.integers(0, 6)),
    area=st.integers(1, 9),
    spread=st.sampled_from((1, 40)),
)
def test_it_is_an_area_opening_and_an_area_closing(steps, area, spread):
    steps = steps * np.uint8(spread)
    np.testing.assert_array_equal(without_specks(steps, area), area_closing(area_opening(steps, area), area))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (4, 5)])
def test_what_is_smaller_than_a_speck_becomes_one_value(shape):
    steps = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.unique(without_specks(steps, 50)).size == 1


def test_a_dark_background_does_not_make_it_slow():
    steps = np.zeros((256, 256), dtype=np.uint8)
    steps[40:80, 40:80] = 200
    without_specks(steps, 50)  # compiled by now

    def seconds(call):
        begun = time.thread_time()
        call()
        return time.thread_time() - begun

    ours = min(seconds(lambda: without_specks(steps, 50)) for _ in range(3))
    assert ours < seconds(lambda: area_closing(area_opening(steps, 50), 50)) / 5
