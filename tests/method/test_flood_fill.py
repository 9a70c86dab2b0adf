import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label
from skimage.morphology import reconstruction

from napari_m2n2v2.method.flood_fill import flood_fill, stable_order

small_maps = arrays(
    np.float32, st.tuples(st.integers(2, 7), st.integers(2, 7)), elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1])
)


def cost_of(values, pixel, guide=None):
    cost = np.abs(values - values[pixel])
    return cost if guide is None else np.hypot(cost, guide - guide[pixel])


def check_every_level(values, pixel, guide=None):
    filled = flood_fill(values, pixel, None if guide is None else guide[None])
    cost = cost_of(values, pixel, guide).astype(np.float32)
    for level in np.unique(cost):
        regions = label(cost <= level, connectivity=1)
        component = (regions == regions[pixel]) & (cost <= level)
        np.testing.assert_array_equal(filled <= level, component)


@given(small_maps, st.data())
@settings(max_examples=60, deadline=None)
def test_each_level_is_the_connected_component_of_the_click(values, data):
    pixel = tuple(data.draw(st.integers(0, side - 1)) for side in values.shape)
    check_every_level(values, pixel)


def test_each_level_with_a_guide():
    rng = np.random.default_rng(3)
    check_every_level(rng.random((9, 13)).astype(np.float32), (4, 11), rng.random((9, 13)).astype(np.float32))


def test_two_guides_are_one_in_a_space_of_two_dimensions():
    rng = np.random.default_rng(4)
    values, one, other = rng.random((3, 9, 13)).astype(np.float32)
    pixel = (2, 5)
    joined = np.hypot(one - one[pixel], other - other[pixel])  # 0 at the click, as distances are
    np.testing.assert_allclose(
        flood_fill(values, pixel, np.stack([one, other])), flood_fill(values, pixel, joined[None]), atol=1e-6
    )


def test_similar_parts_need_not_be_connected():
    values = np.full((20, 30), 0.9, np.float32)
    values[4:8, 4:8] = values[12:16, 20:26] = 0.1
    apart, connected = (flood_fill(values, (5, 5), reach=reach) for reach in ("similar", "connected"))
    np.testing.assert_array_equal(apart, np.abs(values - values[5, 5]))
    assert apart[13, 22] == 0 and connected[13, 22] == pytest.approx(0.8)


@pytest.mark.parametrize(("gap", "bridged"), [(1, True), (2, True), (3, False)])
def test_thin_lines_go_on_behind_gaps_of_two_pixels(gap, bridged):
    values = np.ones((15, 40), np.float32)
    values[7, 2:18] = values[7, 18 + gap : 38] = 0
    found = flood_fill(values, (7, 3), reach="thin")
    assert (found[7, 30] == 0) == bridged
    assert found[7, 18] == 1, "the gap itself is no line"


def test_thin_lines_may_be_diagonal():
    values = np.ones((20, 20), np.float32)
    values[np.arange(20), np.arange(20)] = 0
    assert flood_fill(values, (0, 0), reach="thin")[19, 19] == 0
    assert flood_fill(values, (0, 0))[19, 19] == 1


def test_equals_reconstruction_by_erosion():
    values = np.random.default_rng(0).random((40, 55)).astype(np.float32)
    pixel = (7, 31)
    cost = cost_of(values, pixel)
    seed = np.full_like(cost, cost.max())
    seed[pixel] = cost[pixel]
    footprint = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    expected = reconstruction(seed, cost, method="erosion", footprint=footprint)
    np.testing.assert_array_equal(flood_fill(values, pixel), expected.astype(np.float32))


@pytest.mark.parametrize("pixel", [(0, 0), (0, 8), (5, 0), (5, 8)])
def test_rows_do_not_wrap_around_the_border(pixel):
    check_every_level(np.random.default_rng(5).random((6, 9)).astype(np.float32), pixel)


def test_a_constant_guide_changes_not_one_bit():
    values = np.random.default_rng(1).random((12, 10)).astype(np.float32)
    constant = np.full_like(values, 0.3)
    np.testing.assert_array_equal(flood_fill(values, (3, 4), constant[None]), flood_fill(values, (3, 4)))


@given(small_maps)
@settings(max_examples=40, deadline=None)
def test_stable_order_is_numpys_stable_argsort(values):
    np.testing.assert_array_equal(stable_order(values), np.argsort(values.ravel(), kind="stable"))


def test_stable_order_takes_negative_zero_for_zero():
    np.testing.assert_array_equal(stable_order(np.array([[1.0, -0.0, 0.0, -0.0]], dtype=np.float32)), [1, 2, 3, 0])
