"""Where a mask ends only because its tile does (field, line 7)."""

import numpy as np
import pytest

from napari_m2n2v2 import Click, FeatureParameters, Mosaic, Region, RegionClick, Stack, region_features
from napari_m2n2v2.session.cuts import cut_sides

SHAPE = (60, 100)


def cut(labels, tile):
    return cut_sides(lambda rows, cols: labels[rows, cols], tile, SHAPE)


@pytest.fixture
def labels():
    return np.zeros(SHAPE, np.int32)


TILE = Region(10, 20, 40, 50)  # rows 10 to 49, columns 20 to 69


@pytest.mark.parametrize(
    ("place", "side"),
    [
        (np.s_[10:30, 30:40], "top"),
        (np.s_[20:30, 20:40], "left"),
        (np.s_[30:50, 30:40], "bottom"),
        (np.s_[20:30, 50:70], "right"),
    ],
)
def test_a_straight_cut_is_told_with_its_side(labels, place, side):
    labels[place] = 3
    assert cut(labels, TILE) == {3: (side,)}


def test_what_goes_on_is_not_cut(labels):
    labels[20:30, 50:90] = 3
    assert cut(labels, TILE) == {}
    labels[20:27, 70:] = 0  # three of ten pixels go on
    assert cut(labels, TILE) == {}  # seven end, which may be an outline
    labels[20:40, 50:70] = 3
    assert cut(labels, TILE) == {3: ("right",)}


def test_another_object_beyond_is_an_end(labels):
    labels[20:30, 50:70], labels[20:30, 70:90] = 3, 4
    assert cut(labels, TILE) == {3: ("right",)}


def test_a_coarse_tile_needs_as_many_of_its_own_pixels(labels):
    labels[20:35, 50:70] = 3
    assert cut(labels, Region(10, 20, 40, 50, step=2)) == {}
    assert cut(labels, TILE) == {3: ("right",)}


def test_the_border_of_the_plane_cuts_nothing(labels):
    labels[:] = 1
    assert cut(labels, Region(0, 0, *SHAPE)) == {}
    assert cut(labels, Region(0, 0, 60, 50)) == {}


def test_a_click_in_the_neighbour_heals_the_cut():
    image = np.full((64, 160), 50.0)
    image[20:44, 10:150] = 190
    image += np.random.default_rng(0).normal(0, 5, image.shape)
    stack = Stack.of(image.clip(0, 255).astype(np.uint8))
    mosaic = Mosaic(stack.plane_shape)
    left, right = Region(0, 0, 64, 90), Region(0, 70, 64, 90)
    small = FeatureParameters(grid=16)
    for tile in (left, right):
        mosaic.put(tile, region_features(stack, (), tile, attention="appearance", device="cpu", parameters=small))
    mosaic.replay([RegionClick(left, Click(32, 30))])
    assert mosaic.cuts(left) == {1: ("right",)}
    mosaic.replay([RegionClick(left, Click(32, 30)), RegionClick(right, Click(32, 130))])
    assert mosaic.cuts(left) == mosaic.cuts(right) == {}
