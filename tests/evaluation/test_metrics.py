"""IoU, clicks to reach it, and how sure their means are."""

import numpy as np
import pytest

from napari_m2n2v2.evaluation.metrics import (
    bootstrap_interval,
    intersection_over_union,
    mean_iou_at,
    not_reached,
    number_of_clicks,
)


def test_iou():
    a, b = np.zeros((2, 4, 4), bool)
    a[:2], b[1:3] = True, True
    assert intersection_over_union(a, b) == pytest.approx(4 / 12)
    assert intersection_over_union(a & False, b & False) == 1


TRACES = [[0.5, 0.86, 0.91, 0.96], [0.2, 0.3, 0.4, 0.5], [0.97]]


def test_metrics_of_traces_counted_by_hand():
    assert number_of_clicks(TRACES, 0.85, most=4) == pytest.approx((2 + 4 + 1) / 3)
    assert number_of_clicks(TRACES, 0.95, most=3) == pytest.approx((3 + 3 + 1) / 3)
    assert not_reached(TRACES, 0.9, most=4) == 1
    assert not_reached(TRACES, 0.95, most=3) == 2
    assert mean_iou_at(TRACES, 1) == pytest.approx((0.5 + 0.2 + 0.97) / 3)
    assert mean_iou_at(TRACES, 4) == pytest.approx((0.96 + 0.5 + 0.97) / 3)


def test_bootstrap_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(3.0, 2.0, 40))
        hits += low <= 3.0 <= high
    assert 0.88 < hits / 200 < 0.99
    assert bootstrap_interval(np.full(9, 4.0)) == (4.0, 4.0)
