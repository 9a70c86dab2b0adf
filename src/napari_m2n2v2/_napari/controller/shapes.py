"""Between prompts and the Shapes layer that draws them: each follows the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.prompts import PromptController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.making import make_shapes
from napari_m2n2v2._napari.layers.ours import find_shapes, mark
from napari_m2n2v2._napari.layers.place import place_like
from napari_m2n2v2._napari.layers.prompts import NUMBER, draw_shapes, drawn_shape, is_drawn, read_shape, reshaped
from napari_m2n2v2._napari.layers.showing import colour_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.hint import check_shown
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.prompts import Box, Outline, Scribble
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

__all__ = ["ShapesController"]

Drawn = tuple[PlacedClick, NDArray[Any]]  # a prompt, and the corners of its shape


class ShapesController:
    """Draws the prompts of an image in a Shapes layer, and reads there what users draw, move, reshape and delete.

    Prompts are kept where clicks are: a layer that is removed is made again at the next change.

    Parameters
    ----------
    state : DockState
        Whose images are drawn on.
    clicks, prompts : ClickController, PromptController
        Change prompts, and take new ones.
    """

    def __init__(self, state: DockState, clicks: ClickController, prompts: PromptController) -> None:
        self._state = state
        self._clicks = clicks
        self._prompts = prompts
        self._quiet = self._changed = False
        self._shown: WeakKeyDictionary[Workspace, list[Drawn]] = WeakKeyDictionary()
        state.opened.connect(self._on_opened)
        state.closed.connect(self._let_go)
        state.clicks_changed.connect(self._show_all)
        state.viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        """Let go of the viewer; layers stay."""
        self._state.viewer.layers.events.removed.disconnect(self._on_removed)

    def show(self, workspace: Workspace) -> None:
        """Make the layer of an image show its prompts; the first makes the layer."""
        drawn = [placed for placed in workspace.placed if is_drawn(placed)]
        if workspace.shapes is None:
            if not drawn:
                return
            self._make(workspace)
        layer = cast(Any, workspace.shapes)
        shapes = [_shape(workspace, placed) for placed in drawn]
        kept = 0
        for (data, kind), there, its_kind in zip(shapes, layer.data, layer.shape_type, strict=False):
            if kind != its_kind or not np.array_equal(data, there):
                break
            kept += 1
        with self._not_listening():
            draw_shapes(layer, shapes, kept, np.array([colour_of(placed.click) for placed in drawn]))
        self._shown[workspace] = [(placed, np.array(data)) for placed, data in zip(drawn, layer.data, strict=True)]

    @contextmanager
    def _not_listening(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _show_all(self) -> None:
        for workspace in self._state.workspaces:
            if [one for one, _ in self._shown.get(workspace, [])] != list(filter(is_drawn, workspace.placed)):
                self.show(workspace)

    # -- the layer -----------------------------------------------------------------------------------------------

    def _make(self, workspace: Workspace) -> None:
        """Add a layer below that of the clicks; the one that was used stays so."""
        layers, layer = self._state.viewer.layers, make_shapes(workspace.image)
        active = layers.selection.active
        self._state.viewer.add_layer(layer)
        layers.move(layers.index(layer), layers.index(workspace.points))
        layers.selection.active = active
        self._take(workspace, layer)

    def _take(self, workspace: Workspace, layer: Any) -> None:
        workspace.shapes = layer
        self._shown.pop(workspace, None)
        mark(workspace.image, (workspace.points, workspace.labels, layer), self._state.viewer.layers)
        layer.events.data.connect(self._on_data)
        layer.events.set_data.connect(self._on_redrawn)

    def _on_opened(self, workspace: Workspace) -> None:
        if (layer := find_shapes(self._state.viewer.layers, workspace.image)) is not None:
            place_like(layer, workspace.image)
            self._take(workspace, layer)
        self.show(workspace)

    def _let_go(self, workspace: Workspace) -> None:
        if workspace.shapes is not None:
            workspace.shapes.events.data.disconnect(self._on_data)
            workspace.shapes.events.set_data.disconnect(self._on_redrawn)
            workspace.shapes = None
        self._shown.pop(workspace, None)

    def _on_removed(self, event: Any) -> None:
        for workspace in self._state.workspaces:
            if workspace.shapes is event.value:
                self._let_go(workspace)

    # -- reading -------------------------------------------------------------------------------------------------

    def _on_data(self, event: Any) -> None:
        action = str(getattr(event.action, "value", event.action))
        if not self._quiet and action in ("added", "removed", "changed"):
            self._changed = True
            if not getattr(event.source, "_is_creating", False):  # else napari goes on with it first, then draws it
                self._on_redrawn(event)

    def _on_redrawn(self, event: Any) -> None:
        if self._quiet or not self._changed:
            return
        self._changed = False
        workspace = next(w for w in self._state.workspaces if w.shapes is event.source)
        self._state.activate(workspace)
        with self._state.errors_shown():
            self._read(workspace)
        self.show(workspace)  # as it is kept: a box upright, nothing where nothing came of it

    def _read(self, workspace: Workspace) -> None:
        """Take over what is other than it was shown."""
        layer, shown = cast(Any, workspace.shapes), self._shown.get(workspace, [])
        known: dict[int, int] = {}  # where the shape of each prompt is
        new = []
        for at, number in enumerate(layer.features.get(NUMBER, [])):
            if number in range(len(shown)) and number not in known:  # a new one has the number of one selected
                known[int(number)] = at
            else:
                check_shown(workspace)
                new.append(read_shape(layer.shape_type[at], layer.data[at], cast(PlaneKey, workspace.here).axes))
        self._change(workspace, {n: layer.data[at] for n, at in known.items()})
        for kind, points in new:
            self._prompts.add(kind, points)

    def _change(self, workspace: Workspace, data: dict[int, NDArray[Any]]) -> None:
        """Let prompts have other corners, or go, by their number: one step to undo."""
        shown, number, placed = self._shown.get(workspace, []), -1, []
        for one in workspace.placed:
            if not is_drawn(one):
                placed.append(one)
                continue
            number += 1
            if number in data:
                same = np.array_equal(data[number], shown[number][1])
                placed.append(one if same else self._reshaped(workspace, one, data[number]))
        if tuple(placed) != workspace.placed:
            self._clicks.place(workspace, placed)

    def _reshaped(self, workspace: Workspace, placed: PlacedClick, data: NDArray[Any]) -> PlacedClick:
        now = reshaped(cast("Scribble | Box | Outline", placed.click), data, placed.plane.axes)
        if placed.region is not None and placed.region.meets(now):
            return replace(placed, click=now, carried=False)
        return self._clicks.placed(workspace, placed.plane, now)


def _shape(workspace: Workspace, placed: PlacedClick) -> tuple[NDArray[Any], str]:
    stack = stack_of(workspace.image, placed.plane.axes)
    return drawn_shape(cast("Scribble | Box | Outline", placed.click), stack, placed.plane.index)
