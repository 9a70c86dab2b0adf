import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from napari_m2n2v2.method.adaptive_size import distance_to_class, largest_size_change, largest_threshold, size_switches
from napari_m2n2v2.method.nearest_neighbour import nearest_click


def random_map(seed):
    values = np.random.default_rng(seed).random((6, 6)).astype(np.float32)
    return values / values.max()


@pytest.mark.parametrize("foreground", [True, False])
def test_distance_equals_the_distance_transform(foreground):
    mask = np.random.default_rng(0).random((15, 22)) > 0.8
    to_class = distance_transform_edt(mask != foreground)
    for pixel in [(0, 0), (14, 21), (7, 3), (2, 20)]:
        assert distance_to_class(mask, pixel, foreground) == pytest.approx(to_class[pixel])


def test_distance_is_infinite_without_the_class_and_then_there_is_no_limit():
    empty = np.zeros((5, 5), dtype=bool)
    assert distance_to_class(empty, (2, 2), True) == math.inf
    assert largest_size_change(math.inf, 6.0) == math.inf
    assert largest_size_change(2.0, 6.0) == pytest.approx(math.pi * 144)


@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_size_switches_equal_segmenting_again_at_every_threshold(seed, foreground, earlier):
    """Delta(lambda) counted from switches, against the mask made afresh for that lambda."""
    rng = np.random.default_rng(seed)
    labels = [bool(rng.integers(2)) for _ in range(earlier)]
    earlier_maps = [random_map(seed + 1 + j) for j in range(earlier)]
    thresholds = [float(rng.uniform(0.2, 0.9)) for _ in range(earlier)]
    own = random_map(seed)
    if earlier:
        owner, nearest = nearest_click(earlier_maps, thresholds)
        before = np.array(labels)[owner] & (nearest <= 1)
    else:
        nearest, before = None, np.zeros(own.shape, dtype=bool)
    switches = size_switches(own, nearest, before, foreground)
    for threshold in np.quantile(own, [0.1, 0.37, 0.62, 0.9]) * 1.0001:
        owner, distance = nearest_click([*earlier_maps, own], [*thresholds, float(threshold)])
        after = np.array([*labels, foreground])[owner] & (distance <= 1)
        change = abs(int(after.sum()) - int(before.sum()))
        assert change == np.count_nonzero(switches <= np.float32(threshold))


@pytest.mark.parametrize("limit", [0, 0.5, 1, 2.5, 3, 7, 8, 9.5, math.inf])
def test_largest_threshold_is_where_the_limit_breaks(limit):
    switches = np.array([0.1, 0.2, 0.2, 0.4, 0.5, 0.6, 0.7, np.inf], dtype=np.float32)
    below = largest_threshold(switches, limit)
    for threshold in np.arange(0.05, 1.0, 0.05, dtype=np.float32):
        assert (threshold < below) == (np.count_nonzero(switches <= threshold) < limit)
