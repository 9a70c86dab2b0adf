"""What happens in the viewer around the clicks: layers come, go and change, sliders and camera move."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.masks import check_labels
from napari_m2n2v2._napari.places import PartKey, stack_of
from napari_m2n2v2.errors import ImageError

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller import Controller
    from napari_m2n2v2._napari.workspace import Workspace

__all__ = ["Following"]


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
            *((emitter, self.look) for emitter in looks),
        ]

    def _of_workspace(self, workspace: Workspace) -> list[tuple[Any, Callable[[Any], None]]]:
        image = workspace.image.events
        looks = (image.data, image.contrast_limits, image.gamma, image.colormap)
        places = (image.scale, image.translate, image.rotate, image.shear, image.affine, image.units)
        return [
            *((emitter, self._on_image_changed) for emitter in looks),
            *((emitter, self._on_image_moved) for emitter in places),
            (workspace.labels.events.paint, self._on_paint),
            (workspace.labels.events.data, self._on_labels),
        ]

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
                convert.follow(workspace.image, event, (workspace.labels, workspace.points))
                self._controller.moved.emit()
                self._controller.changed.emit()

    def _on_paint(self, event: Any) -> None:
        for workspace in self._controller.workspaces:
            if workspace.labels is event.source:
                workspace.highest_label = max(workspace.highest_label, int(event.source.selected_label))
