"""Objects that a click of another one changed flash, so that nobody has to look for what was lost."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_m2n2v2._napari.layers.overlays import Overlay, draw_in_part
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["Flash"]

_MILLISECONDS = 700


_WIDE = 3  # pixels of the outline


class Flash(QObject):  # type: ignore[misc]
    """Outlines objects for a moment.

    Parameters
    ----------
    state : DockState
        Tells which.
    """

    def __init__(self, state: DockState) -> None:
        super().__init__()
        self._state = state
        self._outline = Overlay(state.viewer)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._outline.remove)
        state.others_changed.connect(self._show)
        for signal in (state.moved, state.activated):
            signal.connect(self._outline.remove)

    @property
    def is_shown(self) -> bool:
        """Whether something flashes now."""
        return self._outline.layer is not None

    def close(self) -> None:
        """Let go of the viewer."""
        self._timer.stop()
        self._outline.remove()
        self._outline.close()

    def _show(self, workspace: Workspace, key: PlaneKey, object_ids: Collection[int]) -> None:
        if workspace is not self._state.active or (focus := workspace.focus) is None or focus.plane != key:
            return
        region = focus.region
        shown = workspace.masks_of(key).shown_in(region.box)
        outlined = np.where(np.isin(shown, list(object_ids)), shown, 0).astype(np.int32)
        if outlined.any():
            draw_in_part(self._outline, "labels", workspace.image, workspace.points, focus, outlined, name="changed")
            self._outline.layer.contour, self._outline.layer.opacity = _WIDE, 1.0
            self._timer.start(_MILLISECONDS)
