"""Buttons for sessions: save, load, restore, and the paragraph for a publication."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QGridLayout, QWidget

from napari_m2n2v2._napari.controller.sessions import SessionController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button

__all__ = ["SessionPanel", "file_name"]

_MOST_CHARACTERS = 60  # of a name: 240 bytes at most, which every file system takes


_KINDS = "Session (*.json)"


class SessionPanel(QWidget):  # type: ignore[misc]
    """The buttons, and what they do.

    Parameters
    ----------
    state : DockState
        Whose active image is saved.
    sessions : SessionController
        Saves and loads.
    chosen : callable
        Returns the Image layer that is chosen, perhaps not begun yet; None for none.
    begin : callable
        Begins with it.
    """

    def __init__(
        self, state: DockState, sessions: SessionController, chosen: Callable[[], Any], begin: Callable[[], None]
    ) -> None:
        super().__init__()
        self._state = state
        self.sessions = sessions
        self._chosen = chosen
        self._begin = begin
        sessions.wanted.connect(begin)
        self.save = make_button(
            "Save…",
            "Clicks of this image, all slices, with parameters and versions: the same masks again",
            self._save,
        )
        self.load = make_button(
            "Load…", "Put a saved session's clicks on this image (can be undone)\nand start it, if need be", self._load
        )
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
        self.load.setEnabled(workspace is not None or self._is_to_begin)
        for button in (self.save, self.methods):
            button.setEnabled(workspace is not None and bool(workspace.placed))
        autosaves = self.sessions.autosaves
        self.restore.setEnabled(autosaves.are_there if self._is_to_begin else autosaves.latest() is not None)

    @property
    def _is_to_begin(self) -> bool:
        """Whether an image is chosen that was not begun yet."""
        chosen = self._chosen()
        return chosen is not None and self._state.of(chosen) is None

    def _begin_chosen(self) -> None:
        if self._is_to_begin:
            self._begin()

    def _save(self) -> None:
        dialog = QFileDialog(self, "Save session", "", _KINDS)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")  # which Load and napari's Open look for
        if self._state.active is not None:
            dialog.selectFile(file_name(self._state.active.image.name))
        if dialog.exec():
            self.sessions.save(dialog.selectedFiles()[0])

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load session", "", _KINDS)
        if path:
            self._begin_chosen()
            self.sessions.load(path)

    def _restore(self) -> None:
        self._begin_chosen()
        self.sessions.restore()

    def _copy_methods(self) -> None:
        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            show_info("The methods paragraph is on the clipboard.")

        self.sessions.copy_methods(put)


def file_name(image_name: str) -> str:
    """Return the name of a session file after an image's, with what no file system takes left out."""
    plain = re.sub(r'[\\/:*?"<>|\x00-\x1f\x7f]+', "_", image_name)[:_MOST_CHARACTERS].strip(" .")
    return f"{plain or 'session'}.json"
