"""Seeing why: what the mask of the part in view came from, drawn when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.layers.overlays import Overlay, draw_frames, draw_in_part
from napari_m2n2v2._napari.layers.place import transform_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.session.document import PartKey

__all__ = ["VIEWS", "ExplainController"]

VIEWS = {
    "Markov-map": "The Markov-map: how many steps the chain takes from the selected click; dark is near",
    "Attention": "The attention: where the selected click attends",
    "Guide": "The guide channel as the engine sees it",
    "Doubt": "Where the object's border could as well be elsewhere",
    "Owner": "Which click decides each pixel",
}

_LOOKS: dict[str, dict[str, Any]] = {
    "Markov-map": {"colormap": "viridis", "contrast_limits": (0, 1), "blending": "translucent"},
    "Attention": {"colormap": "inferno", "contrast_limits": (0, 1), "blending": "translucent"},
    "Guide": {"colormap": "gray", "contrast_limits": (0, 1), "blending": "translucent"},
    "Doubt": {"colormap": "magma", "contrast_limits": (0.6, 1), "blending": "additive"},
}


class ExplainController:
    """Keeps the layers that were asked for up to date with the selected click, the mask and what is shown.

    Parameters
    ----------
    state : DockState
        Whose active image is explained.
    solving : SolveController
        Asked for the answers.
    """

    switched = Signal()  # which layers are shown

    def __init__(self, state: DockState, solving: SolveController) -> None:
        self._state = state
        self._solving = solving
        self._views: dict[str, Overlay] = {}
        self._frames: Overlay | None = None
        self._framed: tuple[Any, ...] = ()
        for signal in (state.solved, state.moved, state.selected, state.activated):
            signal.connect(self._refresh_views)
        for signal in (state.features_changed, state.moved, state.activated):
            signal.connect(self._refresh_frames)

    def is_shown(self, name: str) -> bool:
        """Whether a view, one of :data:`VIEWS`, was asked for."""
        return name in self._views

    def show(self, name: str, shown: bool) -> None:
        """Add or remove the layer of a view, one of :data:`VIEWS`."""
        if shown and name not in self._views:
            self._views[name] = Overlay(self._state.viewer, lambda: self._gone(name))
            self._ask(name)
        elif not shown and (overlay := self._views.pop(name, None)) is not None:
            overlay.close()
            overlay.remove()
        self.switched.emit()

    @property
    def frames_shown(self) -> bool:
        """Whether frames are drawn around parts of a large image."""
        return self._frames is not None

    def show_frames(self, shown: bool) -> None:
        """Draw frames around the parts that are ready and the one in view, or no more."""
        if shown and self._frames is None:
            self._frames = Overlay(self._state.viewer, self._frames_gone)
            self._refresh_frames()
        elif not shown and self._frames is not None:
            self._frames.close()
            self._frames.remove()
            self._frames, self._framed = None, ()
        self.switched.emit()

    def close(self) -> None:
        """Let go; layers stay."""
        for overlay in (*self._views.values(), *([self._frames] if self._frames is not None else [])):
            overlay.close()
        self._views.clear()
        self._frames = None

    # -- views ---------------------------------------------------------------------------------------------------

    def _refresh_views(self) -> None:
        for name in self._views:
            self._ask(name)

    def _ask(self, name: str) -> None:
        workspace = self._state.active
        if workspace is None or (focus := workspace.focus) is None:
            return
        index, object_id = workspace.selected_click, workspace.object_id

        def question(session: Any) -> Any:
            return _answer(name, session, index, object_id)

        self._solving.ask(f"view {name}", question, lambda answer: self._draw(name, workspace, focus, answer))

    def _draw(self, name: str, workspace: Workspace, focus: PartKey, answer: Any) -> None:
        if (overlay := self._views.get(name)) is None:
            return
        array = np.zeros(focus.region.shape, dtype=np.float32) if answer is None else answer
        image, below = workspace.image, workspace.labels
        titled = {"name": f"{image.name} {name}"}
        if name == "Owner":
            draw_in_part(overlay, "labels", image, below, focus, array.astype(np.int32), opacity=0.4, **titled)
        else:
            draw_in_part(overlay, "image", image, below, focus, array, opacity=0.7, **_LOOKS[name], **titled)

    def _gone(self, name: str) -> None:
        self._views.pop(name).close()
        self.switched.emit()

    # -- frames --------------------------------------------------------------------------------------------------

    def _refresh_frames(self) -> None:
        workspace = self._state.active
        focus = workspace.focus if workspace is not None else None
        if self._frames is None:
            return
        if workspace is None or focus is None:
            self._frames.remove()
            self._framed = ()
            return
        ready = [p.key for p in workspace.parts.of(focus.plane) if p.features is not None and p.key != focus]
        place = tuple(map(str, transform_of(workspace.image).values()))
        framed = (workspace.image, place, focus, *ready)
        if framed != self._framed:
            draw_frames(self._frames, workspace.image, workspace.labels, focus, ready)
            self._framed = framed

    def _frames_gone(self) -> None:
        if self._frames is not None:
            self._frames.close()
        self._frames, self._framed = None, ()
        self.switched.emit()


def _answer(name: str, session: Any, index: int | None, object_id: int) -> Any:
    """Return what a view shows of a session, ``[H, W]``; None where there is nothing to show."""
    from napari_m2n2v2.session import diagnostics

    if name == "Guide":
        return diagnostics.guide_seen(session)
    if name == "Owner":
        return diagnostics.owner(session)
    if name == "Doubt":
        own = session.result.objects.get(object_id)
        return 1 - np.abs(diagnostics.margin(session, object_id)) if own is not None and own.clicks else None
    if index is None or index >= len(session.clicks):
        return None
    if name == "Markov-map":
        return diagnostics.markov_map_of(session, index)
    return diagnostics.attention_from(session, index) if session.clicks[index].marked else None  # a box looks nowhere
