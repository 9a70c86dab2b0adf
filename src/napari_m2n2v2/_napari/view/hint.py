"""What to do next, in a place that never moves what is below it."""

from __future__ import annotations

import re

from qtpy.QtCore import QEvent, QRect, Qt, QTimer

from napari_m2n2v2._napari.view.text import TextLabel

__all__ = ["HintLine"]

_LINES = 2  # what fits into the narrowest dock
_SENTENCE = re.compile(r"(?<=[.?]) ")

_SLIP_MILLISECONDS = 4000
_AT_LEAST_MILLISECONDS = 1000  # a mask that was under way must not take it away at once


class HintLine(TextLabel):
    """Says the next step; a slip is answered here for a few seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._step = ""
        self._standing = ""
        self._tells_all = False  # its tool tip has where things stand, or all of an answer
        self._slip = QTimer(self)
        self._slip.setSingleShot(True)
        self._slip.timeout.connect(self._end_answer)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setAccessibleName("What to do next")
        self._fit_height()

    def show_step(self, text: str) -> None:
        """Say what to do next; the answer to a slip stays until it has been read or something else was done."""
        if self._slip.isActive() and text != self._step:
            self._slip.start(min(self._slip.remainingTime(), _AT_LEAST_MILLISECONDS))
        elif not self._slip.isActive():
            self.setText(text)
        self._step = text

    def answer(self, text: str) -> None:
        """Say why something was not done."""
        self.setText(text)
        self._slip.start(_SLIP_MILLISECONDS)
        self.setToolTip(text)

    def show_standing(self, text: str) -> None:
        """Say where things stand in the tool tip, unless that has all of an answer."""
        self._standing = text
        if not self._slip.isActive():
            self.setToolTip(text)

    def _end_answer(self) -> None:
        self.setText(self._step)
        self.setToolTip(self._standing)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        """Follow the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_height()

    def _fit_height(self) -> None:
        self.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + 4)

    def _with_room(self) -> str:
        """Leave out the last sentences where they have no room: what matters most comes first."""
        sentences, place = _SENTENCE.split(self._text), self.contentsRect()
        while len(sentences) > 1 and self._needs(" ".join(sentences), place) > place.height():
            sentences.pop()
        return " ".join(sentences)

    def _needs(self, text: str, place: QRect) -> int:
        tall = QRect(0, 0, place.width(), 10 * self.fontMetrics().lineSpacing())
        return int(self.fontMetrics().boundingRect(tall, int(Qt.TextFlag.TextWordWrap), text).height())
