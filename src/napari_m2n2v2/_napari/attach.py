"""The dock from the console: ``napari_m2n2v2.attach(viewer)``."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.layers.points import SESSION_ID
from napari_m2n2v2.errors import UnwritableFileError

if TYPE_CHECKING:
    from napari_m2n2v2._napari.view.dock import SegmentWithClicks
    from napari_m2n2v2.session.session_file import SessionFile

__all__ = ["attach", "dock_of", "register", "session_of"]

_DOCKS: weakref.WeakSet[Any] = weakref.WeakSet()


def attach(viewer: Any) -> SegmentWithClicks:
    """Open the dock in a viewer, or return the one that is open there.

    Its ``controller`` has a call for everything the dock does; ``why.views``, ``hover`` and ``session.sessions`` are
    beside it.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if (found := dock_of(viewer)) is not None:
        return found
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    made: SegmentWithClicks = widget
    return made


def dock_of(viewer: Any) -> SegmentWithClicks | None:
    """Return the dock that is open in a viewer."""
    return next((dock for dock in _DOCKS if dock.controller.viewer is viewer), None)


def register(dock: Any, is_open: bool) -> None:
    """Note that a dock is open, or no more."""
    (_DOCKS.add if is_open else _DOCKS.discard)(dock)


def session_of(points_name: str, metadata: Mapping[str, Any]) -> SessionFile:
    """Describe what the Points layer of this name and metadata gives in an open dock.

    Raises
    ------
    UnwritableFileError
        If no dock has it.
    """
    for dock in _DOCKS:
        for workspace in dock.controller.workspaces:
            # The layer itself is not told to writers, and several viewers may have one of the name.
            same = workspace.points.metadata.get(SESSION_ID) == metadata.get(SESSION_ID)
            if same and workspace.points.name == points_name:
                file: SessionFile = dock.session.sessions.file_of(workspace)
                return file
    raise UnwritableFileError(
        f"Layer '{points_name}' belongs to no image being segmented. A session file needs the image's features: "
        "press Start in the dock first, or save the layer as .csv."
    )
