"""One image being segmented: its layers, its clicks and what is known of its planes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.carried import CarriedPlanes
from napari_m2n2v2._napari.masks import read_plane
from napari_m2n2v2._napari.places import PlacedClick, PlaneKey, shown_plane, stack_of
from napari_m2n2v2._napari.planes import Plane, Planes
from napari_m2n2v2._napari.settings import FeatureState, Settings
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.history import History
from napari_m2n2v2.stacks import Stack

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points

    from napari_m2n2v2.features import ImageFeatures
    from napari_m2n2v2.session import Session, SessionResult

__all__ = ["FeatureState", "Settings", "Workspace"]


@dataclass(eq=False)
class Workspace:
    """The state of one image layer; followed by object, never by name.

    What has no plane in its name is of the plane that is shown: nothing, while there is none.
    """

    dims: Any  # the viewer's
    image: Image
    points: Points
    labels: Labels
    taken_up: tuple[PlacedClick, ...] = ()  # clicks of ours that were opened again
    history: History[tuple[PlacedClick, ...]] = field(init=False)
    planes: Planes = field(init=False)
    carried: CarriedPlanes = field(init=False)
    object_id: int = 1
    is_new: bool = False  # whether the Labels layer was empty when we began
    highest_label: int = 0  # that the Labels layer is known to hold

    def __post_init__(self) -> None:
        self.history = History(())
        self.history.push(self.taken_up)
        self.planes = Planes(self._make_plane)
        self.carried = CarriedPlanes.taken_up(self.taken_up)

    def _make_plane(self, key: PlaneKey) -> Plane:
        # Labels of objects whose clicks we know are ours to change; all others are protected.
        ours = sorted({placed.click.object_id for placed in self.taken_up if placed.plane == key})
        return Plane.of(key, read_plane(self.labels, key), ours)

    @property
    def here(self) -> PlaneKey | None:
        """The plane that is shown; None in the 3-D view of a stack, and where the sliders are beyond the image."""
        return shown_plane(self.dims, self.image)

    @property
    def stack(self) -> Stack:
        """The image as planes of its last two axes."""
        return stack_of(self.image)

    @property
    def placed(self) -> tuple[PlacedClick, ...]:
        """The present clicks of all planes, in the order of the Points layer."""
        return self.history.present

    def clicks_in(self, key: PlaneKey | None) -> tuple[Click, ...]:
        """Return the present clicks of one plane, in their order."""
        return tuple(placed.click for placed in self.placed if placed.plane == key)

    def clicks_of(self, key: PlaneKey, object_id: int) -> tuple[Click, ...]:
        """Return the present clicks of one object in one plane, in their order."""
        return tuple(click for click in self.clicks_in(key) if click.object_id == object_id)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The present clicks of the plane that is shown."""
        return self.clicks_in(self.here)

    @property
    def indices(self) -> list[int]:
        """Where among all clicks (:attr:`placed`) those of the plane that is shown are."""
        here = self.here
        return [i for i, placed in enumerate(self.placed) if placed.plane == here]

    @property
    def plane(self) -> Plane | None:
        """The plane that is shown, if it was worked on."""
        return self.planes.get(self.here)

    @property
    def state(self) -> FeatureState:
        """Where the features stand."""
        plane = self.plane
        return plane.state if plane is not None else FeatureState.MISSING

    @property
    def features(self) -> ImageFeatures | None:
        """The features."""
        return plane.features if (plane := self.plane) is not None else None

    @property
    def session(self) -> Session | None:
        """The session; touched by the worker only."""
        return plane.session if (plane := self.plane) is not None else None

    @property
    def result(self) -> SessionResult | None:
        """What the clicks gave when they were last solved."""
        return plane.result if (plane := self.plane) is not None else None

    @property
    def start(self) -> NDArray[np.int32] | None:
        """Labels taken over from before."""
        return plane.start if (plane := self.plane) is not None else None

    @property
    def protected(self) -> NDArray[np.bool_]:
        """Pixels of labels that were there before us."""
        return plane.protected if (plane := self.plane) is not None else np.zeros((0, 0), dtype=bool)

    @property
    def is_computing(self) -> bool:
        """Whether the features of any plane are being computed."""
        return any(plane.state is FeatureState.COMPUTING for plane in self.planes)
