"""The one rule of pixel centres, at every pair of resolutions."""

import numpy as np
import pytest

from napari_m2n2v2.images.resampling import at_resolution, pixel_at, place_at


def test_the_first_and_the_last_edge_are_the_same_at_every_resolution():
    assert place_at(-0.5, 7, 3) == -0.5
    assert place_at(6.5, 7, 3) == 2.5


@pytest.mark.parametrize(("count", "others"), [(7, 3), (3, 7), (1024, 1024), (1001, 500), (5, 1), (1, 5)])
def test_a_pixel_is_the_one_that_holds_the_place_of_its_centre(count, others):
    pixels = np.arange(count)
    nearest = np.floor(place_at(pixels, count, others) + 0.5 + 1e-9)
    np.testing.assert_array_equal(pixel_at(pixels, count, others), nearest)


def test_a_place_comes_back():
    places = np.linspace(-0.5, 11.5, 25)
    np.testing.assert_allclose(place_at(place_at(places, 12, 5), 5, 12), places, atol=1e-12)


def test_enlarging_repeats_pixels_and_reducing_takes_those_in_the_middle():
    small = np.array([[1, 2], [3, 4]])
    np.testing.assert_array_equal(at_resolution(small, (4, 4)), np.kron(small, np.ones((2, 2), int)))
    np.testing.assert_array_equal(at_resolution(np.arange(9).reshape(3, 3), (1, 1)), [[4]])
    assert at_resolution(small, (2, 2)) is small
