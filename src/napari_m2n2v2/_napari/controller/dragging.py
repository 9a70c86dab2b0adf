"""Clicks dragged and selected by the mouse in the mode in which they are placed; in the others napari does that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.mouse import LEFT_BUTTON, is_drag
from napari_m2n2v2._napari.controller.points import PointsController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.prompts import Box, Outline
from napari_m2n2v2.session.document import PlacedClick

__all__ = ["DragController"]

_ON_IT = 4  # pixels of the canvas from the middle of a click: the smallest that is drawn


class DragController:
    """Moves the click that the left button went down on; where it goes up at the same place, that click is selected.

    Parameters
    ----------
    state : DockState
        Whose clicks they are.
    clicks : ClickController
        Flips the one that is selected so.
    points : PointsController
        Reads where they are in the end.
    """

    def __init__(self, state: DockState, clicks: ClickController, points: PointsController) -> None:
        self._state = state
        self._clicks = clicks
        self._points = points
        state.viewer.mouse_drag_callbacks.append(self._drag)

    def close(self) -> None:
        """Let go of the viewer."""
        if self._drag in self._state.viewer.mouse_drag_callbacks:
            self._state.viewer.mouse_drag_callbacks.remove(self._drag)

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Follow the mouse; the mask follows when the button is let go."""
        points = viewer.layers.selection.active
        workspace = next((w for w in self._state.workspaces if w.points is points), None)
        if workspace is None or points.mode != "add" or event.button != LEFT_BUTTON or event.modifiers:
            return
        index, start = self._under(workspace, event), np.array(event.pos)
        is_on_it = index is not None
        if index is None:
            seen = {"view_direction": event.view_direction, "dims_displayed": event.dims_displayed, "world": True}
            index = points.get_value(event.position, **seen)
        if index is None or index >= len(workspace.placed):
            return
        dragged, there = workspace.placed[index], None
        if is_on_it:
            points.mode = "pan_zoom"  # else napari adds a point where the button is let go
        try:
            yield
            while event.type == "mouse_move":
                event.handled = True  # else napari pans
                if there is not None or is_drag(event, start):
                    there = self._show_at(workspace, dragged, event)
                yield
        finally:
            if is_on_it:
                points.mode = "add"
        if there is not None:
            self._place(workspace, dragged, there)
        elif is_on_it and (index := _index_of(dragged, workspace)) is not None:
            self._choose(workspace, index)

    def _under(self, workspace: Workspace, event: Any) -> int | None:
        """Return which click in the plane shown is drawn below the mouse, the nearest; None beside all of them."""
        points, placed = workspace.points, workspace.placed
        shown = [n for n in range(min(len(placed), len(points.data))) if placed[n].plane == workspace.here]
        if not shown or not points.visible:
            return None
        corner = np.array(points.data_to_world(np.zeros(points.ndim)))
        steps = np.array([points.data_to_world(unit) for unit in np.eye(points.ndim)]) - corner
        axes = list(event.dims_displayed)
        own = [axis - len(event.position) + points.ndim for axis in axes]  # of the layer, which may have fewer
        away = (points.data[shown] @ steps + corner)[:, own] - np.array(event.position)[axes]
        far = np.linalg.norm(away, axis=1) * self._state.viewer.scene.camera.zoom
        return shown[int(far.argmin())] if far.min() <= _ON_IT else None

    def _choose(self, workspace: Workspace, index: int) -> None:
        """Select a click, and say what can be done to it."""
        self._clicks.pick(workspace, index)
        if index in workspace.indices:
            number, kind = workspace.indices.index(index) + 1, type(workspace.placed[index].click)
            flips = "" if kind in (Box, Outline) else "T flips it, "
            self._state.hint(f"{kind.__name__} {number} is selected: {flips}Delete removes it.")

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
