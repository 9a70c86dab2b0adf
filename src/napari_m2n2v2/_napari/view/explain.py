"""Seeing why: which layers to show, and a small picture of what the engine sees."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_m2n2v2._napari.controller.explain import VIEWS, ExplainController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button, thumbnail
from napari_m2n2v2._napari.view.text import TextLabel

__all__ = ["WhyPanel"]

# The console calls the views by shorter names, which are kept from version to version.
_TITLES = {
    "Markov-map": "Way from the click",
    "Attention": "What looks alike",
    "Guide": "Guide as used",
    "Doubt": "Doubt",
    "Owner": "Which click decides",
}


class WhyPanel(QWidget):  # type: ignore[misc]
    """A toggle for each layer, and the picture.

    Parameters
    ----------
    state : DockState
        Whose active image is explained.
    field : FieldOfView
        Says whether it has parts.
    explain : ExplainController
        Draws the layers.
    """

    def __init__(self, state: DockState, field: FieldOfView, explain: ExplainController) -> None:
        super().__init__()
        self._state = state
        self._field = field
        self._explain = explain
        self._pictured: Any = None  # features whose picture is shown
        self.toggles: dict[str, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for i, (name, tip) in enumerate(VIEWS.items()):
            self.toggles[name] = make_button(_TITLES[name], tip, partial(self._show, name))
            self.toggles[name].setCheckable(True)
            grid.addWidget(self.toggles[name], i // 2, i % 2)
        tip = "Frames around the parts of a large image: blue are ready, orange is worked on where one clicks now"
        self.parts = make_button("Parts", tip, lambda: explain.show_frames(self.parts.isChecked()))
        self.parts.setCheckable(True)
        grid.addWidget(self.parts, len(VIEWS) // 2, len(VIEWS) % 2)
        self.frames = TextLabel()
        self.frames.setText("Blue: ready. Orange: what a click is worked on now.")
        grid.addWidget(self.frames, len(VIEWS) // 2 + 1, 0, 1, 2)
        self.seen = QLabel()
        self.seen.setToolTip("What the engine sees: the image, and the guide beside it")
        grid.addWidget(self.seen, len(VIEWS) // 2 + 2, 0, 1, 2)
        follow(self.refresh, state.activated, state.features_changed, state.moved, explain.switched)
        self.refresh()

    def refresh(self) -> None:
        """Show where things stand."""
        workspace = self._state.active
        features = workspace.features if workspace is not None else None
        for name, button in self.toggles.items():
            button.setEnabled(features is not None)
            button.setChecked(self._explain.is_shown(name))
        self.parts.setEnabled(workspace is not None and self._field.can_be_parted(workspace.image))
        self.parts.setChecked(self._explain.frames_shown)
        self.frames.setVisible(self._explain.frames_shown)
        if features is not self._pictured:
            self._pictured = features
            self.seen.setPixmap(thumbnail(features))

    def _show(self, name: str) -> None:
        self._explain.show(name, self.toggles[name].isChecked())
