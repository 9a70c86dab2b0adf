"""From what happens to Points layers to clicks: mouse, keys, scripts, pasting, the features table; and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.mouse import RIGHT_BUTTON
from napari_m2n2v2._napari.layers import points as convert
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.prompts import as_shape_text, handle_of, is_drawn
from napari_m2n2v2._napari.layers.showing import limit_size, show_clicks
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2._napari.model.hint import check_shown
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.session.document import PlacedClick
from napari_m2n2v2.session.work import Work, keep_carried

__all__ = ["PointsController"]


class PointsController:
    """Reads a Points layer whenever something has changed it, and shows clicks in it.

    Parameters
    ----------
    state : DockState
        Whose workspaces get the clicks.
    field : FieldOfView
        Says in which part of a plane a point lies.
    """

    edited = Signal(object, Work)  # a workspace whose layer was changed by others, and what there was before

    def __init__(self, state: DockState, field: FieldOfView) -> None:
        self._state = state
        self._field = field
        self._quiet = False
        self._right_button = False
        self._unshown: WeakSet[Workspace] = WeakSet()
        state.viewer.mouse_drag_callbacks.append(self._remember_button)
        state.opened.connect(self._connect)
        state.closed.connect(self._disconnect)
        state.moved.connect(self._show_at_last)
        state.moved.connect(self._limit_sizes)

    def show(self, workspace: Workspace) -> None:
        """Make the Points layer of an image show its clicks."""
        self._unshown.add(workspace)  # until it is: whatever fails, the next change or look at the layer shows it
        points, placed = workspace.points, workspace.placed
        workspace.columns.look(points)
        table = workspace.columns.beside(convert.feature_table(placed, points.ndim), placed)
        with self.not_listening():
            show_clicks(points, workspace.image, placed, table)
        self._limit_size(workspace)
        self._unshown.discard(workspace)

    def close(self) -> None:
        """Let go of the viewer."""
        callbacks = self._state.viewer.mouse_drag_callbacks
        if self._remember_button in callbacks:
            callbacks.remove(self._remember_button)

    @contextmanager
    def not_listening(self) -> Iterator[None]:
        """Hear of nothing that is done to the layers meanwhile."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _connect(self, workspace: Workspace) -> None:
        for emitter, handler in self._listened(workspace):
            emitter.connect(handler)

    def _disconnect(self, workspace: Workspace) -> None:
        for emitter, handler in self._listened(workspace):
            emitter.disconnect(handler)

    def _listened(self, workspace: Workspace) -> list[tuple[Any, Callable[[Any], None]]]:
        points = workspace.points
        return [
            (points.events.data, self._on_points),
            (points.events.features, self._on_features),
            (points.events.visible, self._show_at_last),
            (points.selected_data.events.items_changed, self._on_selection),
        ]

    def _show_at_last(self, event: Any = None) -> None:
        """Show what could not be shown when it changed."""
        for workspace in list(self._unshown):
            self.show(workspace)

    def _limit_sizes(self) -> None:
        for workspace in self._state.workspaces:
            self._limit_size(workspace)

    def _limit_size(self, workspace: Workspace) -> None:
        limit_size(workspace.points, bool(workspace.clicks if workspace.here else workspace.placed))

    def _remember_button(self, viewer: Any, event: Any) -> Iterator[None]:
        self._right_button = event.button == RIGHT_BUTTON
        yield
        while event.type == "mouse_move":
            self._right_button = False  # a drag zooms, and adds no point
            yield

    def _owner(self, points: Any) -> Workspace:
        return next(w for w in self._state.workspaces if w.points is points)

    def _on_points(self, event: Any) -> None:
        action = str(getattr(event.action, "value", event.action))
        if not self._quiet and action in ("added", "removed", "changed"):
            self._read(self._owner(event.source))

    def _on_features(self, event: Any) -> None:
        if self._quiet:
            return
        workspace = self._owner(event.source)
        self._keep_shapes(workspace)
        try:
            found = convert.read_features(workspace.points)
        except ClickError as error:  # another table: what it says of the clicks is ours, all else the user's
            self._state.show_error(error)
            self.show(workspace)
            return
        # Also sent while a point is dragged, when nothing of this has changed.
        if found != convert.features_of(workspace.placed):
            self._read(workspace)

    def _on_selection(self, event: Any = None) -> None:
        workspace = self._state.active
        if self._quiet or workspace is None:
            return
        if len(workspace.points.data) != len(workspace.placed):  # pasted: napari tells of it in no other way
            self._read(workspace)
        chosen = workspace.selected_click
        if workspace.points.mode == "select" and workspace.points.selected_data and chosen is not None:
            workspace.object_id = workspace.clicks[chosen].object_id
        self._state.selected.emit()

    def _read(self, workspace: Workspace) -> None:
        """Take what the Points layer shows now; what cannot be read is put back as it was."""
        work, before = workspace.work, workspace.placed
        self._keep_shapes(workspace)
        self._state.activate(workspace)
        added = len(workspace.points.data) - len(before)
        with self._state.errors_shown():
            if added > 0:
                check_shown(workspace)
            _check_inside(workspace)
            if added > 0:
                self._label_new(workspace, added)
            found = convert.read_clicks(workspace.points, workspace.image, workspace.here)
            now = keep_carried(before, [self._fitted(workspace, placed) for placed in found])
            workspace.history.push(work.with_clicks(now))
            workspace.columns.look(workspace.points, now)
        self.edited.emit(workspace, work)

    def _fitted(self, workspace: Workspace, placed: PlacedClick) -> PlacedClick:
        """Place a click that was moved out of its part in the one that is in view there."""
        region, click = placed.region, placed.click
        if region is None or region.meets(click):
            return placed
        at = handle_of(click, stack_of(workspace.image, placed.plane.axes).plane_shape)
        return replace(placed, region=self._field.region_at(workspace, placed.plane, at))

    def _keep_shapes(self, workspace: Workspace) -> None:
        """Put the column back that says what is drawn, where it was taken away: no prompt becomes a click so."""
        table, placed = workspace.points.features, workspace.placed
        if convert.DRAWN not in table and len(table) >= len(placed) and any(map(is_drawn, placed)):
            texts = [as_shape_text(p.click) for p in placed]
            with self.not_listening():
                workspace.points.features = table.assign(
                    **{convert.DRAWN: [*texts, *[""] * (len(table) - len(placed))]}
                )

    def _label_new(self, workspace: Workspace, count: int) -> None:
        """Give the newest points the class that the button or the toggle says, the present object, the axes shown."""
        foreground = self._state.foreground and not self._right_button
        self._right_button = False
        table = workspace.points.features.copy()
        if not {convert.CLASS, convert.OBJECT} <= set(table) or table[convert.CLASS].iloc[:-count].isna().any():
            # Taken away in place, which nobody tells; napari then brings columns back for new points alone.
            for name, values in convert.feature_table(workspace.placed, workspace.points.ndim).items():
                table[name] = [*values, *[None] * count]
        newest = table.index[-count:]
        table.loc[newest, convert.CLASS] = convert.FOREGROUND if foreground else convert.BACKGROUND
        table.loc[newest, convert.OBJECT] = workspace.object_id
        table.loc[newest, convert.THRESHOLD] = np.nan
        if convert.DRAWN in table:  # of a prompt that is selected, which napari gives to new points
            table.loc[newest, convert.DRAWN] = ""
        here = workspace.here
        if here is not None and workspace.points.ndim > 2:
            table.loc[newest, convert.AXES] = convert.as_text(here.axes)
        if here is not None and workspace.by_view:
            places = workspace.points.data[-count:, list(here.axes)]
            regions = [self._field.region_at(workspace, here, (row, col)) for row, col in places]
            table[convert.PART] = table.get(convert.PART, "")
            table.loc[newest, convert.PART] = [convert.as_part_text(region) for region in regions]
        with self.not_listening():
            workspace.points.features = table


def _check_inside(workspace: Workspace) -> None:
    """Hint at points that were put beside the image.

    Raises
    ------
    Slip
    """
    pixels = np.floor(workspace.points.data + 0.5)
    if ((pixels < 0) | (pixels >= workspace.stack.shape)).any():
        raise Slip("That is outside the image: click on an object in it.")
