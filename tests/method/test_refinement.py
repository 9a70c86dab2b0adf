"""The band around the outline, the guided filter in it, and discs around clicks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, uniform_filter

from napari_m2n2v2.method.discs import UNDECIDED, discs_around
from napari_m2n2v2.method.refinement import _guided_filter, near_outline, refine

SHAPE = (70, 90)
ROWS, COLS = np.mgrid[: SHAPE[0], : SHAPE[1]]
HOW = {"half_width": 4.0, "radius": 6, "epsilon": 0.002, "rounds": 2}


def disc(row, col, radius):
    return (ROWS - row) ** 2 + (COLS - col) ** 2 <= radius**2


def picture(mask, noise=8, seed=0):
    colours = np.where(mask[..., None], (180, 120, 90), (90, 110, 130))
    return (colours + np.random.default_rng(seed).normal(0, noise, (*SHAPE, 3))).clip(0, 255).astype(np.uint8)


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


NOTHING = np.zeros(SHAPE, bool)


@pytest.mark.parametrize("distance", [1.0, 3.5, 6.0])
def test_the_band_is_what_lies_near_the_other_class(distance):
    mask = np.random.default_rng(1).random(SHAPE) > 0.97
    depth = np.where(mask, distance_transform_edt(mask), distance_transform_edt(~mask))
    assert np.array_equal(near_outline(mask, distance), depth <= distance)


def test_the_filter_is_the_published_one():
    """He, Sun and Tang 2013, by means over windows; the border's windows are cut, so they are left out."""
    mask, radius, epsilon = disc(35, 45, 20), 4, 0.002
    image = picture(mask)

    def mean(values):
        return uniform_filter(values, 2 * radius + 1)

    colours = [image[..., i] / 255 for i in range(3)]
    centre = [mean(colour) for colour in colours]
    share = mean(mask.astype(float))
    own = np.stack([mean(c * mask) - m * share for c, m in zip(colours, centre, strict=True)], -1)
    spread = np.array([[mean(a * b) - mean(a) * mean(b) for a in colours] for b in colours])
    spread = np.moveaxis(spread, (0, 1), (2, 3)) + epsilon * np.eye(3)
    slope = np.linalg.solve(spread, own[..., None])[..., 0]
    offset = share - sum(slope[..., i] * centre[i] for i in range(3))
    expected = sum(mean(slope[..., i]) * colours[i] for i in range(3)) + mean(offset)
    inner = np.zeros(SHAPE, bool)
    inner[2 * radius : -2 * radius, 2 * radius : -2 * radius] = True
    found = _guided_filter(image, inner, np.ones(SHAPE, np.int32), radius, epsilon)(mask)
    assert np.abs(found - expected)[inner].max() < 1e-5
    assert not found[~inner].any()


def test_an_outline_that_is_off_moves_to_the_colours():
    truth = disc(35, 45, 20)
    rough = disc(37, 47, 20)
    refined = refine(rough, picture(truth), fixed=NOTHING, **HOW)
    assert overlap(rough, truth) < 0.87 and overlap(refined, truth) > 0.96


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 69), st.integers(0, 89), st.integers(1, 30), st.integers(1, 3))
def test_only_free_pixels_of_the_band_change(row, col, radius, rounds):
    mask, fixed = disc(row, col, radius), COLS < 40
    refined = refine(mask, picture(disc(35, 45, 20)), fixed=fixed, **(HOW | {"rounds": rounds}))
    changed = refined != mask
    assert not (changed & fixed).any()
    assert not (changed & ~near_outline(mask, HOW["half_width"])).any()


def test_the_mirrored_image_gives_the_mirrored_mask():
    truth, rough = disc(30, 40, 17), disc(33, 44, 18)
    image = picture(truth)
    refined = refine(rough, image, fixed=NOTHING, **HOW)
    mirrored = refine(rough[:, ::-1].copy(), image[:, ::-1].copy(), fixed=NOTHING, **HOW)
    assert np.array_equal(mirrored[:, ::-1], refined)


def test_a_refinement_that_runs_away_is_given_up():
    mask = disc(35, 45, 3)
    image = picture(disc(35, 45, 30), noise=0)  # all around the mask is of its colour
    image[mask & (COLS > 45)] = image[0, 0]
    refined = refine(mask, image, fixed=NOTHING, **HOW)
    assert overlap(refined, mask) >= 0.6


@pytest.mark.parametrize("mask", [NOTHING, ~NOTHING])
def test_without_an_outline_nothing_happens(mask):
    assert refine(mask, picture(mask), fixed=NOTHING, **HOW) is mask


def test_discs_stop_half_way_to_clicks_of_the_other_class():
    pixels, classes = [(30, 30), (30, 40), (60, 80)], [True, False, False]
    discs = discs_around(SHAPE, pixels, classes, [8.0, 2.0, 0.0])
    assert discs[30, 30] == 1 and discs[30, 22] == 1 and discs[30, 21] == UNDECIDED
    assert discs[30, 34] == 1 and discs[30, 36] == UNDECIDED and discs[30, 38] == 0
    assert np.flatnonzero(discs[55:] != UNDECIDED).size == 1 and discs[60, 80] == 0


def test_of_two_clicks_on_one_pixel_the_later_has_it():
    discs = discs_around(SHAPE, [(5, 5), (5, 5)], [True, False], [0.0, 0.0])
    assert discs[5, 5] == 0


def test_what_a_click_says_is_carried_along_the_outline():
    """A mask without a rim of the object's second colour, and one click on that rim: more of the rim joins it."""
    whole, inner = disc(35, 45, 22), disc(35, 45, 18)
    image = picture(inner)
    image[whole & ~inner] = (150, 60, 160)
    mask, fixed = inner | disc(35, 65, 2), disc(35, 65, 2)
    plain, trusting = (refine(mask, image, **HOW, fixed=fixed, trust=trust) for trust in (1, 12))
    assert (trusting & whole & ~inner).sum() > (plain & whole & ~inner).sum()
