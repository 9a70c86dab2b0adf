"""Seeing why: layers that show what the mask came from, added when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.layers.points import place_in_plane
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["VIEWS", "Views"]

VIEWS = {
    "Markov-map": "How many steps the chain takes from the selected click; dark is near",
    "Attention": "Where the selected click attends",
    "Guide": "The guide channel as the engine sees it",
    "Doubt": "Where the object's border could as well be elsewhere",
    "Owner": "Which click decides each pixel",
}


_LOOKS: dict[str, dict[str, Any]] = {
    "Markov-map": {"colormap": "viridis", "contrast_limits": (0, 1)},
    "Attention": {"colormap": "inferno", "contrast_limits": (0, 1)},
    "Guide": {"colormap": "gray", "contrast_limits": (0, 1)},
    "Doubt": {"colormap": "magma", "contrast_limits": (0.6, 1), "blending": "additive"},
}


class Views:
    """Keeps the layers that were asked for up to date with the selected click and the mask.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    changed : callable
        Called when a layer was removed by hand, so that its toggle goes out.
    """

    def __init__(self, controller: Controller, changed: Callable[[], None]) -> None:
        self._controller = controller
        self._changed = changed
        self._layers: dict[str, Any] = {}
        controller.solved.connect(self.refresh)
        controller.moved.connect(self.refresh)
        controller.selected.connect(self.refresh)
        controller.viewer.layers.events.removed.connect(self._on_removed)

    def is_shown(self, name: str) -> bool:
        """Whether the layer of that view is there."""
        return name in self._layers

    def show(self, name: str, shown: bool) -> None:
        """Add or remove the layer of a view."""
        if shown and name not in self._layers:
            self._layers[name] = None
            self._ask(name)
        elif not shown and name in self._layers:
            layer = self._layers.pop(name)
            if layer is not None and layer in self._controller.viewer.layers:
                self._controller.viewer.layers.remove(layer)

    def refresh(self) -> None:
        """Bring all layers that are shown up to date."""
        for name in list(self._layers):
            self._ask(name)

    def close(self) -> None:
        """Let go; layers stay."""
        self._controller.solved.disconnect(self.refresh)
        self._controller.moved.disconnect(self.refresh)
        self._controller.selected.disconnect(self.refresh)
        self._controller.viewer.layers.events.removed.disconnect(self._on_removed)

    def _ask(self, name: str) -> None:
        workspace, index = self._controller.active, self._controller.selected_click
        if workspace is None or (focus := workspace.focus) is None:
            return
        object_id = workspace.object_id

        def question(session: Any) -> Any:
            from napari_m2n2v2.session import diagnostics

            if name == "Guide":
                return diagnostics.guide_seen(session)
            if name == "Owner":
                return diagnostics.owner(session)
            if index is None or index >= len(session.clicks):
                return None
            if name == "Markov-map":
                return diagnostics.markov_map_of(session, index)
            if name == "Attention":
                return diagnostics.attention_from(session, index)
            own = session.result.objects.get(object_id)
            return 1 - np.abs(diagnostics.margin(session, object_id)) if own is not None and own.clicks else None

        self._controller.ask(f"view {name}", question, lambda answer: self._draw(name, workspace, focus, answer))

    def _draw(self, name: str, workspace: Workspace, focus: PartKey, answer: Any) -> None:
        if name not in self._layers:
            return
        layer = self._layers[name]
        drawn = np.zeros(focus.region.shape, dtype=np.float32) if answer is None else answer
        data, placed = place_in_plane(workspace.image, focus, drawn.astype(np.int32) if name == "Owner" else drawn)
        if layer is not None and layer.metadata["image"] is workspace.image and layer.data.shape == data.shape:
            layer.data = data
            for setting, value in placed.items():
                setattr(layer, setting, value)
            return
        viewer = self._controller.viewer
        if layer is not None:  # of another image, or across other axes
            self._layers[name] = None
            viewer.layers.remove(layer)
        settings = {
            "name": f"{workspace.image.name} {name}",
            "metadata": {"napari_m2n2v2": "view", "image": workspace.image},
            **placed,
        }
        active = viewer.layers.selection.active
        if name == "Owner":
            added = viewer.add_labels(data, opacity=0.4, **settings)
        else:
            added = viewer.add_image(data, opacity=0.7, **{"blending": "translucent", **_LOOKS[name]}, **settings)
        # Below the masks and clicks, and without taking the keyboard from the clicks.
        viewer.layers.move(viewer.layers.index(added), viewer.layers.index(workspace.labels))
        viewer.layers.selection.active = active
        self._layers[name] = added

    def _on_removed(self, event: Any) -> None:
        for name, layer in list(self._layers.items()):
            if layer is event.value:
                del self._layers[name]
                self._changed()
