"""Photos of three sizes and their features at three grids, computed once; ``run.py`` is the one command."""

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from skimage.data import coffee
from skimage.transform import resize

sys.path.insert(0, str(Path(__file__).parents[1]))  # the slow references lie with the tests

from napari_m2n2v2 import FeatureParameters, compute_features
from napari_m2n2v2.backbones import BACKBONES

SIZES = {"321x481": (321, 481), "480x854": (480, 854), "1024x1024": (1024, 1024)}
GRIDS = (37, 64, 128)
BACKBONE = "offline" if BACKBONES["offline"].locate() else "appearance"


@lru_cache
def photo_of(size):
    """A photo that scikit-image ships, brought to a size: RGB uint8."""
    return (resize(coffee(), SIZES[size], anti_aliasing=True) * 255).round().astype(np.uint8)


@lru_cache(maxsize=2)
def features_of(size, grid, attention=BACKBONE):
    return compute_features(photo_of(size), attention, device="cpu", parameters=FeatureParameters(grid=grid))


@pytest.fixture
def photo():
    return photo_of


@pytest.fixture
def features():
    return features_of


@pytest.fixture(autouse=True)
def _recorded(benchmark, request):
    """Put what it was given into the results."""
    if hasattr(request.node, "callspec"):
        benchmark.extra_info.update(request.node.callspec.params)
