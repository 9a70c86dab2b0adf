"""Before the click: the mask that a click at the cursor would give, and where the next one would help most."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.layers.overlays import Overlay, draw_in_part, draw_ring
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.session.document import PartKey

__all__ = ["PreviewController"]


class PreviewController:
    """Draws the preview under the cursor and the suggested click.

    Parameters
    ----------
    state : DockState
        Whose active image is previewed.
    solving : SolveController
        Asked for masks.
    """

    switched = Signal()

    def __init__(self, state: DockState, solving: SolveController) -> None:
        self.on = False
        self._state = state
        self._solving = solving
        self._outline = Overlay(state.viewer)
        self._ring = Overlay(state.viewer)
        state.viewer.mouse_move_callbacks.append(self._on_move)
        for signal in (state.solved, state.moved, state.activated, state.selected):
            signal.connect(self._clear)

    def toggle(self) -> None:
        """Switch the preview on or off."""
        self.on = not self.on
        if not self.on:
            self._clear()
        self.switched.emit()

    def suggest(self) -> None:
        """Mark the centre of the largest doubtful region of the present object."""
        if (workspace := self._state.active) is None:
            return
        object_id, focus = workspace.object_id, workspace.focus
        if focus is None or not workspace.clicks_of(focus.plane, object_id):
            self._state.hint("Click on an object first: then a place is marked where the next click would help most.")
            return

        def question(session: Any) -> Any:
            from napari_m2n2v2.session.diagnostics import margin, suggest_click

            return suggest_click(margin(session, object_id))

        def done(place: Any) -> None:
            if place is None:
                self._state.hint(f"No part of object {object_id} is in doubt.")
            elif self._shows(workspace, focus):
                size = 2 * float(workspace.points.current_size)
                draw_ring(self._ring, workspace.image, workspace.points, focus, place, size)

        self._solving.ask("suggest", question, done)

    def close(self) -> None:
        """Let go of the viewer and take what was drawn away."""
        self._clear()
        for overlay in (self._outline, self._ring):
            overlay.close()
        if self._on_move in self._state.viewer.mouse_move_callbacks:
            self._state.viewer.mouse_move_callbacks.remove(self._on_move)

    def _shows(self, workspace: Workspace, focus: PartKey) -> bool:
        return self._state.active is workspace and workspace.focus == focus

    def _on_move(self, viewer: Any, event: Any) -> None:
        workspace = self._state.active
        if not self.on or workspace is None or (focus := workspace.focus) is None:
            return
        position = workspace.image.world_to_data(event.position)
        row, col = (float(position[axis]) for axis in focus.plane.axes)
        object_id = workspace.object_id
        click = focus.region.into(Click(row, col, self._state.foreground, object_id))

        def question(session: Any) -> Any:
            try:
                return session.preview(click)
            except ClickError:  # the cursor is beside the image
                return None

        def done(labels: Any) -> None:
            if self.on and self._shows(workspace, focus):
                nothing = np.zeros(focus.region.shape, dtype=np.int32)
                drawn = nothing if labels is None else np.where(labels == object_id, labels, nothing)
                look = {"name": "preview", "opacity": 0.9, "colormap": workspace.labels.colormap}
                draw_in_part(self._outline, "labels", workspace.image, workspace.points, focus, drawn, **look)
                self._outline.layer.contour = 2

        self._solving.ask("preview", question, done)

    def _clear(self) -> None:
        self._outline.remove()
        self._ring.remove()
