"""An object on its way: one job a slice, what comes back put into the layers, and why it went no further."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.propagation_run import Run, Source
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.carried import Carried
from napari_m2n2v2.session.document import PartKey, PlacedClick, PlaneKey

__all__ = ["PropagationQueue"]


class PropagationQueue:
    """Lets runs go through their planes, one run at a time.

    Parameters
    ----------
    state : DockState
        Whose objects are carried.
    jobs : Jobs
        One job a slice.
    features, solving : FeatureController, SolveController
        What a slice needs.
    clicks : ClickController
        Places what arrives.
    field : FieldOfView
        Moves the viewer along.
    """

    progressed = Signal(float, str)
    changed = Signal()  # whether a run goes, how it ended, which way the next one goes

    def __init__(
        self,
        state: DockState,
        jobs: Jobs,
        features: FeatureController,
        solving: SolveController,
        clicks: ClickController,
        field: FieldOfView,
    ) -> None:
        self.run: Run | None = None  # the one that goes, or went last
        self.message = ""
        self._state = state
        self._jobs = jobs
        self._features = features
        self._solving = solving
        self._clicks = clicks
        self._field = field
        state.closed.connect(self.drop)

    @property
    def is_running(self) -> bool:
        """Whether an object is being carried."""
        return self.run is not None and self._jobs.is_busy(self.run.job)

    def cancel(self) -> None:
        """Stop at once, within a slice; what was carried by then stays, and can be undone."""
        if self.run is not None and self.is_running:
            run = self.run
            self.drop(run.workspace)
            self._say(run, "Cancelled.")

    def drop(self, workspace: Workspace) -> None:
        """Stop for an image, and let go of it."""
        if self.run is not None and self.run.workspace is workspace:
            self._jobs.cancel(self.run.job)
            self.run = None

    def image_changed(self, image: Any) -> None:
        """Stop, because what an image shows has changed."""
        run = self.run
        if run is not None and run.workspace.image is image:
            was_running = self.is_running
            self.drop(run.workspace)
            if was_running:
                self._say(run, "The image changed meanwhile. Press Compute again, then carry on.")

    def start(self, run: Run) -> None:
        """Let a run go on to where it should."""
        self.run = run
        with self._state.errors_shown():
            self._advance(run)
        self.changed.emit()

    def _advance(self, run: Run) -> None:
        """Begin with the next plane, if there is one to go to."""
        if run.at == len(run.walk.planes) and (run.way.count is None or run.at == run.begun):
            self._stop(run, "It is at the last slice.")
        elif run.at == run.last:
            self._stop(run, "")
        elif reason := self._why_not(run):
            self._stop(run, reason)
        else:
            begin = self._source(run, run.here) if run.at == 0 else None
            key = run.planes[run.at + 1]
            source = self._source(run, key)
            solver, starts = self._solving.solver_of(run.workspace, key), run.workspace.work.starts_in(key)
            self._jobs.submit(
                run.job, partial(run.next_plane, begin, source, solver, starts), partial(self._arrived, run),
                partial(self._failed, run), partial(self._tell_progress, run), computes=True,
            )  # fmt: skip

    def _source(self, run: Run, key: PlaneKey) -> Source:
        part = run.workspace.parts.at(PartKey(key, run.part.region))
        features = part.features
        if part.state is FeatureState.READY and features is not None:
            return lambda report: features
        return self._features.recipe(run.workspace, part.key)

    def _why_not(self, run: Run) -> str:
        """Say why an object cannot be carried on as things are now."""
        workspace, key = run.workspace, run.planes[run.at + 1]
        if run.settings is not self._state.settings:
            return "The settings changed meanwhile. Press Compute again, then carry on."
        if workspace.clicks_of(run.here, run.object_id) != run.clicks:
            return f"The clicks in {run.workspace.name_of(run.here)} changed meanwhile. Carry on from there."
        clicked = workspace.clicks_of(key, run.object_id)
        if clicked and workspace.carried.of(workspace.placed, key, run.object_id) is None:
            return f"In {workspace.name_of(key)} you clicked on it yourself, and that stays."
        if run.object_id in workspace.work.starts_in(key):
            return f"In {workspace.name_of(key)} it starts from a mask that is there, and that stays."
        if any(one.object_id == run.object_id for one in workspace.work.accepted_in(key)):
            return f"In {workspace.name_of(key)} it is accepted, and stays. Open it again (K) to carry it there anew."
        return ""

    def _arrived(self, run: Run, answer: Any) -> None:
        """Put what the worker found into the layers, and go on."""
        found, features = answer
        if reason := self._why_not(run):
            self._stop(run, reason)
            return
        workspace, key, before = run.workspace, run.planes[run.at + 1], run.here
        self._take_features(run, key, features)
        mask = found.labels == run.object_id
        reason = found.ended.get(run.object_id, "")
        if not reason and not (mask & ~workspace.masks_of(key).protected_in(run.box)).any():
            reason = "Labels that were there before lie where it would be, and they stay."
        if reason:
            run.ended = True
            self._stop(run, f"{workspace.name_of(key).capitalize()}: {reason}")
            return
        doubt, clicks = found.doubts[run.object_id], run.in_plane(found)
        workspace.carried.add(Carried(key, run.object_id, clicks, doubt, run.way.axis, run.way.direction))
        self._note(run, "")
        others = [p for p in workspace.placed if p.plane != key or p.click.object_id != run.object_id]
        run.at, run.mask, run.clicks = run.at + 1, mask, clicks
        self._place(run, [*others, *(PlacedClick(key, click, True, run.region) for click in clicks)])
        if run.follow and self._state.active is workspace and workspace.here == before:
            self._field.show_plane(key)
        if self.run is run:
            self.start(run)

    def _take_features(self, run: Run, key: PlaneKey, features: Any) -> None:
        """Keep the features of a plane, as if they had been computed for its clicks."""
        part = run.workspace.parts.at(PartKey(key, run.part.region))
        if part.features is not features:
            part.features, part.computed_with, part.outdated = features, run.settings, False
            part.fingerprint = self._features.settings.fingerprint(run.workspace, part.key)
            if part.state is not FeatureState.COMPUTING:
                part.state = part.settled_state(self._state.settings)

    def _place(self, run: Run, placed: list[PlacedClick]) -> None:
        with self._state.errors_shown():
            self._clicks.place(run.workspace, placed, run.merge)

    def _failed(self, run: Run, error: Exception) -> None:
        self.run = None
        self._say(run, "It failed.")
        self._state.show_error(error)

    def _stop(self, run: Run, reason: str) -> None:
        """Say why it went no further, and go the next way."""
        if run.ended:
            self._place(run, self._without_stale(run))
        self._note(run, reason)
        self._say(run, reason)
        if run.rest:
            following = run.rest[0]
            following.rest, following.merge, following.said = run.rest[1:], run.merge, f"{self.message}\n"
            self.start(following)
        elif reason:
            self._state.tell(self.message)

    def _note(self, run: Run, reason: str) -> None:
        """Keep with the slice reached last why it went no further."""
        carried = run.workspace.carried
        known = carried.of(run.workspace.placed, run.here, run.object_id)
        if known is not None:
            carried.add(replace(known, stopped=reason))

    def _without_stale(self, run: Run) -> list[PlacedClick]:
        """Return the clicks without those that were carried before to where the object no longer comes."""
        workspace, placed = run.workspace, list(run.workspace.placed)
        for key in run.planes[run.at + 1 : run.last + 1]:
            known = workspace.carried.of(placed, key, run.object_id)
            accepted = any(one.object_id == run.object_id for one in workspace.work.accepted_in(key))
            if accepted or known is None or (known.axis, known.direction) != (run.way.axis, run.way.direction):
                break
            placed = [p for p in placed if p.plane != key or p.click.object_id != run.object_id]
        return placed

    def _say(self, run: Run, reason: str) -> None:
        how = f"carried to {run.workspace.name_of(run.here)}" if run.at > run.begun else "not carried"
        self.message = run.said + f"Object {run.object_id}: {how}. {reason}".strip()
        self.changed.emit()

    def _tell_progress(self, run: Run, share: float, stage: str) -> None:
        key = run.planes[min(run.at + 1, len(run.walk.planes))]
        done = (run.at - run.begun + 0.9 * share) / max(run.last - run.begun, 1)
        self.progressed.emit(done, f"{run.workspace.name_of(key)}: {stage}".rstrip(": "))
