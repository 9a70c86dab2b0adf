"""The features of an image at fewer pixels: for a mask to look at while the upsampling operator is being built."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.guides.channel import GuideChannel
from napari_m2n2v2.images.resampling import average_areas, resize_rgb

__all__ = ["coarse_features"]

_PIXELS_PER_CELL = 3  # whose operator is built in the time of one click


def coarse_features(features: ImageFeatures) -> ImageFeatures:
    """Return features of the same image, seen at three pixels a cell; attention is shared, not computed again.

    Masks have the image's shape, as always, and edges that are as coarse as those pixels.
    """
    shape = (
        min(features.image.shape[0], _PIXELS_PER_CELL * features.grid_shape[0]),
        min(features.image.shape[1], _PIXELS_PER_CELL * features.grid_shape[1]),
    )

    def reduced(guides: Iterable[GuideChannel]) -> tuple[GuideChannel, ...]:
        return tuple(replace(guide, values=average_areas(guide.values[None], shape)[0]) for guide in guides)

    return replace(
        features,
        image=resize_rgb(features.image, shape),
        guides=reduced(features.guides),
        alternatives=tuple(map(reduced, features.alternatives)),
        _operators={},
        _building=threading.Lock(),
    )
