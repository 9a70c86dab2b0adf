"""The contrast across outlines, against the outlines themselves."""

import numpy as np
import pytest

from napari_m2n2v2.method.contrast import contrast_across, pixel_contrast
from napari_m2n2v2.method.flood_fill import stable_order
from napari_m2n2v2.method.scoring import candidate_thresholds
from napari_m2n2v2.session.click_map import ClickMap

RNG = np.random.default_rng(3)


def test_the_mean_is_over_the_pairs_that_the_outline_parts():
    values = RNG.random((7, 9)).astype(np.float32)
    contrast = pixel_contrast(RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8), 0.0)
    order = stable_order(values)
    found = contrast_across(contrast, order)
    for k in range(order.size - 1):
        inside = np.zeros(values.size, bool)
        inside[order[: k + 1]] = True
        inside = inside.reshape(values.shape)
        parted = [contrast[0, :-1][inside[1:] != inside[:-1]], contrast[1, :, :-1][inside[:, 1:] != inside[:, :-1]]]
        assert found[k] == pytest.approx(np.concatenate(parted).mean() / 1024)


def test_an_edge_has_the_most_contrast_and_a_plain_picture_none():
    image = np.full((20, 24, 3), 90, np.uint8)
    assert not pixel_contrast(image, 1.0).any()
    image[:, 12:] = 160
    below, right = pixel_contrast(image, 0.0)
    assert not below.any() and (right[:, 11] == right.max()).all() and np.count_nonzero(right) == 20


def test_a_mirrored_image_has_the_mirrored_contrast():
    image = RNG.integers(0, 256, (15, 18, 3), dtype=np.uint8)
    straight, mirrored = pixel_contrast(image, 1.0), pixel_contrast(image[:, ::-1], 1.0)
    np.testing.assert_allclose(mirrored[0, :, ::-1], straight[0], atol=1)
    np.testing.assert_allclose(mirrored[1, :, -2::-1], straight[1, :, :-1], atol=1)


def test_where_the_map_leaves_it_open_the_image_decides():
    """A map without edges of its own; the image has a disc in it."""
    rows, cols = np.mgrid[:60, :60]
    distance = np.hypot(rows - 30, cols - 30)
    values = (distance / distance.max()).astype(np.float32)
    image = np.where((distance < 17)[..., None], 200, 60).astype(np.uint8).repeat(3, axis=2)
    plain = ClickMap(values, candidate_thresholds(values), pixel_contrast(image, 1.0))
    first, later = (
        abs(found.candidates.values[found.candidates.edge.argmax()] * distance.max() - 17)
        for found in (plain.unlimited, plain)
    )
    assert first < 0.5 < later
