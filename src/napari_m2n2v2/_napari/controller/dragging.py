"""Clicks dragged by the mouse in the mode in which they are placed; napari drags them where they are selected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_m2n2v2._napari.controller.mouse import LEFT_BUTTON, is_drag
from napari_m2n2v2._napari.controller.points import PointsController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.session.document import PlacedClick

__all__ = ["DragController"]


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
        workspace = next((w for w in self._state.workspaces if w.points is points), None)
        if workspace is None or points.mode != "add" or event.button != LEFT_BUTTON:
            return
        seen = {"view_direction": event.view_direction, "dims_displayed": event.dims_displayed, "world": True}
        index, start = points.get_value(event.position, **seen), np.array(event.pos)
        if index is None or index >= len(workspace.placed):
            return
        dragged, there = workspace.placed[index], None
        yield
        while event.type == "mouse_move":
            event.handled = True  # else napari pans
            if there is not None or is_drag(event, start):
                there = self._show_at(workspace, dragged, event)
            yield
        if there is not None:
            self._place(workspace, dragged, there)

    def _show_at(self, workspace: Workspace, dragged: PlacedClick, event: Any) -> Any:
        """Show it below the mouse, wherever it stands among the clicks by now; return where that is in the data."""
        points = workspace.points
        others = len(event.position) - points.ndim  # of the viewer, which the layer does not have
        data, shown = points.data.copy(), [axis - others for axis in event.dims_displayed]
        if (index := _index_of(dragged, workspace)) is None:
            return None
        data[index, shown] = np.asarray(points.world_to_data(event.position))[shown]
        with self._points.not_listening():
            points.data = data
        return data[index]

    def _place(self, workspace: Workspace, dragged: PlacedClick, there: Any) -> None:
        """Let it be one change, from where it was to where it is, of a click that is worked with from now on."""
        points = workspace.points
        if (index := _index_of(dragged, workspace)) is None:
            return
        self._points.show(workspace)
        data = points.data.copy()
        data[index] = there
        points.data = data
        workspace.object_id = workspace.placed[index].click.object_id
        points.selected_data = {index}
        self._state.selected.emit()


def _index_of(dragged: PlacedClick, workspace: Workspace) -> int | None:
    """Return which click of an image it is; None if it is there no more, as after undo."""
    return next((n for n, placed in enumerate(workspace.placed) if placed == dragged), None)
