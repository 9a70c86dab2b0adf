"""What is worked on: the planes of an image, and of large planes the parts that were looked at closely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_m2n2v2._napari.model.settings import Settings
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.document import PartKey, PlaneKey, Solution

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures

__all__ = ["Part", "Parts"]

_MOST_BYTES = 200_000_000


@dataclass(eq=False)
class Part:
    """One part of one plane: its features and what its clicks gave.

    Parameters
    ----------
    key : PartKey
        Which.
    """

    key: PartKey
    state: FeatureState = FeatureState.MISSING
    computed_with: Settings | None = None
    outdated: bool = False  # the image changed since its features were begun
    was_outdated: bool = False  # before the present job
    features: ImageFeatures | None = None
    fingerprint: tuple[int | None, ...] = ()  # of the pixels they were computed from
    solution: Solution | None = None
    session_bytes: int = 0

    @property
    def nbytes(self) -> int:
        """What features and session hold, in bytes."""
        return self.session_bytes + (self.features.nbytes if self.features is not None else 0)

    def settled_state(self, settings: Settings) -> FeatureState:
        """Return the state of the features when nothing is being computed."""
        if self.features is None:
            return FeatureState.MISSING
        same = self.computed_with == settings and not self.outdated
        return FeatureState.READY if same else FeatureState.STALE

    def take_features(self, other: Part) -> None:
        """Take over what another of the same image knows."""
        self.features, self.computed_with, self.outdated = other.features, other.computed_with, other.outdated
        self.fingerprint = other.fingerprint

    def forget_features(self) -> None:
        """Let go of what takes memory; the mask stays, and clicks give the same one again."""
        self.features = self.computed_with = None
        self.outdated, self.session_bytes = False, 0
        self.state = FeatureState.MISSING


class Parts:
    """The parts of one image that were worked on, by key; those used last keep their features.

    Parameters
    ----------
    most_bytes : int
        What all sessions, and features that are not shared, may hold together. The one used last always stays.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.is_shared: Callable[[ImageFeatures], bool] = lambda _: False  # held elsewhere too, and counted there
        self.let_go: Callable[[PartKey], None] = lambda _: None  # told of those whose features went
        self._parts: OrderedDict[PartKey, Part] = OrderedDict()

    def __iter__(self) -> Iterator[Part]:
        """Go through the parts that were worked on, the one used last at the end."""
        return iter(tuple(self._parts.values()))

    def get(self, key: PartKey | None) -> Part | None:
        """Return a part, if it was worked on."""
        return self._parts.get(key) if key is not None else None

    def at(self, key: PartKey) -> Part:
        """Return a part to work on."""
        return self._parts.setdefault(key, Part(key))

    def of(self, plane: PlaneKey) -> list[Part]:
        """Return the parts of a plane that were worked on."""
        return [part for part in self if part.key.plane == plane]

    def use(self, part: Part, shown: PartKey | None) -> None:
        """Note that a part is used now, and let the features of the others go, oldest first, beyond the bound."""
        for key in (shown, part.key):
            if key is not None and key in self._parts:
                self._parts.move_to_end(key)
        held = sum(map(self._own_bytes, self))
        for other in self:
            if held <= self.most_bytes:
                break
            unused = other is not part and other.key != shown and other.state is not FeatureState.COMPUTING
            if unused and other.features is not None:
                held -= self._own_bytes(other)
                self._forget(other)

    def rest(self) -> None:
        """Note that another image is worked on: features that only this one holds go, for they are in no limit."""
        for part in self:
            if part.features is None or part.state is FeatureState.COMPUTING or self.is_shared(part.features):
                continue
            self._forget(part)

    def _forget(self, part: Part) -> None:
        part.forget_features()
        self.let_go(part.key)

    def _own_bytes(self, part: Part) -> int:
        features = part.features
        return part.nbytes - (features.nbytes if features is not None and self.is_shared(features) else 0)
