"""The images being segmented: beginning with one, leaving it alone, and what is kept for when it is begun again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.opening import open_workspace
from napari_m2n2v2._napari.parts import Part
from napari_m2n2v2._napari.recipe import Recipe
from napari_m2n2v2._napari.workspace import Workspace
from napari_m2n2v2.errors import M2N2V2Error

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller import Controller

__all__ = ["Workspaces"]


class Workspaces:
    """All workspaces, in the order they were begun.

    Parameters
    ----------
    controller : Controller
        Whose they are.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._open: list[Workspace] = []
        self._kept: list[tuple[Any, list[tuple[Part, Recipe]]]] = []  # of images whose other layers were deleted

    def __iter__(self) -> Iterator[Workspace]:
        """Go through them; they may come and go meanwhile."""
        return iter(tuple(self._open))

    def of(self, image: Any) -> Workspace | None:
        """Return that of an image layer."""
        return next((workspace for workspace in self._open if workspace.image is image), None)

    def open(self, image: Any, labels: Any) -> Workspace:
        """Begin with an image layer, and a Labels layer to write into if one is given.

        Raises
        ------
        ImageError, ClickError
            See :func:`~napari_m2n2v2._napari.opening.open_workspace`.
        """
        controller = self._controller
        taken = [layer for w in self._open for layer in (w.points, w.labels)]
        with controller.listener.quiet():
            workspace = open_workspace(controller.viewer, image, labels, taken)
        for layer, parts in self._kept:
            for before, recipe in parts if layer is image else ():
                now = self._recipe(workspace, before)
                if now is not None and now.sees_the_same(recipe):
                    part = workspace.parts.at(before.key)
                    part.take_features(before)
                    part.state = part.settled_state(controller.computing.settings)
        self.forget(image)
        workspace.parts.is_shared = controller.computing.store.holds
        workspace.parts.let_go = partial(controller.solving.let_go, workspace)
        controller.fields.begin(workspace)
        controller.following.connect(workspace)
        controller.listener.connect(workspace)
        self._open.append(workspace)
        controller.objects.look_through(workspace)
        controller.opened.emit(workspace)
        return workspace

    def close(self, workspace: Workspace) -> None:
        """Leave an image alone; its layers stay as they are, and its features are kept while the image is there."""
        controller = self._controller
        controller.computing.drop(workspace)
        controller.propagating.going.drop(workspace)
        for key in controller.jobs.keys:
            if isinstance(key, tuple) and key[0] == id(workspace):
                controller.jobs.cancel(key)
        controller.following.disconnect(workspace)
        controller.listener.disconnect(workspace)
        self._open.remove(workspace)
        there = [part for part in workspace.parts if part.features is not None and not part.outdated]
        recipes = ((part, self._recipe(workspace, part)) for part in there)
        self._kept.append((workspace.image, [(part, recipe) for part, recipe in recipes if recipe is not None]))
        if controller.active is workspace:
            controller.active = None
        controller.solved.emit()
        controller.changed.emit()

    def _recipe(self, workspace: Workspace, part: Part) -> Recipe | None:
        """Return what features of a part would be computed from now; None where that cannot be."""
        try:
            return self._controller.computing.recipe_of(workspace, part.key)
        except M2N2V2Error:
            return None

    def forget(self, image: Any) -> None:
        """Let go of the features kept for an image."""
        self._kept = [(layer, parts) for layer, parts in self._kept if layer is not image]

    def close_all(self) -> None:
        """Leave all images alone, and keep nothing."""
        for workspace in self:
            self.close(workspace)
        self._kept.clear()
