"""From clicks to masks: the jobs that drive the session of a plane, and questions to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.jobs import Report
from napari_m2n2v2._napari.masks import Patch, write_plane
from napari_m2n2v2._napari.places import PlaneKey
from napari_m2n2v2._napari.planes import Plane
from napari_m2n2v2._napari.settings import FeatureState

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller import Controller
    from napari_m2n2v2._napari.workspace import Workspace

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

    def begin_again(self, workspace: Workspace, key: PlaneKey) -> None:
        """Make a new session of a plane on the same features, and solve."""
        plane, rules = workspace.planes.at(key), self._controller.rules
        features, start = plane.features, plane.start
        if features is None:
            return

        def work(report: Report) -> Any:
            return rules.session(features, start)

        def done(session: Any) -> None:
            if plane.features is not features:  # computed anew, or let go, meanwhile
                self.begin_again(workspace, key)
                return
            plane.session = session
            self.solve(workspace, key)

        self._controller.jobs.submit((id(workspace), "begin", key), work, done, self._controller.show_error)

    def solve(self, workspace: Workspace, key: PlaneKey) -> None:
        """Bring the masks of a plane up to date with its clicks; what it lacks for that is computed first."""
        controller, clicks = self._controller, workspace.clicks_in(key)
        plane = workspace.planes.at(key)
        session, start_over = plane.session, (id(workspace), "begin", key)
        if session is None:
            if plane.features is not None:
                if not controller.jobs.is_busy(start_over):
                    self.begin_again(workspace, key)
            elif not clicks and plane.start is None:
                self._clear(workspace, plane)
            elif plane.state is not FeatureState.COMPUTING:
                controller.computing.start(workspace, key)
            return

        def work(report: Report) -> Any:
            from napari_m2n2v2.diagnostics import doubt_of, margin

            result = session.replay(clicks, report)
            ids = sorted({click.object_id for click in clicks})
            doubts = {i: doubt_of(margin(session, i), result.objects[i].mask) for i in ids}
            labels = np.where(plane.protected, 0, result.labels)
            areas = dict(enumerate(np.bincount(labels.ravel()).tolist()))
            return result, Patch.of(labels), doubts, areas

        def done(answer: Any) -> None:
            result, patch, plane.doubts, plane.areas = answer
            if plane.session is session:
                plane.result = result
            with controller.errors_shown():
                plane.written = write_plane(workspace.labels, key, patch, plane.written)
            workspace.planes.use(plane, workspace.here)
            controller.solved.emit()
            controller.changed.emit()

        controller.jobs.submit((id(workspace), "solve", key), work, done, controller.show_error)

    def _clear(self, workspace: Workspace, plane: Plane) -> None:
        """Take the masks of a plane without clicks away, for which no features are needed."""
        self._controller.jobs.cancel((id(workspace), "solve", plane.key))
        plane.doubts, plane.areas = {}, {}
        plane.written = write_plane(workspace.labels, plane.key, Patch.of(np.zeros((0, 0))), plane.written)
        self._controller.solved.emit()

    @property
    def is_solving(self) -> bool:
        """Whether a mask of the active image is still to come."""
        workspace = self._controller.active
        return workspace is not None and any(
            isinstance(key, tuple) and key[0] == id(workspace) and key[1] in ("begin", "solve")
            for key in self._controller.jobs.keys
        )

    def ask(self, key: str, question: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Ask the session of the plane that is shown something, on the worker; nothing happens while there is none.

        Parameters
        ----------
        key : str
            A newer question with the same key replaces an older one.
        question : callable
            Given the session with the present clicks; must not change it.
        done : callable
            Given the answer, on the main thread.
        """
        workspace = self._controller.active
        if workspace is None or (session := workspace.session) is None:
            return
        clicks = workspace.clicks

        def work(report: Report) -> Any:
            session.replay(clicks, report)
            return question(session)

        self._controller.jobs.submit((id(workspace), key), work, done, self._controller.show_error)
