"""Sessions that save themselves: one file for each time an image is worked on, the latest of them kept."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import UnwritableFileError

__all__ = ["Autosaves"]

_KEEP = 50  # files, the oldest go first


_OURS = "[0-9]" * 8 + "-" + "[0-9]" * 6 + "-" + "[0-9]" * 6 + ".json"  # names of files that we may delete


_IMAGE = re.compile(r'"image_sha256": "([0-9a-f]{64})"')


class Autosaves:
    """Saves every solved state, and finds what was saved for an image earlier.

    Parameters
    ----------
    state : DockState
        Whose images are saved.
    jobs : Jobs
        Reads and writes.
    solving : SolveController
        Says when a mask is still to come.
    folder : Path
        Where to; made when it is first written to.
    """

    found = Signal()  # other files than before

    def __init__(self, state: DockState, jobs: Jobs, solving: SolveController, folder: Path) -> None:
        self.folder = folder
        self._state = state
        self._jobs = jobs
        self._solving = solving
        self._files: WeakKeyDictionary[Workspace, Path] = WeakKeyDictionary()  # being written
        self._images: dict[Path, frozenset[str]] = {}  # what the engine saw of which, by file
        self._is_told = False  # that nothing can be saved
        state.solved.connect(self._save)
        jobs.submit("autosaves", lambda report: _images_in(folder), self._on_found, state.show_error)

    def latest(self) -> Path | None:
        """Return the latest file with clicks on what is shown, rather of earlier work than of the present."""
        workspace = self._state.active
        if workspace is None or (features := workspace.features) is None:
            return None
        own = self._files.get(workspace)
        files = [path for path, images in self._images.items() if features.image_hash in images and path.is_file()]
        return max(files, key=lambda path: (path != own, path.name), default=None)

    @property
    def are_there(self) -> bool:
        """Whether there are any, of whatever image."""
        return bool(self._images)

    def _on_found(self, images: dict[Path, frozenset[str]]) -> None:
        self._images = images | self._images
        self.found.emit()

    def _save(self) -> None:
        workspace = self._state.active
        if workspace is None or not workspace.placed or self._solving.is_solving:
            return
        document = workspace.document(self._state.rules)
        if not any(document.solutions.values()):
            return
        if workspace not in self._files:
            self._files[workspace] = self.folder / f"{datetime.now():%Y%m%d-%H%M%S-%f}.json"
        path = self._files[workspace]

        def work(report: Report) -> frozenset[str] | str:
            from napari_m2n2v2.session.session_file import save_session

            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                save_session(path, document)
                for old in _listed(self.folder)[:-_KEEP]:
                    old.unlink()
            except (OSError, UnwritableFileError) as error:  # a full disk must not stop anyone from clicking
                return str(error)
            return frozenset(outcome.provenance.image_sha256 for outcome in document.solutions.values() if outcome)

        def done(images: frozenset[str] | str) -> None:
            if isinstance(images, str):
                self._tell_once(images)
            elif images - self._images.get(path, frozenset()):
                self._images[path] = images
                self.found.emit()

        self._jobs.submit((id(workspace), "autosave"), work, done, self._state.show_error)

    def _tell_once(self, wrong: str) -> None:
        if not self._is_told:
            self._is_told = True
            self._state.tell(
                f"Clicks are not saved by themselves: {wrong.rstrip('.')}. Save them by Session > Save, or let "
                "NAPARI_M2N2V2_AUTOSAVE name a folder that can be written to before napari is started."
            )


def _images_in(folder: Path) -> dict[Path, frozenset[str]]:
    return {path: _images_of(path) for path in _listed(folder)}


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob(_OURS))
    except OSError:
        return []


def _images_of(path: Path) -> frozenset[str]:
    """See which images a file is of, without reading it as a session, which brings the engine."""
    try:
        return frozenset(_IMAGE.findall(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):  # not there any more, or not even text
        return frozenset()
