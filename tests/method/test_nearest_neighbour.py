import numpy as np

from napari_m2n2v2.method.nearest_neighbour import nearest_click, scale, truncate


def test_each_pixel_takes_the_class_of_its_nearest_click():
    rng = np.random.default_rng(0)
    maps = [rng.random((7, 9), dtype=np.float32) for _ in range(4)]
    thresholds = [0.5, 0.3, 0.9, 0.6]
    scaled = [scale(m, threshold) for m, threshold in zip(maps, thresholds, strict=True)]
    labels, pixels = [True, False, True, False], [(0, 0), (6, 8), (3, 3), (3, 3)]
    mask = truncate(*nearest_click(maps, thresholds), labels, pixels)
    for pixel in np.ndindex(7, 9):
        values = [s[pixel] for s in scaled]
        nearest = int(np.argmin(values))
        expected = labels[nearest] and values[nearest] <= 1
        if pixel in pixels:  # a click's own pixel has its class; the later of two clicks counts
            expected = labels[len(pixels) - 1 - pixels[::-1].index(pixel)]
        assert mask[pixel] == expected


def test_adding_one_click_to_what_is_known_gives_the_same():
    rng = np.random.default_rng(3)
    maps, thresholds = list(rng.random((5, 8, 9), dtype=np.float32)), [0.4, 0.8, 0.2, 0.5, 0.3]
    known = nearest_click(maps[:-1], thresholds[:-1])
    kept = [part.copy() for part in known]
    for got, expected in zip(nearest_click(maps, thresholds, known), nearest_click(maps, thresholds), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(known[1], kept[1])


def test_ties_go_to_the_earlier_click():
    same = np.full((2, 2), 0.5, dtype=np.float32)
    owner, distance = nearest_click([same, same.copy()], [1.0, 1.0])
    assert owner.tolist() == [[0, 0], [0, 0]]
    np.testing.assert_array_equal(distance, same)


def test_a_threshold_of_zero_does_not_divide_by_zero():
    values = np.array([[0.0, 1.0]], dtype=np.float32)
    assert np.isfinite(scale(values, 0.0)).all()
    assert np.isfinite(nearest_click([values, values], [0.0, 0.0])[1]).all()
