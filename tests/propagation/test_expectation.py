import numpy as np
import pytest

from napari_m2n2v2.parameters import PropagationParameters
from napari_m2n2v2.propagation.expectation import Appearance, Expectation, deepest_contradiction, expect, smoothed

SIZE = 20, 30
OBJECT = np.zeros(SIZE, dtype=bool)
OBJECT[4:16, 5:25] = True
CORE = np.zeros(SIZE, dtype=bool)
CORE[6:14, 7:23] = True  # more than two pixels inside
ROW, COL = np.mgrid[: SIZE[0], : SIZE[1]]
NEAR = np.any([(ROW - r) ** 2 + (COL - c) ** 2 <= 4 for r, c in np.argwhere(OBJECT)], axis=0)  # within two pixels


def plain(value):
    return np.full((*SIZE, 3), value, dtype=np.float32)


def test_appearance_is_measured_away_from_the_outline():
    seen = plain(100)
    seen[OBJECT & ~CORE] = 250
    found = Appearance.of(seen, OBJECT, band=2)
    assert found.colour.tolist() == [100, 100, 100] and found.spread == 5
    seen[CORE & (np.arange(30) < 15)] = 120
    assert Appearance.of(seen, OBJECT, band=2).spread == pytest.approx(10 + 5)


def test_an_object_thinner_than_the_band_still_has_an_appearance():
    thin = np.zeros(SIZE, dtype=bool)
    thin[8] = True
    assert Appearance.of(plain(70), thin, band=9).colour.tolist() == [70, 70, 70]


def test_where_nothing_changed_all_is_known_but_the_band():
    found = expect(OBJECT, plain(100), plain(100), Appearance.of(plain(100), OBJECT, 2), PropagationParameters())
    assert (found.wanted == OBJECT).all() and found.match == 1
    assert (found.known == (CORE | ~NEAR)).all()


def test_what_changed_a_little_is_not_known_and_what_is_another_thing_is_not_wanted():
    appearance = Appearance.of(plain(100), OBJECT, 2)  # its spread is 5: 15 is the end of it
    here = plain(100)
    here[:, 10:15] = 110
    here[:, 15:20] = 120
    found = expect(OBJECT, plain(100), here, appearance, PropagationParameters())
    little, much = np.zeros((2, *SIZE), dtype=bool)
    little[:, 10:15] = much[:, 15:20] = True
    assert (found.wanted == (OBJECT & ~much)).all()
    assert not found.known[little].any() and found.known[CORE & much].all()
    assert not found.known[~OBJECT & much].any()  # changed, and never was the object
    assert found.match == pytest.approx((16 - 10) / 16)


def test_colour_counts_not_only_lightness():
    before, here = plain(100), plain(100)
    here[..., 0], here[..., 1] = 130, 70
    found = expect(OBJECT, before, here, Appearance.of(before, OBJECT, 2), PropagationParameters())
    assert not found.wanted.any() and found.match == 0


def test_the_deepest_contradiction_is_clicked():
    everywhere = np.ones(SIZE, dtype=bool)
    expectation = Expectation(OBJECT, everywhere, 1.0)
    assert deepest_contradiction(np.zeros(SIZE, dtype=bool), expectation) == (9, 10)  # the first of the deepest
    assert deepest_contradiction(OBJECT, expectation) is None
    leak = OBJECT.copy()
    leak[8:13, 25:30] = True
    assert deepest_contradiction(leak, expectation) == (10, 27)
    assert deepest_contradiction(leak, Expectation(OBJECT, ~leak | OBJECT, 1.0)) is None


def test_a_line_of_pixels_is_worth_a_click_only_where_there_is_nothing_yet():
    line = np.zeros(SIZE, dtype=bool)
    line[3, 4:9] = True
    everywhere = np.ones(SIZE, dtype=bool)
    assert deepest_contradiction(np.zeros(SIZE, dtype=bool), Expectation(line, everywhere, 1.0)) == (3, 4)
    assert deepest_contradiction(OBJECT, Expectation(OBJECT | line, everywhere, 1.0)) is None


def test_noise_of_single_pixels_is_smoothed_colour_by_colour():
    image = np.zeros((*SIZE, 3), dtype=np.uint8)
    image[10, 15, 0] = 255
    smooth = smoothed(image)
    assert smooth.dtype == np.float32 and smooth[10, 15, 0] < 20 and not smooth[..., 1:].any()
