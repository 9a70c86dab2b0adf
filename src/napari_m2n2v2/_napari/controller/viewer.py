"""What happens in the viewer around the clicks: layers come, go and change, sliders and camera move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.place import follow
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["ViewerController"]


class ViewerController:
    """Follows a viewer: sets what is shown, and says what else happened.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    field : FieldOfView
        Looks which plane and part are shown.
    """

    removed = Signal(object)  # a layer
    image_changed = Signal(object)  # what a layer shows
    redrawn = Signal(object)  # a layer, maybe because its pixels were changed in place
    labels_replaced = Signal(object)  # a workspace, whose Labels layer has other data
    slid = Signal(int)  # an axis, counted from the last, whose slider alone moved

    def __init__(self, state: DockState, field: FieldOfView) -> None:
        self._state = state
        self._field = field
        self._point = tuple(state.viewer.dims.point)
        for emitter, handler in self._of_viewer():
            emitter.connect(handler)
        state.opened.connect(self._connect)
        state.closed.connect(self._disconnect)

    def close(self) -> None:
        """Let go of the viewer."""
        for emitter, handler in self._of_viewer():
            emitter.disconnect(handler)

    def _connect(self, workspace: Workspace) -> None:
        for emitter, handler in self._of_workspace(workspace):
            emitter.connect(handler)

    def _disconnect(self, workspace: Workspace) -> None:
        for emitter, handler in self._of_workspace(workspace):
            emitter.disconnect(handler)

    def _of_viewer(self) -> list[tuple[Any, Callable[[Any], None]]]:
        viewer = self._state.viewer
        sliders, camera = viewer.dims.events, viewer.scene.camera.events
        looks = (sliders.point, sliders.order, sliders.ndisplay, camera.center, camera.zoom, viewer.canvas.events.size)
        return [
            (viewer.layers.events.removed, self._on_removed),
            (viewer.layers.selection.events.active, self._on_active_layer),
            (sliders.point, self._on_slider),
            *((emitter, self._on_look) for emitter in (sliders.margin_left, sliders.margin_right)),
            *((emitter, self._on_view) for emitter in looks),
        ]

    def _of_workspace(self, workspace: Workspace) -> list[tuple[Any, Callable[[Any], None]]]:
        image = workspace.image.events
        looks = (image.data, image.contrast_limits, image.gamma, image.colormap)
        places = (image.scale, image.translate, image.rotate, image.shear, image.affine, image.units)
        return [
            *((emitter, self._on_image_changed) for emitter in looks),
            (image.set_data, self._on_redrawn),
            *((emitter, self._on_image_moved) for emitter in places),
            *((emitter, self._on_look) for emitter in (image.projection_mode, image.axis_labels)),
            (workspace.labels.events.paint, self._on_paint),
            (workspace.labels.events.data, self._on_labels),
        ]

    def _on_view(self, event: Any) -> None:
        """Buttons and views act on the plane that is shown, and on the part of it in view."""
        self._field.look()

    def _on_slider(self, event: Any) -> None:
        before, self._point = self._point, tuple(self._state.viewer.dims.point)
        if len(before) != len(self._point):
            return
        moved = [axis for axis, (was, at) in enumerate(zip(before, self._point, strict=True)) if was != at]
        if len(moved) == 1:
            self.slid.emit(moved[0] - len(before))

    def _on_look(self, event: Any) -> None:
        """Say when several slices are shown as one, and what axes are called."""
        self._state.moved.emit()

    def _on_active_layer(self, event: Any) -> None:
        """Keys and buttons act on the image whose layer is chosen in the list."""
        for workspace in self._state.workspaces:
            if event.value is not None and event.value in (workspace.points, workspace.labels, workspace.shapes):
                self._state.activate(workspace)

    def _on_removed(self, event: Any) -> None:
        self.removed.emit(event.value)

    def _on_image_changed(self, event: Any) -> None:
        self._field.see_planes()
        self.image_changed.emit(event.source)

    def _on_redrawn(self, event: Any) -> None:
        workspace = self._state.of(event.source)
        # An image that is being given other data is drawn before anyone hears of it.
        if workspace is not None and stack_of(workspace.image).shape == tuple(workspace.labels.data.shape):
            self.redrawn.emit(event.source)

    def _on_image_moved(self, event: Any) -> None:
        workspace = self._state.of(event.source)
        if workspace is not None:
            ours = (workspace.labels, workspace.points, workspace.shapes)
            follow(workspace.image, event, [layer for layer in ours if layer is not None])
            self._field.see_planes()
            self._state.moved.emit()

    def _on_labels(self, event: Any) -> None:
        for workspace in self._state.workspaces:
            if workspace.labels is event.source and workspace.labels.data is not workspace.written_into:
                self.labels_replaced.emit(workspace)

    def _on_paint(self, event: Any) -> None:
        for workspace in self._state.workspaces:
            if workspace.labels is event.source:
                workspace.label_ids.see(int(event.source.selected_label))
