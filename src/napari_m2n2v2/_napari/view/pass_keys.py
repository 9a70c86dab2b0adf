"""The dock's keys wherever the keyboard is in the dock: lists and tables would search their rows for these letters."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QKeyCombination, QObject, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QWidget

from napari_m2n2v2._napari.view.keys import KEYS

__all__ = ["PassKeys"]

_NAMES = {QKeySequence(key.replace("Control", "Ctrl").replace("-", "+")).toString(): name for name, key in KEYS.items()}


class PassKeys(QObject):  # type: ignore[misc]
    """Lets the keys of the dock go on from what takes letters for itself, and from there to the viewer, as all others.

    Where text is written nothing changes: line edits and spin boxes keep their keys.

    Parameters
    ----------
    dock : QWidget
        All tables, lists and boxes to choose from inside it are seen to, but for the ``own_keys`` of one: names of
        keys that it has a use for.
    """

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        for kind in (QAbstractItemView, QComboBox):
            for control in dock.findChildren(kind):
                control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Leave a key of ours to whoever is around; what is written in a cell or an editable box has its own widget."""
        if event.type() != QEvent.Type.KeyPress:
            return False
        name = _NAMES.get(QKeySequence(QKeyCombination(event.modifiers(), Qt.Key(event.key()))).toString())
        if name is None or name in getattr(watched, "own_keys", ()):
            return False
        event.ignore()
        return True
