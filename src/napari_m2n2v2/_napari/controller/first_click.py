"""A click on the only image, before anything was started: it is enough to begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari.layers.geometry import shown_plane, stack_of
from napari_m2n2v2._napari.layers.ours import is_view
from napari_m2n2v2._napari.model.dock_state import DockState

__all__ = ["FirstClick"]

_LEFT_BUTTON = 1


_A_DRAG = 5  # canvas pixels: what napari takes for a drag too


class FirstClick:
    """Watches the mouse while no image was started.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    """

    made = Signal(object, float, float)  # on an Image layer, at this row and column of the plane shown

    def __init__(self, state: DockState) -> None:
        self._state = state
        state.viewer.mouse_drag_callbacks.append(self._watch)

    def close(self) -> None:
        """Let go of the viewer."""
        callbacks = self._state.viewer.mouse_drag_callbacks
        if self._watch in callbacks:
            callbacks.remove(self._watch)

    def _watch(self, viewer: Any, event: Any) -> Iterator[None]:
        image = self._only_image()
        if image is None or event.button != _LEFT_BUTTON or event.modifiers:
            return
        begun = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            if np.linalg.norm(np.array(event.pos) - begun) >= _A_DRAG:  # that moves the view
                return
            yield
        self._click(image, event.position)

    def _only_image(self) -> Any:
        """Return the image that a click can only mean: the viewer's one, unless a tool of another layer is in use."""
        from napari.layers import Image

        viewer = self._state.viewer
        images = [layer for layer in viewer.layers if isinstance(layer, Image) and not is_view(layer)]
        if self._state.workspaces or len(images) != 1:
            return None
        (image,) = images
        idle = viewer.layers.selection.active in (image, None) and image.mode == "pan_zoom"
        return image if idle and image.visible else None

    def _click(self, image: Any, position: Any) -> None:
        key = shown_plane(self._state.viewer.dims, image)
        if key is None:  # in 3-D, say; what to do then is said by Start
            return
        shape = stack_of(image, key.axes).plane_shape
        row, col = (float(image.world_to_data(position)[axis]) for axis in key.axes)
        if 0 <= round(row) < shape[0] and 0 <= round(col) < shape[1]:
            self.made.emit(image, row, col)
        else:
            self._state.hint("That is outside the image: click on an object in it.")
