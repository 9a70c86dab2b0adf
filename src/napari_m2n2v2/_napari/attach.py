"""The dock from the console: ``napari_m2n2v2.attach(viewer)``; which docks are open, without knowing a widget."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from napari_m2n2v2.errors import UnwritableFileError

if TYPE_CHECKING:
    from napari_m2n2v2.session.session_file import SessionFile

__all__ = ["SESSION_ID", "WORK", "attach", "console_of", "open_layers", "register", "session_of"]

SESSION_ID = "napari_m2n2v2 session"  # in the metadata of a Points layer: of which work it is


WORK = "napari_m2n2v2 work"  # in the metadata of one that no dock works with: its clicks, and what is accepted


class OpenDock(Protocol):
    """What is known here of a dock that is open: its :class:`~napari_m2n2v2._napari.controller.console.Console`."""

    @property
    def viewer(self) -> Any:
        """The viewer it is in."""

    def session_of(self, session_id: str | None, points_name: str) -> SessionFile | None:
        """Describe what a Points layer of its own gives; None for a layer of others."""


_OPEN: weakref.WeakSet[Any] = weakref.WeakSet()


def attach(viewer: Any) -> Any:
    """Open the dock in a viewer, or find the one that is open there.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.

    Returns
    -------
    Console
        A call for everything that is done in the dock, see :class:`~napari_m2n2v2._napari.controller.console.Console`.

    Raises
    ------
    TypeError
        If the viewer has no window.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if (found := console_of(viewer)) is None:
        window = getattr(viewer, "window", None)
        if window is None:
            raise TypeError(f"attach needs a napari.Viewer with a window to put the dock in, got {type(viewer)}.")
        window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
        found = console_of(viewer)
    return found


def console_of(viewer: Any) -> Any:
    """Return what :func:`attach` returns, of the dock that is open in a viewer; None where none is."""
    return next((console for console in _OPEN if console.viewer is viewer), None)


def register(console: OpenDock, is_open: bool) -> None:
    """Note that a dock is open, or no more."""
    (_OPEN.add if is_open else _OPEN.discard)(console)


def open_layers() -> Iterator[Any]:
    """Go through the layers of all viewers with an open dock."""
    for console in _OPEN:
        yield from console.viewer.layers


def session_of(points_name: str, metadata: Mapping[str, Any]) -> SessionFile:
    """Describe what the Points layer of this name and metadata gives in an open dock.

    Raises
    ------
    UnwritableFileError
        If no dock has it.
    """
    for console in _OPEN:
        found: SessionFile | None = console.session_of(metadata.get(SESSION_ID), points_name)
        if found is not None:
            return found
    raise UnwritableFileError(
        f"Layer '{points_name}' belongs to no image being segmented. A session file needs the image's features: "
        "press Start in the dock first, or save the layer as .csv."
    )
