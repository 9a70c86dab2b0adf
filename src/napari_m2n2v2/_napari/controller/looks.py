"""How the masks layer looks: which object stands out and is painted by its brush, filled or outlined."""

from __future__ import annotations

import numpy as np

from napari_m2n2v2._napari.layers.mask_colors import emphasise
from napari_m2n2v2._napari.model.dock_state import DockState

__all__ = ["LooksController"]

_OUTLINE = 2  # pixels wide


class LooksController:
    """Lets the masks layer follow the chosen object.

    Parameters
    ----------
    state : DockState
        Whose masks they are.
    """

    def __init__(self, state: DockState) -> None:
        self._state = state
        for signal in (state.activated, state.selected):
            signal.connect(self._follow)

    def toggle_outline(self) -> None:
        """Draw masks as outlines, or filled again."""
        if (workspace := self._state.active) is not None:
            workspace.labels.contour = 0 if workspace.labels.contour else _OUTLINE

    def _follow(self) -> None:
        """Let the object that the next click is of stand out, and brush and bucket touch it up."""
        workspace = self._state.active
        if workspace is not None and workspace.object_id <= np.iinfo(workspace.labels.data.dtype).max:
            workspace.labels.selected_label = workspace.object_id
            emphasise(workspace.labels, workspace.object_id)
