"""Features of one plane of a stack into a cache: how it is read, what they take, and whether there is room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from napari_m2n2v2.errors import (
    Cancelled,
    DeviceError,
    MissingDependencyError,
    MissingWeightsError,
    ParameterError,
    UnknownBackboneError,
    UnwritableFileError,
)
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.guides.channel import guide_for
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.parallel import Progress, silent

__all__ = ["Outcome", "Room", "Stored", "request_of_plane", "store_plane", "try_plane"]

_OF_ALL_PLANES = (
    Cancelled, DeviceError, MissingDependencyError, MissingWeightsError, ParameterError, UnknownBackboneError,
    UnwritableFileError,
)  # fmt: skip


def request_of_plane(stack: Stack, index: Index, spec: FeatureSpec) -> FeatureRequest:
    """Read a plane, and of a stack that guides the same one, each at the level that fits the working resolution."""
    side, guide = spec.parameters.working_side, spec.guide
    image = stack.read(index, stack.level_for(side))
    if isinstance(guide, Stack):  # whose pyramid need not be the image's
        guide = guide_for(guide.read(index, guide.level_for(side)), (image.shape[0], image.shape[1]))
    return FeatureRequest.of(image, replace(spec, guide=guide))


class Stored(NamedTuple):
    """What a plane's features take: bytes of each entry; whether they were computed; they themselves if in memory.

    And what was done to the plane's pixels to take them, as :attr:`ImageFeatures.notes` says it.
    """

    sizes: Mapping[str, int]
    computed: bool
    features: ImageFeatures | None = None
    notes: tuple[str, ...] = ()


Outcome = Stored | str
"""What became of a plane: stored, or what is wrong with it."""


class Room:
    """Counts what planes take of a limit: an entry that several share, as empty planes do, once.

    Parameters
    ----------
    most_bytes : int
        The limit.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._taken: dict[str, int] = {}
        self._largest = 0

    def take(self, sizes: Mapping[str, int]) -> None:
        """Count a plane."""
        self._taken.update(sizes)
        self._largest = max(self._largest, sum(sizes.values()))

    def has_for(self, planes: int) -> bool:
        """Whether so many more fit, as large as the largest was; of which nothing is known before the first."""
        if not self._largest:
            return planes <= 1
        return sum(self._taken.values()) + planes * self._largest <= self._most_bytes


def store_plane(cache: FeatureCache, request: FeatureRequest, report: Progress = silent) -> Stored:
    """Put one plane's features into the cache's folder, or its memory if it has none, unless they are there.

    Raises
    ------
    UnwritableFileError
        If they cannot be stored.
    DeviceError
        If the device is too small for the grid; a smaller one may be asked for.

    What else :func:`~napari_m2n2v2.compute_features` raises passes through.
    """
    if cache.disk is None:
        known = cache.knows(request)
        features = cache.find(request, report)
        return Stored({features.image_hash: features.nbytes}, not known, features)
    if sizes := cache.sizes_on_disk(request):
        return Stored(sizes, computed=False)
    features = cache.find(request, report, remember=False)
    if sizes := cache.sizes_on_disk(request):
        return Stored(sizes, computed=True)
    if features.grid_shape != request.grid_shape:
        raise DeviceError(
            f"The features are not kept: the device is too small for the grid that was planned, and took one of "
            f"{features.grid_shape[0]} x {features.grid_shape[1]}. Ask for a grid of {max(features.grid_shape)}."
        )
    raise UnwritableFileError(
        f"The features are not kept in {cache.disk.folder}: it cannot be written to, or is too small."
    )


def try_plane(cache: FeatureCache, read: Callable[[], FeatureRequest], report: Progress = silent) -> Outcome:
    """Read a plane and do as :func:`store_plane`; only what the next plane would not be spared is raised."""
    try:
        request = read()
        return store_plane(cache, request, report)._replace(notes=request.notes)
    except _OF_ALL_PLANES:
        raise
    except Exception as error:  # whatever is wrong with one plane must not end the others
        return f"{type(error).__name__}: {error}"
