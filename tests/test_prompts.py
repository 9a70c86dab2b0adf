"""Prompts by themselves: what they mark, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import Box, Click, ClickError, Outline, Region, RegionClick, Scribble

coordinates = st.floats(-20, 60, allow_nan=False)
points = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4)


def test_a_scribble_marks_the_line_through_its_points():
    assert Scribble([(2, 1), (2, 4), (4, 4)]).pixels((9, 9)) == ((2, 1), (2, 2), (2, 3), (2, 4), (3, 4), (4, 4))


def test_each_pixel_is_marked_once_and_the_order_is_the_users():
    assert Scribble([(5, 3), (5, 1), (5, 3)]).pixels((9, 9)) == ((5, 3), (5, 2), (5, 1))


def test_what_lies_beyond_the_image_does_not_count():
    line = Scribble([(-3, 2), (1, 2)])
    assert line.pixels((9, 9)) == ((0, 2), (1, 2)) and line.pixel((9, 9)) == (0, 2)
    assert line.meets((9, 9)) and not line.meets((9, 2))
    with pytest.raises(ClickError, match=r"outside the image of 9 rows and 2 columns.*\(row, col\)"):
        line.pixels((9, 2))


@settings(max_examples=100, deadline=None)
@given(st.floats(-0.5, 8.49), st.floats(-0.5, 6.49))
def test_of_one_point_it_marks_what_a_click_there_marks(row, col):
    assert Scribble([(row, col)]).pixels((9, 7)) == Click(row, col).pixels((9, 7)) == Click(row, col).marked


@settings(max_examples=100, deadline=None)
@given(points, st.integers(-30, 30), st.integers(-30, 30))
def test_moved_by_whole_pixels_the_marks_move_with_it(line, down, across):
    whole = Scribble([(round(row), round(col)) for row, col in line])
    moved = whole.moved_to(whole.row + down, whole.col + across)
    assert [(row + down, col + across) for row, col in whole.marked] == list(moved.marked)
    assert moved.moved_to(whole.row, whole.col) == whole


def test_points_of_any_sequence_are_kept_as_plain_numbers():
    line = Scribble(np.array([[1, 2], [3, 4]], dtype=np.float32))
    assert line == Scribble([(1, 2), (3, 4)]) and hash(line) and (line.row, line.col) == (1, 2)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"points": []}, "at least 1 point"),
        ({"points": [(1, 2, 3)]}, r"points \(row, col\)"),
        ({"points": 5}, r"points \(row, col\)"),
        ({"points": [(math.nan, 1)]}, "finite"),
        ({"points": [("1", 1)]}, "finite"),
        ({"points": [(0, 0), (0, 1e9)]}, "at most 100000 pixels long"),
        ({"foreground": "background"}, "True or False"),
        ({"object_id": 0}, "whole number from 1"),
        ({"threshold": 1.5}, "between 0 and 1"),
    ],
)
def test_what_is_no_scribble_is_refused(told, message):
    with pytest.raises(ClickError, match=message):
        Scribble(**{"points": [(1, 2)], **told})


def test_a_region_takes_a_scribble_of_which_any_pixel_is_inside():
    region, line = Region(10, 20, 8, 8), Scribble([(12, 2), (12, 22)])
    assert region.meets(line) and region.into(line).pixels(region.shape) == ((2, 0), (2, 1), (2, 2))
    assert region.out_of(region.into(line)) == line
    assert RegionClick(region, line).click is line
    with pytest.raises(ClickError, match="outside its region"):
        RegionClick(region, Scribble([(12, 2), (12, 19)]))


class TestBox:
    def test_the_pixels_that_its_corners_fall_on_are_inside(self):
        box = Box(2.4, 7, 5.5, 3)
        assert (box.row0, box.row1, box.col0, box.col1) == (2.4, 5.5, 3, 7) and box.edges((20, 20)) == (2, 7, 3, 8)
        assert box.pixels((20, 20)) == () == box.marked and box.pixel((20, 20)) == (4, 5)

    def test_what_lies_beyond_the_image_does_not_count(self):
        assert Box(-5, -5, 3, 30).edges((10, 20)) == (0, 4, 0, 20)
        assert Box(-5, -5, 0, 0).meets((3, 3)) and not Box(-5, -5, -1, 0).meets((3, 3))
        with pytest.raises(ClickError, match="box from row 30, col 2 is outside the image of 10 rows"):
            Box(30, 2, 40, 5).pixels((10, 20))

    def test_it_moves_as_a_whole_and_has_no_class(self):
        moved = Box(2, 3, 5, 7, object_id=4).moved_to(12, 1)
        assert moved == Box(12, 1, 15, 5, object_id=4) and (moved.row, moved.col) == (12, 1)
        assert Region(10, 20, 8, 8).into(Box(12, 22, 14, 26)) == Box(2, 2, 4, 6)
        with pytest.raises(ClickError, match="Only clicks and scribbles"):
            moved.flipped()


class TestOutline:
    def test_it_says_where_and_marks_no_pixel(self):
        outline = Outline([(2, 3), (2, 9), (8, 9)])
        assert outline.around == Box(2, 3, 8, 9) and outline.pixels((20, 20)) == () == outline.marked
        assert outline.drawn[0] == outline.drawn[-1] == (2, 3)
        assert outline.moved_to(3, 3) == Outline([(3, 3), (3, 9), (9, 9)])

    def test_outside_the_image_it_is_refused(self):
        outline = Outline([(2, 3), (2, 9), (8, 9)])
        assert not outline.meets((2, 20))
        with pytest.raises(ClickError, match="outline from row 2, col 3 is outside"):
            outline.pixels((2, 20))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box(0, 0, math.inf, 5), "A box is made of finite points"),
        (lambda: Box("a", 0, 5, 5), "A box is made of finite points"),
        (lambda: Box(0, 0, 5, 5, object_id=-1), "whole number from 1"),
        (lambda: Outline([(0, 0), (5, 5)]), "at least 3 points"),
        (lambda: Outline([(0, 0), (0, 1e6), (1, 1)]), "at most 100000 pixels long"),
    ],
)
def test_what_is_no_box_and_no_outline_is_refused(make, message):
    with pytest.raises(ClickError, match=message):
        make()
