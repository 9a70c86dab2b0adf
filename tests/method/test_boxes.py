import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2.method.boxes import cells_in_and_around, extent_share, joined_with_colours, share_from_around


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


def test_what_is_coloured_as_the_surroundings_are_counts_less_for_the_object():
    """A red square in the left of a box on grey, of which the chain knows the left half a little."""
    image = np.full((40, 60, 3), 128, dtype=np.uint8)
    image[12:28, 12:28] = 220, 30, 30
    share = np.full((40, 60), 0.9, dtype=np.float32)
    share[10:30, 10:50] = 0.5
    share[10:30, 10:30] = 0.4
    joined = joined_with_colours(share, image, (10, 30, 10, 50), (5, 5))
    assert joined[12:28, 12:28].max() < 0.25 and joined[10:30, 40:50].min() > 0.5 > joined[12, 12]
    np.testing.assert_array_equal(joined[:4], share[:4])
    assert joined.dtype == np.float32 and joined.min() >= 0 and joined.max() <= 1


def test_where_nothing_is_around_colours_say_nothing():
    share = np.zeros((8, 9), dtype=np.float32)
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(joined_with_colours(share, image, (0, 8, 0, 9), (3, 3)), share)
