"""The simulated user's next click, against brute force."""

import numpy as np
import pytest

from napari_m2n2v2 import Click
from napari_m2n2v2.evaluation.clicker import next_click_random, next_click_split, next_click_union
from napari_m2n2v2.evaluation.metrics import intersection_over_union


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


@pytest.mark.parametrize("seed", range(5))
def test_split_rule_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    truth, mask = rng.random((2, 10, 11)) > 0.4
    sides = {True: truth & ~mask, False: mask & ~truth}
    deepest = {side: deepest_by_brute_force(region) for side, region in sides.items()}
    depth = {side: depth_at(sides[side], place) for side, place in deepest.items()}
    side = depth[True] > depth[False]
    assert next_click_split(mask, truth) == Click(*deepest[side], side)


def depth_at(region, place):
    padded = np.pad(region, 1)
    return np.min(np.hypot(*(np.argwhere(~padded) - np.add(place, 1)).T))


def test_split_and_union_are_different_rules():
    """A miss and a false alarm side by side: together deeper than apart."""
    truth, mask = np.zeros((2, 14, 20), bool)
    truth[1:13, 2:6], mask[1:13, 6:10] = True, True
    assert next_click_union(mask, truth).col in (5, 6)
    assert next_click_split(mask, truth).col in (7, 8)


def test_split_never_clicks_a_pixel_twice():
    truth, mask = np.zeros((2, 3, 3), bool)
    truth[1, 1] = True
    click = next_click_split(mask, truth)
    assert next_click_split(mask, truth, None, [click]) is None


def test_random_rule_takes_every_wrong_pixel_and_no_other():
    truth, mask = np.zeros((2, 4, 4), bool)
    truth[1, 2], truth[3, 0] = True, True
    rng = np.random.default_rng(0)
    places = {(c.row, c.col) for c in (next_click_random(mask, truth, None, (), rng) for _ in range(50))}
    assert places == {(1, 2), (3, 0)} and next_click_random(truth, truth) is None
