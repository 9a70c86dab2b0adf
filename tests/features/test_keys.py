"""Keys of stored features: what changes them and what does not."""

from dataclasses import replace

import numpy as np
import pytest

from napari_m2n2v2 import compute_features
from tests.features.counted import ASKED, COARSE, Counting, Ramp, again, assert_same


class TestKeys:
    def test_nothing_is_computed_twice(self, cache, image):
        backbone = Counting()
        first = cache.features(image, backbone, parameters=COARSE)
        assert cache.features(image.copy(), backbone, parameters=COARSE) is first
        other = Counting()
        again(cache).features(image, other, parameters=COARSE)
        assert (backbone.reads, other.reads) == (1, 0)

    @pytest.mark.parametrize(
        "change",
        [
            {"grid": 9}, {"temperature": 0.7}, {"ipf_rounds": 3}, {"ipf_tolerance": 1e-3}, {"test_time_flip": True},
            {"working_side": 20},
        ],
        ids=lambda change: next(iter(change)),
    )  # fmt: skip
    def test_what_changes_attention_is_computed(self, cache, image, change):
        backbone = Counting()
        cache.features(image, backbone, parameters=COARSE)
        changed = replace(COARSE, **change)
        assert not cache.has(image, backbone, parameters=changed)
        assert_same(
            cache.features(image, backbone, parameters=changed), compute_features(image, backbone, parameters=changed)
        )
        assert backbone.reads == 3 + change.get("test_time_flip", 0) * 2

    def test_one_pixel_the_weights_and_an_option_matter(self, cache, image):
        cache.features(image, Counting(), parameters=COARSE)
        nearly = image.copy()
        nearly[3, 4, 1] ^= 1
        other_weights = Counting()
        other_weights.weights_revision = "2"
        assert not cache.has(nearly, Counting(), parameters=COARSE)
        assert not cache.has(image, other_weights, parameters=COARSE)
        assert not cache.has(image, Counting(look=0.3), parameters=COARSE)
        assert cache.has(image, Counting(), parameters=COARSE)

    @pytest.mark.parametrize("change", [{"sigma_range": 0.2}, {"sigma_spatial": 1.5}])
    def test_another_window_or_guide_needs_no_other_attention(self, cache, image, change):
        backbone, depth = Counting(), Ramp()
        cache.features(image, backbone, depth, parameters=COARSE)
        changed = replace(COARSE, **change)
        assert cache.has(image, backbone, depth, parameters=changed)
        assert_same(
            cache.features(image, backbone, depth, parameters=changed),
            compute_features(image, Counting(), Ramp(), parameters=changed),
        )
        assert_same(
            cache.features(image, backbone, Ramp(-1.0), parameters=COARSE),
            compute_features(image, Counting(), Ramp(-1.0), parameters=COARSE),
        )
        assert (backbone.reads, depth.reads) == (1, 1)

    def test_contrast_limits_matter_by_what_is_seen(self, cache, image):
        grey = image[..., 0].astype(np.uint16) * 9
        cache.features(grey, contrast_limits=(0, 2000), **ASKED)
        assert cache.has(grey, contrast_limits=(0, 2000), **ASKED)
        assert not cache.has(grey, contrast_limits=(0, 1000), **ASKED)
        assert cache.has(grey * 2, contrast_limits=(0, 4000), **ASKED)

    def test_a_grid_that_is_asked_for_or_usual_is_the_same(self, cache, image):
        backbone = Counting()
        backbone.default_grid = 8
        cache.features(image, backbone, parameters=COARSE)
        cache.features(image, backbone)
        assert backbone.reads == 1
        assert cache.has(image, backbone, None, contrast_limits=None, parameters=None)
