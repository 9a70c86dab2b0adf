"""From clicks, starts and accepted masks to the masks of all objects; it remembers no state but what saves time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import clicks_by_object
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.guides.choice import GuideChoice, choose, separation
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.parallel import Progress, silent, within
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted import AcceptedMasks
from napari_m2n2v2.session.claims import Claims
from napari_m2n2v2.session.click_map import ClickMap
from napari_m2n2v2.session.click_maps import Chain, Upsampled
from napari_m2n2v2.session.competition import Claim, Competition
from napari_m2n2v2.session.result import SessionResult
from napari_m2n2v2.session.seed import Seed, working_seed
from napari_m2n2v2.session.segmentation import Segmentation, distance_to_clicks
from napari_m2n2v2.session.starting import Beginnings

__all__ = ["Solver"]

_MAP_BYTES = 1_000_000_000


class Solver:
    """Solves the objects of one image, each by its own clicks, and joins them.

    What it gives depends on what it is given alone; it keeps what the next time may need again.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters
        Of every object.
    compete : bool
        As :class:`~napari_m2n2v2.Session` takes it.
    """

    def __init__(self, features: ImageFeatures, parameters: SegmentationParameters, *, compete: bool) -> None:
        self._features = features
        self._compete = compete
        options = features.options
        self._shared = shared = Upsampled() if len(options) > 1 else None
        self._chains = [Chain(option, parameters, _MAP_BYTES // len(options), shared) for option in options]
        self._working_shape = features.image.shape[0], features.image.shape[1]
        # Given no method of this object, which would then never be let go before the garbage collector comes.
        self._competition = Competition(self._working_shape, partial(_distance, features, self._chains))
        self._claims = Claims(features.shape, self._working_shape)
        self._beginnings = Beginnings(features.shape, self._working_shape)
        self._masks = AcceptedMasks()
        self._solved: dict[int, tuple[Segmentation, GuideChoice]] = {}  # each object as it was last

    @property
    def solved(self) -> list[Segmentation]:
        """All that is kept of objects as they were, or might have been with other guides."""
        return [one for chain in self._chains for one in chain.solved]

    @property
    def nbytes(self) -> int:
        """Memory held beside the features and :attr:`solved`, in bytes."""
        held = (self._shared, self._competition, self._claims, self._beginnings)
        return sum(one.nbytes for one in held if one is not None) + sum(chain.nbytes for chain in self._chains)

    def map_at(self, seed: Seed, option: int) -> ClickMap:
        """Return the Markov-map of a seed with one of the features' guides (section 3.3), kept for later."""
        return self._chains[option].maps(seed)

    def solve(
        self,
        clicks: tuple[Prompt, ...],
        accepted: Mapping[int, Boxed],
        starts: Mapping[int, Boxed],
        report: Progress = silent,
    ) -> SessionResult:
        """Solve every object and settle which pixels each gets.

        Parameters
        ----------
        clicks : tuple of Prompt
            All of them, in order, each inside the image.
        accepted, starts : mapping
            The pixels of accepted objects, and the masks that objects start from, by id: Boxed bool inside the image.
        report : callable
            Told the share of all clicks before each is solved; what it raises ends the solving.
        """
        begun = {i: self._beginnings.of(mask) for i, mask in sorted(starts.items())}
        objects = {i: one for i, one in begun.items() if one.start is not None}  # nothing may be left at work
        guides: dict[int, GuideChoice] = {}
        done = 0
        for i, own in sorted(clicks_by_object(clicks).items()):
            part = within(report, done / len(clicks), len(own) / len(clicks))
            objects[i], guides[i] = self._solved[i] = self._solve_one(begun.get(i, self._beginnings.nothing), own, part)
            done += len(own)
        for i in self._solved.keys() - guides.keys():
            del self._solved[i]
        masks = self._masks_of(accepted, clicks)
        last = {} if self._compete else {click.object_id: n for n, click in enumerate(clicks)}
        claims = {
            i: Claim(
                found := objects.get(i),
                self._claims.of(i, found, masks),
                guides[i].option if i in guides else None,
                None if self._compete else -last.get(i, -1),
            )
            for i in sorted({*objects, *accepted})
        }
        self._claims.forget_all_but(set(claims))
        return SessionResult(
            clicks=clicks,
            objects=MappingProxyType(objects),
            guides=MappingProxyType(guides),
            shape=self._features.shape,
            working_shape=self._working_shape,
            accepted=masks.pixels,
            starts=MappingProxyType(dict(starts)),
            _labels=Squeezed.of(self._competition.labels(claims)),
        )

    def _masks_of(self, accepted: Mapping[int, Boxed], clicks: tuple[Prompt, ...]) -> AcceptedMasks:
        """Return the very masks there were last, where they are the same, so that nothing is worked out again."""
        masks = AcceptedMasks.of(accepted, clicks)
        if not masks.is_same_as(self._masks):
            self._masks = masks
        return self._masks

    def _solve_one(
        self, begun: Segmentation, own: tuple[Prompt, ...], report: Progress
    ) -> tuple[Segmentation, GuideChoice]:
        """Solve one object, unless its start and clicks are what they were last."""
        known = self._solved.get(own[0].object_id)
        if known is not None and known[0].start is begun.start and known[0].clicks == own:
            return known
        solved = [chain.solve(begun, own, report) for chain in self._chains]
        choice = self._choose(own)
        return solved[choice.option], choice

    def _choose(self, clicks: tuple[Prompt, ...]) -> GuideChoice:
        """Choose the guides of an object by its clicks."""
        names = [chain.features.guides_named for chain in self._chains]
        if len(names) == 1:
            return choose([None], names)
        told = [(working_seed(click, self._features), click.foreground) for click in clicks]
        seeds, labels = [seed for seed, _ in told if seed.pixels], [label for seed, label in told if seed.pixels]
        at = [tuple(np.transpose(seed.pixels)) for seed in seeds]
        parted = [
            separation(np.array([[chain.maps(seed).values[one].mean() for one in at] for seed in seeds]), labels)
            for chain in self._chains
        ]
        return choose(parted, names)


def _distance(
    features: ImageFeatures, chains: Sequence[Chain], claim: Claim, pixels: NDArray[np.intp]
) -> NDArray[np.float32]:
    """How far flat pixels are from an object's clicks; what it began with counts as just in reach."""
    if claim.found is None or claim.option is None:  # it has no clicks
        return np.ones(pixels.size, dtype=np.float32)
    nearest = distance_to_clicks(claim.found, features, chains[claim.option].maps, pixels)
    return nearest if claim.found.start is None else np.minimum(nearest, np.float32(1))
