"""Sessions in napari: save, load, autosave, and what napari's own Open and Save do with the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.places import PlacedClick, PlaneKey
from napari_m2n2v2.errors import M2N2V2Error

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller import Controller

__all__ = ["Sessions", "get_reader", "write_clicks"]

_KEEP = 50  # autosaved sessions, the oldest go first


class Sessions:
    """Saves and loads the clicks of the active image: of a stack, those of the plane that is shown.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    folder : Path
        Where every solved state is saved by itself, one file an image.
    """

    def __init__(self, controller: Controller, folder: Path) -> None:
        self.folder = folder
        self._controller = controller
        controller.solved.connect(self._autosave)

    def close(self) -> None:
        """Let go of the controller."""
        self._controller.solved.disconnect(self._autosave)

    def save(self, path: str | Path) -> None:
        """Save the active session to a file: of a stack, that of the plane that is shown."""

        def question(session: Any) -> None:
            from napari_m2n2v2.session_file import save_session

            save_session(path, session)

        self._controller.ask("save", question, lambda _: self._controller.tell(f"Saved to {path}."))

    def load(self, path: str | Path) -> None:
        """Put a file's clicks on the active image, as one step to undo, and say what differs from when it was saved."""
        workspace = self._controller.active
        features, key = (workspace.features, workspace.here) if workspace is not None else (None, None)
        if workspace is None or features is None or key is None:
            self._controller.tell("Start the image, or this slice of it, first: a session is loaded onto it.")
            return

        def question(session: Any) -> Any:
            from napari_m2n2v2.session_file import load_session

            loaded = load_session(path)
            return loaded, loaded.replay(features)[1]

        def done(answer: Any) -> None:
            loaded, differences = answer
            if self._controller.active is not workspace:
                return
            if loaded.start is not None:
                workspace.planes.at(key).start = loaded.start
            self._controller.set_rules(reach=loaded.segmentation_parameters.reach)
            self._controller.set_clicks(loaded.clicks, key=key)
            if loaded.start is not None:
                self._controller.solving.begin_again(workspace, key)
            same = "The masks are the same, bit for bit."
            told = "The masks differ from the saved ones:\n" + "\n".join(differences) if differences else same
            self._controller.tell(f"Loaded {len(loaded.clicks)} clicks. {told}")

        self._controller.ask("load", question, done)

    def autosaved(self) -> Path | None:
        """Return the file that was saved by itself for the active image earlier, if it is there."""
        workspace = self._controller.active
        if workspace is None or workspace.features is None:
            return None
        path = self.folder / f"{workspace.features.image_hash}.json"
        return path if path.is_file() else None

    def copy_methods(self, put: Any) -> None:
        """Make the paragraph for a publication and give it to ``put``."""

        def question(session: Any) -> str:
            from napari_m2n2v2.session_file import methods_paragraph

            return methods_paragraph(session)

        self._controller.ask("methods", question, put)

    def _autosave(self) -> None:
        workspace = self._controller.active
        if workspace is None or not workspace.clicks or self._controller.is_solving:
            return
        folder = self.folder

        def question(session: Any) -> None:
            from napari_m2n2v2.session_file import save_session

            try:
                folder.mkdir(parents=True, exist_ok=True)
                save_session(folder / f"{session.features.image_hash}.json", session)
                for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-_KEEP]:
                    old.unlink()
            except OSError:  # a full disk must not stop anyone from clicking
                return

        self._controller.ask("autosave", question, lambda _: None)


def get_reader(path: str | Sequence[str]) -> Any:
    """Return napari's reader for a session file, or None for other JSON."""
    if not isinstance(path, str) or not path.endswith(".json"):
        return None
    from napari_m2n2v2.session_file import load_session

    try:
        load_session(path)
    except M2N2V2Error:
        return None
    return _read


def _read(path: str) -> list[tuple[Any, dict[str, Any], str]]:
    """Read a session file as a Points layer with its clicks."""
    from napari_m2n2v2.session_file import load_session

    loaded = load_session(path)
    positions = np.array([(click.row, click.col) for click in loaded.clicks], dtype=float).reshape(-1, 2)
    settings = {
        "name": f"{Path(path).stem} clicks",
        "features": convert.feature_table([PlacedClick(PlaneKey(), click) for click in loaded.clicks]),
        "metadata": {"napari_m2n2v2": "clicks", "session": str(path)},
        "ndim": 2,
    }
    return [(positions, settings, "points")]


def write_clicks(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Points layer of ours as the session file of the dock it belongs to: napari's Save As.

    Raises
    ------
    UnwritableFileError
        If the layer belongs to no image being segmented.
    """
    from napari_m2n2v2._napari.attach import session_of
    from napari_m2n2v2.session_file import save_session

    save_session(path, session_of(meta["name"]))
    return [path]
