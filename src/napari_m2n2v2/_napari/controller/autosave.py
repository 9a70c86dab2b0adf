"""Sessions that save themselves: one file for each time an image is worked on, the latest of them kept."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from psygnal import Signal

from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.session.document import Document, Fingerprint, Outcome, Place

__all__ = ["Autosaves"]

_KEEP = 50  # files, the oldest go first ...


_YOUNG = 2 * 24 * 3600.0  # ... but for those written within so many seconds, which another napari may be at


_MOMENT = 0.3  # seconds in which more may be clicked, while masks are still to come


_OURS = "[0-9]" * 8 + "-" + "[0-9]" * 6 + "-" + "[0-9]" * 6 + ".json"  # names of files that we may delete


_IMAGE = re.compile(r'"image_sha256": "([0-9a-f]{64})"')


_SHAPE = re.compile(r'"shape": \[([\d,\s]*)\]')


class _Seen(NamedTuple):
    """What a file is of: what the engine saw, as far as that was known by then, and the shape of the image."""

    images: frozenset[str]
    shape: tuple[int, ...]


class Autosaves:
    """Saves every change of the clicks and every solved state, and finds what was saved for an image earlier.

    It writes on a thread of its own, because that on which features are computed may be busy for minutes.

    Parameters
    ----------
    state : DockState
        Whose images are saved.
    jobs : Jobs
        Reads what is there.
    folder : Path
        Where to; made when it is first written to.
    """

    found = Signal()  # other files than before

    def __init__(self, state: DockState, jobs: Jobs, folder: Path) -> None:
        self.folder = folder
        self._state = state
        self._writer = jobs.beside()
        self._writing = threading.Lock()
        self._noting = threading.Lock()  # of what is still to be written: never held for long
        self._files: WeakKeyDictionary[Workspace, Path] = WeakKeyDictionary()  # being written
        self._asked: WeakKeyDictionary[Workspace, object] = WeakKeyDictionary()  # clicks that were, or will be, saved
        self._pending: dict[Path, Document] = {}  # still to be written
        self._seen: dict[Path, _Seen] = {}
        self.begun: WeakSet[Workspace] = WeakSet()  # where earlier work was offered, or put back
        self._has_told = False
        self._is_open = True
        _OPEN.add(self)
        state.clicks_changed.connect(self._on_clicked)
        state.solved.connect(self._on_solved)
        jobs.submit("autosaves", lambda report: _all_in(folder), self._on_found, state.show_error)

    def latest(self) -> Path | None:
        """Return the latest file with clicks on what is shown, rather of earlier work than of the present.

        Where no file knows the image, because napari ended before its features were there, one for an image of the
        same shape.
        """
        workspace = self._state.active
        if workspace is None or (features := workspace.features) is None:
            return None
        own, shape = self._files.get(workspace), workspace.stack.shape
        fitting = {
            path: features.image_hash in seen.images
            for path, seen in self._seen.items()
            if (features.image_hash in seen.images or (not seen.images and seen.shape == shape)) and path.is_file()
        }
        return max(fitting, key=lambda path: (path != own, fitting[path], path.name), default=None)

    @property
    def are_there(self) -> bool:
        """Whether there are any, of whatever image."""
        return bool(self._seen)

    def close(self) -> None:
        """Write at once what is still to be written, and save no more."""
        if not self._is_open:
            return
        self._is_open = False
        _OPEN.discard(self)
        self._writer.close()
        for path, document in list(self._pending.items()):
            self._tell(self._write(path, document, self._in_use()))

    def _on_found(self, seen: dict[Path, _Seen]) -> None:
        self._seen = seen | self._seen
        self.found.emit()

    def _on_clicked(self) -> None:
        for workspace in self._state.workspaces:
            if workspace.work is not self._asked.get(workspace):
                self._save(workspace)

    def _on_solved(self) -> None:
        if (workspace := self._state.active) is not None:
            self._offer(workspace)
            self._save(workspace)

    def _offer(self, workspace: Workspace) -> None:
        """Say that there is earlier work, once, to someone who begins an image anew."""
        if workspace in self.begun or len(workspace.placed) != 1 or workspace.features is None:
            return
        self.begun.add(workspace)
        path = self.latest()
        known = path is not None and path != self._files.get(workspace) and self._seen[path].images
        if known and workspace.features.image_hash in known:
            for say in (self._state.tell, self._state.hint):
                say("Save > Restore autosave brings back earlier work on this image.")

    def _save(self, workspace: Workspace) -> None:
        self._asked[workspace] = workspace.work
        if not workspace.about.said or not self._is_open:
            return
        document = _naming_images(workspace, workspace.document(self._state.rules))
        if workspace not in self._files:
            self._files[workspace] = self.folder / f"{datetime.now():%Y%m%d-%H%M%S-%f}.json"
        path, in_use = self._files[workspace], self._in_use()
        waits = not all(document.solutions.values()) or any(map(_is_to_come, _outcomes(document)))
        with self._noting:
            self._pending[path] = document

        def work(report: Report) -> OSError | UnwritableFileError | None:
            if waits:
                time.sleep(_MOMENT)
                report(0.0, "autosave")  # which ends it if there is something newer
            return self._write(path, document, in_use)

        def done(error: OSError | UnwritableFileError | None) -> None:
            self._tell(error)
            if error is None:
                self._note(path, document)

        self._writer.submit((id(workspace), "autosave"), work, done, self._state.show_error)

    def _write(self, path: Path, document: Document, in_use: frozenset[Path]) -> OSError | UnwritableFileError | None:
        """Write a file and delete old ones, unless something newer is to be written; return why it cannot be."""
        from napari_m2n2v2.session.session_file import save_session

        with self._writing:
            if self._pending.get(path) is not document:
                return None
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                save_session(path, document)
            except (OSError, UnwritableFileError) as error:  # a full disk must not stop anyone from clicking
                return error  # and it is tried again when the dock closes, if not before
            with self._noting:
                if self._pending.get(path) is document:
                    del self._pending[path]
            _tidy(self.folder, in_use)
        return None

    def _note(self, path: Path, document: Document) -> None:
        images = frozenset(outcome.provenance.image_sha256 for outcome in _outcomes(document))
        before = self._seen.get(path)
        self._seen[path] = _Seen(images, document.shape)
        if self._seen[path] != before:
            self.found.emit()

    def _tell(self, error: OSError | UnwritableFileError | None) -> None:
        """Say that nothing is saved, once until it is again."""
        if error is not None and not self._has_told:
            self._state.tell(
                f"Your clicks are not saved by themselves: {error} Save the session by hand, or let "
                "NAPARI_M2N2V2_AUTOSAVE name a folder that can be written."
            )
        self._has_told = error is not None

    def _in_use(self) -> frozenset[Path]:
        """Return the files of all images that this process works on."""
        return frozenset(path for one in {self, *_OPEN} for path in one._files.values())


_OPEN: WeakSet[Autosaves] = WeakSet()  # of all viewers of this process


def _is_to_come(outcome: Outcome) -> bool:
    """Whether masks are still to come; nothing is digested here, which takes milliseconds."""
    return isinstance(outcome, Fingerprint) and not outcome.labels_sha256


def _outcomes(document: Document) -> list[Outcome]:
    return [outcome for outcome in document.solutions.values() if outcome is not None]


def _naming_images(workspace: Workspace, document: Document) -> Document:
    """Say which image it is, where the features are there and masks still to come: that is how it is found again."""

    def outcome_of(place: Place, outcome: Outcome | None) -> Outcome | None:
        part = workspace.parts.get(workspace.part_key(*place))
        if outcome is not None or part is None or part.features is None:
            return outcome
        from napari_m2n2v2.session.provenance import Provenance

        return Fingerprint(Provenance.of(part.features), "")

    return replace(document, solutions={place: outcome_of(place, o) for place, o in document.solutions.items()})


def _tidy(folder: Path, in_use: frozenset[Path]) -> None:
    """Delete the oldest files; another napari may delete some at the same time."""
    written = {path: _written_at(path) for path in _listed(folder)}
    for path in sorted(written, key=written.__getitem__)[:-_KEEP]:
        if path not in in_use and written[path] < time.time() - _YOUNG:
            with suppress(OSError):
                path.unlink()


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _all_in(folder: Path) -> dict[Path, _Seen]:
    return {path: _seen_in(path) for path in _listed(folder)}


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob(_OURS))
    except OSError:
        return []


def _seen_in(path: Path) -> _Seen:
    """See what a file is of, without reading it as a session, which brings the engine."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):  # not there any more, or not even text
        return _Seen(frozenset(), ())
    shape = _SHAPE.search(text)
    return _Seen(frozenset(_IMAGE.findall(text)), tuple(map(int, shape[1].split(","))) if shape else ())
