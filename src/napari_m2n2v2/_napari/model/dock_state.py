"""What the dock is about: the images being segmented, which is worked on, settings, rules; and signals of changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_m2n2v2._napari.model.settings import Settings
from napari_m2n2v2.errors import M2N2V2Error, with_notes
from napari_m2n2v2.session.document import Rules

if TYPE_CHECKING:
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["DockState", "Slip"]


class Slip(M2N2V2Error):
    """Something asked for that makes no sense just now, such as a click beside the image: hinted at, no error."""


class DockState:
    """What all controllers and panels share; each listens to the signals of what it needs.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose layers are worked with.
    """

    opened = Signal(object)  # a workspace was begun with ...
    closed = Signal(object)  # ... or is left alone
    activated = Signal()  # another image is worked on, or none
    features_changed = Signal()  # where features of any part stand, or what they are computed with
    clicks_changed = Signal()  # of any plane
    solved = Signal()  # masks of any plane
    others_changed = Signal(object, object, list)  # in a workspace's plane: objects that clicks of others changed
    moved = Signal()  # which plane or part of the active image is shown, or how
    selected = Signal()  # which click is looked at, or of which object the next one is
    meant = Signal()  # what the next click means
    rules_changed = Signal()
    progressed = Signal(float, str)
    failed = Signal(str)
    told = Signal(str)
    hinted = Signal(str)

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.foreground = True
        self.rules = Rules()
        self.settings = Settings()
        self._active: Workspace | None = None
        self._workspaces: list[Workspace] = []

    @property
    def active(self) -> Workspace | None:
        """The image that keys and buttons act on."""
        return self._active

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """All, in the order they were begun; they may come and go while one goes through them."""
        return tuple(self._workspaces)

    def of(self, image: Any) -> Workspace | None:
        """Return the workspace of an image layer."""
        return next((workspace for workspace in self._workspaces if workspace.image is image), None)

    def activate(self, workspace: Workspace | None) -> None:
        """Work on an image from now on."""
        if workspace is not self._active:
            self._active = workspace
            self.activated.emit()

    def add(self, workspace: Workspace) -> None:
        """Take in an image that was begun with."""
        self._workspaces.append(workspace)
        self.opened.emit(workspace)

    def remove(self, workspace: Workspace) -> None:
        """Leave an image alone."""
        self._workspaces.remove(workspace)
        self.closed.emit(workspace)
        if workspace is self._active:
            self.activate(None)

    def set_foreground(self, foreground: bool) -> None:
        """Say what the next left click means."""
        self.foreground = foreground
        self.meant.emit()

    def set_rules(self, **changes: Any) -> None:
        """Change how clicks become masks, for all images: fields of :class:`~napari_m2n2v2.session.document.Rules`."""
        if (changed := replace(self.rules, **changes)) != self.rules:
            self.rules = changed
            self.rules_changed.emit()

    def tell(self, message: str) -> None:
        """Tell the user something."""
        self.told.emit(message)

    def hint(self, message: str) -> None:
        """Answer a slip where the next step is said, without a notification."""
        self.hinted.emit(message)

    def show_error(self, error: Exception) -> None:
        """Tell the user what went wrong."""
        self.failed.emit(with_notes(error) if isinstance(error, M2N2V2Error) else f"{type(error).__name__}: {error}")

    @contextmanager
    def errors_shown(self) -> Iterator[None]:
        """Tell the user of our own errors inside, and go on; of slips only by a hint."""
        try:
            yield
        except Slip as slip:
            self.hint(str(slip))
        except M2N2V2Error as error:
            self.show_error(error)
