"""Features of all slices ahead of their clicks, on a thread of their own; whatever the user waits for goes first."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import M2N2V2Error
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2.features.precompute import Precompute, Standing
    from napari_m2n2v2.features.request import FeatureRequest

__all__ = ["PrecomputeController", "room_for", "summary"]

_JOB = "prepare"


@dataclass(eq=False)
class _Run:
    """What was, or is being, prepared of an image."""

    key: PartKey  # it began with
    recipe: Recipe
    work: Precompute | None = None  # made by the worker
    standing: Standing | None = None
    cancelled: bool = False
    fits: bool = True  # whether the image and the settings still are what they were

    def follow(self, paused: bool, let_go: bool) -> None:
        """Bring the worker to what is wanted now."""
        if self.work is None:
            return
        if self.cancelled:
            self.work.cancel()
        elif paused:
            self.work.pause(let_go=let_go)
        else:
            self.work.resume()


class PrecomputeController:
    """Fills the cache with the slices of the active image; layers, clicks and masks are never touched.

    Parameters
    ----------
    state : DockState
        Whose active image is prepared.
    jobs : Jobs
        One worker of our own.
    features : FeatureController
        Says what slices are prepared with, and where features are kept.
    before : Jobs
        Those that go first.
    """

    changed = Signal()  # how far it is
    marked = Signal()  # what is known of a slice

    def __init__(self, state: DockState, jobs: Jobs, features: FeatureController, before: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        self._features = features
        self._before = before
        self._runs: WeakKeyDictionary[Workspace, _Run] = WeakKeyDictionary()
        self._present: tuple[Workspace, _Run] | None = None
        self._paused = False
        self._following = threading.Lock()
        before.turned.connect(self._follow)
        for signal in (state.features_changed, state.activated, state.closed):
            signal.connect(self._look)

    # -- what the user says --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Prepare all slices of the active image: the one that is shown first, then the nearest."""
        workspace = self._state.active
        if workspace is None or self._present is not None or (key := workspace.focus) is None:
            return
        with self._state.errors_shown():
            recipe, stack = self._features.settings.recipe_of(workspace, key), stack_of(workspace.image, key.plane.axes)
            run, store, elsewhere = _Run(key, recipe), self._features.store, self._features.elsewhere
            self._runs[workspace], self._present, self._paused = run, (workspace, run), False

            def as_seen(index: Index) -> FeatureRequest:  # just as a click on it will ask
                return recipe.at(index).request(elsewhere.address)

            def work(report: Report) -> None:
                from napari_m2n2v2.features.precompute import Precompute

                def tell(standing: Standing) -> None:
                    run.standing = standing
                    report(standing.done / standing.total, standing.stage)

                run.work = Precompute(stack, store.cache(), start=key.plane.index, request=as_seen)
                self._follow()
                run.work.run(tell)

            self._jobs.submit(_JOB, work, lambda _: self._ended(), self._failed, self._progressed)
        self._tell()

    def pause(self) -> None:
        """Hold on until :meth:`resume`."""
        self._paused = True
        self._follow()
        self.changed.emit()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self._follow()
        self.changed.emit()

    def cancel(self) -> None:
        """Stop at the next step of the slice at hand; the slices that are done stay."""
        self._stop()
        self._tell()

    def close(self) -> None:
        """Stop, and let go of the others."""
        self._before.turned.disconnect(self._follow, missing_ok=True)
        self.end()

    def end(self) -> None:
        """Stop for good, also when a window that is closed has taken the controller with it."""
        self._stop()
        self._jobs.close()

    # -- what there is to show -----------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether slices of any image are still to come."""
        return self._present is not None

    @property
    def is_paused(self) -> bool:
        """Whether the user has said so; giving way to clicks is no pause."""
        return self._paused and self._present is not None

    @property
    def standing(self) -> Standing | None:
        """How far it is; None before the first slice is begun, and when nothing is being prepared."""
        return self._present[1].standing if self._present is not None else None

    def marks(self) -> dict[Index, FeatureState]:
        """Tell what is known of every slice of the active image along the axes shown, or of its part in view."""
        workspace = self._state.active
        if workspace is None or (focus := workspace.focus) is None:
            return {}
        axes = focus.plane.axes
        marks = dict.fromkeys(stack_of(workspace.image, axes), FeatureState.MISSING)
        run = self._runs.get(workspace)
        if run is not None and run.work is not None and (run.key.plane.axes, run.key.region) == (axes, focus.region):
            marks |= {index: FeatureState.LEFT_OUT for index in run.work.left_out}
            marks |= {index: state for index, state in run.work.states.items() if state is not FeatureState.MISSING}
            if not run.fits:
                out_of_date = {
                    FeatureState.READY: FeatureState.STALE,
                    FeatureState.FAILED: FeatureState.MISSING,
                    FeatureState.LEFT_OUT: FeatureState.MISSING,
                }
                marks = {index: out_of_date.get(mark, mark) for index, mark in marks.items()}
        for part in workspace.parts:
            plane = part.key.plane
            mark = part.state
            if plane.axes != axes or part.key.region != focus.region or mark is FeatureState.MISSING:
                continue
            # A click uses those that were prepared.
            if (mark, marks[plane.index]) != (FeatureState.STALE, FeatureState.READY):
                marks[plane.index] = mark
        return marks

    def failure(self, index: Index) -> str:
        """Say why a slice of the active image failed; empty if it did not."""
        run = self._runs.get(self._state.active) if self._state.active is not None else None
        return run.work.failures.get(index, "") if run is not None and run.work is not None else ""

    def slice_bytes(self) -> int | None:
        """About how much a slice takes where it is kept, from one that is there; None before there is any."""
        if (disk := self._features.store.disk) is not None:
            return disk.latest or None
        workspace = self._state.active
        known = [part.features.nbytes for part in workspace.parts if part.features] if workspace is not None else []
        return known[-1] if known else None

    # -- what happens --------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Let what the dock does go first: a slice at hand is let go where another is needed now."""
        with self._following:  # whoever comes last knows best
            if self._present is not None:
                busy, computes = bool(self._before.keys), self._before.computes
                self._present[1].follow(self._paused or busy, let_go=self._paused or computes)

    def _look(self) -> None:
        """Notice that images or settings are no longer what slices were prepared with."""
        for workspace, run in list(self._runs.items()):
            run.fits = self._still_fits(workspace, run)
        if self._present is not None:
            workspace, run = self._present
            if workspace not in self._state.workspaces:
                self._stop()
            elif not run.fits:
                self._stop()
                self._state.tell(
                    "The image or the settings changed: preparing slices was stopped. Press Prepare all slices again."
                )
        self._tell()

    def _still_fits(self, workspace: Workspace, run: _Run) -> bool:
        if workspace not in self._state.workspaces:
            return False
        try:
            now = self._features.settings.recipe_of(workspace, run.key)
        except M2N2V2Error:  # the layers do not fit together any more
            return False
        return now.makes_the_same(run.recipe)

    def _stop(self) -> None:
        if self._present is not None:
            run, self._present = self._present[1], None
            run.cancelled = True
            run.follow(paused=False, let_go=False)
            self._jobs.cancel(_JOB)

    def _progressed(self, share: float, stage: str) -> None:
        standing = self.standing
        if standing is not None and (standing.index is None or standing.share == 0):
            self.marked.emit()
        self.changed.emit()

    def _ended(self) -> None:
        self._present = None
        self._tell()

    def _failed(self, error: Exception) -> None:
        self._present = None
        self._state.show_error(error)
        self._tell()

    def _tell(self) -> None:
        self.marked.emit()
        self.changed.emit()


def room_for(slice_bytes: int | None, most_bytes: int, slices: int) -> int | None:
    """Return how many slices fit; None if it is not known what one takes."""
    return None if not slice_bytes else min(slices, most_bytes // slice_bytes)


def summary(marks: dict[Index, Any]) -> str:
    """Count marks, in words."""
    counts = {mark: sum(1 for other in marks.values() if other is mark) for mark in FeatureState}
    parts = [f"{counts[FeatureState.READY]} of {len(marks)} ready"]
    parts += [
        f"{counts[m]} {m.value}" for m in (FeatureState.STALE, FeatureState.FAILED, FeatureState.LEFT_OUT) if counts[m]
    ]
    return ", ".join(parts)
