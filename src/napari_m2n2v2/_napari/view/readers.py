"""For those who work without a mouse or without eyes: which control the keyboard is on, and what each is called."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QLabel, QWidget

__all__ = ["FOCUS_STYLE", "name_for_readers"]

FOCUS_STYLE = "QWidget:focus { border: 1px solid #6ea0f5 }"
"""Seen in both of napari's themes, whose own style shows no focus."""


def name_for_readers(panel: QWidget) -> None:
    """Name what can be reached by Tab: by its label, else by the first line of its tool tip."""
    for label in panel.findChildren(QLabel):
        if (control := label.buddy()) is not None and not control.accessibleName():
            control.setAccessibleName(label.text())
    for control in panel.findChildren(QWidget):
        is_reached = bool(control.focusPolicy() & Qt.FocusPolicy.TabFocus)
        has_text = isinstance(control, QAbstractButton) and control.text()
        if is_reached and not has_text and not control.accessibleName():
            control.setAccessibleName(control.toolTip().split("\n")[0])
