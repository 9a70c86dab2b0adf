"""What napari's command palette offers of the dock."""

from __future__ import annotations

from typing import Any

__all__ = ["carry_on", "carry_other_way"]


def carry_on() -> None:
    """Carry the present object to the next slice, as the key W does."""
    if (dock := _dock()) is not None:
        dock.controller.propagating.go_on()


def carry_other_way() -> None:
    """Carry the present object to the next slice the other way, as Shift+W does."""
    if (dock := _dock()) is not None:
        dock.controller.propagating.turn_round()


def _dock() -> Any:
    """Return the dock of the viewer in front; say what to do where there is none."""
    from napari import current_viewer
    from napari.utils.notifications import show_info

    from napari_m2n2v2._napari.attach import dock_of

    viewer = current_viewer()
    dock = dock_of(getattr(viewer, "__wrapped__", viewer))
    if dock is None:
        show_info("Open the dock first: Plugins > Segment with clicks, then click on an object.")
    return dock
