"""Frames around the parts of a large image that are ready, drawn when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.points import transform_of
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["Frames"]

_READY, _HERE = "#56b4e9", "#e69f00"


class Frames:
    """Draws the parts whose features are there, and the one that is worked on in view.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    gone : callable
        Called when the layer was removed by hand, so that its toggle goes out.
    """

    def __init__(self, controller: Controller, gone: Callable[[], None]) -> None:
        self.on = False
        self._controller = controller
        self._gone = gone
        self._layer: Any = None
        self._drawn: tuple[Any, ...] = ()
        controller.changed.connect(self.refresh)
        controller.viewer.layers.events.removed.connect(self._on_removed)

    def show(self, on: bool) -> None:
        """Switch the frames on or off."""
        self.on = on
        self.refresh()

    def close(self) -> None:
        """Let go; the layer stays."""
        self._controller.changed.disconnect(self.refresh)
        self._controller.viewer.layers.events.removed.disconnect(self._on_removed)

    def refresh(self) -> None:
        """Draw what has changed."""
        workspace = self._controller.active
        focus = workspace.focus if workspace is not None else None
        if not self.on or workspace is None or focus is None:
            self._remove()
            return
        ready = [p.key for p in workspace.parts.of(focus.plane) if p.features is not None and p.key != focus]
        place = tuple(map(str, transform_of(workspace.image).values()))
        drawn = (workspace.image, place, focus, *ready)
        if drawn != self._drawn:
            self._remove()
            self._draw(workspace, focus, ready)
            self._drawn = drawn

    def _draw(self, workspace: Workspace, focus: PartKey, ready: list[PartKey]) -> None:
        viewer, image = self._controller.viewer, workspace.image
        active = viewer.layers.selection.active
        self._layer = viewer.add_shapes(
            [_corners(image, key) for key in (*ready, focus)],
            shape_type="rectangle",
            face_color="transparent",
            edge_color=[_READY] * len(ready) + [_HERE],
            edge_width=0.004 * min(focus.region.shape),
            name=f"{image.name} parts",
            metadata={"napari_m2n2v2": "view"},
            **transform_of(image),
        )
        # Below masks and clicks, and without taking the keyboard from the clicks.
        viewer.layers.move(viewer.layers.index(self._layer), viewer.layers.index(workspace.labels))
        viewer.layers.selection.active = active

    def _remove(self) -> None:
        layer, self._layer, self._drawn = self._layer, None, ()
        if layer is not None and layer in self._controller.viewer.layers:
            self._controller.viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if event.value is self._layer:
            self._layer, self._drawn, self.on = None, (), False
            self._gone()


def _corners(image: Any, key: PartKey) -> Any:
    """Return the corners of a part in the image's data coordinates, ``[4, ndim]``."""
    stack, region = stack_of(image, key.plane.axes), key.region
    top, left = region.top - 0.5, region.left - 0.5
    edges = (
        (top, left),
        (top, left + region.width),
        (top + region.height, left + region.width),
        (top + region.height, left),
    )
    return np.array([stack.join(key.plane.index, *edge) for edge in edges])
