"""Four steps for someone who opens the dock for the first time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from qtpy.QtWidgets import QFrame, QGridLayout, QLabel

from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2._napari.view.text import TextLabel

__all__ = ["STEPS", "Tour"]

STEPS = (
    "Click on an object. Features are computed at the first click, then its mask appears; later ones follow at once.",
    "Right-click what is not the object. Clicks can be dragged, flipped (T) or deleted later; Ctrl+Z takes back.",
    "N begins the next object. The table lists all of them and takes you back to any.",
    "Save, further below, writes masks and session. F1 lists the keys.",
)


def _is_done(step: int, workspace: Workspace) -> bool:
    """Whether someone has done by now what a step speaks of."""
    return (
        any(masks.areas for masks in workspace.masks),
        any(not placed.click.foreground for placed in workspace.placed),
        len(workspace.about.said) > 1 or bool(workspace.about.kept),
        False,  # the last one is there to be read
    )[step]


class Tour(QFrame):  # type: ignore[misc]
    """Shows the steps one by one, as they are done or read, until the last or *Skip*; never again after that.

    Parameters
    ----------
    state : DockState
        Tells what was done.
    seen : Path
        A file that is there once the tour was taken or skipped.
    """

    def __init__(self, state: DockState, seen: Path) -> None:
        super().__init__()
        self._state = state
        self._seen = seen
        self._step = 0
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = TextLabel()
        self.count = QLabel()
        self.skip = make_button("Skip", "Never show this again; F1 lists the keys", self._end)
        self.onward = make_button("Next", "The next step of the tour", self._on_next)
        grid = QGridLayout(self)
        grid.addWidget(self.count, 0, 0)  # above the text: so a button stays where it is, however long that is
        grid.addWidget(self.skip, 0, 1)
        grid.addWidget(self.onward, 0, 2)
        grid.addWidget(self.text, 1, 0, 1, 3)
        grid.setColumnStretch(0, 1)
        grid.setRowStretch(1, 1)
        self._show()
        self.setVisible(not seen.exists())
        follow(self._on_done, state.solved, state.clicks_changed)

    def _show(self) -> None:
        last = self._step == len(STEPS) - 1
        self.text.setText(STEPS[self._step])
        self.count.setText(f"{self._step + 1} of {len(STEPS)}")
        self.onward.setText("Done" if last else "Next")
        self.skip.setVisible(not last)

    def _on_done(self) -> None:
        workspace = self._state.active
        while workspace is not None and _is_done(self._step, workspace):
            self._step += 1
            self._show()
            if self._step == len(STEPS) - 1:
                self._note()

    def _on_next(self) -> None:
        if self._step == len(STEPS) - 1:
            self._end()
        else:
            self._step += 1
            self._show()

    def _end(self) -> None:
        self.hide()
        self._note()

    def _note(self) -> None:
        """Show it no more the next time."""
        with suppress(OSError):  # then it is shown again next time
            self._seen.parent.mkdir(parents=True, exist_ok=True)
            self._seen.touch()
