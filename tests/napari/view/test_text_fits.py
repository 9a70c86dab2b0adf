"""Every text of the dock has the room it needs, in both themes and with letters up to twice as large."""

from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from napari.settings import get_settings
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)
from superqt import QCollapsible

from napari_m2n2v2._napari.view.activity import ActivityBar
from napari_m2n2v2._napari.view.hint import HintLine
from napari_m2n2v2._napari.view.text import elide, elided

from ..conftest import planes

FONT = 9  # napari's own, in points


def texts(widget):
    """Pairs of a text and the width it has in a widget of one line."""
    if isinstance(widget, QAbstractButton):
        yield widget.text().replace("&", ""), widget.width()
    elif isinstance(widget, QComboBox):
        option, part = QStyleOptionComboBox(), QStyle.SubControl.SC_ComboBoxEditField
        widget.initStyleOption(option)
        room = widget.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, widget).width()
        yield from ((widget.itemText(n), room) for n in range(widget.count()))
    elif isinstance(widget, QAbstractSpinBox):
        yield widget.text(), widget.lineEdit().width()
    elif isinstance(widget, QLineEdit):
        yield widget.text() or widget.placeholderText(), widget.contentsRect().width()
    elif isinstance(widget, QProgressBar):
        yield widget.format(), widget.width()
    elif isinstance(widget, QHeaderView) and widget.orientation() == Qt.Orientation.Horizontal:
        for n in range(widget.count()):
            title = widget.model().headerData(n, Qt.Orientation.Horizontal) or ""
            yield title, widget.sectionSize(n) if not widget.isSectionHidden(n) else 10_000


def cut(dock):
    """Say of every text that is shown in less room than it needs what it is, what it needs and what it has."""
    for widget in dock.findChildren(QWidget):
        if not widget.isVisible():
            continue
        if isinstance(widget, QLabel):
            if widget.text() and widget.height() < widget.heightForWidth(widget.width()):
                yield widget.text(), "height", widget.heightForWidth(widget.width()), widget.height()
            parts = widget.text().split() if widget.wordWrap() else widget.text().splitlines()
            found = [(part, widget.contentsRect().width()) for part in parts]
        else:
            found = [(text, room) for text, room in texts(widget) if text]
            if found and not isinstance(widget, QHeaderView) and widget.height() < widget.fontMetrics().height():
                yield found[0][0], "height", widget.fontMetrics().height(), widget.height()
        for text, room in found:
            if (needed := widget.fontMetrics().horizontalAdvance(text)) > room:
                yield text, "width", needed, room


@pytest.fixture
def appearance():
    """What users change in napari's preferences; as it was, afterwards."""
    chosen = get_settings().appearance
    before = chosen.theme, chosen.font_size
    chosen.font_size = FONT
    yield chosen
    chosen.theme, chosen.font_size = before


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_is_cut_off_with_letters_up_to_twice_as_large(real_dock, appearance, theme):
    real_dock.controller.settings.change(attention="appearance", grid=12)
    appearance.theme = theme
    real_dock.viewer.window.resize(1100, 700)
    real_dock.start(real_dock.viewer.add_image(planes(), name="planes"))
    real_dock.workspace.points.add((1, 20, 20))
    real_dock.settle()
    for fold in real_dock.widget.findChildren(QCollapsible):
        fold.expand(animate=False)
    for size in (1, 1.5, 2):
        appearance.font_size = round(size * FONT)
        real_dock.qtbot.wait(100)
        with suppress(real_dock.qtbot.TimeoutError):  # the layout follows in its own time
            real_dock.qtbot.waitUntil(lambda: not list(cut(real_dock.widget)), timeout=3_000)
        assert real_dock.widget.buttons.undo.fontMetrics().height() > size * FONT, "the letters are larger"
        assert list(cut(real_dock.widget)) == [], size
    assert len([one for one in real_dock.widget.findChildren(QWidget) if one.isVisible()]) > 80


def test_a_choice_without_room_ends_in_an_ellipsis_and_tells_all(qtbot):
    choice = QComboBox()
    qtbot.addWidget(choice)
    elide(choice)
    names = ["a short one", "membranes of the second time series, corrected"]
    choice.addItems(names)
    choice.setFixedWidth(150)
    choice.show()
    assert elided(choice) == names[0]
    choice.setCurrentIndex(1)
    assert elided(choice).startswith("membranes") and elided(choice).endswith("…")
    shown = np.array([choice.grab().toImage().pixelColor(x, 12).lightness() for x in range(150)])
    assert len(np.unique(shown)) > 1, "it is drawn"
    qtbot.keyClick(choice, Qt.Key.Key_Up)
    assert choice.view().minimumWidth() >= choice.fontMetrics().horizontalAdvance(names[1])


def test_the_bar_s_text_follows_its_font_and_width(qtbot):
    class Activity:
        changed = Signal()
        present = SimpleNamespace(what="Features of a photo: upsampling operator, 3 s left", share=0.5)

    bar = ActivityBar(Activity())
    qtbot.addWidget(bar)
    bar.resize(500, 40)
    bar.show()
    for size in (1, 2):
        bar.bar.setStyleSheet(f"font-size: {size * FONT}pt")
        qtbot.wait(20)
        text, metrics = bar.bar.format(), bar.bar.fontMetrics()
        assert text.startswith("Features") and metrics.horizontalAdvance(text) < bar.bar.width()
        assert text.endswith("…") == (size == 2) and "3 s left" in bar.bar.toolTip()


def test_a_hint_without_room_leaves_out_its_last_sentences(qtbot):
    hint = HintLine()
    qtbot.addWidget(hint)
    hint.show()
    first, *others = "+293 px.", "Right-click what is not it, click what is missing.", "N: next object."
    for width in (600, 330, 250, 100):
        hint.setFixedWidth(width)
        hint.show_step(" ".join((first, *others)))
        shown = QLabel.text(hint)
        assert (
            shown.startswith(first) and hint.heightForWidth(width) <= hint.height() and hint.text().endswith(others[-1])
        )
        if width in (600, 100):
            assert shown.endswith(others[-1]) == (width == 600), shown
