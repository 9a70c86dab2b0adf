"""The states that clicks on one object lead to, one after the other, and the Markov-maps they share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.parallel import Progress
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.session.segmentation import ClickMap, Pixel, Segmentation, advance, click_map, upsampled_map

__all__ = ["Chain", "Upsampled"]

_SOLVED_STATES = 512


_UPSAMPLED_BYTES = 100_000_000


class Chain:
    """Solves the clicks of objects on features with one choice of guides, and keeps what it solved.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters
        The same for all clicks.
    start : mapping
        ``Y_0`` by object id, where it is not empty.
    max_bytes : int
        For Markov-maps.
    upsampled : Upsampled, optional
        Shared with chains on the same image that differ in their guides.
    """

    def __init__(
        self,
        features: ImageFeatures,
        parameters: SegmentationParameters,
        start: Mapping[int, Segmentation],
        max_bytes: int,
        upsampled: Upsampled | None = None,
    ) -> None:
        self.features = features
        self.maps = ClickMaps(features, parameters, max_bytes, upsampled)
        self._parameters = parameters
        self._start = start
        nothing = np.zeros(features.image.shape[:2], dtype=bool)
        self._untouched = Segmentation.begin(nothing, features.shape)
        self._solved: OrderedDict[tuple[Click, ...], Segmentation] = OrderedDict()

    def solve(self, clicks: tuple[Click, ...], report: Progress) -> Segmentation:
        """Solve the clicks of one object, at least one, from the longest beginning that is solved already."""
        known = next((n for n in range(len(clicks), 0, -1) if clicks[:n] in self._solved), 0)
        for n in range(1, known + 1):  # in use, so they must not be the next to go
            if clicks[:n] in self._solved:
                self._solved.move_to_end(clicks[:n])
        found = self._solved[clicks[:known]] if known else self._start.get(clicks[0].object_id, self._untouched)
        for n in range(known, len(clicks)):
            report(n / len(clicks), "clicks")
            found = advance(found, clicks[n], self.features, self._parameters, self.maps)
            self._solved[clicks[: n + 1]] = found
        return found

    def forget(self, clicks: int) -> None:
        """Keep every state of so many present clicks; of those before, the latest."""
        while len(self._solved) > max(_SOLVED_STATES, 2 * clicks):
            self._solved.popitem(last=False)


class Upsampled:
    """Markov-maps before the flood fill, which chains of the same image share while a click is solved."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Pixel, bool], NDArray[np.float32]] = OrderedDict()

    def __call__(
        self, features: ImageFeatures, pixel: Pixel, parameters: SegmentationParameters
    ) -> NDArray[np.float32]:
        """Return what :func:`~napari_m2n2v2.session.segmentation.upsampled_map` gives."""
        key = pixel, features.joins_upsampling
        if key not in self._kept:
            self._kept[key] = upsampled_map(features, pixel, parameters)
            while len(self._kept) > max(1, _UPSAMPLED_BYTES // self._kept[key].nbytes):
                self._kept.popitem(last=False)
        return self._kept[key]


class ClickMaps:
    """Markov-maps kept per position, least recently used dropped first; a dropped one is computed again, the same."""

    def __init__(
        self,
        features: ImageFeatures,
        parameters: SegmentationParameters,
        max_bytes: int,
        upsampled: Upsampled | None = None,
    ) -> None:
        self._features = features
        self._parameters = parameters
        self._max_bytes = max_bytes
        self._upsampled = upsampled
        self._kept: OrderedDict[Pixel, ClickMap] = OrderedDict()
        self.nbytes = 0

    def __call__(self, pixel: Pixel) -> ClickMap:
        if pixel not in self._kept:
            shared = self._upsampled(self._features, pixel, self._parameters) if self._upsampled else None
            self._kept[pixel] = click_map(self._features, pixel, self._parameters, shared)
            self.nbytes += self._kept[pixel].nbytes
        self._kept.move_to_end(pixel)
        found = self._kept[pixel]
        while self.nbytes > self._max_bytes and len(self._kept) > 1:
            self.nbytes -= self._kept.popitem(last=False)[1].nbytes
        return found
