"""Clicks dragged by the mouse in the mode in which they are placed; napari drags them where they are selected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_m2n2v2._napari.controller.points import PointsController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["DragController"]

_LEFT_BUTTON = 1


_LEAST = 5  # pixels of the canvas: napari takes shorter ways for a click


class DragController:
    """Moves the click that the left button went down on.

    Parameters
    ----------
    state : DockState
        Whose clicks they are.
    points : PointsController
        Reads where they are in the end.
    """

    def __init__(self, state: DockState, points: PointsController) -> None:
        self._state = state
        self._points = points
        state.opened.connect(lambda workspace: workspace.points.mouse_drag_callbacks.append(self._drag))
        state.closed.connect(self._let_go)

    def _let_go(self, workspace: Workspace) -> None:
        if self._drag in workspace.points.mouse_drag_callbacks:
            workspace.points.mouse_drag_callbacks.remove(self._drag)

    def _drag(self, points: Any, event: Any) -> Iterator[None]:
        """Follow the mouse; the mask follows when the button is let go."""
        if points.mode != "add" or event.button != _LEFT_BUTTON:
            return
        seen = {"view_direction": event.view_direction, "dims_displayed": event.dims_displayed, "world": True}
        index, start = points.get_value(event.position, **seen), np.array(event.pos)
        if index is None:
            return
        before, moved = points.data.copy(), False
        yield
        while event.type == "mouse_move":
            event.handled = True  # else napari pans
            if moved or np.linalg.norm(np.array(event.pos) - start) >= _LEAST:
                moved = True
                self._show_at(points, index, event)
            yield
        if moved:
            self._place(points, index, points.data.copy(), before)

    def _show_at(self, points: Any, index: int, event: Any) -> None:
        others = len(event.position) - points.ndim  # of the viewer, which the layer does not have
        data, shown = points.data.copy(), [axis - others for axis in event.dims_displayed]
        data[index, shown] = np.asarray(points.world_to_data(event.position))[shown]
        with self._points.not_listening():
            points.data = data

    def _place(self, points: Any, index: int, there: Any, before: Any) -> None:
        """Let it be one change, from where it was to where it is, of a click that is worked with from now on."""
        with self._points.not_listening():
            points.data = before
        points.data = there
        workspace = next((w for w in self._state.workspaces if w.points is points), None)
        if workspace is not None and index < len(workspace.placed):
            workspace.object_id = workspace.placed[index].click.object_id
            points.selected_data = {index}
            self._state.selected.emit()
