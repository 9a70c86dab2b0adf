import numpy as np
import pytest
from skimage.draw import polygon2mask

from napari_m2n2v2 import Box, Outline, Scribble
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.drawer import DRAWN_RULES, box_around, next_scribble, outline_around, scribble_along


@pytest.fixture
def bar():
    """A bar of 7 x 41 pixels, a thin hair at one end of it."""
    truth = np.zeros((30, 60), dtype=bool)
    truth[10:17, 8:49] = True
    truth[13, 49:58] = True
    return truth


def test_a_scribble_goes_along_the_middle_and_leaves_thin_ends_out(bar):
    found = next_scribble(np.zeros_like(bar), bar)
    rows, cols = np.transpose(found.points)
    assert found.foreground and set(rows) <= {12.0, 13.0, 14.0}
    assert 8 <= cols.min() <= 13 and 44 <= cols.max() <= 49 and found.pixels(bar.shape)


def test_what_is_too_much_is_scribbled_as_background_and_one_region_at_a_time(bar):
    mask = bar.copy()
    mask[20:27, 5:55] = True
    mask[10:17, 20:23] = False
    found = next_scribble(mask, bar)
    assert not found.foreground and all(20 <= row < 27 for row, _ in found.points)


def test_of_a_single_pixel_it_is_that_pixel():
    region = np.zeros((9, 9), dtype=bool)
    region[4, 5] = True
    assert scribble_along(region, (4, 5)) == ((4, 5),)
    assert next_scribble(np.zeros_like(region), region) == Scribble([(4, 5)])


def test_what_is_ignored_is_not_scribbled_on_and_nothing_wrong_is_nothing(bar):
    assert next_scribble(bar, bar) is None
    ignore = np.zeros_like(bar)
    ignore[:, 28:] = True
    found = next_scribble(np.zeros_like(bar), bar, ignore)
    assert max(col for _, col in found.points) < 28


def test_boxes_are_exact_or_off_by_a_tenth_and_in_the_image(bar):
    rng = np.random.default_rng(0)
    assert box_around(bar, rng) == Box(10, 8, 16, 57)
    for _ in range(50):
        box = box_around(bar, rng, 0.1)
        off = np.abs(np.array([box.row0, box.col0, box.row1, box.col1]) - [10, 8, 16, 57])
        assert (off <= [1, 5, 1, 5]).all() and box.col1 <= 59
    assert len({box_around(bar, rng, 0.1) for _ in range(9)}) > 1


def test_an_outline_encloses_about_the_object(bar):
    outline = outline_around(bar, np.random.default_rng(0), 0.0)
    enclosed = polygon2mask(bar.shape, np.array(outline.points))
    assert np.count_nonzero(enclosed & bar) / np.count_nonzero(enclosed | bar) > 0.7
    rough = outline_around(bar, np.random.default_rng(0))
    assert rough != outline and len(rough.points) == len(outline.points) == 24


def test_first_it_is_drawn_and_then_clicked(bar):
    nothing = np.zeros_like(bar)
    first = DRAWN_RULES["box"](nothing, bar, None, [], None)
    assert first == Box(10, 8, 16, 57)
    assert DRAWN_RULES["box"](nothing, bar, None, [first], None) == next_click_union(nothing, bar)
    assert isinstance(DRAWN_RULES["outline-jittered"](nothing, bar, None, [], None), Outline)
