"""Sessions in napari: save, load, autosave, and what napari's own Open and Save do with the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.layers.geometry import axis_names
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.session.document import Document
from napari_m2n2v2.session.work import Work

__all__ = ["SessionController"]


class SessionController:
    """Saves and loads the clicks of the active image, of all its slices and parts.

    Parameters
    ----------
    state : DockState
        Whose active image is saved.
    jobs : Jobs
        Reads and writes.
    clicks, solving : ClickController, SolveController
        Take what is loaded.
    folder : Path
        Where every change is saved by itself, one file for each time an image is worked on.
    """

    wanted = Signal()  # an image to load a session onto, while there is none: whoever knows which begins with it

    def __init__(
        self, state: DockState, jobs: Jobs, clicks: ClickController, solving: SolveController, folder: Path
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._clicks = clicks
        self._solving = solving
        self.autosaves = Autosaves(state, jobs, folder)
        self._waiting: list[tuple[Workspace, Callable[[], None]]] = []  # for an image to be settled
        for signal in (state.solved, state.features_changed, state.closed):
            signal.connect(self._look)

    def save(self, path: str | Path) -> None:
        """Save all clicks of the active image to a file, once what is being solved is there."""

        def write(document: Document, report: Report) -> None:
            from napari_m2n2v2.session.session_file import save_session

            save_session(path, document)

        self.describe(
            "save", lambda document: partial(write, document), lambda _: self._state.tell(f"Saved to {path}.")
        )

    def copy_methods(self, put: Callable[[str], None]) -> None:
        """Make the paragraph for a publication and give it to ``put``."""

        def paragraph(document: Document, report: Report) -> str:
            from napari_m2n2v2.session.methods_text import methods_paragraph

            return methods_paragraph(document)

        self.describe("methods", lambda document: partial(paragraph, document), put)

    def load(self, path: str | Path) -> None:
        """Put a file's clicks on the active image, as one step to undo, and say what differs from when it was saved.

        A file of one flat image goes onto the slice that is shown; the clicks of other slices stay then. Where no image
        is active, the one that is chosen is begun.
        """
        if (workspace := self._begun()) is None:
            return

        def read(report: Report) -> Document:
            from napari_m2n2v2.session.session_file import load_session

            return load_session(path)

        def done(document: Document) -> None:
            with self._state.errors_shown():
                self._put(workspace, document)

        self._jobs.submit((id(workspace), "load"), read, done, self._state.show_error)

    def restore(self) -> None:
        """Load the latest autosave with clicks on what is shown, once that is known, which needs its features."""
        if (workspace := self._begun()) is None:
            return

        def load() -> None:
            if (path := self.autosaves.latest()) is not None:
                self.load(path)
            elif workspace.features is not None:
                self._state.tell(f"There is no autosave with clicks on '{workspace.image.name}' as it is shown.")

        self._when_settled(workspace, load)

    def _begun(self) -> Workspace | None:
        """Return the active image, if it is shown; begin with the chosen one where there is none."""
        if self._state.active is None:
            self.wanted.emit()
        workspace = self._state.active
        if workspace is None or workspace.here is None:
            self._state.tell("Start the image first: a session is loaded onto it.")
            return None
        return workspace

    def _put(self, workspace: Workspace, document: Document) -> None:
        self.autosaves.begun.add(workspace)
        here, flat = workspace.here, len(document.shape) < len(workspace.stack.shape)
        document = document.onto(workspace.stack, here)
        others = [p for p in workspace.placed if p.plane != here] if flat else []
        kept = [one for one in workspace.work.accepted if one.plane != here] if flat else []
        for carried in document.carried:
            workspace.carried.add(carried)
        workspace.carried.take_up(document.placed)
        rules = document.rules
        self._state.set_rules(compete=rules.compete, reach=rules.reach, method=rules.method)
        begun = [one for one in workspace.work.starts if one.plane != here] if flat else []
        work = replace(
            workspace.work if flat else Work(),
            placed=(*others, *document.placed), accepted=(*kept, *document.accepted), starts=(*begun, *document.starts),
        )  # fmt: skip
        for one in document.about:
            work = work.describe(one)
        self._clicks.change(workspace, work)
        self._when_settled(workspace, partial(self._compare, workspace, workspace.work, document))

    def _compare(self, workspace: Workspace, work: Work, loaded: Document) -> None:
        """Say whether the masks of what was loaded are what they were, if it is still there."""
        if workspace.work != work:
            return
        now, names = workspace.document(self._state.rules), axis_names(workspace.dims, workspace.image)

        def compare(report: Report) -> str:
            from napari_m2n2v2.session.differences import differences_in_words

            return differences_in_words(loaded, now, names)

        def done(found: str) -> None:
            other = self._state.rules.method != SegmentationParameters()
            method = " Clicks are solved by the session's method now (More > Method)." if other else ""
            self._state.tell(f"Loaded {len(loaded.placed)} clicks. {found}{method}")

        self._jobs.submit((id(workspace), "compare"), compare, done, self._state.show_error)

    def file_of(self, workspace: Workspace) -> Document:
        """Describe an image as it is now; in this thread."""
        return workspace.document(self._state.rules)

    def describe(
        self, key: str, prepare: Callable[[Document], Callable[[Report], Any]], done: Callable[[Any], None]
    ) -> None:
        """Do something with the active image as it would be saved, once all is solved.

        ``prepare`` is called in this thread, and what it returns on the worker.
        """
        if (workspace := self._state.active) is None:
            return

        def describe() -> None:
            work = prepare(workspace.document(self._state.rules))
            self._jobs.submit((id(workspace), key), work, done, self._state.show_error, self._state.progressed.emit)

        self._when_settled(workspace, describe)

    def _when_settled(self, workspace: Workspace, call: Callable[[], None]) -> None:
        """Call this once nothing of an image is being computed or solved, if it is still there then."""
        self._waiting.append((workspace, call))
        self._look()

    def _look(self) -> None:
        """Call what waited long enough."""
        waiting, self._waiting = self._waiting, []
        for workspace, call in waiting:
            if workspace in self._state.workspaces:
                if workspace.is_computing or self._solving.is_busy(workspace):
                    self._waiting.append((workspace, call))
                else:
                    call()
