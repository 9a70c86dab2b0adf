"""A click on an image while its clicks layer is not the selected one: it is enough to begin with, and to go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari.controller.mouse import LEFT_BUTTON, RIGHT_BUTTON, is_drag
from napari_m2n2v2._napari.layers.geometry import shown_plane, stack_of
from napari_m2n2v2._napari.layers.ours import is_view
from napari_m2n2v2._napari.model.dock_state import DockState

__all__ = ["PlainClick"]


class PlainClick:
    """Watches the mouse where no layer's tool is in use: a Points layer that is selected adds its points itself.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    """

    made = Signal(object, float, float, bool)  # on an Image layer, at this row and column of the plane shown; its class

    def __init__(self, state: DockState) -> None:
        self._state = state
        state.viewer.mouse_drag_callbacks.append(self._watch)

    def close(self) -> None:
        """Let go of the viewer."""
        callbacks = self._state.viewer.mouse_drag_callbacks
        if self._watch in callbacks:
            callbacks.remove(self._watch)

    def _watch(self, viewer: Any, event: Any) -> Iterator[None]:
        begins, image = not self._state.workspaces, self._image_meant()
        buttons = (LEFT_BUTTON,) if begins else (LEFT_BUTTON, RIGHT_BUTTON)
        if image is None or event.button not in buttons or event.modifiers:
            return
        begun, foreground = np.array(event.pos), self._state.foreground and event.button == LEFT_BUTTON
        yield
        while event.type == "mouse_move":
            if is_drag(event, begun):  # that moves the view
                return
            yield
        self._click(image, event.position, foreground)

    def _image_meant(self) -> Any:
        """Return the image that a click can only mean, unless a tool is in use.

        What is worked on; another that is selected; before anything is begun with, the only one.
        """
        from napari.layers import Image

        viewer, workspace = self._state.viewer, self._state.active
        selected = viewer.layers.selection.active
        images = [layer for layer in viewer.layers if isinstance(layer, Image) and not is_view(layer)]
        if workspace is not None and selected is workspace.labels:
            meant = workspace.image
        elif self._state.workspaces:
            meant = selected if selected in images else None
        else:
            meant = images[0] if len(images) == 1 and selected in (images[0], None) else None
        idle = selected is None or selected.mode == "pan_zoom"
        return meant if meant is not None and idle and meant.visible else None

    def _click(self, image: Any, position: Any, foreground: bool) -> None:
        key = shown_plane(self._state.viewer.dims, image)
        if key is None:  # in 3-D, say; what to do then is said by Start
            return
        shape = stack_of(image, key.axes).plane_shape
        row, col = (float(image.world_to_data(position)[axis]) for axis in key.axes)
        if 0 <= round(row) < shape[0] and 0 <= round(col) < shape[1]:
            self.made.emit(image, row, col, foreground)
        else:
            self._state.hint("That is outside the image: click on an object in it.")
