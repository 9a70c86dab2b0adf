"""From clicks to masks: the jobs that bring a plane up to date, and questions to the part of it in view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.plane_solver import Asked, Pending, PlaneSolver, Solved
from napari_m2n2v2._napari.layers.labels import PlaneMasks
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.images.tile import Region, clicks_in
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PartKey, PlaneKey, Solution
from napari_m2n2v2.session.work import Accepted, Work, changed_planes

__all__ = ["SolveController"]


class SolveController:
    """Keeps the Labels layer what the clicks give. Every job is of one plane, and its answer goes there.

    Parameters
    ----------
    state : DockState
        Whose images are solved.
    jobs : Jobs
        Runs what solves.
    """

    lacking = Signal(object, object)  # features of a workspace's part are needed: the workspace, its PartKey

    def __init__(self, state: DockState, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        self._solvers: WeakKeyDictionary[PlaneMasks, PlaneSolver] = WeakKeyDictionary()
        state.opened.connect(self._on_opened)
        state.rules_changed.connect(self._on_rules)

    def solve(self, workspace: Workspace, key: PlaneKey) -> None:
        """Bring the masks of a plane up to date with its clicks; what it lacks for that is computed first."""
        placed, masks = workspace.region_clicks(key), workspace.masks_of(key)
        ready = {part.key.region: part.features for part in workspace.parts.of(key) if part.features is not None}
        wanted = {p.region for p in placed}
        lacking = [r for r in wanted if r not in ready and masks.solved.get(r) != clicks_in(r, placed)]
        starts, accepted = workspace.work.starts_in(key), workspace.work.accepted_in(key)
        masks.begin_with(starts, workspace.work.gone_in(key))
        is_begun = starts == masks.starts
        if is_begun and len(lacking) == len(wanted) > 0 and wanted >= masks.solved.keys():
            self._ask_for(workspace, key, lacking)  # nothing to do for the worker yet
            return
        asked = Asked(
            self._state.rules, ready, placed, starts, accepted, _pending(workspace, key, accepted),
            masks.written_boxes(), masks.arrived,
        )  # fmt: skip

        def done(found: Solved) -> None:
            clicked = _clicked(masks.solved, found.clicks)
            masks.solved, masks.doubts, masks.cuts, masks.starts = found.clicks, found.doubts, found.cuts, found.starts
            for part in workspace.parts.of(key):
                if part.key.region in found.solutions and part.features is ready.get(part.key.region):
                    part.solution, part.session_bytes = found.solutions[part.key.region]
                    workspace.parts.use(part, workspace.focus)
                elif part.solution is not None and part.key.region not in found.lacking:
                    part.solution = _now(part.solution, found)
            with self._state.errors_shown():
                masks.write(found.patches)
                masks.arrived = found.serial
                if clicked and (others := masks.changed - clicked):
                    self._state.others_changed.emit(workspace, key, sorted(others))
            self._ask_for(workspace, key, found.lacking)
            self._state.solved.emit()

        def failed(error: Exception) -> None:
            self._state.show_error(error)
            self._state.solved.emit()

        self._jobs.submit((id(workspace), "solve", key), partial(self._solver(masks).solve, asked), done, failed)

    def solve_changed(self, workspace: Workspace, before: Work) -> None:
        """Bring the planes up to date whose clicks, starts or accepted objects are others than before."""
        work, clicked = workspace.work, changed_planes(before.placed, workspace.placed)
        if (here := workspace.here) is not None:
            workspace.areas_before = here, workspace.masks_of(here).areas
        for key in work.changed_planes(before):
            # An object is accepted where it was solved, or starts; for that alone nothing is computed.
            is_there = workspace.masks_of(key).solved or work.starts_in(key) or before.starts_in(key)
            if key in clicked or is_there:
                self.solve(workspace, key)

    def solve_part(self, workspace: Workspace, key: PartKey) -> None:
        """Bring a plane up to date, a part of which has features now."""
        self.solve(workspace, key.plane)

    def solver_of(self, workspace: Workspace, key: PlaneKey) -> PlaneSolver:
        """Return what solves a plane; touched by the worker only."""
        return self._solver(workspace.masks_of(key))

    def _solver(self, masks: PlaneMasks) -> PlaneSolver:
        if masks not in self._solvers:
            self._solvers[masks] = PlaneSolver(masks.shape)
        return self._solvers[masks]

    def _ask_for(self, workspace: Workspace, key: PlaneKey, regions: Sequence[Region]) -> None:
        for region in regions:
            self.lacking.emit(workspace, PartKey(key, region))

    def _on_opened(self, workspace: Workspace) -> None:
        workspace.parts.let_go = partial(self._let_go, workspace)

    def _let_go(self, workspace: Workspace, part: PartKey) -> None:
        """Let the worker let go of what it holds of a part, whose features went."""
        solver = self.solver_of(workspace, part.plane)
        self._jobs.submit(
            (id(workspace), "let go", part),
            lambda report: solver.let_go(part.region),
            lambda _: None,
            self._state.show_error,
        )

    def _on_rules(self) -> None:
        """Solve again, by other rules, what is held; what is not is computed again when it is needed."""
        for workspace in self._state.workspaces:
            solving = self.planes_of(workspace)
            for masks in workspace.masks:
                if masks.solved or masks.starts or masks.key in solving:
                    masks.solved = {}
                    self.solve(workspace, masks.key)

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def is_solving(self) -> bool:
        """Whether a mask of the active image is still to come."""
        workspace = self._state.active
        return workspace is not None and self.is_busy(workspace)

    def is_busy(self, workspace: Workspace) -> bool:
        """Whether a mask of an image is still to come."""
        return bool(self.planes_of(workspace))

    def planes_of(self, workspace: Workspace) -> list[PlaneKey]:
        """List the planes of an image that are being solved."""
        return [key[2] for key in self._jobs.of(workspace) if key[1] == "solve"]

    def ask(self, key: str, question: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Ask the session of the part in view something, on the worker; nothing happens while there is none.

        Parameters
        ----------
        key : str
            A newer question with the same key replaces an older one.
        question : callable
            Given the session with the present clicks; must not change it. It is in pixels of the part.
        done : callable
            Given the answer, on the main thread.
        """
        workspace = self._state.active
        if workspace is None or (focus := workspace.focus) is None or (features := workspace.features) is None:
            return
        masks, clicks = workspace.masks_of(focus.plane), workspace.clicks
        solver, rules, starts = self._solver(masks), self._state.rules, workspace.work.starts_in(focus.plane)

        def work(report: Report) -> Any:
            return question(solver.session(rules, starts, focus.region, features, clicks, report))

        self._jobs.submit((id(workspace), key), work, done, self._state.show_error)


def _clicked(before: Mapping[Region, tuple[Prompt, ...]], now: Mapping[Region, tuple[Prompt, ...]]) -> set[int]:
    """Return the objects whose clicks are others than before."""
    differ = ({*before.get(region, ())} ^ {*now.get(region, ())} for region in {*before, *now})
    return {click.object_id for clicks in differ for click in clicks}


def _pending(workspace: Workspace, key: PlaneKey, accepted: Sequence[Accepted]) -> list[Pending]:
    """List those whose pixels are not known yet, with what these come from: others, perhaps, that come before them."""
    found: dict[int, Pending] = {}

    def look(some: Sequence[Accepted]) -> None:
        together: dict[int, list[Accepted]] = {}  # by what there was when they were accepted
        for one in some:
            if one.since is not None:
                together.setdefault(id(one.since), []).append(one)
        for of, those in together.items():
            if of in found:
                known = found[of].accepted
                found[of] = found[of]._replace(accepted=(*known, *(one for one in those if one not in known)))
            elif (since := those[0].since) is not None:
                look(beside := since.accepted_in(key))
                placed = workspace.regions_of(key, (p for p in since.placed if p.plane == key))
                found[of] = Pending(tuple(those), placed, beside, since.starts_in(key))

    look(accepted)
    return list(found.values())


def _now(solution: Solution, found: Solved) -> Solution:
    """Say of what a part was solved to before its features went that it is as it is now, where no pixel changed."""
    if not {*solution.accepted} <= {*found.accepted}:
        return solution
    return replace(solution, accepted=found.accepted, starts=found.starts)
