"""The image after the present one: another of the viewer, or the next file of its folder."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.saving import MASKS, SaveController
from napari_m2n2v2._napari.layers.ours import is_view
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2.files.open_stack import is_image, is_zarr

__all__ = ["NextImage"]

_READER = "napari"  # for files of another ending than the present one


class NextImage:
    """Goes from image to image.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    saving : SaveController
        Knows which files are masks that it wrote.
    """

    wanted = Signal(object)  # an Image layer to begin with

    def __init__(self, state: DockState, saving: SaveController) -> None:
        self._state = state
        self._saving = saving

    def go(self) -> None:
        """Hide the layers of the present image and ask for the next one to be begun; opened, if need be.

        First the Image layers of the viewer that were not begun yet, those after the present one before those before
        it; then the images beside the present one's file, by name, of any ending; but no masks of ours.
        """
        with self._state.errors_shown():
            workspace = self._state.active
            present = workspace.image if workspace is not None else None
            following = self._in_viewer(present) or self._open_beside(present)
            if following is None:
                raise Slip("There is no other image: open one, or its folder.")
            if workspace is not None:
                for layer in (workspace.image, workspace.labels, workspace.points):
                    layer.visible = False
            following.visible = True
            self._state.viewer.reset_view()  # the one before may have had another size, or was looked at closely
            self.wanted.emit(following)

    def _in_viewer(self, present: Any) -> Any:
        from napari.layers import Image

        layers = list(self._state.viewer.layers)
        at = layers.index(present) + 1 if present in layers else 0
        return next(
            (one for one in layers[at:] + layers[:at]
             if isinstance(one, Image) and not is_view(one) and self._state.of(one) is None),
            None,
        )  # fmt: skip

    def _open_beside(self, present: Any) -> Any:
        if present is None or not present.source.path:
            return None
        path, opened = Path(present.source.path), {layer.source.path for layer in self._state.viewer.layers}
        for other in _after(path):
            if str(other) not in opened and other.resolve() not in self._saving.written:
                is_alike = other.suffix.lower() == path.suffix.lower()
                plugin = present.source.reader_plugin if is_alike else _READER
                return self._state.viewer.open(str(other), plugin=plugin)[0]
        return None


def _after(path: Path) -> list[Path]:
    """List the images after one in its folder, in the order people number them: 2 before 10."""

    def by_number(other: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (0, part.lower()) for part in re.split(r"(\d+)", other.name)]

    if is_zarr(path.parent):
        return []  # what is there is of the same image
    beside = sorted((one for one in path.parent.glob("*") if one == path or _is_next(one, path)), key=by_number)
    return beside[beside.index(path) + 1 :] if path in beside else []


def _is_next(other: Path, path: Path) -> bool:
    """Tell whether a file beside an image is another one, and no masks by its name."""
    is_alike = other.is_file() and other.suffix.lower() == path.suffix.lower()  # which another plugin may read
    return (is_alike or is_image(other)) and not fnmatch(other.name.lower(), f"*{MASKS}.*")
