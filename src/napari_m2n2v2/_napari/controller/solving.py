"""From clicks to masks: the jobs that bring a plane up to date, and questions to the part of it in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.controller.plane_solver import Solved
from napari_m2n2v2._napari.model.settings import FeatureState
from napari_m2n2v2.images.tile import Region, clicks_in
from napari_m2n2v2.session.document import PartKey, PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["Solving"]


class Solving:
    """Keeps the Labels layer what the clicks give. Every job is of one plane, and its answer goes there.

    Parameters
    ----------
    controller : Controller
        Whose images are solved.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def solve(self, workspace: Workspace, key: PlaneKey) -> None:
        """Bring the masks of a plane up to date with its clicks; what it lacks for that is computed first."""
        controller, placed, masks = self._controller, workspace.region_clicks(key), workspace.masks_of(key)
        ready = {part.key.region: part.features for part in workspace.parts.of(key) if part.features is not None}
        wanted = {p.region for p in placed}
        lacking = [r for r in wanted if r not in ready and masks.solved.get(r) != clicks_in(r, placed)]
        if len(lacking) == len(wanted) > 0 and wanted >= masks.solved.keys():  # nothing to do for the worker yet
            self._compute(workspace, key, lacking)
            return
        asked = (controller.rules, masks.start), ready, placed, masks.written_boxes(), masks.arrived

        def done(found: Solved) -> None:
            masks.solved, masks.doubts, masks.cuts = found.clicks, found.doubts, found.cuts
            for part in workspace.parts.of(key):
                if part.key.region in found.solutions and part.features is ready.get(part.key.region):
                    part.solution, part.session_bytes = found.solutions[part.key.region]
                    workspace.parts.use(part, workspace.focus)
            with controller.errors_shown():
                masks.write(found.patches)
                masks.arrived = found.serial
            self._compute(workspace, key, found.lacking)
            controller.solved.emit()
            controller.changed.emit()

        controller.jobs.submit(
            (id(workspace), "solve", key), partial(masks.solver.solve, *asked), done, controller.show_error
        )

    def _compute(self, workspace: Workspace, key: PlaneKey, regions: Sequence[Region]) -> None:
        for part in (PartKey(key, region) for region in regions):
            if workspace.parts.at(part).state is not FeatureState.COMPUTING:
                self._controller.computing.start(workspace, part)

    def let_go(self, workspace: Workspace, part: PartKey) -> None:
        """Let the worker let go of what it holds of a part, whose features went."""
        solver = workspace.masks_of(part.plane).solver
        self._controller.jobs.submit(
            (id(workspace), "let go", part),
            lambda report: solver.let_go(part.region),
            lambda _: None,
            self._controller.show_error,
        )

    @property
    def is_solving(self) -> bool:
        """Whether a mask of the active image is still to come."""
        workspace = self._controller.active
        return workspace is not None and self.is_busy(workspace)

    def is_busy(self, workspace: Workspace) -> bool:
        """Whether a mask of an image is still to come."""
        return bool(self.planes_of(workspace))

    def planes_of(self, workspace: Workspace) -> list[PlaneKey]:
        """List the planes of an image that are being solved."""
        keys = self._controller.jobs.keys
        return [key[2] for key in keys if isinstance(key, tuple) and key[:2] == (id(workspace), "solve")]

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
        workspace = self._controller.active
        if workspace is None or (focus := workspace.focus) is None or (features := workspace.features) is None:
            return
        masks, clicks = workspace.masks_of(focus.plane), workspace.clicks
        made_from = self._controller.rules, masks.start

        def work(report: Report) -> Any:
            return question(masks.solver.session(made_from, focus.region, features, clicks, report))

        self._controller.jobs.submit((id(workspace), key), work, done, self._controller.show_error)
