"""What happens in the viewer around the clicks: layers come, go and change, sliders and camera move."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.layers import points as convert
from napari_m2n2v2._napari.layers.geometry import stack_of, view_of
from napari_m2n2v2._napari.layers.labels import check_labels
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.tile import Region, has_parts, region_of_view
from napari_m2n2v2.session.document import PartKey, PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["Fields", "Following"]


class Following:
    """Lets the controller follow a viewer.

    Parameters
    ----------
    controller : Controller
        That has a viewer.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._shown: tuple[int, PartKey | None] | None = None  # of which workspace
        self._point = tuple(controller.viewer.dims.point)
        for emitter, handler in self._of_viewer():
            emitter.connect(handler)

    def connect(self, workspace: Workspace) -> None:
        """Follow the layers of a workspace."""
        for emitter, handler in self._of_workspace(workspace):
            emitter.connect(handler)

    def disconnect(self, workspace: Workspace) -> None:
        """Follow them no more."""
        for emitter, handler in self._of_workspace(workspace):
            emitter.disconnect(handler)

    def close(self) -> None:
        """Let go of the viewer."""
        for emitter, handler in self._of_viewer():
            emitter.disconnect(handler)

    def _of_viewer(self) -> list[tuple[Any, Callable[[Any], None]]]:
        viewer = self._controller.viewer
        sliders, camera = viewer.dims.events, viewer.scene.camera.events
        looks = (sliders.point, sliders.order, sliders.ndisplay, camera.center, camera.zoom, viewer.canvas.events.size)
        return [
            (viewer.layers.events.removed, self._on_layer_removed),
            (viewer.layers.selection.events.active, self._on_active_layer),
            (sliders.point, self._on_slider),
            *((emitter, self._on_thickness) for emitter in (sliders.margin_left, sliders.margin_right)),
            *((emitter, self.look) for emitter in looks),
        ]

    def _of_workspace(self, workspace: Workspace) -> list[tuple[Any, Callable[[Any], None]]]:
        image = workspace.image.events
        looks = (image.data, image.contrast_limits, image.gamma, image.colormap)
        places = (image.scale, image.translate, image.rotate, image.shear, image.affine, image.units)
        return [
            *((emitter, self._on_image_changed) for emitter in looks),
            *((emitter, self._on_image_moved) for emitter in places),
            *((emitter, self._on_thickness) for emitter in (image.projection_mode, image.axis_labels)),
            (workspace.labels.events.paint, self._on_paint),
            (workspace.labels.events.data, self._on_labels),
        ]

    def _on_slider(self, event: Any) -> None:
        """Carry objects along the slider that was moved last."""
        before, self._point = self._point, tuple(self._controller.viewer.dims.point)
        if len(before) != len(self._point):
            return
        moved = [axis for axis, (was, at) in enumerate(zip(before, self._point, strict=True)) if was != at]
        if len(moved) == 1:
            self._controller.propagating.axis = moved[0] - len(before)
            self._controller.changed.emit()

    def _on_thickness(self, event: Any) -> None:
        """Say when several slices are shown as one."""
        self._controller.changed.emit()

    def look(self, event: Any = None) -> None:
        """Buttons and views act on the plane that is shown, and on the part of it in view."""
        self._controller.fields.look()
        workspace = self._controller.active
        if workspace is None:
            return
        shown = (id(workspace), workspace.focus)
        if shown != self._shown:
            self._shown = shown
            self._controller.moved.emit()
            self._controller.changed.emit()

    def _on_active_layer(self, event: Any) -> None:
        """Keys and buttons act on the image whose layer is chosen in the list."""
        controller = self._controller
        for workspace in controller.workspaces:
            if event.value in (workspace.points, workspace.labels) and workspace is not controller.active:
                controller.active = workspace
                controller.solved.emit()
                controller.changed.emit()

    def _on_layer_removed(self, event: Any) -> None:
        controller, layer = self._controller, event.value
        for workspace in controller.workspaces:
            if layer in (workspace.image, workspace.points, workspace.labels):
                controller.workspaces.close(workspace)
        controller.workspaces.forget(layer)
        if layer is controller.computing.settings.guide:
            controller.computing.change(guide=None)

    def _on_image_changed(self, event: Any) -> None:
        controller, image = self._controller, event.source
        for workspace in controller.workspaces:
            workspace.look_anew()
            if workspace.image is image and tuple(workspace.labels.data.shape) != stack_of(image).shape:
                controller.workspaces.close(workspace)
                controller.workspaces.forget(image)
                controller.tell(f"'{image.name}' has another shape now. Press Start to begin with it anew.")
        controller.computing.image_changed(image)
        controller.propagating.going.image_changed(image)

    def _on_labels(self, event: Any) -> None:
        """Take what other data in a Labels layer hold for painted by somebody, but for masks of ours: it stays."""
        controller = self._controller
        for workspace in controller.workspaces:
            labels = workspace.labels
            if labels is not event.source or labels.data is workspace.written_into:
                continue
            try:
                check_labels(labels, stack_of(workspace.image).shape)
            except ImageError as error:
                controller.workspaces.close(workspace)
                controller.show_error(error)
                continue
            workspace.look_again()
            controller.objects.look_through(workspace)
            controller.changed.emit()

    def _on_image_moved(self, event: Any) -> None:
        for workspace in self._controller.workspaces:
            if workspace.image is event.source:
                workspace.look_anew()
                convert.follow(workspace.image, event, (workspace.labels, workspace.points))
                self._controller.moved.emit()
                self._controller.changed.emit()

    def _on_paint(self, event: Any) -> None:
        for workspace in self._controller.workspaces:
            if workspace.labels is event.source:
                workspace.highest_label = max(workspace.highest_label, int(event.source.selected_label))


_MUCH_LARGER = 2  # times the working resolution: from there on all of a plane at once shows little


class Fields:
    """Keeps the part in view of every image, as the camera moves.

    Parameters
    ----------
    controller : Controller
        That has a viewer.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def begin(self, workspace: Workspace) -> None:
        """Begin with an image: by the field of view if all of it at once would show little."""
        workspace.working_side = self._controller.computing.settings.working_side
        shortest = min(workspace.stack.plane_shape)
        workspace.by_view = shortest > _MUCH_LARGER * workspace.working_side

    def can_be_parted(self, workspace: Workspace) -> bool:
        """Whether the plane that is shown has parts."""
        here = workspace.here
        shape = stack_of(workspace.image, here.axes).plane_shape if here is not None else (1, 1)
        return has_parts(shape, workspace.working_side)

    def set_by_view(self, by_view: bool) -> None:
        """Work on the field of view of the active image, or on all of it, coarse."""
        workspace = self._controller.active
        if workspace is not None and workspace.by_view != by_view:
            workspace.by_view = by_view
            self._controller.following.look()
            self._controller.changed.emit()

    def region_at(self, workspace: Workspace, key: PlaneKey, row: float, col: float) -> Region | None:
        """Return the part that a click is placed in; None is all of the plane."""
        return self._region(workspace, key, (row, col))

    def look(self) -> None:
        """See what is in view now."""
        for workspace in self._controller.workspaces:
            here = workspace.here
            workspace.region = self._region(workspace, here) if here is not None else None

    def _region(self, workspace: Workspace, key: PlaneKey, at: tuple[float, float] | None = None) -> Region | None:
        shape, side = stack_of(workspace.image, key.axes).plane_shape, workspace.working_side
        if not workspace.by_view or not has_parts(shape, side):
            return None
        known = [part.key.region for part in workspace.parts.of(key) if part.features is not None]
        view = view_of(self._controller.viewer, workspace.image, key)
        region = region_of_view(shape, view, side, at=at, known=known)
        return None if region == Region.whole(shape, side) else region
