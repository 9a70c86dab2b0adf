"""The images being segmented: beginning with one, leaving it alone, and what is kept for when it is begun again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from napari_m2n2v2._napari.attach import SESSION_ID, WORK
from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.kept import KEPT
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.layers.geometry import shown_plane, stack_of
from napari_m2n2v2._napari.layers.labels import check_labels
from napari_m2n2v2._napari.layers.making import make_labels, make_points
from napari_m2n2v2._napari.layers.ours import find_clicks, find_masks, find_shapes, mark
from napari_m2n2v2._napari.layers.place import place_like
from napari_m2n2v2._napari.layers.points import read_clicks
from napari_m2n2v2._napari.layers.showing import show_clicks
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.status import no_plane
from napari_m2n2v2._napari.model.tiles import Part
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ImageError, M2N2V2Error
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.work import Work

__all__ = ["ImageController", "open_workspace"]


class ImageController:
    """Begins with images and leaves them alone.

    Parameters
    ----------
    state : DockState
        Which images are open.
    jobs : Jobs
        Stopped for an image that is left.
    field : FieldOfView
        Looks what is shown of an image.
    features, solving : FeatureController, SolveController
        Work on an image that is begun.
    """

    def __init__(
        self, state: DockState, jobs: Jobs, field: FieldOfView, features: FeatureController, solving: SolveController
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._field = field
        self._features = features
        self._solving = solving

    def start(self, image: Any, labels: Any = None) -> None:
        """Segment an image layer: make its Points and Labels layers, or go back to them; compute the plane shown.

        Parameters
        ----------
        image : Image layer
            Of any number of axes.
        labels : Labels layer, optional
            An existing layer to write into; the labels in it are protected.
        """
        state = self._state
        with state.errors_shown():
            if shown_plane(state.viewer.dims, image) is None:
                raise no_plane(state.viewer.dims, image)
            is_open = state.of(image) is not None
            workspace = state.of(image) or self._open(image, labels)
            state.activate(workspace)
            state.viewer.layers.selection.active = workspace.points
            workspace.points.mode = "add"
            self._field.look()
            if workspace.state in (FeatureState.MISSING, FeatureState.STALE):
                self._features.start(workspace)
            elif workspace.here is not None:
                self._solving.solve(workspace, workspace.here)
            clicked = {placed.plane for placed in workspace.placed}
            for key in dict.fromkeys(one.plane for one in workspace.work.starts):
                if not is_open and key not in clicked:  # masks of a file that was opened are written nowhere yet
                    self._solving.solve(workspace, key)

    def close(self, workspace: Workspace) -> None:
        """Leave an image alone; its layers stay as they are, and its features are kept while the image is there."""
        workspace.points.metadata[WORK] = workspace.work
        self._state.remove(workspace)
        self._jobs.drop(workspace)
        there = [part for part in workspace.parts if part.features is not None and not part.outdated]
        recipes = ((part, self._recipe(workspace, part)) for part in there)
        KEPT.put(workspace.image, [(part, recipe) for part, recipe in recipes if recipe is not None])

    def close_all(self) -> None:
        """Leave all images alone."""
        for workspace in self._state.workspaces:
            self.close(workspace)

    def layer_removed(self, layer: Any) -> None:
        """Leave the image alone that a layer belonged to."""
        for workspace in self._state.workspaces:
            if layer in (workspace.image, workspace.points, workspace.labels):
                self.close(workspace)
        KEPT.forget(layer)

    def image_changed(self, image: Any) -> None:
        """Leave an image alone that has another shape now."""
        workspace = self._state.of(image)
        if workspace is not None and tuple(workspace.labels.data.shape) != stack_of(image).shape:
            self.close(workspace)
            KEPT.forget(image)
            self._state.tell(f"'{image.name}' has another shape now. Press Start to begin with it anew.")

    def labels_replaced(self, workspace: Workspace) -> None:
        """Take what other data in a Labels layer hold for painted by somebody, but for masks of ours: it stays."""
        try:
            check_labels(workspace.labels, stack_of(workspace.image).shape)
        except ImageError as error:
            self.close(workspace)
            self._state.show_error(error)
        else:
            workspace.look_again()
            self._state.solved.emit()

    def _open(self, image: Any, labels: Any) -> Workspace:
        """Begin with an image layer, and a Labels layer to write into if one is given."""
        taken = [layer for w in self._state.workspaces for layer in (w.points, w.labels)]
        workspace = open_workspace(self._state.viewer, image, labels, taken)
        for before, recipe in KEPT.take(image):
            now = self._recipe(workspace, before)
            if now is not None and now.sees_the_same(recipe):
                part = workspace.parts.at(before.key)
                part.take_features(before)
                part.outdated = self._features.settings.was_changed_in_place(workspace, part)
                part.state = part.settled_state(self._state.settings)
        self._field.begin(workspace)
        self._state.add(workspace)
        return workspace

    def _recipe(self, workspace: Workspace, part: Part) -> Recipe | None:
        """Return what features of a part would be computed from now; None where that cannot be."""
        try:
            return self._features.settings.recipe_of(workspace, part.key)
        except M2N2V2Error:
            return None


def open_workspace(viewer: Any, image: Any, labels: Any, taken: list[Any]) -> Workspace:
    """Make the workspace of an image layer and add what layers it lacks.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    image : Image layer
        Of any number of axes.
    labels : Labels layer or None
        To write into; otherwise masks of ours that are there, or a new layer.
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
    points = find_clicks(free, image)
    clicks = read_clicks(points, image) if points is not None else ()
    clicks = tuple(
        replace(p, region=None) if p.region is not None and not p.region.meets(p.click) else p for p in clicks
    )
    if points is not None:
        place_like(points, image)
    if labels is None:
        labels = find_masks(free, image)
        if labels is not None:
            place_like(labels, image)
    is_new = labels is None
    if labels is None:
        labels = make_labels(image)
    if points is None:
        points = make_points(image)
    for layer in (labels, points):
        if layer not in viewer.layers:
            viewer.add_layer(layer)
    points.metadata[SESSION_ID] = uuid4().hex
    ours = (points, labels, find_shapes(viewer.layers, image))
    mark(image, [layer for layer in ours if layer is not None], viewer.layers)
    before = points.metadata.pop(WORK, None)
    known = before if isinstance(before, Work) else Work()
    workspace = Workspace(viewer.dims, image, points, labels, clicks, known, is_new=is_new)
    if clicks:
        workspace.object_id = clicks[-1].click.object_id
    show_clicks(points, image, clicks)
    return workspace
