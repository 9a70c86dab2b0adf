"""The buttons that are always in sight: what a click means, undo, the next object, preview and suggestion."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QWidget

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.controller.preview import PreviewController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button

__all__ = ["ClickButtons"]

_GREEN, _RED = "#1d7a2c", "#a3271f"


class ClickButtons(QWidget):  # type: ignore[misc]
    """Buttons for what keys do, each named in its text.

    Parameters
    ----------
    state : DockState
        Says which of them make sense now.
    clicks, objects, preview : ClickController, ObjectController, PreviewController
        Do it.
    """

    def __init__(
        self, state: DockState, clicks: ClickController, objects: ObjectController, preview: PreviewController
    ) -> None:
        super().__init__()
        self._state = state
        self._preview = preview
        tip = "What the next left click means; right-click is always background\nT after a click on a click flips it"
        self.sign = make_button("", tip, clicks.toggle)
        self.undo = make_button("Undo (Ctrl+Z)", "Take back the last change of clicks", clicks.undo)
        self.redo = make_button("Redo (Ctrl+Shift+Z)", "Bring it back", clicks.redo)
        self.next_object = make_button(
            "Next object (N)", "Accept this object, and let the next clicks be a new one", objects.next
        )
        self.reset = make_button(
            "Reset object", "Remove this object's clicks in this slice (undo brings them back)", objects.reset
        )
        self.preview = make_button("Preview (H)", "Show the mask that a click at the cursor would give", preview.toggle)
        self.preview.setCheckable(True)
        self.suggest = make_button("Suggest (G)", "Mark where the next click would help most", preview.suggest)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.sign, 0, 0, 1, 2)
        pairs = ((self.undo, self.redo), (self.next_object, self.reset), (self.preview, self.suggest))
        for row, pair in enumerate(pairs, start=1):
            for col, button in enumerate(pair):
                grid.addWidget(button, row, col)
        changes = state.activated, state.features_changed, state.clicks_changed, state.moved, preview.switched
        follow(self.refresh, *changes)
        follow(self._show_meaning, state.meant)
        self._show_meaning()
        self.refresh()

    def refresh(self) -> None:
        """Let those be pressed that do something now."""
        workspace = self._state.active
        self.undo.setEnabled(workspace is not None and workspace.history.can_undo)
        self.redo.setEnabled(workspace is not None and workspace.history.can_redo)
        for button in (self.sign, self.next_object, self.reset):
            button.setEnabled(workspace is not None)
        for button in (self.preview, self.suggest):
            button.setEnabled(workspace is not None and workspace.features is not None)
        self.preview.setChecked(self._preview.on)

    def _show_meaning(self) -> None:
        foreground = self._state.foreground
        self.sign.setText("● Foreground (T)" if foreground else "✚ Background (T)")
        color = _GREEN if foreground else _RED
        self.sign.setStyleSheet(f"QPushButton {{ background-color: {color}; color: white; }}")
