"""Doubt of a mask: how its colours part along the outline, and what its last click still changed."""

from types import SimpleNamespace

import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_m2n2v2 import Click, Session
from napari_m2n2v2.session.doubt import doubt_of, mean_doubt, separation


def disc(radius, size=60):
    row, col = np.mgrid[:size, :size]
    return (row - size / 2) ** 2 + (col - size / 2) ** 2 < radius**2


@pytest.fixture
def picture():
    noise = np.random.default_rng(0).normal(0, 6, (60, 60, 3))
    return (np.where(disc(15)[..., None], 180, 60) + noise).clip(0, 255).astype(np.uint8)


def found(mask, claimed=0, clicks=2, foreground=True):
    """What doubt_of looks at of an object."""
    return SimpleNamespace(
        working_mask=mask, clicks=(Click(30, 30, foreground),) * clicks, start=None,
        effects=(SimpleNamespace(claimed=claimed),) * clicks,
    )  # fmt: skip


def test_colours_are_compared_by_both_spreads(picture):
    ring = [disc(15) & ~disc(11), disc(19) & ~disc(15)]
    inside, outside = (rgb2lab(picture[one]) for one in ring)
    step = inside.mean(axis=0) - outside.mean(axis=0)
    expected = step @ np.linalg.inv(np.cov(inside.T) + np.cov(outside.T) + np.eye(3)) @ step
    assert separation(picture, disc(15))[0] == pytest.approx(expected, rel=0.1)


def test_the_true_mask_is_doubted_least(picture):
    doubts = [doubt_of(picture, found(disc(radius)))[0] for radius in (15, 14, 13, 12)]
    assert doubts[0] < 0.1 and doubts == sorted(doubts)
    doubts = [doubt_of(picture, found(disc(radius)))[0] for radius in (15, 16, 17, 18)]
    assert doubts == sorted(doubts)


def test_what_the_last_click_changed_is_doubted(picture):
    area = int(disc(15).sum())
    steady, unsteady = (doubt_of(picture, found(disc(15), claimed))[0] for claimed in (0, area // 2))
    assert unsteady == pytest.approx(1 - 0.5 * (1 - steady), abs=0.01)
    removed = doubt_of(picture, found(disc(15), area, foreground=False))[0]
    assert removed == pytest.approx(1 - 0.5 * (1 - steady))


def test_a_first_click_is_trusted_by_half(picture):
    assert doubt_of(picture, found(disc(15), clicks=1))[0] == pytest.approx(
        1 - 0.5 * (1 - doubt_of(picture, found(disc(15)))[0])
    )


@pytest.mark.parametrize("mask", [np.zeros((60, 60), bool), np.ones((60, 60), bool)])
def test_nothing_and_everything_are_in_full_doubt(picture, mask):
    assert doubt_of(picture, found(mask)) == (1.0, 0)


def test_one_pixel_is_in_full_doubt(picture):
    mask = np.zeros((60, 60), bool)
    mask[30, 30] = True
    assert doubt_of(picture, found(mask))[0] == 1


def test_a_flat_image_is_in_full_doubt():
    assert doubt_of(np.full((60, 60, 3), 90, np.uint8), found(disc(15)))[0] == 1


def test_parts_count_by_their_pixels():
    assert mean_doubt([(0.0, 30), (1.0, 10)]) == 0.25 and mean_doubt([]) == 1 and mean_doubt([(0.3, 0)]) == 1


def test_of_a_session_it_is_between_0_and_1(features):
    session = Session(features)
    for click in (Click(16, 16), Click(5, 50, False), Click(33, 48)):
        session.click(click)
        assert 0 <= doubt_of(features.image, session.result.objects[1])[0] <= 1
