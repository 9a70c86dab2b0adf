"""The images being segmented: beginning with one, leaving it alone, and what is kept for when it is begun again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from napari_m2n2v2._napari.layers import points as convert
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.labels import check_labels
from napari_m2n2v2._napari.layers.snapshot import Recipe
from napari_m2n2v2._napari.model.tiles import Part
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import M2N2V2Error

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller

__all__ = ["Workspaces", "open_workspace"]


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
            See :func:`~napari_m2n2v2._napari.controller.images.open_workspace`.
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


def open_workspace(viewer: Any, image: Any, labels: Any, taken: list[Any]) -> Workspace:
    """Make the workspace of an image layer and add what layers it lacks.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    image : Image layer
        Of any number of axes.
    labels : Labels layer or None
        To write into; otherwise masks of ours that were opened again, or a new layer.
    taken : list of layers
        Those of other workspaces, which are not taken up.

    Raises
    ------
    ImageError
        If the image has no planes, or the labels cannot take its masks.
    ClickError
        If clicks of ours that were opened again do not fit the image.
    """
    shape = stack_of(image).shape
    if labels is not None:
        check_labels(labels, shape)
    free = [layer for layer in viewer.layers if not any(layer is other for other in taken)]
    points = next((layer for layer in free if convert.is_clicks(layer, image)), None)
    clicks = convert.read_clicks(points, image) if points is not None else ()
    clicks = tuple(
        replace(p, region=None) if p.region and not p.region.holds(p.click.row, p.click.col) else p for p in clicks
    )
    if points is not None:
        convert.place_like(points, image)
    if labels is None:
        labels = next((layer for layer in free if convert.is_masks(layer, image)), None)
        if labels is not None:
            convert.place_like(labels, image)
    is_new = labels is None
    if labels is None:
        labels = convert.make_labels(image)
    if points is None:
        points = convert.make_points(image)
    for layer in (labels, points):
        if layer not in viewer.layers:
            viewer.add_layer(layer)
    points.metadata[convert.SESSION_ID] = uuid4().hex
    workspace = Workspace(viewer.dims, image, points, labels, taken_up=clicks, is_new=is_new)
    if clicks:
        workspace.object_id = clicks[-1].click.object_id
    convert.show_clicks(points, image, clicks)
    return workspace
