"""The list of keys, for whoever asks."""

from __future__ import annotations

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_m2n2v2._napari.view.keys import KEYS

__all__ = ["KEYS_SAID", "show_keys"]

KEYS_SAID = {
    "toggle": "what the next click means; flips a click that was clicked on, and points that are selected",
    "next_object": "accept the object; the next clicks are a new one",
    "accept": "accept the object, so that clicks of others leave it as it is; again: open it",
    "undo": "take back the last change of clicks",
    "redo": "bring it back",
    "preview": "show what a click at the cursor would give",
    "suggest": "mark where the next click would help most",
    "outline": "masks as outlines, or filled",
    "accept_proposal": "accept what Find similar proposes, and go to the next",
    "reject_proposal": "reject it",
    "next_proposal": "go to the next proposal",
    "carry": "carry the object to the next slice",
    "carry_back": "carry it the other way",
    "help": "this list",
}


def show_keys(parent: QWidget) -> None:
    """Show what keys and mouse do; the work goes on meanwhile."""
    mouse = {
        "Click": "this is the object",
        "Right-click": "this is not",
        "Click on a click": "select it: T flips it, Delete removes it; drag it to move it",
        "Shift+drag": "a box: the object lies inside; the next box is the next object",
        "Ctrl+drag": "a scribble: this is the object; with the right button, this is not",
        "Ctrl+Shift+drag": "an outline: the object is about this",
    }
    keys = {KEYS[name].replace("Control", "Ctrl").replace("-", "+"): said for name, said in KEYS_SAID.items()}
    rows = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{said}</td></tr>" for key, said in (mouse | keys).items())
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Keys", f"<table>{rows}</table>", parent=parent)
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    box.setModal(False)
    box.show()
