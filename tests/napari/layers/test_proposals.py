"""Dashes around proposals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from napari_m2n2v2._napari.layers.proposals import dashes_around
from napari_m2n2v2.images.sparse import Boxed


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(0, 500), st.integers(0, 500),
    st.floats(1, 40, allow_nan=False),
)  # fmt: skip
def test_dashes_lie_on_the_edge_and_go_around(height, width, row, col, radius):
    y, x = np.mgrid[:height, :width]
    values = ((y - (height - 1) / 2) / height) ** 2 + ((x - (width - 1) / 2) / width) ** 2 <= 0.25
    dashes = dashes_around(Boxed(row, col, values), radius)
    assert dashes.shape[1:] == (2, 2) and 8 <= len(dashes) <= 80
    np.testing.assert_allclose(dashes[:, 1].sum(axis=0), 0, atol=1e-9)  # back to where it begins
    edge = np.argwhere(values & ~binary_erosion(values)) + np.array((row, col))
    for start in dashes[:, 0]:
        assert np.abs(edge - start).max(axis=1).min() <= 1


def test_what_is_twice_as_large_has_twice_as_many_of_the_same_length():
    def disc(radius):
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        return Boxed(0, 0, y**2 + x**2 <= radius**2)

    small, large = dashes_around(disc(10), 10), dashes_around(disc(20), 10)
    assert len(large) == pytest.approx(2 * len(small), abs=2)
    lengths = [np.linalg.norm(one[:, 1], axis=1).mean() for one in (small, large)]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.15)


def test_of_a_mask_in_pieces_the_longest_outline_is_drawn():
    values = np.zeros((9, 20), bool)
    values[1:8, 1:8] = values[0:2, 15:17] = True
    assert dashes_around(Boxed(0, 0, values), 4)[:, 0, 1].max() < 9
