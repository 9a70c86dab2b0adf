"""One object on its way through the planes of an image: what the worker goes on with, plane by plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.model.settings import Settings
from napari_m2n2v2.images.masks import Masks
from napari_m2n2v2.images.sparse import Box
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import PropagationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PartKey, PlaneKey, Rules

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.plane_solver import PlaneSolver
    from napari_m2n2v2._napari.model.workspace import Workspace
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.propagation.propagate import PropagatedPlane, Walk
    from napari_m2n2v2.session.session import Session

__all__ = ["Run", "Source", "Way"]

Source = Callable[[Report], "ImageFeatures"]


@dataclass(frozen=True)
class Way:
    """Where to carry an object.

    Parameters
    ----------
    axis : int
        Along which of the stack's index axes.
    direction : int
        1 or -1.
    count : int or None
        How many planes; None until the object ends.
    """

    axis: int
    direction: int
    count: int | None = None


class _Step:
    """What is needed in the slice at hand, and nothing of the run, so that neither keeps the other alive."""

    report: Report | None = None
    begin: Callable[[ImageFeatures], Session] | None = None

    def on_click(self, share: float, stage: str) -> None:
        if self.report is not None:
            self.report(1.0, "clicks")

    def session_of(self, features: ImageFeatures) -> Session:
        if self.begin is None:
            raise RuntimeError("no slice is at hand")
        return self.begin(features)


@dataclass(eq=False)
class Run:
    """An object being carried one way. May be gone on with where it paused, as if it had not.

    Parameters
    ----------
    workspace : Workspace
        Whose object.
    object_id : int
        Which.
    way : Way
        Where to.
    walk : Walk
        To the end of the axis, however many planes are asked for.
    part : PartKey
        Where it begins; the same part of all planes is worked on.
    mask : ndarray
        bool ``[H, W]`` of the part, the object in the plane reached last.
    clicks : tuple of Click
        Of the object in that plane, in its pixels.
    settings, limits, rules : Settings, PropagationParameters, Rules
        As they were at the beginning.
    merge : object
        What is placed with the same one is one step to undo.
    """

    workspace: Workspace
    object_id: int
    way: Way
    walk: Walk
    part: PartKey
    mask: NDArray[np.bool_]
    clicks: tuple[Prompt, ...]
    settings: Settings
    limits: PropagationParameters
    rules: Rules
    doubt: float = 0.0  # of the object in the plane where it begins, if it was carried there
    region: Region | None = None  # as clicks are placed: None where the part is all of a plane
    merge: object = None
    follow: bool = False  # whether the viewer goes along
    rest: tuple[Run, ...] = ()  # other ways from the same start, to be gone afterwards
    said: str = ""  # of the ways gone before
    begun: int = 0  # where it was when it was asked to go on
    at: int = 0  # planes gone
    ended: bool = False
    _given: dict[Index, ImageFeatures] = field(default_factory=dict)
    _step: _Step = field(default_factory=_Step)
    _found: Iterator[PropagatedPlane] | None = None

    @property
    def planes(self) -> tuple[PlaneKey, ...]:
        """The start and all planes of the walk."""
        return tuple(PlaneKey(self.part.plane.axes, index) for index in (self.walk.start, *self.walk.planes))

    @property
    def box(self) -> Box:
        """The part's box in every plane."""
        return self.part.region.box

    def in_plane(self, found: PropagatedPlane) -> tuple[Prompt, ...]:
        """Return what was clicked, in pixels of the plane."""
        return tuple(map(self.part.region.out_of, found.clicks))

    @property
    def here(self) -> PlaneKey:
        """The plane reached last."""
        return self.planes[self.at]

    @property
    def last(self) -> int:
        """How many planes are to be gone."""
        most = len(self.walk.planes)
        return most if self.way.count is None else min(self.begun + self.way.count, most)

    @property
    def job(self) -> tuple[int, str]:
        """The key of its jobs."""
        return id(self.workspace), "propagate"

    def next_plane(
        self, begin: Source | None, source: Source, solver: PlaneSolver, starts: Masks, report: Report
    ) -> tuple[PropagatedPlane, ImageFeatures]:
        """Compute the next plane. Runs on the worker.

        Parameters
        ----------
        begin, source : callable
            Give the features of the start, needed the first time, and of the next plane.
        solver, starts : PlaneSolver, mapping
            Of the next plane, and the masks that objects start from there.
        report : callable
            Of the present job; what it raises stops the run for good.
        """
        from napari_m2n2v2.propagation.propagate import propagate

        index = self.walk.planes[self.at]
        if self._found is None and begin is not None:
            self._given[self.walk.start] = begin(report)
        self._given[index] = features = source(report)
        rules, region = self.rules, self.part.region
        self._step.report = report
        self._step.begin = lambda features: solver.session(rules, starts, region, features, (), report)
        try:
            if self._found is None:
                labels = np.where(self.mask, np.int32(self.object_id), np.int32(0))
                self._found = propagate(
                    self._given.__getitem__, self.walk, labels,
                    doubts={self.object_id: self.doubt}, propagation=self.limits, progress=self._step.on_click,
                    session_of=self._step.session_of,
                )  # fmt: skip
            return next(self._found), features
        finally:
            # What is left here would be held as long as the run is known.
            self._given.clear()
            self._step.report = self._step.begin = None

    @classmethod
    def begin(cls, workspace: Workspace, part: PartKey, way: Way, object_id: int, **named: Any) -> Run:
        """Make a run from a part of a plane to the end of the axis."""
        from napari_m2n2v2.propagation.propagate import Walk

        stack = stack_of(workspace.image, part.plane.axes)
        last = stack.index_shape[way.axis] - 1 if way.direction > 0 else 0
        walk = Walk.along(stack, part.plane.index, last, axis=way.axis)
        return cls(workspace, object_id, way, walk, part, **named)
