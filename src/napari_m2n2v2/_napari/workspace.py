"""One image being segmented: its layers, its clicks and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.history import History

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points

    from napari_m2n2v2.features import ImageFeatures
    from napari_m2n2v2.session import Session, SessionResult

__all__ = ["FeatureState", "Settings", "Workspace"]


class FeatureState(Enum):
    """Whether the features of an image can be used."""

    MISSING = "not computed"
    COMPUTING = "computing"
    READY = "ready"
    STALE = "out of date"


@dataclass(frozen=True)
class Settings:
    """What features are computed with, as the user chose it.

    Parameters
    ----------
    attention, device : str
        As :func:`~napari_m2n2v2.compute_features` takes them.
    grid : int or None
        None is the backbone's default.
    guide : Image layer or None
        The guide channel.
    depth : str
        What computes a guide from the image where there is no guide layer: a depth backbone, or "lightness".
    bit_depth : str
        A key of :data:`~napari_m2n2v2._napari.layers.BIT_DEPTHS`.
    merge_channels : bool
        Whether up to three visible layers of the same shape are merged as they are seen.
    """

    attention: str = "auto"
    device: str = "auto"
    grid: int | None = None
    guide: Any = None
    depth: str = ""
    bit_depth: str = "as shown"
    merge_channels: bool = False

    def differs_in_guide_alone(self, other: Settings | None) -> bool:
        """Whether features computed with ``other`` only need another guide, not their attention again."""
        alike = other is not None and replace(self, guide=None, depth="") == replace(other, guide=None, depth="")
        return alike and (self.guide is not None or not self.depth)


@dataclass(eq=False)
class Workspace:
    """The state of one image layer; followed by object, never by name."""

    image: Image
    points: Points
    labels: Labels
    written: NDArray[np.int32]  # what we last wrote into ``labels``
    protected: NDArray[np.bool_]  # pixels of labels that were there before us
    history: History[tuple[Click, ...]] = field(default_factory=lambda: History(()))
    state: FeatureState = FeatureState.MISSING
    computed_with: Settings | None = None
    outdated: bool = False  # the image changed since its features were begun
    was_outdated: bool = False  # before the present job
    features: ImageFeatures | None = None
    session: Session | None = None  # touched by the worker only
    result: SessionResult | None = None
    doubts: dict[int, float] = field(default_factory=dict)  # of every object with clicks
    areas: dict[int, int] = field(default_factory=dict)  # of every object, in pixels
    object_id: int = 1
    start: NDArray[np.int32] | None = None  # labels taken over from there

    def settled_state(self, settings: Settings) -> FeatureState:
        """Return the state of the features when nothing is being computed."""
        if self.session is None:
            return FeatureState.MISSING
        same = self.computed_with == settings and not self.outdated
        return FeatureState.READY if same else FeatureState.STALE

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The present clicks."""
        return self.history.present
