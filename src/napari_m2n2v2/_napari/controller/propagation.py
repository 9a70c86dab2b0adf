"""Ask for the present object to be carried from the slice that is shown to those beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.propagation_queue import PropagationQueue
from napari_m2n2v2._napari.controller.propagation_run import Run, Way
from napari_m2n2v2._napari.layers.geometry import axis_names, likely_axis, stack_of
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2._napari.model.hint import check_shown
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.parameters import PropagationParameters
from napari_m2n2v2.session.carried import Carried
from napari_m2n2v2.session.document import PartKey, PlaneKey

__all__ = ["PropagationController"]


class PropagationController:
    """Carries what the Labels layer shows of the present object; what arrives is clicks like any other.

    Slices where the user clicked on the object himself end the way and stay as they are; those that it was carried to
    before are carried anew.

    Parameters
    ----------
    state : DockState
        Whose objects are carried.
    jobs : Jobs
        Solves masks.
    queue : PropagationQueue
        Goes through the slices.
    """

    def __init__(self, state: DockState, jobs: Jobs, queue: PropagationQueue) -> None:
        self.axis: int | None = None  # of the layer, from the last; None until a slider moves or one is chosen
        self.direction = 1  # last used
        self.limits = PropagationParameters()
        self.queue = queue
        self._state = state
        self._jobs = jobs

    def choose_axis(self, axis: int) -> None:
        """Carry objects along an axis, counted from the last: the slider that was moved last, until one is chosen."""
        self.axis = axis
        self.queue.changed.emit()

    def propagate_on(self) -> None:
        """Carry the present object to the next slice in the direction last used, and show it."""
        self.propagate(self.direction, 1)

    def propagate_back(self) -> None:
        """Carry it to the next slice the other way, which is the direction last used from now on."""
        self.propagate(-self.direction, 1)

    def propagate(self, direction: int, count: int | None = None) -> None:
        """Carry the present object from the slice that is shown.

        Parameters
        ----------
        direction : int
            1 to slices of higher numbers, -1 to those of lower ones.
        count : int, optional
            How many slices; until it ends by default. One that is carried alone is shown.
        """
        self._begin(lambda axis, key: (Way(axis, direction, count),), follow=count == 1)

    def propagate_both_ways(self) -> None:
        """Carry it both ways, until it ends."""
        self._begin(lambda axis, key: (Way(axis, self.direction), Way(axis, -self.direction)))

    def propagate_to(self, position: int) -> None:
        """Carry it to the slice with this number, and to all between."""
        workspace = self._state.active
        if workspace is None:
            return
        image = workspace.image

        def ways(axis: int, key: PlaneKey) -> tuple[Way, ...]:
            length = stack_of(image, key.axes).index_shape[axis]
            if not 0 <= position < length:
                raise ImageError(f"There is no slice {position}: they go from 0 to {length - 1}.")
            away = position - key.index[axis]
            if not away:
                raise Slip(f"Slice {position} is the one that is shown. Choose another to carry to.")
            return (Way(axis, 1 if away > 0 else -1, abs(away)),)

        self._begin(ways)

    def onward(self) -> tuple[Way, ...]:
        """Return the ways on which slices were carried from here on, if the user changed this one himself."""
        workspace = self._state.active
        if workspace is None or (key := workspace.here) is None:
            return ()
        if workspace.carried.of(workspace.placed, key, workspace.object_id) is not None:
            return ()
        if not workspace.clicks_of(key, workspace.object_id):
            return ()
        ways = [Way(axis, direction) for axis in range(len(key.index)) for direction in (1, -1)]
        # Looked at whenever the dock is drawn anew, so the clicks of all slices are gone through once.
        found = workspace.carried.present(workspace.placed)
        known = {plane: carried for plane, object_id, carried in found if object_id == workspace.object_id}
        counted = [replace(way, count=_carried_along(known, key, way)) for way in ways]
        return tuple(way for way in counted if way.count)

    def propagate_again(self) -> None:
        """Carry anew what was carried from the slice that is shown on, and nothing else: after a correction."""
        if ways := self.onward():
            self._begin(lambda axis, key: ways)

    # -- beginning -----------------------------------------------------------------------------------------------

    def axis_of(self, workspace: Workspace, key: PlaneKey) -> int:
        """Return along which of the index axes an object is carried: the slider moved last, or chosen since."""
        stack = stack_of(workspace.image, key.axes)
        chosen = len(stack.shape) + self.axis if self.axis is not None else -1
        if chosen not in stack.index_axes or stack.shape[chosen] == 1:
            chosen = likely_axis(axis_names(workspace.dims, workspace.image), stack)
        return stack.index_axes.index(chosen)

    def _begin(self, ways_from: Callable[[int, PlaneKey], tuple[Way, ...]], follow: bool = False) -> None:
        workspace = self._state.active
        if workspace is None:
            self._state.hint("Click on an object first: then it can be carried to other slices.")
            return
        with self._state.errors_shown():
            check_shown(workspace)
            if (key := workspace.here) is None or not key.index:
                raise Slip("This image is a single slice: there is none to carry an object to.")
            ways = ways_from(self.axis_of(workspace, key), key)
            if self.queue.is_running:
                self._extend(workspace, ways, follow)
                return
            self.direction = ways[0].direction
            focus = workspace.part_key(key, workspace.region)
            run = self._paused(workspace, focus, ways) or self._new(workspace, focus, ways)
            run.follow, run.merge, run.said = follow, object(), ""
            self.queue.start(run)

    def _extend(self, workspace: Workspace, ways: tuple[Way, ...], follow: bool) -> None:
        """Let a key that is pressed again while it works mean one slice more."""
        run = self.queue.run
        same = run is not None and run.workspace is workspace and run.object_id == workspace.object_id
        if not same or run is None or not (follow and run.follow) or run.way.direction != ways[0].direction:
            raise Slip("An object is being carried already. Wait, or press Cancel.")
        run.way = replace(run.way, count=(run.way.count or 0) + 1)

    def _paused(self, workspace: Workspace, focus: PartKey, ways: tuple[Way, ...]) -> Run | None:
        """Return the run that came to a plane, if nothing has changed there: it is compared with its start still."""
        run, way = self.queue.run, ways[0]
        if run is None or run.ended or run.workspace is not workspace or len(ways) > 1 or run.at == 0:
            return None
        how = self._state.settings, self.limits, self._state.rules
        asked = workspace.object_id, focus, way.axis, way.direction, *how
        at = PartKey(run.here, run.part.region)
        if asked != (run.object_id, at, run.way.axis, run.way.direction, run.settings, run.limits, run.rules):
            return None
        if workspace.clicks_of(run.here, run.object_id) != run.clicks:
            return None
        shown = workspace.masks_of(run.here).shown_in(run.box) == run.object_id
        if not self._is_unsettled(workspace, focus) and not np.array_equal(shown, run.mask):
            return None
        run.way, run.begun = way, run.at
        return run

    def _new(self, workspace: Workspace, focus: PartKey, ways: tuple[Way, ...]) -> Run:
        key, region, object_id = focus.plane, focus.region, workspace.object_id
        masks = workspace.masks_of(key)
        if self._is_unsettled(workspace, focus):
            raise Slip("The mask of this slice is still being computed. Carry it when it is there.")
        if workspace.state is FeatureState.STALE:
            raise Slip("The image or the settings changed. Press Compute again before you carry an object on.")
        box = region.box
        mask = masks.shown_in(box) == object_id
        if masks.reaches_beyond(object_id, box):
            raise ImageError(
                f"Object {object_id} reaches beyond the part of the image that is worked on here. Zoom out until all "
                "of it is in view and click on it there, or choose Work on > all of it, coarse."
            )
        if not mask.any():
            raise Slip(f"Object {object_id} has no mask in {workspace.name_of(key)}. Click on it here first.")
        carried = workspace.carried.of(workspace.placed, key, object_id)
        doubt = carried.doubt if carried is not None and not math.isnan(carried.doubt) else 0.0
        first, *rest = (
            Run.begin(
                workspace,
                focus,
                way,
                object_id,
                mask=mask,
                clicks=workspace.clicks_of(key, object_id),
                settings=self._state.settings,
                limits=self.limits,
                rules=self._state.rules,
                doubt=doubt,
                region=workspace.region,
            )
            for way in ways
        )
        first.rest = tuple(rest)
        return first

    def _is_unsettled(self, workspace: Workspace, focus: PartKey) -> bool:
        computing = workspace.parts.at(focus).state is FeatureState.COMPUTING
        return computing or self._jobs.is_busy((id(workspace), "solve", focus.plane))


def _carried_along(known: Mapping[PlaneKey, Carried | None], key: PlaneKey, way: Way) -> int:
    """Count the slices from a plane on that were carried this way and are as they were."""
    position, count = key.index[way.axis], 0
    while True:
        position += way.direction
        carried = known.get(PlaneKey(key.axes, (*key.index[: way.axis], position, *key.index[way.axis + 1 :])))
        if carried is None or (carried.axis, carried.direction) != (way.axis, way.direction):
            return count
        count += 1
