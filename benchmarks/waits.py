"""What users wait for, made small, for ``ratios.py`` to time beside an earlier commit.

Each function makes one wait ready and returns the call to be timed. Some are newer than some commits: whatever a commit
may lack is imported in the function, which then raises there.
"""

from functools import cache, partial
from itertools import count

import numpy as np
from skimage.data import coffee
from skimage.transform import resize

from napari_m2n2v2 import Click, FeatureParameters, SegmentationParameters, Session, compute_features
from napari_m2n2v2.backbones import BACKBONES
from napari_m2n2v2.features.disk import VERSION

SHAPE, GRID = (160, 240), 32
LARGER = (240, 360), 48


@cache
def photo_of(shape):
    return (resize(coffee(), shape, anti_aliasing=True) * 255).round().astype(np.uint8)


@cache
def features_of(shape, grid):
    return computed(photo_of(shape), grid)


def computed(photo, grid, attention="appearance", by=compute_features):
    return by(photo, attention, device="cpu", parameters=FeatureParameters(grid=grid))


def published():
    """A default that does more is not a slower program, and earlier commits have this method alone."""
    return getattr(SegmentationParameters, "paper", SegmentationParameters)()


def features(folder):
    return partial(computed, photo_of(SHAPE), GRID)


def operator(folder):
    """Of cells of five pixels."""
    from napari_m2n2v2.method.upsampling import build_upsampling_operator

    guide = np.ascontiguousarray(np.moveaxis(photo_of(SHAPE).astype(np.float32) / 255, -1, 0))
    return partial(build_upsampling_operator, guide, (SHAPE[0] // 5, SHAPE[1] // 5), 1.0, 0.1)


def click_of_appearance(folder):
    """Its chain takes many steps."""
    found = features_of(*LARGER)
    return lambda: Session(found, published()).click(Click(110, 170))


def moved_click(folder):
    """Each time to a new place; both programs move it to the same ones."""
    session, rows = Session(features_of(*LARGER), published()), count(20, 3)
    session.replay(Click(15 + 22 * i, 30 + 31 * i, i % 2 == 0) for i in range(10))
    return lambda: session.move(4, float(next(rows)), 100.0)


def first_look(folder):
    from napari_m2n2v2.features.coarse import coarse_features

    found = features_of(*LARGER)
    return lambda: Session(coarse_features(found), published()).click(Click(110, 170))


def read_back(folder):
    """Features that were stored, of the offline weights where they are: what others store is kept another way."""
    from napari_m2n2v2 import FeatureCache

    attention = "offline" if BACKBONES["offline"].locate() else "appearance"
    computed(photo_of(LARGER[0]), LARGER[1], attention, FeatureCache(folder).features)
    return lambda: computed(photo_of(LARGER[0]), LARGER[1], attention, FeatureCache(folder).features)


WAITS = {
    "features": features,
    "upsampling operator": operator,
    "click of appearance": click_of_appearance,
    "moved click among ten": moved_click,
    "first look": first_look,
    # Another form is another thing to time: docs/performance.md has what one takes against the other.
    f"stored features of form {VERSION} read back": read_back,
}
