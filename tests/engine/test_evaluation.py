import numpy as np
import pytest

from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.metrics import intersection_over_union, mean_iou_at, not_reached, number_of_clicks


def deepest_by_brute_force(wrong):
    """Distance of each wrong pixel to the nearest right one, the outside counting as right."""
    padded = np.pad(wrong, 1)
    right = np.argwhere(~padded)
    depth = {tuple(p): np.min(np.hypot(*(right - p).T)) for p in np.argwhere(padded)}
    best = max(depth.values())
    return next((r - 1, c - 1) for r, c in sorted(depth) if depth[r, c] == best)


@pytest.mark.parametrize("seed", range(5))
def test_union_rule_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    truth, mask = rng.random((2, 9, 12)) > 0.35
    click = next_click_union(mask, truth)
    assert (click.row, click.col) == deepest_by_brute_force(mask != truth)
    assert click.foreground == truth[click.row, click.col]


def test_ignored_pixels_are_neither_clicked_nor_scored():
    truth = np.zeros((9, 9), bool)
    truth[1:8, 1:8] = True
    mask = np.zeros_like(truth)
    assert next_click_union(mask, truth, ignore=truth) is None
    assert intersection_over_union(mask, truth, ignore=truth) == 1
    ignore = np.zeros_like(truth)
    ignore[:, 4:] = True
    assert next_click_union(mask, truth, ignore).col < 4


def test_nothing_wrong_needs_no_click():
    assert next_click_union(np.ones((3, 3), bool), np.ones((3, 3), bool)) is None


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
