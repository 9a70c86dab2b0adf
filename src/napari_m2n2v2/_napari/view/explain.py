"""Seeing why: which layers to show, and a small picture of what the engine sees."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_m2n2v2._napari.layers.frames import Frames
from napari_m2n2v2._napari.layers.overlays import VIEWS, Views
from napari_m2n2v2._napari.view.qt import make_button, thumbnail

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller

__all__ = ["WhyPanel"]


class WhyPanel(QWidget):  # type: ignore[misc]
    """A toggle for each layer, and the picture.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._pictured: Any = None  # features whose picture is shown
        self.views = Views(controller, self.refresh)
        self.frames = Frames(controller, self.refresh)
        self.toggles: dict[str, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for i, (name, tip) in enumerate(VIEWS.items()):
            self.toggles[name] = make_button(name, tip, partial(self._show, name))
            self.toggles[name].setCheckable(True)
            grid.addWidget(self.toggles[name], i // 2, i % 2)
        tip = "Frames around the parts of a large image that are ready, and around the one in view"
        self.parts = make_button("Parts", tip, lambda: self.frames.show(self.parts.isChecked()))
        self.parts.setCheckable(True)
        grid.addWidget(self.parts, len(VIEWS) // 2, len(VIEWS) % 2)
        self.seen = QLabel()
        self.seen.setToolTip("What the engine sees: the image, and the guide beside it")
        grid.addWidget(self.seen, len(VIEWS) // 2 + 1, 0, 1, 2)
        controller.changed.connect(self.refresh)
        self.refresh()

    def close_down(self) -> None:
        """Let go of the controller; layers stay."""
        self._controller.changed.disconnect(self.refresh)
        self.views.close()
        self.frames.close()

    def refresh(self) -> None:
        """Show where things stand."""
        controller, workspace = self._controller, self._controller.active
        features = workspace.features if workspace is not None else None
        for name, button in self.toggles.items():
            button.setEnabled(features is not None)
            button.setChecked(self.views.is_shown(name))
        self.parts.setEnabled(workspace is not None and controller.fields.can_be_parted(workspace))
        self.parts.setChecked(self.frames.on)
        if features is not self._pictured:
            self._pictured = features
            self.seen.setPixmap(thumbnail(features))

    def _show(self, name: str) -> None:
        self.views.show(name, self.toggles[name].isChecked())
