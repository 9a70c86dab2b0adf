"""Sessions in napari: save, load, autosave, and what napari's own Open and Save do with the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.session_record import SessionRecord, carried_in, check_fits, compare, placed_in
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2.session.session_file import SessionFile

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
        Where every solved state is saved by itself, one file for each time an image is worked on.
    """

    def __init__(
        self, state: DockState, jobs: Jobs, clicks: ClickController, solving: SolveController, folder: Path
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._clicks = clicks
        self._solving = solving
        self.autosaves = Autosaves(state, jobs, solving, folder)
        self._waiting: list[tuple[Workspace, Callable[[], None]]] = []  # for an image to be settled
        for signal in (state.solved, state.features_changed, state.closed):
            signal.connect(self._look)

    def save(self, path: str | Path) -> None:
        """Save all clicks of the active image to a file, once what is being solved is there."""

        def write(file: SessionFile) -> None:
            from napari_m2n2v2.session.session_file import save_session

            save_session(path, file)

        self._describe("save", write, lambda _: self._state.tell(f"Saved to {path}."))

    def copy_methods(self, put: Callable[[str], None]) -> None:
        """Make the paragraph for a publication and give it to ``put``."""

        def describe(file: SessionFile) -> str:
            from napari_m2n2v2.session.methods_text import methods_paragraph

            return methods_paragraph(file)

        self._describe("methods", describe, put)

    def load(self, path: str | Path) -> None:
        """Put a file's clicks on the active image, as one step to undo, and say what differs from when it was saved.

        A file of one flat image goes onto the slice that is shown; the clicks of other slices stay then.
        """
        workspace = self._state.active
        if workspace is None or workspace.here is None:
            self._state.tell("Start the image first: a session is loaded onto it.")
            return

        def read(report: Report) -> SessionFile:
            from napari_m2n2v2.session.session_file import load_session

            return load_session(path)

        def done(file: SessionFile) -> None:
            with self._state.errors_shown():
                self._put(workspace, file)

        self._jobs.submit((id(workspace), "load"), read, done, self._state.show_error)

    def _put(self, workspace: Workspace, file: SessionFile) -> None:
        here, shape = workspace.here, stack_of(workspace.image).shape
        keys = [PlaneKey(part.axes, part.index) for part in file.parts]
        flat = len(file.shape) == 2 and len(shape) > 2
        if flat and here is not None:
            keys = [here] * len(keys)
        expected = stack_of(workspace.image, keys[0].axes).plane_shape if flat and keys else shape
        if file.shape != expected:
            raise ImageError(f"The session is of an image of shape {file.shape}, and this one has {expected}.")
        placed = placed_in(file, keys)
        starts = {keys[0] if flat else PlaneKey(*place): start for place, start in file.starts.items()}
        check_fits(workspace.image, placed, starts)
        others = [p for p in workspace.placed if p.plane != here] if flat else []
        for key, start in starts.items():
            workspace.masks_of(key).begin_with(start)
        for carried in carried_in(file, placed):
            workspace.carried.add(carried)
        workspace.carried.take_up(placed)
        self._state.set_rules(compete=file.compete, reach=file.segmentation_parameters.reach)
        self._clicks.place(workspace, [*others, *placed])
        for key in dict.fromkeys((*keys, *starts)):
            self._solving.solve(workspace, key)  # labels to start from are no clicks
        self._when_settled(workspace, partial(self._compare, workspace, workspace.placed, file, keys))

    def _compare(
        self, workspace: Workspace, placed: tuple[PlacedClick, ...], file: SessionFile, planes: Sequence[PlaneKey]
    ) -> None:
        """Say whether the masks of what was loaded are what they were, if it is still there."""
        if workspace.placed != placed:
            return
        record = SessionRecord.of(workspace, self._state.rules)
        self._jobs.submit(
            (id(workspace), "compare"),
            lambda report: compare(record, file, planes),
            lambda found: self._state.tell(f"Loaded {len(file.saved)} clicks. {found}"),
            self._state.show_error,
        )

    def file_of(self, workspace: Workspace) -> SessionFile:
        """Describe an image as it is now; in this thread."""
        return SessionRecord.of(workspace, self._state.rules).to_file()

    def _describe(self, key: str, question: Callable[[SessionFile], Any], done: Callable[[Any], None]) -> None:
        """Ask something of the file that would be saved, once all that was clicked is solved."""
        if (workspace := self._state.active) is None:
            return

        def describe() -> None:
            record = SessionRecord.of(workspace, self._state.rules)
            self._jobs.submit(
                (id(workspace), key), lambda report: question(record.to_file()), done, self._state.show_error
            )

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
