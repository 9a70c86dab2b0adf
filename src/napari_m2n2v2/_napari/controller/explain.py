"""Before the click: the mask that a click at the cursor would give, and where the next one would help most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.points import place_in_plane, transform_of
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["Hover"]


class Hover:
    """Draws the preview under the cursor and the suggested click.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    """

    def __init__(self, controller: Controller) -> None:
        self.on = False
        self._controller = controller
        self._outline: Any = None
        self._ring: Any = None
        controller.viewer.mouse_move_callbacks.append(self._on_move)
        controller.solved.connect(self._clear)
        controller.moved.connect(self._clear)

    def toggle(self) -> None:
        """Switch the preview on or off."""
        self.on = not self.on
        if not self.on:
            self._clear()
        self._controller.changed.emit()

    def suggest(self) -> None:
        """Mark the centre of the largest doubtful region of the present object."""
        workspace = self._controller.active
        if workspace is None:
            return
        object_id, focus = workspace.object_id, workspace.focus

        def question(session: Any) -> Any:
            from napari_m2n2v2.session.diagnostics import margin, suggest_click

            return suggest_click(margin(session, object_id))

        def done(place: Any) -> None:
            shown = self._controller.active is workspace and workspace.focus == focus
            if place is not None and focus is not None and shown:
                self._mark(workspace, focus, place)

        self._controller.ask("suggest", question, done)

    def close(self) -> None:
        """Let go of the viewer and take what was drawn away."""
        self._clear()
        self._controller.solved.disconnect(self._clear)
        self._controller.moved.disconnect(self._clear)
        if self._on_move in self._controller.viewer.mouse_move_callbacks:
            self._controller.viewer.mouse_move_callbacks.remove(self._on_move)

    def _on_move(self, viewer: Any, event: Any) -> None:
        workspace = self._controller.active
        if not self.on or workspace is None:
            return
        focus = workspace.focus
        if focus is None:
            return
        position = workspace.image.world_to_data(event.position)
        row, col = (float(position[axis]) for axis in focus.plane.axes)
        click = focus.region.into(Click(row, col, self._controller.foreground, workspace.object_id))

        def question(session: Any) -> Any:
            try:
                return session.preview(click)
            except ClickError:  # the cursor is beside the image
                return None

        def done(labels: Any) -> None:
            if self.on and self._controller.active is workspace and workspace.focus == focus:
                self._draw(workspace, focus, labels)

        self._controller.ask("preview", question, done)

    def _draw(self, workspace: Workspace, focus: PartKey, labels: Any) -> None:
        drawn = np.zeros(focus.region.shape, dtype=np.int32) if labels is None else labels
        data, placed = place_in_plane(workspace.image, focus, drawn)
        if self._outline is None or self._outline not in self._controller.viewer.layers:
            self._outline = self._add("add_labels", workspace, data, name="preview", opacity=0.9, **placed)
            self._outline.contour = 2
        else:
            self._outline.data = data

    def _mark(self, workspace: Workspace, focus: PartKey, place: tuple[int, int]) -> None:
        self._remove(self._ring)
        key, region = focus.plane, focus.region
        row, col = region.top + place[0], region.left + place[1]
        position = np.array([stack_of(workspace.image, key.axes).join(key.index, row, col)])
        size = 2 * float(workspace.points.current_size)
        look: dict[str, Any] = {"symbol": "ring", "face_color": "yellow", "border_color": "yellow", "size": size}
        look |= transform_of(workspace.image)
        self._ring = self._add("add_points", workspace, position, name="suggested click", **look)

    def _add(self, how: str, workspace: Workspace, data: Any, **named: Any) -> Any:
        viewer = self._controller.viewer
        active = viewer.layers.selection.active
        layer = getattr(viewer, how)(data, **named)
        # Below the clicks, which must keep mouse and keyboard.
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(workspace.points))
        viewer.layers.selection.active = active
        return layer

    def _clear(self) -> None:
        self._remove(self._outline)
        self._remove(self._ring)
        self._outline = self._ring = None

    def _remove(self, layer: Any) -> None:
        if layer is not None and layer in self._controller.viewer.layers:
            self._controller.viewer.layers.remove(layer)
