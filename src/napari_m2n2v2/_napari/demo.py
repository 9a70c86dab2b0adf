"""Open napari on a demo: what ``napari-m2n2v2 demo`` shows where there is a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_m2n2v2.clicks import Click

__all__ = ["show"]


def show(image: Any, clicks: Sequence[Click]) -> None:
    """Open a viewer with the dock, start it on ``image`` and place ``clicks``; returns when the window is closed."""
    import napari

    viewer = napari.Viewer(title="napari-m2n2v2 demo")
    layer = viewer.add_image(image, name="demo")
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    widget.image.value = layer
    widget.start.click()
    widget.controller.set_clicks(clicks)
    napari.run()
