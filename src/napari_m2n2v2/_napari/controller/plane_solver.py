"""The engine's side of one plane: what the worker keeps between jobs, and nobody else touches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2.images.masks import Masks
from napari_m2n2v2.images.sparse import Box, box_around
from napari_m2n2v2.images.tile import Region, RegionClick
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import Rules, Solution
from napari_m2n2v2.session.work import Accepted

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.session.provenance import Provenance
    from napari_m2n2v2.session.session import Session
    from napari_m2n2v2.session.tiled import Mosaic

__all__ = ["Asked", "Pending", "PlaneSolver", "Solved"]

_LARGER = 4


class Pending(NamedTuple):
    """Accepted objects whose pixels are not known, and what there was in their plane when they were accepted."""

    accepted: tuple[Accepted, ...]
    placed: tuple[RegionClick, ...]
    beside: tuple[Accepted, ...]
    starts: Masks


class Asked(NamedTuple):
    """What is to be solved.

    ``rules`` say how; ``ready`` are the features that are there; ``placed`` all clicks of the plane, in order;
    ``starts`` the masks that objects start from; ``accepted`` its accepted objects, and ``pending`` those among
    them whose pixels are to be found first, in order; ``written`` boxes outside which no labels were written;
    ``arrived`` the latest answer that arrived: what a dropped one said is said again.
    """

    rules: Rules
    ready: Mapping[Region, ImageFeatures]
    placed: tuple[RegionClick, ...]
    starts: Masks
    accepted: tuple[Accepted, ...]
    pending: Sequence[Pending]
    written: Sequence[Box]
    arrived: int


class Solved(NamedTuple):
    """What clicks gave.

    ``patches`` are all labels in every box where they may have changed since the last answer that arrived, the
    ``serial``-th; ``clicks`` what each region was solved by; ``solutions`` of each, with the bytes its session holds;
    ``cuts`` where objects end only because their region does; ``lacking`` the regions that have to wait for features;
    ``accepted`` the objects that kept their pixels; ``starts`` the masks that objects started from.
    """

    serial: int
    patches: list[tuple[Box, NDArray[np.int32]]]
    clicks: dict[Region, tuple[Prompt, ...]]
    solutions: dict[Region, tuple[Solution, int]]
    doubts: dict[int, float]
    cuts: dict[Region, dict[int, tuple[str, ...]]]
    lacking: list[Region]
    accepted: tuple[Accepted, ...]
    starts: Masks


class PlaneSolver:
    """Solves the clicks of a plane.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._mosaic: Mosaic | None = None
        self._rules: Rules | None = None
        self._is_new = True  # whether nothing was solved by these rules yet
        self._provenances: WeakKeyDictionary[ImageFeatures, Provenance] = WeakKeyDictionary()
        self._serial = 0
        self._untold: dict[int, list[Box]] = {}  # where labels changed, by the answer that said so first

    def solve(self, asked: Asked, report: Report) -> Solved:
        """Solve what can be; ``report`` is told of progress, and what it raises stops the work."""
        ready, placed = asked.ready, asked.placed
        mosaic = self._bring_up(asked.rules, ready)
        self._serial += 1
        self._untold = {serial: boxes for serial, boxes in self._untold.items() if serial > asked.arrived}
        boxes = self._untold.setdefault(self._serial, [])
        if self._is_new:
            boxes += asked.written
            self._is_new = False
        for pending in asked.pending:
            if any(one.pixels is None for one in pending.accepted):  # not settled by a job that was dropped since
                boxes += _replay(mosaic, pending.placed, pending.beside, pending.starts, report)
                if not mosaic.lacking(pending.placed):
                    for one in (one for one in pending.accepted if one.pixels is None):
                        one.settle(mosaic.pixels_of(one.object_id))
        boxes += _replay(mosaic, placed, asked.accepted, asked.starts, report)
        if asked.arrived == 0 and self._serial > 1:  # the layer holds other data since: nothing of ours is there
            boxes += _boxes_of(mosaic, asked)
        accepted = tuple(one for one in asked.accepted if one.pixels is not None)
        told = _together(dict.fromkeys(box for some in self._untold.values() for box in some))
        solutions = {
            region: (
                Solution(result, self._provenance(features), asked.rules, accepted, asked.starts),
                mosaic.session_bytes(region),
            )
            for region, features in ready.items()
            if (result := mosaic.result(region)) is not None
        }
        return Solved(
            self._serial,
            [(box, mosaic.labels_in(slice(box[0], box[1]), slice(box[2], box[3]))) for box in told],
            mosaic.solved,
            solutions,
            mosaic.doubts,
            {region: mosaic.cuts(region) for region in solutions},
            mosaic.lacking(placed),
            accepted,
            asked.starts,
        )

    def session(
        self,
        rules: Rules,
        starts: Masks,
        region: Region,
        features: ImageFeatures,
        clicks: Sequence[Prompt],
        report: Report,
    ) -> Session:
        """Return the session of a region with these clicks, which are in pixels of the plane, as the masks are."""
        mosaic = self._bring_up(rules, {region: features})
        mosaic.start_from(starts)
        return mosaic.session(region, clicks, report)

    def _provenance(self, features: ImageFeatures) -> Provenance:
        from napari_m2n2v2.session.provenance import Provenance

        if features not in self._provenances:
            self._provenances[features] = Provenance.of(features)
        return self._provenances[features]

    def let_go(self, region: Region) -> None:
        """Let go of what is held of a region, whose features went."""
        if self._mosaic is not None:
            self._mosaic.drop(region)

    def _bring_up(self, rules: Rules, ready: Mapping[Region, ImageFeatures]) -> Mosaic:
        if self._mosaic is None or self._rules != rules:
            self._rules, self._mosaic, self._is_new = rules, rules.mosaic(self._shape), True
        for region, features in ready.items():
            self._mosaic.put(region, features)
        return self._mosaic


def _boxes_of(mosaic: Mosaic, asked: Asked) -> list[Box]:
    """Return boxes outside which there is no label."""
    masks = [*asked.starts.values(), *(one.pixels for one in asked.accepted if one.pixels is not None)]
    regions = [region.box for region in mosaic.solved]
    return [*regions, *(mask.box for mask in masks if mask.box is not None)]


def _replay(
    mosaic: Mosaic, placed: Sequence[RegionClick], accepted: Sequence[Accepted], starts: Masks, report: Report
) -> list[Box]:
    """Make these the clicks, and return the boxes in which labels may have changed."""
    pixels = {one.object_id: one.pixels for one in accepted if one.pixels is not None}
    changed = mosaic.replay(placed, report, partly=True, accepted=pixels, starts=starts)
    return [region.box for region in changed]


def _together(boxes: Collection[Box]) -> Collection[Box]:
    """Return the one box around many, where it is hardly larger than they are: it is written at once."""
    around = box_around(boxes)
    if around is None or len(boxes) == 1 or _pixels(around) > _LARGER * sum(map(_pixels, boxes)):
        return boxes
    return [around]


def _pixels(box: Box) -> int:
    return (box[1] - box[0]) * (box[3] - box[2])
