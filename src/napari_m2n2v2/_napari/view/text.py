"""Text of users in the dock, such as names of layers: it never makes the dock wider."""

from __future__ import annotations

import re

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QComboBox, QLabel, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

__all__ = ["TextLabel", "elide", "elided"]

_CHARACTERS = 24  # that a label or choice asks room for


class TextLabel(QLabel):  # type: ignore[misc]
    """Text in lines of the width there is; what has no place to break and is longer is elided in its middle.

    The tool tip has all of it, then, and it can be selected with the mouse.
    """

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._tells_all = True  # in its tool tip, what it elides
        self.setTextFormat(Qt.TextFormat.PlainText)  # a name may look like a tag
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def text(self) -> str:
        """Return all of the text."""
        return self._text

    def setText(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Show a text."""
        if text != self._text:
            self._text = text
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Elide anew."""
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for little width, whatever the text."""
        return self._narrow(super().minimumSizeHint())

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for little width, whatever the text."""
        return self._narrow(super().sizeHint())

    def _narrow(self, hint: QSize) -> QSize:
        return QSize(min(hint.width(), _CHARACTERS * self.fontMetrics().averageCharWidth()), hint.height())

    def _with_room(self) -> str:
        """Return what of the text there is room for: lines are added for all of it."""
        return self._text

    def _fit(self) -> None:
        metrics, width, text = self.fontMetrics(), self.contentsRect().width(), self._with_room()
        words = text.split()
        has_long = any(map(width.__lt__, map(metrics.horizontalAdvance, words)))

        def fit(word: re.Match[str]) -> str:
            return str(metrics.elidedText(word[0], Qt.TextElideMode.ElideMiddle, width))

        shown = re.sub(r"\S+", fit, text) if has_long else text
        if shown != super().text():
            super().setText(shown)
        if self._tells_all:
            self.setToolTip("" if shown == self._text else self._text)


def elide(choice: QComboBox) -> None:
    """Let a choice of any texts ask for little width: where it has less than a text needs, that ends in an ellipsis.

    Its list and, where it is elided, its tool tip show all of it.
    """
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(8)
    choice.installEventFilter(_Elided(choice))


def elided(choice: QComboBox) -> str:
    """Return what a choice has room to show of its text."""
    option = QStyleOptionComboBox()
    choice.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    room = choice.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, choice)
    return str(choice.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room.width() - 2))


class _Elided(QObject):  # type: ignore[misc]
    """Draws what a choice shows, which Qt would cut without a sign, and has its list as wide as its texts."""

    def eventFilter(self, choice: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Stand in for what Qt does."""
        kind = event.type()
        if kind == QEvent.Type.Paint:
            option, painter = QStyleOptionComboBox(), QStylePainter(choice)
            choice.initStyleOption(option)
            option.currentText = elided(choice)
            painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
            return True
        if kind == QEvent.Type.ToolTip and elided(choice) != choice.currentText():
            text = "\n".join(filter(None, (choice.currentText(), choice.toolTip())))
            QToolTip.showText(event.globalPos(), text, choice)
            return True
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress):  # which may open the list
            metrics, view = choice.fontMetrics(), choice.view()
            longest = max((metrics.horizontalAdvance(choice.itemText(n)) for n in range(choice.count())), default=0)
            view.setMinimumWidth(longest + view.verticalScrollBar().sizeHint().width() + 2 * metrics.height())
        return False
