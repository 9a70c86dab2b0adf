"""A second image beside the one that is segmented: clicks on it, and choosing it."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from tests.napari.view.test_first_minutes import click


@pytest.fixture
def beside(started, image):
    """Another image is opened, on top and selected."""
    started.click(16, 16)
    other = started.viewer.add_image(image[::-1].copy(), name="other")
    assert started.viewer.layers.selection.active is other
    return started


def test_a_click_on_it_says_to_start_it_and_adds_nothing(beside):
    first = beside.workspace
    click(beside, 33, 48)
    assert beside.widget.hint.text() == "'other' is not started: press Start."
    assert beside.widget.image.value.name == "other" and beside.widget.start.isEnabled()
    assert beside.workspace is first and len(first.clicks) == 1
    beside.widget.start.click()
    assert beside.workspace.image.name == "other" and "not started" not in beside.widget.hint.text()
    beside.click(33, 48)
    assert len(beside.workspace.clicks) == 1 == len(first.clicks)


def test_going_on_with_the_first_is_heard(beside):
    click(beside, 33, 48)
    beside.viewer.layers.selection.active = beside.points
    beside.click(33, 48)
    assert len(beside.workspace.clicks) == 2 and "not started" not in beside.widget.hint.text()
    assert beside.widget.image.value is beside.workspace.image


def test_choosing_it_in_the_list_says_so(beside):
    choice = beside.widget.image.native
    choice.setFocus()
    step = Qt.Key.Key_Down if choice.currentIndex() == 0 else Qt.Key.Key_Up
    QTest.keyClick(choice, step)
    assert beside.widget.image.value.name == "other"
    assert beside.widget.hint.text() == "'other' is not started: press Start."


def test_a_click_on_one_that_was_started_goes_back_to_it(beside):
    first = beside.workspace
    beside.start(beside.viewer.layers["other"])
    second = beside.workspace
    beside.viewer.layers.selection.active = first.image
    first.image.visible, second.image.visible = True, False
    click(beside, 33, 48)
    beside.settle()
    assert beside.workspace is first and len(first.clicks) == 2 and not second.clicks


def test_a_guide_that_is_no_image_to_segment_begins_nothing(beside):
    beside.controller.explain.show("Guide", True)
    beside.controller.explain.show("Owner", True)
    views = [layer for layer in beside.viewer.layers if layer.name.startswith("cells ") and layer.metadata]
    beside.viewer.layers.selection.active = next(layer for layer in views if layer.name == "cells Guide")
    click(beside, 33, 48)
    assert "not started" not in beside.widget.hint.text() and len(beside.workspace.clicks) == 1
