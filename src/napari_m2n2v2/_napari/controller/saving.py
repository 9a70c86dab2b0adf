"""Saving an image's masks and session in one go, again to the same place, and going on to the next image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.controller.sessions import SessionController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.label_file import label_file
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace

if TYPE_CHECKING:
    from napari_m2n2v2.session.document import Document

__all__ = ["SaveController", "Target"]


@dataclass(frozen=True)
class Target:
    """Where an image is saved, and as what.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        What the names of all its files begin with.
    masks : str
        The ending of the masks, one of :data:`~napari_m2n2v2.files.masks.MASK_ENDINGS`; "" for the session alone.
    session : bool
        Whether the session is written beside the masks.
    """

    folder: Path
    name: str
    masks: str = ".ome.tif"
    session: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written."""
        endings = (self.masks, ".json" if self.session or not self.masks else "")
        return tuple(self.folder / f"{self.name}{ending}" for ending in endings if ending)


class SaveController:
    """Writes what was made of an image, and knows where that was.

    Parameters
    ----------
    state : DockState
        Whose active image is saved.
    sessions : SessionController
        Knows when all that was clicked is solved.
    """

    saved = Signal(object)  # a workspace

    def __init__(self, state: DockState, sessions: SessionController) -> None:
        self._state = state
        self._sessions = sessions
        self._targets: WeakKeyDictionary[Workspace, Target] = WeakKeyDictionary()
        self._last: Target | None = None

    @property
    def target(self) -> Target | None:
        """Where the active image was saved; None while it was not."""
        workspace = self._state.active
        return self._targets.get(workspace) if workspace is not None else None

    def target_like(self, name: str) -> Target | None:
        """Return where another image would be saved: beside the one saved last, in the same way."""
        return replace(self._last, name=name) if self._last is not None else None

    def save(self, target: Target) -> None:
        """Write masks and session of the active image, once all that was clicked is solved.

        Of a stack, planes are written as they are when it is their turn.
        """
        if (workspace := self._state.active) is None:
            return
        labels, like = stack_of(workspace.labels), label_file(workspace.image, workspace.dims)

        def write(document: Document, report: Report) -> None:
            from napari_m2n2v2.files.masks import save_masks
            from napari_m2n2v2.session.session_file import save_session

            if target.masks:
                save_masks(target.files[0], like, labels.read, lambda share: report(share, "masks"))
            if target.session or not target.masks:
                save_session(target.files[-1], document)

        def done(_: Any) -> None:
            self._targets[workspace] = self._last = target
            self._state.tell(f"Saved {' and '.join(path.name for path in target.files)} in {target.folder}.")
            self.saved.emit(workspace)

        self._sessions.describe("save", write, done)
