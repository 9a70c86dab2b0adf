"""Backbones that count what they are asked for, and settings that take little."""

import numpy as np
import torch

from napari_m2n2v2 import FeatureParameters
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.cache import FeatureCache

COARSE = FeatureParameters(grid=8)
KEY = "0" * 64
ASKED = {"attention": "appearance", "device": "cpu", "parameters": COARSE}


class Counting(AppearanceAttention):
    """The backbone without weights, counting what it is asked for."""

    def __init__(self, look=0.25):
        super().__init__(look)
        self._reads = []

    def attention(self, image, grid_shape, device, progress):
        self._reads.append(image)
        return super().attention(image, grid_shape, device, progress)

    @property
    def reads(self):
        return len(self._reads)


class Ramp:
    """A source of depth: left is far."""

    name, weights_revision = "ramp", "1"

    def __init__(self, slope=1.0):
        self.slope = slope
        self._reads = []

    @property
    def reads(self):
        return len(self._reads)

    def release(self):
        pass

    def depth(self, image, device, progress):
        self._reads.append(image)
        return np.tile(np.arange(image.shape[1], dtype=np.float32) * self.slope, (image.shape[0], 1))


def again(cache, **changes):
    """A cache of the same folder, as after the next start."""
    told = cache.disk._notify
    return FeatureCache(cache.disk.folder, **{"disk_bytes": cache.disk.most_bytes, "notify": told, **changes})


def assert_same(got, expected):
    for name in ("shape", "grid_shape", "parameters", "backbone", "weights_revision", "chosen_because", "guide_from"):
        assert getattr(got, name) == getattr(expected, name)
    assert torch.equal(got.transition, expected.transition) and got.transition.device == expected.transition.device
    np.testing.assert_array_equal(got.image, expected.image)
    np.testing.assert_array_equal(got.guide, expected.guide)
    for guided in (True, False):
        mine, theirs = (features.upsampling_operator(guided=guided) for features in (got, expected))
        for name in ("weights", "unit", "first_row", "first_col"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
