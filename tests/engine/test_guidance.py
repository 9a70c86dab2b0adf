import numpy as np
import pytest

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.guidance import IMAGE_GUIDES, lightness

COARSE = FeatureParameters(grid=8)


def test_lightness_is_smooth_and_in_range(image):
    guide = lightness(image)
    assert guide.shape == image.shape[:2] and guide.dtype == np.float32
    assert guide.min() == 0 and guide.max() == 1
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    assert np.abs(lightness(noisy) - guide).mean() < 0.05


def test_a_dead_pixel_does_not_take_the_range(image):
    dead = image.copy()
    dead[5, 5] = 255
    assert np.abs(lightness(dead) - lightness(image)).mean() < 0.02


@pytest.mark.parametrize("name", IMAGE_GUIDES)
def test_guides_are_given_by_name(image, name):
    features = compute_features(image, "appearance", name, "cpu", parameters=COARSE)
    assert features.guide_from == name
    np.testing.assert_allclose(features.guide, IMAGE_GUIDES[name](image), atol=1e-6)


def test_a_blank_image_is_exactly_unguided():
    blank = np.full((30, 40, 3), 90, np.uint8)
    guided, plain = (
        compute_features(blank, "appearance", guide, "cpu", parameters=COARSE) for guide in ("lightness", None)
    )
    assert guided.guide is None and guided.guide_from == ""
    np.testing.assert_array_equal(Session(guided).click(Click(9, 9)).mask, Session(plain).click(Click(9, 9)).mask)


def test_dark_objects_are_guided_as_bright_ones_are(image):
    clicks = [Click(16, 16), Click(40, 10, False)]
    masks = [
        Session(compute_features(pixels, "appearance", "lightness", "cpu", parameters=COARSE)).replay(clicks).mask
        for pixels in (image, 255 - image)
    ]
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.9
