"""The dock for somebody who has never seen it: the first mask, what to do next, what runs, what is in view."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image
from napari.utils.colormaps import label_colormap
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import QApplication, QMessageBox
from superqt import QCollapsible

from napari_m2n2v2._napari.layers.making import make_labels
from napari_m2n2v2._napari.view.key_list import KEYS_SAID
from napari_m2n2v2._napari.view.keys import KEYS
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.states import FeatureState


def pixel(dock, row, col):
    """The canvas pixel at which a row and a column of an unscaled image are drawn, before anything is started."""
    dock.qtbot.wait(50)
    canvas = dock.canvas
    x, y = (canvas.view.transform * canvas.view.scene.transform).map([col, row, 0, 1])[:2]
    return QPoint(round(x), round(y))


def click(dock, row, col, button=Qt.MouseButton.LeftButton):
    dock.qtbot.mouseClick(dock.canvas.native, button, pos=pixel(dock, row, col))


@pytest.fixture
def held(monkeypatch):
    """Features come when the test lets them."""
    go, real = threading.Event(), AppearanceAttention.attention

    def attention(self, *arguments, **named):
        go.wait(30)
        return real(self, *arguments, **named)

    monkeypatch.setattr(AppearanceAttention, "attention", attention)
    yield go
    go.set()


def test_a_click_on_the_only_image_is_enough(real_dock, image, held):
    real_dock.viewer.add_image(image, name="cells")
    assert real_dock.widget.hint.text() == "Click on an object."
    click(real_dock, 16, 17)
    assert real_dock.widget.hint.text() == "1 click waits for features."
    click(real_dock, 14, 16)
    assert real_dock.widget.hint.text() == "2 clicks wait for features."
    assert [(round(c.row), round(c.col)) for c in real_dock.workspace.clicks] == [(16, 17), (14, 16)]
    assert real_dock.widget.progress.toolTip().startswith("Features of cells")
    held.set()
    real_dock.qtbot.waitUntil(lambda: bool(real_dock.labels.any()), timeout=60_000)
    assert real_dock.labels[16, 17] == 1 and not real_dock.errors
    real_dock.settle()
    assert real_dock.widget.hint.text().startswith(f"+{(real_dock.labels == 1).sum()} px. ")  # of both clicks
    assert real_dock.widget.progress.toolTip() == "Nothing is running" and not real_dock.widget.cancel.isEnabled()


def test_a_click_acts_whether_clicks_image_or_masks_are_selected(started, image):
    layers, workspace = started.viewer.layers, started.workspace
    for n, selected in enumerate((workspace.image, workspace.labels), start=1):
        layers.selection.active = selected
        started.click(16, 15 + n)
        assert len(workspace.clicks) == n and layers.selection.active is selected
    started.click(3, 60, Qt.MouseButton.RightButton)
    assert [c.foreground for c in workspace.clicks] == [True, True, False] and not started.errors
    workspace.labels.mode = "fill"
    started.click(40, 45)
    layers.selection.active = started.viewer.add_image(image, name="other")
    started.click(16, 17)
    assert len(workspace.clicks) == 3, "a tool is in use, or another image was chosen"


def test_where_there_is_no_click_no_marker_is_drawn(stack):
    def brightest():
        stack.viewer.reset_view()
        stack.qtbot.wait(50)
        at, drawn = stack.where(0, 0), stack.viewer.screenshot(canvas_only=True, flash=False)
        return drawn[max(at.y() - 4, 0) : at.y() + 5, max(at.x() - 4, 0) : at.x() + 5, :3].min(axis=2).max()

    stack.controller.clicks.add(0, 0)
    stack.settle()
    assert brightest() > 200, "there is a click"
    stack.slide(3)
    assert brightest() < 100


def test_what_is_no_click_on_the_only_image_starts_nothing(dock, image):
    layer = dock.viewer.add_image(image)
    click(dock, -4, 17)
    assert "outside the image" in dock.widget.hint.text()
    click(dock, 16, 17, Qt.MouseButton.RightButton)
    native, begun = dock.canvas.native, pixel(dock, 16, 17)
    dock.qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=begun)
    for step in (10, 20, 40):
        dock.qtbot.wait(30)
        dock.qtbot.mouseMove(native, begun + QPoint(step, 0))
    dock.qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=begun + QPoint(40, 0))
    layer.mode = "transform"
    click(dock, 16, 17)
    layer.mode = "pan_zoom"
    dock.viewer.add_image(image)
    click(dock, 16, 17)
    assert dock.workspace is None and len(dock.viewer.layers) == 2 and not dock.errors


def test_a_slip_is_answered_and_then_the_next_step_said_again(dock, image, monkeypatch):
    monkeypatch.setattr("napari_m2n2v2._napari.view.hint._SLIP_MILLISECONDS", 300)
    dock.viewer.add_image(image)
    dock.press(Qt.Key.Key_W)
    assert "Click on an object first" in dock.widget.hint.text()
    dock.qtbot.waitUntil(lambda: dock.widget.hint.text() == "Click on an object.", timeout=5_000)
    dock.start(dock.viewer.layers[0])
    dock.press(Qt.Key.Key_T)
    assert "not the object" in dock.widget.hint.text() and not dock.errors


def test_the_answer_to_a_slip_makes_room_for_what_was_done_next(started, monkeypatch):
    monkeypatch.setattr("napari_m2n2v2._napari.view.hint._SLIP_MILLISECONDS", 60_000)
    monkeypatch.setattr("napari_m2n2v2._napari.view.hint._AT_LEAST_MILLISECONDS", 200)
    started.press(Qt.Key.Key_W)
    slip = started.widget.hint.text()
    assert "single slice" in slip or "Click on an object first" in slip
    started.click(16, 17)
    assert started.widget.hint.text() == slip, "it can be read"
    started.qtbot.waitUntil(lambda: "px" in started.widget.hint.text(), timeout=5_000)


def test_what_needs_a_click_says_so_where_there_is_none(started):
    started.press(Qt.Key.Key_G)
    assert "Click on an object first" in started.widget.hint.text() and not started.errors


def test_the_bar_is_for_whatever_runs(stack):
    told = []
    stack.controller.activity.changed.connect(lambda: told.append(stack.controller.activity.present))
    stack.controller.clicks.add(16, 16)
    stack.settle()
    stack.widget.prepare.start.click()
    stack.qtbot.waitUntil(lambda: not stack.widget.prepare.preparing.is_running, timeout=60_000)
    stack.press(Qt.Key.Key_W)
    stack.qtbot.waitUntil(lambda: not stack.controller.propagation.queue.is_running, timeout=20_000)
    names = {task.what.split(":")[0].split(",")[0] for task in told if task is not None}
    assert "Carrying object 1" in names and any(name.startswith("Preparing") for name in names)
    assert all(0 <= task.share <= 1 for task in told if task is not None)
    assert stack.controller.activity.present is None


def everyday(widget):
    return (
        widget.image.native, widget.start, widget.hint, widget.progress, widget.cancel, widget.table,
        widget.buttons.sign, widget.buttons.undo, widget.buttons.redo, widget.buttons.next_object, widget.buttons.reset,
    )  # fmt: skip


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everyday_controls_show_without_scrolling_in_a_small_window(real_dock, volume, theme):
    real_dock.viewer.theme = theme
    real_dock.viewer.window.resize(1100, 700)
    real_dock.start(real_dock.viewer.add_image(volume))
    real_dock.qtbot.wait(200)
    window = real_dock.viewer.window._qt_window
    assert window.height() <= 700
    for control in everyday(real_dock.widget):
        assert control.visibleRegion().boundingRect() == QRect(QPoint(0, 0), control.size()), control
    table, scrolled = real_dock.widget.table, real_dock.widget.objects.parentWidget()
    assert scrolled.height() == scrolled.parentWidget().height()  # nothing to scroll
    before = table.height()
    real_dock.viewer.window.resize(1100, 800)
    real_dock.qtbot.wait(200)
    assert table.height() > before


def test_only_what_applies_is_offered(dock, image, volume):
    dock.start(dock.viewer.add_image(image))
    assert not dock.widget.of_stacks.isVisible() and not dock.widget.by_view.isVisible()
    dock.start(dock.viewer.add_image(volume))
    assert dock.widget.of_stacks.isVisible() and not dock.widget.by_view.isVisible()


def test_brush_and_bucket_paint_the_chosen_object(started):
    started.controller.clicks.add(16, 16)
    assert started.workspace.labels.selected_label == 1
    started.press(Qt.Key.Key_N)
    assert started.workspace.labels.selected_label == 2
    started.controller.clicks.add(33, 48)
    started.choose_row(0)
    assert started.workspace.labels.selected_label == 1


def test_an_object_too_high_for_the_layer_does_not_choose_a_label(dock, image):
    data = np.zeros(image.shape[:2], np.uint8)
    data[40:44, 2:9] = 255
    dock.widget.settings.labels.value = dock.viewer.add_labels(data)
    dock.start(dock.viewer.add_image(image))
    dock.controller.objects.select(256)
    assert dock.workspace.object_id == 256 and dock.workspace.labels.selected_label <= 255 and not dock.errors


def test_what_is_unfolded_is_scrolled_into_view(real_dock):
    real_dock.viewer.window.resize(1100, 700)
    real_dock.qtbot.wait(50)
    (save,) = (fold for fold in real_dock.widget.findChildren(QCollapsible) if fold.text() == "Save")
    panel, area = real_dock.widget.session, save.parentWidget().parentWidget()
    real_dock.qtbot.mouseClick(save.toggleButton(), Qt.MouseButton.LeftButton)

    def all_is_seen():
        seen = QRect(area.mapToGlobal(QPoint(0, 0)), area.size())
        there = QRect(panel.methods.mapToGlobal(QPoint(0, 0)), panel.methods.size())
        return panel.methods.isVisible() and seen.contains(there)

    real_dock.qtbot.waitUntil(all_is_seen, timeout=3_000)


def test_masks_are_outlined_and_filled_by_one_key(started):
    started.press(Qt.Key.Key_U)
    assert started.workspace.labels.contour > 0
    started.press(Qt.Key.Key_U)
    assert started.workspace.labels.contour == 0


def test_colours_of_masks_stand_out_and_none_is_empty():
    labels = make_labels(Image(np.zeros((8, 8))))
    colours = np.array([labels.get_color(i)[:3] for i in range(1, 8)])
    assert (colours @ (0.2126, 0.7152, 0.0722) > 0.35).all() and labels.get_color(0) is None
    away = np.linalg.norm(colours[:, None] - colours[None], axis=-1)[:6, :6] + np.eye(6)
    assert away.min() > 0.25 and np.array_equal(colours[0], colours[6])


def test_the_object_that_is_worked_on_stands_out(started):
    labels = started.workspace.labels
    started.points.add([16, 16])
    assert labels.get_color(1)[3] == 1 > labels.get_color(2)[3]
    started.press(Qt.Key.Key_N)
    assert labels.get_color(2)[3] == 1 > labels.get_color(1)[3]


def test_colours_that_the_user_chose_stay(started):
    labels = started.workspace.labels
    labels.colormap = chosen = label_colormap(12)
    started.points.add([16, 16])
    started.press(Qt.Key.Key_N)
    assert labels.colormap is chosen and labels.selected_label == 2


def test_clicks_are_drawn_small_and_hollow(started):
    started.points.add([16, 16])
    assert str(started.points.symbol[0]) == "ring" and max(started.points.canvas_size_limits) <= 16


def test_f1_lists_every_key(started):
    assert KEYS.keys() == KEYS_SAID.keys()
    started.press(Qt.Key.Key_F1)
    (box,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()]
    assert all(said in box.text() for said in KEYS_SAID.values()) and "Right-click" in box.text()
    box.close()


def test_a_click_waits_visibly_on_a_slice_too(real_dock, volume, held):
    layer = real_dock.viewer.add_image(volume)
    held.set()
    real_dock.start(layer)
    held.clear()
    real_dock.slide(3)
    real_dock.controller.clicks.add(16, 16)
    assert real_dock.workspace.state is FeatureState.COMPUTING
    assert real_dock.widget.hint.text() == "1 click waits for features."
    held.set()
    real_dock.qtbot.waitUntil(lambda: bool(real_dock.labels[3].any()), timeout=30_000)


def test_the_line_says_how_the_present_object_has_changed(started):
    """By the pixels of the masks layer, whatever was done."""

    def area():
        return int((started.labels == started.workspace.object_id).sum())

    def said():
        return started.widget.hint.text().partition(" px. ")[0].replace("\N{MINUS SIGN}", "-")

    started.click(16, 16)
    assert said() == f"+{area()}"
    started.controller.clicks.add(16, 16)  # by mouse, the click that is there would be selected
    started.settle()
    assert "changed nothing: it was so already" in started.widget.hint.text()
    started.controller.clicks.undo()
    started.settle()
    assert "nothing" not in started.widget.hint.text() and "px" not in started.widget.hint.text()
    for change in (
        lambda: started.click(33, 48),
        lambda: started.click(20, 20, button=Qt.MouseButton.RightButton),
        lambda: started.drag((33, 48), (40, 10)),
        lambda: started.controller.clicks.undo(),
        lambda: started.controller.clicks.redo(),
        lambda: started.controller.clicks.set_clicks(started.workspace.clicks[:1]),
    ):
        before = area()
        change()
        started.settle()
        assert area() != before and said() == f"{area() - before:+d}"
    started.controller.objects.next()
    assert "px" not in started.widget.hint.text()


def test_a_click_that_takes_its_own_pixel_alone_is_told_why(started, monkeypatch):
    started.click(16, 16)
    result = started.workspace.solution.result
    effect = replace(result.last_effect, why="too large a change", claimed=1, changed=1)
    monkeypatch.setitem(result.__dict__, "last_effect", effect)
    before = started.workspace.masks_of(started.workspace.here).areas[1] - 1
    started.workspace.areas_before = started.workspace.here, {1: before}
    started.controller.state.solved.emit()
    assert "changed nothing: what it stands for is too large" in started.widget.hint.text()


@pytest.mark.parametrize("size", [1, 1.5, 2])
def test_the_longest_hint_fits_its_place(dock, image, size):
    dock.start(dock.viewer.add_image(image))
    hint, font = dock.widget.hint, dock.widget.hint.font()
    font.setPointSizeF(size * font.pointSizeF())
    dock.widget.setFont(font)
    hint.setFont(font)
    place = QRect(0, 0, round(size * 330), hint.height())  # as wide as the dock's buttons make it
    longest = "The image or the settings changed. Press Compute again before you carry an object on."
    for text in (longest, "You see slices z 10 to 13, time 4 to 5 as one; clicks segment slice z 12, time 4 alone."):
        needed = hint.fontMetrics().boundingRect(place, int(Qt.TextFlag.TextWordWrap), text)
        assert needed.height() <= place.height()
