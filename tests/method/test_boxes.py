import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2.method.boxes import cells_in_and_around, extent_share, share_from_around


def test_cells_have_the_share_that_lies_inside_and_in_the_frame():
    inside, around = cells_in_and_around((2, 6, 0, 5), (8, 8), (4, 2), 1.0)
    np.testing.assert_allclose(inside, [[0, 0], [1, 0.25], [1, 0.25], [0, 0]])
    np.testing.assert_allclose(around, [[1, 1], [0, 0.75], [0, 0.75], [1, 1]])


@settings(max_examples=50, deadline=None)
@given(*[st.integers(0, 30)] * 4)
def test_shares_add_up_to_the_box(top, left, height, width):
    edges = top, min(top + height + 1, 40), left, min(left + width + 1, 50)
    inside, around = cells_in_and_around(edges, (40, 50), (7, 9), 100.0)
    area = (edges[1] - edges[0]) * (edges[3] - edges[2])
    np.testing.assert_allclose(inside.sum() * (40 / 7) * (50 / 9), area, rtol=1e-4)
    np.testing.assert_allclose(inside + around, np.ones((7, 9)), atol=1e-5)


def test_what_is_like_the_surroundings_comes_from_there():
    """Five cells in a row, the first three of one kind; the box holds the third and fourth."""
    kinds = torch.tensor([[0.3, 0.3, 0.3, 0.05, 0.05]] * 3 + [[0.05, 0.05, 0.05, 0.425, 0.425]] * 2)
    inside, around = torch.tensor([[0.0, 0, 1, 1, 0]]), torch.tensor([[1.0, 1, 0, 0, 0]])
    first = share_from_around(kinds, inside, around, 1).numpy()[0]
    assert first[2] > 0.6 > 0.2 > first[3]
    later = share_from_around(kinds, inside, around, 3).numpy()[0]
    assert later[2] > first[2] and later[3] < first[3]


def test_where_nothing_is_around_nothing_comes_from_there():
    kinds = torch.full((4, 4), 0.25)
    share = share_from_around(kinds, torch.ones(2, 2), torch.zeros(2, 2), 3)
    np.testing.assert_array_equal(share, np.zeros((2, 2)))


def test_the_share_of_the_box_grows_to_all_of_it():
    order = np.array([5, 6, 10, 0], dtype=np.int32)  # of 4 x 4 pixels
    np.testing.assert_allclose(extent_share(order, 4, 16), [1 / 16, 2 / 16, 4 / 16, 9 / 16])
