"""Lines 12 and 14 of what the field found: layers are known whatever their names; Delete does what the table shows."""

import gc
import weakref

import numpy as np
from qtpy.QtCore import Qt

from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.kept import KEPT, KeptFeatures
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import AtOnce, Dock, run_now, same


def dock_again(dock):
    """Close the dock and open another."""
    dock.viewer.window.remove_dock_widget(dock.widget)
    widget = SegmentWithClicks(dock.viewer, Jobs(run_now, AtOnce()))
    dock.viewer.window.add_dock_widget(widget)
    return Dock(dock.viewer, dock.qtbot, widget)


def test_line_12_renamed_layers_are_taken_up_by_a_dock_opened_again(started):
    started.controller.clicks.add(16, 16)
    started.controller.objects.next()
    started.controller.clicks.add(33, 48)
    image, points, labels = started.workspace.image, started.points, started.workspace.labels
    before, clicks, features = labels.data.copy(), started.workspace.clicks, started.workspace.features
    image.name, points.name, labels.name = "renamed", "my points", "nuclei"
    again = dock_again(started)
    again.widget.image.value = image
    again.widget.start.click()
    assert again.workspace.features is features and again.workspace.state is FeatureState.READY
    assert (again.points, again.workspace.labels) == (points, labels) and len(again.viewer.layers) == 3
    assert again.workspace.clicks == clicks and not again.errors
    same(again.labels, before)
    again.controller.clicks.add(40, 10, foreground=False)
    same(again.labels, again.expected())
    again.widget.close_down()


def test_line_12_a_layer_written_into_is_taken_up_and_a_copy_of_the_image_is_another_image(started):
    viewer, image = started.viewer, started.workspace.image
    started.controller.clicks.add(16, 16)
    copy = viewer.add_image(image.data.copy(), name="copy", metadata=dict(image.metadata))
    masks = started.workspace.labels
    again = dock_again(started)
    image.name = "first"
    copy.name = "cells"  # whose clicks and masks are called as this one is now
    again.start(copy)
    assert again.workspace.labels is not masks and not again.workspace.clicks
    again.start(image)
    assert again.workspace.labels is masks and len(again.workspace.clicks) == 1
    again.widget.close_down()


def test_line_12_what_is_kept_is_bounded_and_goes_with_the_image():
    class Layer:
        pass

    class Part:
        nbytes = 40

    kept, first, second = KeptFeatures(most_bytes=100), Layer(), Layer()
    kept.put(first, [(Part(), None), (Part(), None)])
    kept.put(second, [(Part(), None)])
    assert kept.nbytes == 80 and len(kept.take(first)) == 1
    gone = weakref.ref(second)
    del second
    gc.collect()
    assert gone() is None and kept.nbytes == 0


def test_line_12_an_image_that_is_removed_is_forgotten(started):
    image = started.workspace.image
    started.viewer.layers.remove(started.points)
    assert KEPT.nbytes > 0
    started.viewer.layers.remove(image)
    assert KEPT.take(image) == []


def two_objects(dock):
    for row, col in ((16, 16), (14, 20)):
        dock.controller.clicks.add(row, col)
    dock.controller.objects.next()
    dock.points.add([33, 48])  # napari selects what was added last


def ids(dock):
    return [click.object_id for click in dock.workspace.clicks]


def test_line_14_delete_removes_what_the_table_shows_as_chosen(started):
    two_objects(started)
    for press in (
        lambda: started.press(Qt.Key.Key_Delete),
        lambda: started.qtbot.keyClick(started.widget.table, Qt.Key.Key_Delete),
        lambda: started.qtbot.keyClick(started.widget.table, Qt.Key.Key_Backspace),
    ):
        started.choose_row(0)
        press()
        assert ids(started) == [2]
        same(started.labels, started.expected())
        started.widget.buttons.undo.click()
        assert ids(started) == [1, 1, 2]
    started.choose_row(1)
    started.qtbot.keyClick(started.widget.table, Qt.Key.Key_Delete)
    assert ids(started) == [1, 1]
    started.widget.buttons.undo.click()
    started.controller.objects.next()
    started.press(Qt.Key.Key_Delete)
    assert ids(started) == [1, 1, 2]  # the new object has no clicks yet
    assert np.array_equal(started.labels, started.expected()) and not started.errors


def test_line_14_in_the_slice_that_is_shown(stack):
    stack.controller.clicks.add(16, 16)
    stack.slide(2)
    stack.controller.clicks.add(16, 16)
    stack.points.add([2, 30, 50])
    stack.slide(1)
    stack.press(Qt.Key.Key_Delete)  # what was added last is out of sight
    assert [p.plane.index for p in stack.workspace.placed] == [(2,), (2,)]
    stack.widget.buttons.undo.click()
    stack.choose_row(0)
    stack.slide(2)
    stack.qtbot.keyClick(stack.widget.table, Qt.Key.Key_Delete)
    assert [p.plane.index for p in stack.workspace.placed] == [(1,)]
