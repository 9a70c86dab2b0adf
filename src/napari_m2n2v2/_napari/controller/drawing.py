"""Drawing with a key held, in the mode in which clicks are placed: boxes, scribbles and outlines by one drag each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.mouse import LEFT_BUTTON, RIGHT_BUTTON, is_drag
from napari_m2n2v2._napari.controller.prompts import PromptController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.making import line_width
from napari_m2n2v2._napari.layers.overlays import Overlay
from napari_m2n2v2._napari.layers.place import transform_of
from napari_m2n2v2._napari.layers.prompts import Kind, drawn_shape, make_prompt
from napari_m2n2v2._napari.layers.showing import BACKGROUND_COLOR, FOREGROUND_COLOR
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["DrawController"]

# By whether Shift and Control are held. Alt is napari's: it zooms.
_HELD: dict[tuple[bool, bool], Kind] = {(True, False): "box", (False, True): "scribble", (True, True): "outline"}

_TOLERANCE = 0.5  # pixels: corners of a line that change it less are left out

Line = list[tuple[float, float]]


class DrawController:
    """Watches the mouse on the clicks layer.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    clicks, prompts : ClickController, PromptController
        Take what was clicked, and what was drawn.
    """

    def __init__(self, state: DockState, clicks: ClickController, prompts: PromptController) -> None:
        self._state = state
        self._clicks = clicks
        self._prompts = prompts
        self._band = Overlay(state.viewer)
        state.viewer.mouse_drag_callbacks.append(self._draw)

    def close(self) -> None:
        """Let go of the viewer and take what was drawn away."""
        self._band.remove()
        self._band.close()
        if self._draw in self._state.viewer.mouse_drag_callbacks:
            self._state.viewer.mouse_drag_callbacks.remove(self._draw)

    def _draw(self, viewer: Any, event: Any) -> Iterator[None]:
        """Follow the mouse; the prompt is placed when the button is let go."""
        workspace = self._state.active
        kind = _HELD.get(("Shift" in event.modifiers, "Control" in event.modifiers))
        if workspace is None or (key := workspace.here) is None or kind is None or not self._draws(kind, event):
            return
        points = workspace.points
        foreground = self._state.foreground and event.button == LEFT_BUTTON
        start, moved, line = np.array(event.pos), False, [_place(workspace, key, event)]
        event.handled = True
        points.mode = "pan_zoom"  # else napari adds a point where the button is let go
        try:
            yield
            while event.type == "mouse_move":
                event.handled = True
                line.append(_place(workspace, key, event))
                moved = moved or is_drag(event, start)
                if moved:
                    self._show(workspace, key, kind, line, foreground)
                yield
        finally:
            self._band.remove()
            points.mode = "add"
        if workspace is not self._state.active or workspace.here != key:
            return
        if moved:
            self._prompts.add(kind, _simplified(kind, line), foreground)
        else:
            self._click(workspace, key, line[0], foreground)

    def _click(self, workspace: Workspace, key: PlaneKey, place: tuple[float, float], foreground: bool) -> None:
        """Place a click as napari does without a key: it is selected."""
        if not Click(*place).meets(stack_of(workspace.image, key.axes).plane_shape):
            self._state.hint("That is outside the image: click on an object in it.")
            return
        self._clicks.add(*place, foreground)
        workspace.points.selected_data = {len(workspace.placed) - 1}

    def _draws(self, kind: Kind, event: Any) -> bool:
        """Whether this is how one draws, and the clicks layer is where clicks are placed."""
        button = event.button == LEFT_BUTTON or (event.button == RIGHT_BUTTON and kind == "scribble")
        workspace, used = self._state.active, self._state.viewer.layers.selection.active
        on_clicks = workspace is not None and used is workspace.points and used.mode == "add"
        return button and on_clicks and "Alt" not in event.modifiers

    def _show(self, workspace: Workspace, key: PlaneKey, kind: Kind, line: Line, foreground: bool) -> None:
        """Draw what is drawn so far."""
        image = workspace.image
        try:
            prompt = make_prompt(kind, _ends(line) if kind == "box" else line, foreground or kind != "scribble", 1)
        except ClickError:  # two points enclose nothing
            return
        shape = drawn_shape(prompt, stack_of(image, key.axes), key.index)
        if self._band.layer is not None:
            self._band.layer.data = [shape]
            return
        self._band.draw(
            "shapes", image, workspace.points, [shape], edge_width=line_width(image), face_color="transparent",
            edge_color=[FOREGROUND_COLOR if prompt.foreground else BACKGROUND_COLOR], name="drawing",
            **transform_of(image),
        )  # fmt: skip


def _place(workspace: Workspace, key: PlaneKey, event: Any) -> tuple[float, float]:
    """Return where the mouse is: (row, col) of the plane."""
    position = workspace.points.world_to_data(event.position)
    return float(position[key.axes[0]]), float(position[key.axes[1]])


def _ends(line: Line) -> Line:
    return [line[0], line[-1]]


def _simplified(kind: Kind, line: Line) -> Line:
    """Return the corners that make the line; of a box where the mouse went down and up."""
    if kind == "box":
        return _ends(line)
    from skimage.measure import approximate_polygon  # brings scipy.signal, which takes a second

    return [(float(row), float(col)) for row, col in approximate_polygon(np.array(line), _TOLERANCE)]
