"""The states that clicks on one object lead to, one after the other, and the Markov-maps they share."""

from __future__ import annotations

from torch import Tensor

from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.lru import ByteLRU
from napari_m2n2v2.parallel import Progress
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.click_map import ClickMap, click_map, upsampled_map
from napari_m2n2v2.session.nearest import LatestNearest
from napari_m2n2v2.session.seed import Seed
from napari_m2n2v2.session.segmentation import Segmentation, advance

__all__ = ["Chain", "Upsampled"]

_SOLVED_BYTES = 100_000_000


_UPSAMPLED_BYTES = 100_000_000


class Chain:
    """Solves the clicks of objects on features with one choice of guides, and keeps what it solved.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters
        The same for all clicks.
    max_bytes : int
        For Markov-maps.
    upsampled : Upsampled, optional
        Shared with chains on the same image that differ in their guides.
    """

    def __init__(
        self,
        features: ImageFeatures,
        parameters: SegmentationParameters,
        max_bytes: int,
        upsampled: Upsampled | None = None,
    ) -> None:
        self.features = features
        self.maps = ClickMaps(features, parameters, max_bytes, upsampled)
        self._parameters = parameters
        self._latest = LatestNearest()
        self._solved: ByteLRU[tuple[Segmentation, tuple[Prompt, ...]], Segmentation] = ByteLRU(_SOLVED_BYTES)

    def solve(self, begun: Segmentation, clicks: tuple[Prompt, ...], report: Progress) -> Segmentation:
        """Solve the clicks of one object, from what it starts from, or the longest beginning that is solved already."""
        known, found = 0, begun
        for n in range(1, len(clicks) + 1):  # all are in use, so they must not be the next to go
            state = self._solved.get((begun, clicks[:n]))
            if state is not None:
                known, found = n, state
        for n in range(known, len(clicks)):
            report(n / len(clicks), "clicks")
            found = advance(found, clicks[n], self.features, self._parameters, self.maps, self._latest)
            self._solved.put((begun, found.clicks), found)
        return found

    @property
    def nbytes(self) -> int:
        """Memory held for clicks, in bytes, but for the states."""
        return self.maps.nbytes + self._latest.nbytes

    @property
    def solved(self) -> tuple[Segmentation, ...]:
        """All states that are kept, the least recently used first."""
        return self._solved.values


class Upsampled:
    """Markov-maps before the flood fill, which chains of the same image share while a click is solved."""

    def __init__(self) -> None:
        self._kept: ByteLRU[tuple[Seed, bool], Tensor] = ByteLRU(_UPSAMPLED_BYTES)

    def __call__(self, features: ImageFeatures, seed: Seed, parameters: SegmentationParameters) -> Tensor:
        """Return what :func:`~napari_m2n2v2.session.click_map.upsampled_map` gives."""
        key = seed, features.joins_upsampling
        return self._kept.get_or(key, lambda: upsampled_map(features, seed, parameters))

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._kept.nbytes


class ClickMaps:
    """Markov-maps kept by the pixels of prompts, least recently used dropped first; a dropped one is made again."""

    def __init__(
        self,
        features: ImageFeatures,
        parameters: SegmentationParameters,
        max_bytes: int,
        upsampled: Upsampled | None = None,
    ) -> None:
        self._features = features
        self._parameters = parameters
        self._upsampled = upsampled
        self._kept: ByteLRU[Seed, ClickMap] = ByteLRU(max_bytes)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._kept.nbytes

    def __call__(self, seed: Seed) -> ClickMap:
        return self._kept.get_or(seed, lambda: self._compute(seed))

    def _compute(self, seed: Seed) -> ClickMap:
        if self._upsampled is None or seed.outline is not None:  # which no chain is asked about
            return click_map(self._features, seed, self._parameters)
        shared = self._upsampled(self._features, seed, self._parameters)
        return click_map(self._features, seed, self._parameters, shared)
