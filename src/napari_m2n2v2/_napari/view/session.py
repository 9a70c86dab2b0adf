"""Buttons for sessions: save, load, restore, and the paragraph for a publication."""

from __future__ import annotations

from napari.utils.notifications import show_info
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QGridLayout, QWidget

from napari_m2n2v2._napari.controller.sessions import SessionController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button

__all__ = ["SessionPanel"]

_KINDS = "Session (*.json)"


class SessionPanel(QWidget):  # type: ignore[misc]
    """The buttons, and what they do.

    Parameters
    ----------
    state : DockState
        Whose active image is saved.
    sessions : SessionController
        Saves and loads.
    """

    def __init__(self, state: DockState, sessions: SessionController) -> None:
        super().__init__()
        self._state = state
        self.sessions = sessions
        self.save = make_button(
            "Save…",
            "Clicks of this image, all slices, with parameters and versions: the same masks again",
            self._save,
        )
        self.load = make_button("Load…", "Put a saved session's clicks on this image (can be undone)", self._load)
        self.restore = make_button(
            "Restore autosave", "The clicks this image had when it was last segmented", self._restore
        )
        self.methods = make_button("Copy methods text", "A paragraph for a publication", self._copy_methods)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for i, button in enumerate((self.save, self.load, self.restore, self.methods)):
            grid.addWidget(button, i // 2, i % 2)
        follow(
            self.refresh, state.activated, state.moved, state.clicks_changed, state.features_changed,
            sessions.autosaves.found,
        )  # fmt: skip
        self.refresh()

    def refresh(self) -> None:
        """Show what can be done."""
        workspace = self._state.active
        self.load.setEnabled(workspace is not None)
        for button in (self.save, self.methods):
            button.setEnabled(workspace is not None and bool(workspace.placed))
        self.restore.setEnabled(self.sessions.autosaves.latest() is not None)

    def _save(self) -> None:
        dialog = QFileDialog(self, "Save session", "", _KINDS)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")  # which Load and napari's Open look for
        dialog.selectFile("session.json")
        if dialog.exec():
            self.sessions.save(dialog.selectedFiles()[0])

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load session", "", _KINDS)
        if path:
            self.sessions.load(path)

    def _restore(self) -> None:
        path = self.sessions.autosaves.latest()
        if path is not None:
            self.sessions.load(path)

    def _copy_methods(self) -> None:
        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            show_info("The methods paragraph is on the clipboard.")

        self.sessions.copy_methods(put)
