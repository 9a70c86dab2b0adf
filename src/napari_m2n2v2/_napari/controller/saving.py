"""Saving an image's masks, session and table in one go, again to the same place, and going on to the next image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.controller.object_table import ObjectTable
from napari_m2n2v2._napari.controller.sessions import SessionController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.label_file import label_file
from napari_m2n2v2._napari.layers.sources import check_no_source, folder_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace

if TYPE_CHECKING:
    from napari_m2n2v2.session.document import Document

__all__ = ["MASKS", "SaveController", "Target"]

MASKS = "_masks"
"""What follows the name of an image in the names of its files, by which they are known from images."""


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
        The ending of the masks that :func:`~napari_m2n2v2.files.masks.kind_and_ending` knows; "" for the session alone.
    session : bool
        Whether the session is written beside the masks.
    table : bool
        Whether the table of objects is, too.
    """

    folder: Path
    name: str
    masks: str = ".ome.tif"
    session: bool = True
    table: bool = False

    @property
    def masks_file(self) -> Path | None:
        """Where the masks are written, if they are."""
        return self._beside(self.masks) if self.masks else None

    @property
    def session_file(self) -> Path | None:
        """Where the session is written, if it is."""
        return self._beside(".json") if self.session or not self.masks else None

    @property
    def table_file(self) -> Path | None:
        """Where the table is written, if it is."""
        return self._beside(".csv") if self.table else None

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written."""
        found = (self.masks_file, self.session_file, self.table_file)
        return tuple(path for path in found if path is not None)

    @property
    def in_words(self) -> str:
        """What is written, and then where, for lines that have room for the first of it."""
        first, *others = (path.name for path in self.files)
        *some, last = [first, *(name.removeprefix(self.name) for name in others)]
        names = f"{', '.join(some)} and {last}" if some else last
        return f"Saved {names}. Folder: {self.folder}"

    def _beside(self, ending: str) -> Path:
        return self.folder / f"{self.name}{ending}"


class SaveController:
    """Writes what was made of an image, and knows where that was.

    Parameters
    ----------
    state : DockState
        Whose active image is saved.
    sessions : SessionController
        Knows when all that was clicked is solved.
    table : ObjectTable
        Measures objects.
    """

    saved = Signal(object)  # a workspace

    def __init__(self, state: DockState, sessions: SessionController, table: ObjectTable) -> None:
        self._state = state
        self._sessions = sessions
        self._table = table
        self._targets: WeakKeyDictionary[Workspace, Target] = WeakKeyDictionary()
        self._last: Target | None = None
        self._last_from = ""  # the folder of the image saved last
        self.written: set[Path] = set()  # masks, since the dock was opened

    @property
    def target(self) -> Target | None:
        """Where the active image was saved; None while it was not."""
        workspace = self._state.active
        return self._targets.get(workspace) if workspace is not None else None

    @property
    def last_folder(self) -> Path | None:
        """Where was saved last."""
        return self._last.folder if self._last is not None else None

    def target_like(self, name: str) -> Target | None:
        """Return where the active image would be saved: as the one saved last; None if that was of another folder."""
        workspace = self._state.active
        if self._last is None or workspace is None or folder_of(workspace.image) != self._last_from:
            return None
        return replace(self._last, name=name)

    def may_write(self, target: Target) -> bool:
        """Tell whether no open layer was opened from what would be written; the user is told which was."""
        with self._state.errors_shown():
            check_no_source(self._state.viewer.layers, *target.files)
            return True
        return False

    def save(self, target: Target) -> None:
        """Write masks, session and table of the active image, once all that was clicked is solved.

        Of a stack, planes are written as they are when it is their turn.
        """
        if (workspace := self._state.active) is None or not self.may_write(target):
            return
        labels, like = stack_of(workspace.labels), label_file(workspace.image, workspace.dims)

        def prepare(document: Document) -> Callable[[Report], None]:
            write_table = self._table.writer(workspace)

            def write(report: Report) -> None:
                from napari_m2n2v2.files.masks import save_masks
                from napari_m2n2v2.session.session_file import save_session

                if (path := target.masks_file) is not None:
                    save_masks(path, like, labels.read, lambda share: report(share, "masks"))
                if (path := target.session_file) is not None:
                    save_session(path, document)
                if (path := target.table_file) is not None:
                    write_table(path, report)

            return write

        def done(_: Any) -> None:
            self._targets[workspace] = self._last = target
            self._last_from = folder_of(workspace.image)
            if target.masks_file is not None:
                self.written.add(target.masks_file.resolve())
            self._state.tell(target.in_words)
            self._state.hint(target.in_words)
            self.saved.emit(workspace)

        self._sessions.describe("save", prepare, done)
