"""Find similar: look for what is like the examples, and decide of each proposal. Nothing is an object unasked."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.controller.similar_search import Search
from napari_m2n2v2._napari.layers.geometry import bring_into_view, is_in_view
from napari_m2n2v2._napari.layers.proposals import Outlines
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2._napari.model.proposed import Found, Proposed
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2.similar.pixels import Cues

__all__ = ["ORIGIN", "SimilarController"]

ORIGIN = "similar"
"""What objects are placed by that were proposals."""


class SimilarController:
    """Finds, shows and decides. Accepted proposals are objects like any other; deciding is a step to undo.

    Parameters
    ----------
    state : DockState
        Whose objects are examples.
    jobs : Jobs
        Solves masks; what is looked for has a worker of its own, so that clicks need not wait.
    field, clicks, objects : FieldOfView, ClickController, ObjectController
        Go to a plane, change the work, give out ids.
    """

    changed = Signal()  # what is proposed, or which one is looked at, or whether it is being looked for

    def __init__(
        self, state: DockState, jobs: Jobs, field: FieldOfView, clicks: ClickController, objects: ObjectController
    ) -> None:
        self.finding = jobs.beside()
        self._state = state
        self._jobs = jobs
        self._field = field
        self._clicks = clicks
        self._objects = objects
        self._proposed: WeakKeyDictionary[Workspace, Proposed] = WeakKeyDictionary()
        self._outlines = Outlines(state.viewer, self.clear)
        self.finding.turned.connect(self.changed.emit)
        state.closed.connect(self._on_closed)
        for signal in (state.clicks_changed, state.solved):
            signal.connect(self._look)
        for signal in (state.activated, state.moved):
            signal.connect(self._draw)

    def close(self) -> None:
        """Stop looking, and take the layer away."""
        self.finding.close()
        self._outlines.close()

    # -- what there is -------------------------------------------------------------------------------------------

    @property
    def present(self) -> Proposed | None:
        """What was found in the image that is worked on, if it was looked for."""
        workspace = self._state.active
        return self._proposed.get(workspace) if workspace is not None else None

    @property
    def shown(self) -> tuple[Found, ...]:
        """Proposals that are certain enough, the least certain first."""
        return self.present.shown if self.present is not None else ()

    @property
    def is_finding(self) -> bool:
        """Whether it is being looked for."""
        return bool(self.finding.keys)

    def examples(self, chosen: Collection[int] = ()) -> list[int]:
        """List the objects to find others like: those chosen, or else all that the user made or looked at himself."""
        if (workspace := self._state.active) is None:
            return []
        there = {i for masks in workspace.masks for i in masks.areas}
        if chosen:
            return sorted(there & {*chosen})
        checked = self.present.checked if self.present is not None else set()
        own = {p.click.object_id for p in workspace.placed}
        own |= {one.object_id for one in workspace.work.starts if one.origin != ORIGIN}
        return sorted(there & (own | checked))

    # -- looking for them ----------------------------------------------------------------------------------------

    def find(self, chosen: Collection[int] = (), *, all_planes: bool = False, cues: Cues = "both") -> None:
        """Look for objects like the examples, in the plane shown or in all; what is there already is not found again.

        Parameters
        ----------
        chosen : collection of int
            Objects that are the examples, see :meth:`examples`.
        all_planes : bool
            Whether all of a stack is looked at.
        cues : str
            As :func:`~napari_m2n2v2.find_similar` takes them.
        """
        with self._state.errors_shown():
            if (workspace := self._state.active) is None:
                raise Slip("Click on an object first: then others like it can be found.")
            self._field.plane_shown(workspace)
            # Masks that are being solved arrive first: both go through one worker.
            begin = partial(self._begin, workspace, chosen, all_planes, cues)
            key = (id(workspace), "examples")
            self._jobs.submit(key, lambda report: None, lambda _: begin(), self._state.show_error)

    def _begin(self, workspace: Workspace, chosen: Collection[int], all_planes: bool, cues: Cues) -> None:
        if workspace is not self._state.active:
            return
        with self._state.errors_shown():
            here, ids = self._field.plane_shown(workspace), frozenset(self.examples(chosen))
            search = Search.of(workspace, here, ids, all_planes, cues)
            if not search.examples:
                raise Slip("There is no example with a mask yet: click on an object first.")
            proposed = self._proposed.setdefault(workspace, Proposed(workspace))
            proposed.begin({PlaneKey(here.axes, index) for index in search.planes})
            self._draw()
            arrived: deque[Found] = deque()

            def work(report: Report) -> None:
                search.run(report, arrived.extend)

            def take(share: float, stage: str) -> None:
                """Show what came of planes so far: where it is cancelled, that stays."""
                if arrived:
                    proposed.add(arrived.popleft() for _ in range(len(arrived)))
                    self._draw()
                self._state.progressed.emit(share, stage)

            def done(_: None) -> None:
                proposed.add(arrived)
                self._look_at_first(workspace, proposed)
                self._draw()

            self.finding.submit((id(workspace), "similar"), work, done, self._state.show_error, take)

    def _look_at_first(self, workspace: Workspace, proposed: Proposed) -> None:
        """Look at the least certain one in view, so that keys decide at once; the camera stays where the user is."""
        viewer, image, here = self._state.viewer, workspace.image, workspace.here
        if proposed.current is None and here is not None:
            boxes = ((one, one.proposal.mask.box) for one in proposed.shown if one.plane == here)
            seen = (one for one, box in boxes if box is not None and is_in_view(viewer, image, here, box))
            proposed.current = next(seen, None)

    # -- deciding ------------------------------------------------------------------------------------------------

    def accept(self, some: Sequence[Found] = ()) -> None:
        """Let proposals, by default the one that is looked at, be objects that keep these pixels: one step to undo."""
        if (proposed := self._present_with(some)) is not None and (some := some or self._looked_at(proposed)):
            following = proposed.after(some)
            with self._state.errors_shown():
                ids = self._accept(proposed, some)
                if len(some) == 1:
                    proposed.checked.update(ids)
                self.go_to(following)

    def accept_shown(self) -> None:
        """Let all proposals that are shown be objects: one step to undo."""
        if (proposed := self._present_with()) is not None:
            with self._state.errors_shown():
                self._accept(proposed, proposed.shown)

    def reject(self, some: Sequence[Found] = ()) -> None:
        """Say of proposals, by default of the one that is looked at, that they are no such objects: a step to undo."""
        workspace, proposed = self._state.active, self._present_with(some)
        if workspace is not None and proposed is not None and (some := some or self._looked_at(proposed)):
            following, work = proposed.after(some), workspace.work
            for plane, there in _by_plane(some).items():
                work = work.reject(plane, [one.proposal.mask for one in there])
            self._clicks.change(workspace, work)
            self.go_to(following)

    def next(self) -> None:
        """Go to the next proposal that is shown; after the last, to the least certain."""
        if (proposed := self._present_with()) is not None:
            shown = proposed.shown
            at = shown.index(proposed.current) + 1 if proposed.current in shown else 0
            self.go_to(shown[at % len(shown)])

    def go_to(self, found: Found | None) -> None:
        """Look at a proposal: show its plane, and move the camera to it."""
        workspace, proposed = self._state.active, self.present
        if workspace is None or proposed is None:
            return
        proposed.current = found
        if found is not None:
            if found.plane != workspace.here:
                self._field.show_plane(found.plane)
            bring_into_view(self._state.viewer, workspace.image, found.plane, found.proposal.mask.box)
        self._draw()

    def set_certainty(self, at_least: float) -> None:
        """Show those alone that are at least so certain, from 0 to 1; nothing is computed."""
        if (proposed := self.present) is not None:
            proposed.at_least = at_least
            if proposed.current not in proposed.shown:
                proposed.current = None
            self._draw()

    def clear(self) -> None:
        """Take the proposals away, and forget what was rejected."""
        workspace = self._state.active
        if workspace is None or self._proposed.pop(workspace, None) is None:
            return
        self.finding.drop(workspace)
        if workspace.work.rejected:
            self._clicks.change(workspace, workspace.work.forget_rejected())
        self._draw()

    def _present_with(self, some: Sequence[Found] = ()) -> Proposed | None:
        """Return what is proposed, where there is anything to decide."""
        proposed = self.present
        if proposed is None or not (some or proposed.shown):
            self._state.hint("There are no proposals: Find similar looks for them.")
            return None
        return proposed

    def _looked_at(self, proposed: Proposed) -> tuple[Found, ...]:
        """Return the one that is looked at; where that is none, or out of sight, go to it: nobody decides blindly."""
        found, workspace = proposed.current, self._state.active
        if found is not None and workspace is not None and found.plane == workspace.here:
            return (found,)
        self.go_to(found or proposed.shown[0])
        return ()

    def _accept(self, proposed: Proposed, some: Sequence[Found]) -> list[int]:
        if (workspace := self._state.active) is None:
            return []
        ids = iter(self._objects.free_ids(workspace, len(some)))
        work, given = workspace.work, list[int]()
        for plane, there in _by_plane(some).items():
            free = [_free_of(workspace, one) for one in there]
            masks = {next(ids): pixels for pixels in free if pixels.box is not None}
            work = work.start_from(plane, masks, ORIGIN, accepted=True)
            given += masks
        if not given:
            raise Slip("Where this is proposed, there are objects already.")
        self._clicks.change(workspace, work)
        return given

    # -- showing -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See what is a proposal still, after a change or an undo."""
        if (proposed := self.present) is not None and proposed.look():
            self._draw()

    def _draw(self) -> None:
        workspace, proposed = self._state.active, self.present
        here = workspace.here if workspace is not None else None
        found = [one for one in proposed.found if one.plane == here] if proposed is not None else []
        if workspace is None or proposed is None:
            self._outlines.remove()
        elif here is None or not found:
            self._outlines.hide()
        else:
            current, seen = proposed.current, {*proposed.shown}
            at = found.index(current) if current in found else None
            outlines, shown = [one.dashes for one in found], [one in seen for one in found]
            self._outlines.draw(workspace.image, workspace.points, here, outlines, shown, at)
        self.changed.emit()

    def _on_closed(self, workspace: Workspace) -> None:
        self.finding.drop(workspace)
        self._proposed.pop(workspace, None)
        self._draw()


def _by_plane(some: Sequence[Found]) -> dict[PlaneKey, list[Found]]:
    found: dict[PlaneKey, list[Found]] = {}
    for one in some:
        found.setdefault(one.plane, []).append(one)
    return found


def _free_of(workspace: Workspace, one: Found) -> Boxed:
    """Return the pixels of a proposal that are of no object of ours; the very same mask if all are."""
    mask = one.proposal.mask
    if mask.box is None:
        return mask
    taken = workspace.masks_of(one.plane).written_in(mask.box) != 0
    if not (taken & mask.values).any():
        return mask
    left = Boxed.of(np.where(taken, False, mask.values))
    return Boxed(left.row + mask.row, left.col + mask.col, left.values)
