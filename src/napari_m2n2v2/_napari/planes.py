"""What is known of each plane of an image that was worked on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.masks import Patch
from napari_m2n2v2._napari.places import PlaneKey
from napari_m2n2v2._napari.settings import FeatureState, Settings

if TYPE_CHECKING:
    from napari_m2n2v2.features import ImageFeatures
    from napari_m2n2v2.session import Session, SessionResult

__all__ = ["Plane", "Planes"]

_MOST_BYTES = 500_000_000


@dataclass(eq=False)
class Plane:
    """One plane: its features, its session, its part of the Labels layer.

    Parameters
    ----------
    key : PlaneKey
        Which.
    shape : tuple of int
        ``(H, W)`` at full resolution.
    written : Patch
        What we last wrote into the Labels layer.
    """

    key: PlaneKey
    shape: tuple[int, int]
    written: Patch
    state: FeatureState = FeatureState.MISSING
    computed_with: Settings | None = None
    outdated: bool = False  # the image changed since its features were begun
    was_outdated: bool = False  # before the present job
    features: ImageFeatures | None = None
    session: Session | None = None  # touched by the worker only
    result: SessionResult | None = None
    doubts: dict[int, float] = field(default_factory=dict)  # of every object with clicks
    areas: dict[int, int] = field(default_factory=dict)  # of every object, in pixels
    start: NDArray[np.int32] | None = None  # labels taken over from there
    _protected: NDArray[np.uint8] | None = None  # one bit a pixel: a stack has many planes

    @classmethod
    def of(cls, key: PlaneKey, labels: NDArray[Any], ours: list[int]) -> Plane:
        """See what is in a plane of the Labels layer: labels of objects that are ours may change, others not."""
        known = np.isin(labels, ours) if ours else np.zeros(labels.shape, dtype=bool)
        plane = cls(key, (labels.shape[0], labels.shape[1]), Patch.of(np.where(known, labels, 0)))
        plane.protected = (labels != 0) & ~known
        return plane

    @property
    def protected(self) -> NDArray[np.bool_]:
        """Pixels of labels that were there before us, bool ``[H, W]``, a new array."""
        if self._protected is None:
            return np.zeros(self.shape, dtype=bool)
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(self._protected, count=count).astype(bool).reshape(self.shape)

    @protected.setter
    def protected(self, mask: NDArray[np.bool_]) -> None:
        self._protected = np.packbits(mask) if mask.any() else None

    @property
    def nbytes(self) -> int:
        """What features and session hold, in bytes."""
        return sum(part.nbytes for part in (self.features, self.session) if part is not None)

    def settled_state(self, settings: Settings) -> FeatureState:
        """Return the state of the features when nothing is being computed."""
        if self.features is None:
            return FeatureState.MISSING
        same = self.computed_with == settings and not self.outdated
        return FeatureState.READY if same else FeatureState.STALE

    def take_features(self, other: Plane) -> None:
        """Take over what another of the same image knows."""
        self.features, self.computed_with, self.outdated = other.features, other.computed_with, other.outdated

    def forget_features(self) -> None:
        """Let go of what takes memory; the mask stays, and clicks give the same one again."""
        self.features = self.session = self.result = self.computed_with = None
        self.outdated = False
        self.state = FeatureState.MISSING


class Planes:
    """The planes of one image, by key; those used last keep their features.

    Parameters
    ----------
    make : callable
        Makes a plane that was not worked on before.
    most_bytes : int
        What all sessions, and features that are not shared, may hold together. The one used last always stays.
    """

    def __init__(self, make: Callable[[PlaneKey], Plane], most_bytes: int = _MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.is_shared: Callable[[ImageFeatures], bool] = lambda _: False  # held elsewhere too, and counted there
        self._make = make
        self._planes: OrderedDict[PlaneKey, Plane] = OrderedDict()

    def __iter__(self) -> Iterator[Plane]:
        """Go through the planes that were worked on, the one used last at the end."""
        return iter(tuple(self._planes.values()))

    def get(self, key: PlaneKey | None) -> Plane | None:
        """Return a plane, if it was worked on."""
        return self._planes.get(key) if key is not None else None

    def at(self, key: PlaneKey) -> Plane:
        """Return a plane to work on."""
        if key not in self._planes:
            self._planes[key] = self._make(key)
        return self._planes[key]

    def use(self, plane: Plane, shown: PlaneKey | None) -> None:
        """Note that a plane is used now, and let the features of the others go, oldest first, beyond the bound."""
        for key in (shown, plane.key):
            if key is not None and key in self._planes:
                self._planes.move_to_end(key)
        held = sum(map(self._own_bytes, self))
        for other in self:
            if held <= self.most_bytes:
                break
            if other is not plane and other.key != shown and other.state is not FeatureState.COMPUTING:
                held -= self._own_bytes(other)
                other.forget_features()

    def _own_bytes(self, plane: Plane) -> int:
        features = plane.features
        return plane.nbytes - (features.nbytes if features is not None and self.is_shared(features) else 0)
