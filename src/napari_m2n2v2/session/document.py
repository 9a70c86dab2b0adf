"""An image being segmented, without napari: where clicks were placed, and what is known of their planes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images.masks import Masks
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.images.tile import Region, RegionClick
from napari_m2n2v2.parameters import Reach, SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted import check_inside
from napari_m2n2v2.session.provenance import Provenance, digest, software

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.session.carried import Carried
    from napari_m2n2v2.session.result import SessionResult
    from napari_m2n2v2.session.session import Session
    from napari_m2n2v2.session.tiled import Mosaic
    from napari_m2n2v2.session.work import About, Accepted, Started

__all__ = [
    "Document",
    "Fingerprint",
    "Outcome",
    "PartKey",
    "Place",
    "PlacedClick",
    "PlaneKey",
    "Rules",
    "Solution",
    "plane_text",
]


@dataclass(frozen=True, slots=True)
class PlaneKey:
    """One plane of an image layer.

    Parameters
    ----------
    axes : tuple of int
        Its (rows, columns) among the layer's axes, ascending.
    index : tuple of int
        Its position on each of the other axes, see :class:`~napari_m2n2v2.images.stack.Stack`.
    """

    axes: tuple[int, int] = (0, 1)
    index: Index = ()


@dataclass(frozen=True, slots=True)
class PartKey:
    """A part of a plane that is worked on like an image of its own; all of it where it fits the working resolution."""

    plane: PlaneKey
    region: Region


@dataclass(frozen=True, slots=True)
class PlacedClick:
    """A click and where it was placed.

    Parameters
    ----------
    plane : PlaneKey
        In which plane.
    click : Click
        In pixels of the plane.
    carried : bool
        Whether propagation placed it, and not the user.
    region : Region or None
        In which part of the plane; None is all of it, as coarse as it has to be.
    """

    plane: PlaneKey
    click: Prompt
    carried: bool = False
    region: Region | None = None


@dataclass(frozen=True)
class Rules:
    """How clicks become masks, for all images.

    Parameters
    ----------
    compete : bool
        Whether objects compete for pixels, or the one clicked last lies on top.
    reach : str
        What one click may claim, see :class:`~napari_m2n2v2.SegmentationParameters`.
    method : SegmentationParameters
        All else that is decided per click; its own ``reach`` has no effect.
    """

    compete: bool = True
    reach: Reach = "connected"
    method: SegmentationParameters = field(default_factory=SegmentationParameters)

    @cached_property
    def parameters(self) -> SegmentationParameters:
        """What clicks are solved with."""
        return replace(self.method, reach=self.reach)

    def mosaic(self, shape: tuple[int, int]) -> Mosaic:
        """Begin with a plane; on the worker, because it imports what computes."""
        from napari_m2n2v2.session.tiled import Mosaic

        return Mosaic(shape, self.parameters, compete=self.compete)


@dataclass(frozen=True, eq=False)
class Solution:
    """What the clicks of a part gave, in its pixels, and what that came from; kept when the features go."""

    result: SessionResult
    provenance: Provenance
    rules: Rules
    accepted: tuple[Accepted, ...] = ()  # in all of the plane
    starts: Masks = field(default_factory=dict)  # alike

    @cached_property
    def labels_sha256(self) -> str:
        """Of the labels at working resolution."""
        return digest(self.result.working_labels)


@dataclass(frozen=True)
class Fingerprint:
    """What a file says of the masks of a part: what they came from, and the digest of those at working resolution."""

    provenance: Provenance
    labels_sha256: str


Place = tuple[PlaneKey, Region | None]
"""Where clicks were placed: a plane and, where that is None, all of it."""


Outcome = Solution | Fingerprint


@dataclass(frozen=True, eq=False)
class Document:
    """An image as it is segmented at one time; a session file (:mod:`~napari_m2n2v2.session.session_file`) is its JSON.

    Parameters
    ----------
    shape : tuple of int
        Of the image, colour not counted.
    placed : tuple of PlacedClick
        All clicks, in the order they were placed.
    solutions : mapping
        What came of every place with clicks; None where that is still to come.
    segmentation_parameters : SegmentationParameters
        What they were solved with.
    compete : bool
        As :class:`~napari_m2n2v2.Session` takes it.
    starts : tuple of Started
        The masks that objects start from.
    carried : tuple of Carried
        What was carried from plane to plane, and not corrected since.
    accepted : tuple of Accepted
        Objects that were accepted, in every plane in which they are.
    about : tuple of About
        What is said of objects: name and class.
    versions : mapping
        Of Python and of the packages that compute.
    """

    shape: tuple[int, ...]
    placed: tuple[PlacedClick, ...]
    solutions: Mapping[Place, Outcome | None]
    segmentation_parameters: SegmentationParameters
    compete: bool = True
    starts: tuple[Started, ...] = ()
    carried: tuple[Carried, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    about: tuple[About, ...] = ()
    versions: Mapping[str, str] = field(default_factory=software)

    @property
    def rules(self) -> Rules:
        """How its clicks became masks."""
        parameters = self.segmentation_parameters
        return Rules(self.compete, parameters.reach, replace(parameters, reach=Rules.reach))

    @classmethod
    def of(cls, session: Session) -> Document:
        """Describe a session as it is now."""
        from napari_m2n2v2.session.work import Accepted, Started

        plane = PlaneKey()
        outcome = Fingerprint(Provenance.of(session.features), digest(session.result.working_labels))
        return cls(
            shape=session.features.shape,
            placed=tuple(PlacedClick(plane, click) for click in session.clicks),
            solutions={(plane, None): outcome},
            segmentation_parameters=session.parameters,
            compete=session.compete,
            starts=tuple(Started(plane, i, mask, "labels") for i, mask in session.starts.items()),
            accepted=tuple(Accepted(plane, i, pixels) for i, pixels in session.accepted.items()),
        )

    @property
    def clicks(self) -> tuple[Prompt, ...]:
        """All clicks, in the order they were placed."""
        return tuple(placed.click for placed in self.placed)

    def plane_shape(self, plane: PlaneKey) -> tuple[int, int]:
        """Return ``(H, W)`` of a plane.

        Raises
        ------
        ImageError
            If there is no such plane.
        """
        first, second = plane.axes
        lengths = [length for axis, length in enumerate(self.shape) if axis not in plane.axes]
        inside = 0 <= first < second < len(self.shape) and len(plane.index) == len(lengths)
        if not inside or not all(0 <= at < length for at, length in zip(plane.index, lengths, strict=True)):
            raise ImageError(f"There is no plane of axes {plane.axes} at {plane.index} in an image of {self.shape}.")
        return self.shape[first], self.shape[second]

    def check(self) -> None:
        """Complain of what is not inside the image.

        Raises
        ------
        ImageError, ClickError
            If there is no such plane, or it is smaller.
        """
        planes = [*(plane for plane, _ in self.solutions), *(known.plane for known in self.carried)]
        planes += [*(one.plane for one in self.accepted), *(one.plane for one in self.starts)]
        shapes = {plane: self.plane_shape(plane) for plane in planes}
        for plane, region in self.solutions:
            if region is not None and not region.is_inside(shapes[plane]):
                raise ImageError(f"There are clicks in {region}, which is not inside planes of {shapes[plane]}.")
        for one in self.accepted:
            check_inside({one.object_id: one.pixels} if one.pixels is not None else {}, shapes[one.plane])
        for placed in self.placed:
            placed.click.pixels(shapes[placed.plane])
            if placed.region is not None:
                RegionClick(placed.region, placed.click)

    def onto(self, stack: Stack, shown: PlaneKey | None) -> Document:
        """Return what there is to put on an image; what is of a flat one is put on the plane of a stack that is shown.

        Raises
        ------
        ImageError
            If the image has another shape.
        """
        plane = shown if len(self.shape) == 2 < len(stack.shape) else None
        expected = stack.shape if plane is None else tuple(stack.shape[axis] for axis in plane.axes)
        if self.shape != expected:
            raise ImageError(f"The session is of an image of shape {self.shape}, and this one has {expected}.")
        if plane is None:
            return self
        return replace(
            self,
            placed=tuple(replace(placed, plane=plane) for placed in self.placed),
            accepted=tuple(one.onto(plane) for one in self.accepted),
            solutions={(plane, region): outcome for (_, region), outcome in self.solutions.items()},
            starts=tuple(one.onto(plane) for one in self.starts),
            carried=tuple(replace(known, plane=plane) for known in self.carried),
        )

    def replay(self, features: ImageFeatures) -> tuple[Session, list[str]]:
        """Replay the clicks of one plane on features of it.

        Returns
        -------
        session : Session
            With the same clicks.
        differences : list of str
            Why the masks are not the same as they were, bit for bit; empty when they are.

        Raises
        ------
        ClickError, ImageError
            If there are clicks in several slices or parts, the image is too small for the clicks, or has another shape
            than the masks to start from.
        """
        from napari_m2n2v2.session.differences import differences
        from napari_m2n2v2.session.session import Session

        places = {*self.solutions, *((one.plane, None) for one in self.starts)}
        if len(places) != 1 or next(iter(places))[1] is not None:
            raise ClickError(
                f"The file holds clicks in {len(places)} slices or parts of an image of {self.shape}. Load it "
                "in the dock, or replay the clicks of each."
            )
        (place,) = places
        plane, outcome = place[0], self.solutions.get(place)
        shape, starts = self.plane_shape(plane), {one.object_id: one.pixels for one in self.starts}
        if starts and shape != features.shape:
            raise ImageError(f"The masks to start from are of shape {shape}, and the image has {features.shape}.")
        session = Session(features, self.segmentation_parameters, compete=self.compete)
        accepted = {one.object_id: one.pixels for one in self.accepted if one.pixels is not None}
        session.replay(self.clicks, accepted=accepted, starts=starts)
        now = Document.of(session).solutions[PlaneKey(), None]
        return session, differences(outcome, now, self.versions)


def plane_text(key: PlaneKey, names: Sequence[str] = ()) -> str:
    """Name a plane of a stack, as napari's sliders count; empty for an image that is one plane.

    Parameters
    ----------
    key : PlaneKey
        Which plane.
    names : sequence of str
        Of all axes of the image, "" for one without; such as ("z", "channel", "y", "x").
    """
    if not key.index:
        return ""
    axes = [axis for axis in range(len(key.index) + 2) if axis not in key.axes]
    named = zip((names[axis] if names else "" for axis in axes), key.index, strict=True)
    return f"slice {', '.join(f'{name} {at}'.strip() for name, at in named)}"
