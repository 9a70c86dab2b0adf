"""Line 28 of what the field found: long names of users leave the canvas its room."""

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox, QLabel
from superqt import QCollapsible

from napari_m2n2v2._napari.view.clicks_to_reach import ClicksToReach
from napari_m2n2v2._napari.view.text import TextLabel

WITHOUT_A_BREAK, WITH_SPACES = "n" * 300, "cell 12 " * 40


def widths(dock):
    """What the dock asks for at least, and what is left for the canvas."""
    dock.qtbot.wait(100)
    return dock.widget.minimumSizeHint().width(), dock.viewer.window._qt_viewer.canvas.native.width()


@pytest.mark.parametrize("name", [WITHOUT_A_BREAK, WITH_SPACES])
def test_line_28_long_names_do_not_widen_the_dock(stack, name):
    for fold in stack.widget.findChildren(QCollapsible):
        fold.expand(animate=False)
    stack.viewer.add_labels(np.zeros_like(stack.labels), name="l")
    stack.controller.clicks.add(16, 16)
    asked, left = widths(stack)
    for layer in stack.viewer.layers:
        layer.name = f"{name} {layer.name}"
    stack.workspace.image.axis_labels = (f"{name} depth", "y", "x")
    stack.widget.settings.guide.value = stack.workspace.image
    stack.controller.features.store.use_folder(Path("/tmp") / name[:200], 10**9)
    stack.widget.settings.store.refresh()
    stack.controller.propagation.propagate(1, 1)
    stack.settle()
    stack.widget._refresh()
    now, still_left = widths(stack)
    assert now <= asked and still_left >= left - 10, (asked, now, left, still_left)


def test_line_28_every_label_and_choice_of_users_texts_elides(dock):
    for label in dock.widget.findChildren(QLabel):
        assert isinstance(label, TextLabel) or not label.wordWrap(), label.text()
    for choice in dock.widget.findChildren(QComboBox):
        choice.addItem(WITHOUT_A_BREAK)
    with_names = [dock.widget.image.native, dock.widget.settings.guide.native, dock.widget.settings.labels.native]
    for choice in (*with_names, dock.widget.propagation.axis):
        assert choice.minimumSizeHint().width() < 200


def test_line_28_a_label_elides_what_has_no_break_and_tells_all(qtbot):
    label = TextLabel()
    qtbot.addWidget(label)
    label.resize(200, 100)
    label.setText(f"slice 3 of {WITHOUT_A_BREAK}")
    assert label.text().endswith("n") and "…" in QLabel.text(label) and label.toolTip() == label.text()
    assert label.minimumSizeHint().width() < 300 and label.sizeHint().width() < 300
    label.setText("<b>plain</b>")
    assert QLabel.text(label) == "<b>plain</b>" and not label.toolTip()


def test_line_28_the_other_dock(viewer, qtbot, image):
    widget = ClicksToReach(viewer)
    viewer.window.add_dock_widget(widget)
    before = widget.minimumSizeHint().width()
    viewer.add_image(image, name=WITHOUT_A_BREAK)
    widget.reset_choices()
    widget.answer.setText(WITHOUT_A_BREAK)
    assert widget.minimumSizeHint().width() <= before
