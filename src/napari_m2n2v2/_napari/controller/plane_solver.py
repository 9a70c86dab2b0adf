"""The engine's side of one plane: what the worker keeps between jobs, and nobody else touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2.images.sparse import Box, Boxed
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


class Pending(NamedTuple):
    """An accepted object whose pixels are not known, the clicks when it was accepted, and what was accepted then."""

    accepted: Accepted
    placed: tuple[RegionClick, ...]
    beside: tuple[Accepted, ...]


class Asked(NamedTuple):
    """What is to be solved.

    ``made_from`` are the rules, and the labels from before that objects start from; ``ready`` the features that are
    there; ``placed`` all clicks of the plane, in order; ``accepted`` its accepted objects, and ``pending`` those among
    them whose pixels are to be found first, in order; ``written`` boxes outside which no labels were written;
    ``arrived`` the latest answer that arrived: what a dropped one said is said again.
    """

    made_from: tuple[Rules, Boxed]
    ready: Mapping[Region, ImageFeatures]
    placed: tuple[RegionClick, ...]
    accepted: tuple[Accepted, ...]
    pending: Sequence[Pending]
    written: Sequence[Box]
    arrived: int


class Solved(NamedTuple):
    """What clicks gave.

    ``patches`` are all labels in every box where they may have changed since the last answer that arrived, the
    ``serial``-th; ``clicks`` what each region was solved by; ``solutions`` of each, with the bytes its session holds;
    ``cuts`` where objects end only because their region does; ``lacking`` the regions that have to wait for features;
    ``accepted`` the objects that kept their pixels.
    """

    serial: int
    patches: list[tuple[Box, NDArray[np.int32]]]
    clicks: dict[Region, tuple[Prompt, ...]]
    solutions: dict[Region, tuple[Solution, int]]
    doubts: dict[int, float]
    cuts: dict[Region, dict[int, tuple[str, ...]]]
    lacking: list[Region]
    accepted: tuple[Accepted, ...]


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
        self._made_from: tuple[Rules, Boxed] | None = None
        self._is_new = True  # whether nothing was solved by these rules yet
        self._provenances: WeakKeyDictionary[ImageFeatures, Provenance] = WeakKeyDictionary()
        self._serial = 0
        self._untold: dict[int, list[Box]] = {}  # where labels changed, by the answer that said so first

    def solve(self, asked: Asked, report: Report) -> Solved:
        """Solve what can be; ``report`` is told of progress, and what it raises stops the work."""
        made_from, ready, placed = asked.made_from, asked.ready, asked.placed
        mosaic = self._bring_up(made_from, ready)
        self._serial += 1
        self._untold = {serial: boxes for serial, boxes in self._untold.items() if serial > asked.arrived}
        boxes = self._untold.setdefault(self._serial, [])
        if self._is_new:
            boxes += [*asked.written, *([made_from[1].box] if made_from[1].box is not None else [])]
            self._is_new = False
        for pending in asked.pending:
            if pending.accepted.pixels is None:  # not settled by a job that was dropped since
                boxes += _replay(mosaic, pending.placed, pending.beside, report)
                if not mosaic.lacking(pending.placed):
                    pending.accepted.settle(mosaic.pixels_of(pending.accepted.object_id))
        boxes += _replay(mosaic, placed, asked.accepted, report)
        accepted = tuple(one for one in asked.accepted if one.pixels is not None)
        told = dict.fromkeys(box for some in self._untold.values() for box in some)
        solutions = {
            region: (
                Solution(result, self._provenance(features), made_from[0], accepted),
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
        )

    def session(
        self,
        made_from: tuple[Rules, Boxed],
        region: Region,
        features: ImageFeatures,
        clicks: Sequence[Prompt],
        report: Report,
    ) -> Session:
        """Return the session of a region with these clicks, which are in pixels of the plane."""
        return self._bring_up(made_from, {region: features}).session(region, clicks, report)

    def _provenance(self, features: ImageFeatures) -> Provenance:
        from napari_m2n2v2.session.provenance import Provenance

        if features not in self._provenances:
            self._provenances[features] = Provenance.of(features)
        return self._provenances[features]

    def let_go(self, region: Region) -> None:
        """Let go of what is held of a region, whose features went."""
        if self._mosaic is not None:
            self._mosaic.drop(region)

    def _bring_up(self, made_from: tuple[Rules, Boxed], ready: Mapping[Region, ImageFeatures]) -> Mosaic:
        if self._mosaic is None or self._made_from != made_from:
            rules, start = self._made_from = made_from
            self._mosaic, self._is_new = rules.mosaic(self._shape, start), True
        for region, features in ready.items():
            self._mosaic.put(region, features)
        return self._mosaic


def _replay(mosaic: Mosaic, placed: Sequence[RegionClick], accepted: Sequence[Accepted], report: Report) -> list[Box]:
    """Make these the clicks, and return the boxes in which labels may have changed."""
    pixels = {one.object_id: one.pixels for one in accepted if one.pixels is not None}
    changed = mosaic.replay(placed, report, partly=True, accepted=pixels)
    return [(box.top, box.rows.stop, box.left, box.cols.stop) for box in changed]
