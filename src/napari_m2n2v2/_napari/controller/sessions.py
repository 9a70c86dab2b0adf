"""Sessions in napari: save, load, autosave, and what napari's own Open and Save do with the file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.layers.geometry import axis_names
from napari_m2n2v2.session.document import Document, PlacedClick

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["Sessions"]


class Sessions:
    """Saves and loads the clicks of the active image, of all its slices and parts.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    folder : Path
        Where every solved state is saved by itself, one file for each time an image is worked on.
    """

    def __init__(self, controller: Controller, folder: Path) -> None:
        self._controller = controller
        self.autosaves = Autosaves(controller, folder)
        self._waiting: list[tuple[Workspace, Callable[[], None]]] = []  # for an image to be settled
        controller.changed.connect(self._look)

    def close(self) -> None:
        """Let go of the controller."""
        self._controller.changed.disconnect(self._look)
        self.autosaves.close()

    def save(self, path: str | Path) -> None:
        """Save all clicks of the active image to a file, once what is being solved is there."""

        def write(document: Document) -> None:
            from napari_m2n2v2.session.session_file import save_session

            save_session(path, document)

        self._describe("save", write, lambda _: self._controller.tell(f"Saved to {path}."))

    def copy_methods(self, put: Callable[[str], None]) -> None:
        """Make the paragraph for a publication and give it to ``put``."""

        def describe(document: Document) -> str:
            from napari_m2n2v2.session.methods_text import methods_paragraph

            return methods_paragraph(document)

        self._describe("methods", describe, put)

    def load(self, path: str | Path) -> None:
        """Put a file's clicks on the active image, as one step to undo, and say what differs from when it was saved.

        A file of one flat image goes onto the slice that is shown; the clicks of other slices stay then.
        """
        workspace = self._controller.active
        if workspace is None or workspace.here is None:
            self._controller.tell("Start the image first: a session is loaded onto it.")
            return

        def read(report: Report) -> Document:
            from napari_m2n2v2.session.session_file import load_session

            return load_session(path)

        def done(document: Document) -> None:
            with self._controller.errors_shown():
                self._put(workspace, document)

        self._controller.jobs.submit((id(workspace), "load"), read, done, self._controller.show_error)

    def _put(self, workspace: Workspace, document: Document) -> None:
        here, shape = workspace.here, document.shape
        document = document.onto(workspace.stack, here)
        others = [p for p in workspace.placed if p.plane != here] if len(shape) < len(workspace.stack.shape) else []
        for key, start in document.starts.items():
            workspace.masks_of(key).begin_with(start)
        for carried in document.carried:
            workspace.carried.add(carried)
        workspace.carried.take_up(document.placed)
        controller = self._controller
        controller.set_rules(compete=document.compete, reach=document.segmentation_parameters.reach)
        controller.place_clicks(workspace, [*others, *document.placed])
        for key in dict.fromkeys((*(plane for plane, _ in document.solutions), *document.starts)):
            controller.solving.solve(workspace, key)  # labels to start from are no clicks
        self._when_settled(workspace, partial(self._compare, workspace, workspace.placed, document))

    def _compare(self, workspace: Workspace, placed: tuple[PlacedClick, ...], loaded: Document) -> None:
        """Say whether the masks of what was loaded are what they were, if it is still there."""
        if workspace.placed != placed:
            return
        now, names = workspace.document(self._controller.rules), axis_names(workspace.dims, workspace.image)

        def compare(report: Report) -> str:
            from napari_m2n2v2.session.differences import differences_in_words

            return differences_in_words(loaded, now, names)

        self._controller.jobs.submit(
            (id(workspace), "compare"),
            compare,
            lambda found: self._controller.tell(f"Loaded {len(loaded.placed)} clicks. {found}"),
            self._controller.show_error,
        )

    def file_of(self, workspace: Workspace) -> Document:
        """Describe an image as it is now; in this thread."""
        return workspace.document(self._controller.rules)

    def _describe(self, key: str, question: Callable[[Document], Any], done: Callable[[Any], None]) -> None:
        """Ask something of the file that would be saved, once all that was clicked is solved."""
        controller, workspace = self._controller, self._controller.active
        if workspace is None:
            return

        def describe() -> None:
            document = workspace.document(controller.rules)
            controller.jobs.submit((id(workspace), key), lambda report: question(document), done, controller.show_error)

        self._when_settled(workspace, describe)

    def _when_settled(self, workspace: Workspace, call: Callable[[], None]) -> None:
        """Call this once nothing of an image is being computed or solved, if it is still there then."""
        self._waiting.append((workspace, call))
        self._look()

    def _look(self) -> None:
        """Call what waited long enough."""
        waiting, self._waiting = self._waiting, []
        for workspace, call in waiting:
            if workspace in self._controller.workspaces:
                if workspace.is_computing or self._controller.solving.is_busy(workspace):
                    self._waiting.append((workspace, call))
                else:
                    call()
