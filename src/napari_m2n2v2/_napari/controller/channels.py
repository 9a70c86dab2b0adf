"""Layers that are seen together with an image: what changes in them makes its features out of date."""

from __future__ import annotations

from typing import Any

from napari_m2n2v2._napari.controller.settings import SettingsController
from napari_m2n2v2._napari.model.dock_state import DockState

__all__ = ["ChannelsController"]


class ChannelsController:
    """Follows all image layers of a viewer, as long as channels are merged.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    settings : SettingsController
        Told of what changed.
    """

    def __init__(self, state: DockState, settings: SettingsController) -> None:
        self._settings = settings
        self._layers = state.viewer.layers
        self._layers.events.inserted.connect(self._on_inserted)
        self._layers.events.removed.connect(self._on_removed)
        for layer in self._layers:
            self._follow(layer)

    def close(self) -> None:
        """Let go of the viewer."""
        self._layers.events.inserted.disconnect(self._on_inserted)
        self._layers.events.removed.disconnect(self._on_removed)
        for layer in self._layers:
            self._leave(layer)

    def _follow(self, layer: Any) -> None:
        for emitter in _looks(layer):
            emitter.connect(self._on_changed)
        layer.events.set_data.connect(self._on_redrawn)

    def _leave(self, layer: Any) -> None:
        for emitter in _looks(layer):
            emitter.disconnect(self._on_changed)
        layer.events.set_data.disconnect(self._on_redrawn)

    def _on_inserted(self, event: Any) -> None:
        self._follow(event.value)
        self._settings.channel_changed(event.value)

    def _on_removed(self, event: Any) -> None:
        self._leave(event.value)
        self._settings.channel_changed(event.value)

    def _on_changed(self, event: Any) -> None:
        self._settings.channel_changed(event.source)

    def _on_redrawn(self, event: Any) -> None:
        self._settings.channel_redrawn(event.source)


def _looks(layer: Any) -> list[Any]:
    """Return what tells of a change in what a layer adds to others; Points and Labels have not all of it."""
    names = ("data", "contrast_limits", "gamma", "colormap", "opacity", "visible")
    return [getattr(layer.events, name) for name in names if hasattr(layer.events, name)]
