"""Scribbles, boxes and outlines drawn with real mouse and key events in the real dock."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Box, Click, Outline, Scribble
from tests.napari.conftest import joined, look_at, same

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
DISC = [(5, 4), (12, 14), (27, 28)]  # corners of a box around the disc of the image, and a place between
SQUARE = [(22, 36), (30, 44), (45, 60)]
LASSO = [(4, 16), (8, 24), (16, 28), (24, 24), (28, 16), (24, 6), (16, 3), (8, 6), (4.3, 15.7)]


def prompts(dock):
    return [placed.click for placed in dock.workspace.placed]


def shapes(dock):
    return dock.workspace.shapes


def use(dock, layer, mode):
    dock.viewer.layers.selection.active = layer
    layer.mode = mode
    dock.qtbot.wait(30)


def close_to(prompt, *corners):
    np.testing.assert_allclose((prompt.row0, prompt.col0, prompt.row1, prompt.col1), corners, atol=0.6)


def test_a_box_is_dragged_with_shift_and_gives_a_mask_inside_it(started):
    started.draw(DISC, SHIFT)
    (box,) = prompts(started)
    assert isinstance(box, Box)
    close_to(box, 5, 4, 27, 28)
    mask = started.labels == 1
    assert mask.any() and mask[5:28, 4:29].sum() == mask.sum()
    same(started.labels, started.expected())
    assert started.points.mode == "add" and started.viewer.layers.selection.active is started.points
    (data,) = shapes(started).data
    assert shapes(started).shape_type == ["rectangle"] and data.shape == (4, 2)
    assert shapes(started).metadata["napari_m2n2v2"] == "prompts" and not started.errors
    assert [layer.name for layer in started.viewer.layers] == ["cells", "cells masks", "cells prompts", "cells clicks"]
    started.press(Qt.Key.Key_Z, CONTROL)
    assert prompts(started) == [] and not started.labels.any() and not shapes(started).data
    started.press(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert prompts(started) == [box] and len(shapes(started).data) == 1


def test_boxes_in_a_row_are_an_object_each(started):
    started.draw(DISC, SHIFT)
    started.draw(SQUARE, SHIFT)
    assert [one.object_id for one in prompts(started)] == [1, 2] == sorted(set(np.unique(started.labels)) - {0})
    assert started.workspace.work.kept == {1}
    started.click(40, 50)
    assert [one.object_id for one in prompts(started)] == [1, 2, 2]
    started.press(Qt.Key.Key_Z, CONTROL)
    started.press(Qt.Key.Key_Z, CONTROL)  # the box, and with it that the first was accepted
    assert [one.object_id for one in prompts(started)] == [1] and not started.workspace.work.kept


def test_a_box_around_clicks_is_of_their_object(started):
    started.click(16, 16)
    started.draw(DISC, SHIFT)
    started.draw(SQUARE, SHIFT)
    assert [one.object_id for one in prompts(started)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("button", "foreground"), [(Qt.MouseButton.LeftButton, True), (Qt.MouseButton.RightButton, False)]
)
def test_a_scribble_is_dragged_with_control_and_its_class_is_that_of_the_button(started, button, foreground):
    zoom = started.viewer.scene.camera.zoom
    started.draw([(12, 12), (16, 20), (20, 14)], CONTROL, button)
    (line,) = prompts(started)
    assert isinstance(line, Scribble) and line.foreground is foreground and len(line.points) == 3
    np.testing.assert_allclose(line.points, [(12, 12), (16, 20), (20, 14)], atol=0.6)
    assert all((started.labels[pixel] == 1) == foreground for pixel in line.marked)
    assert shapes(started).shape_type == ["path"] and started.viewer.scene.camera.zoom == zoom
    same(started.labels, started.expected())


def test_the_toggle_says_the_class_of_a_scribble_and_flips_one_that_is_selected(started):
    started.press(Qt.Key.Key_T)
    started.draw([(12, 12), (16, 20)], CONTROL)
    assert not prompts(started)[0].foreground
    red = shapes(started).edge_color[0]
    started.press(Qt.Key.Key_T)
    use(started, started.points, "select")
    started.points.selected_data = {0}
    started.press(Qt.Key.Key_T)
    assert prompts(started)[0].foreground and not np.array_equal(shapes(started).edge_color[0], red)


def test_an_outline_is_dragged_with_both_though_it_ends_where_it_began(started):
    started.draw(LASSO, CONTROL | SHIFT)
    (outline,) = prompts(started)
    assert isinstance(outline, Outline) and shapes(started).shape_type == ["polygon"]
    assert started.labels[16, 16] == 1
    same(started.labels, started.expected())


@pytest.mark.parametrize("modifier", [SHIFT, CONTROL, SHIFT | CONTROL])
def test_a_short_drag_is_a_click(started, modifier):
    started.draw([(16, 16), (16.1, 16.1)], modifier)
    (click,) = prompts(started)
    assert isinstance(click, Click) and click.foreground and started.workspace.shapes is None


def test_what_is_drawn_is_seen_meanwhile(started):
    seen = []
    started.viewer.layers.events.inserted.connect(lambda event: seen.append(event.value.name))
    started.draw(DISC, SHIFT)
    assert seen[0] == "drawing" and "drawing" not in started.viewer.layers


def test_a_box_moves_with_its_point_and_goes_with_it(started):
    started.draw(DISC, SHIFT)
    started.drag(prompts(started)[0].drawn[0], (7, 6))
    (box,) = prompts(started)
    close_to(box, 7, 6, 29, 30)
    assert shapes(started).data[0].min(axis=0) == pytest.approx((box.row0, box.col0))
    same(started.labels, started.expected())
    started.press(Qt.Key.Key_Delete)
    assert prompts(started) == [] and not started.labels.any() and not shapes(started).data


def test_napari_s_own_tools_draw_prompts_too(started):
    started.draw(DISC, SHIFT)
    started.press(Qt.Key.Key_N)
    layer = shapes(started)
    use(started, layer, "add_rectangle")
    started.draw(SQUARE)
    assert [type(one) for one in prompts(started)] == [Box, Box] and prompts(started)[1].object_id == 2
    close_to(prompts(started)[1], 22, 36, 45, 60)
    use(started, layer, "add_line")
    started.draw([(30, 44), (35, 48), (40, 52)])
    assert isinstance(prompts(started)[2], Scribble)
    assert layer.shape_type == ["rectangle", "rectangle", "path"]
    use(started, layer, "add_polygon_lasso")
    started.draw(LASSO)
    assert isinstance(prompts(started)[3], Outline) and prompts(started)[3].object_id == 3
    same(started.labels, started.expected())
    assert not started.errors
    started.press(Qt.Key.Key_Z, CONTROL)
    assert len(prompts(started)) == len(layer.data) == 3


def test_shapes_are_moved_and_deleted_and_so_are_prompts(started):
    started.draw(DISC, SHIFT)
    started.draw(SQUARE, SHIFT)
    layer = shapes(started)
    use(started, layer, "select")
    started.click(20, 8)
    started.drag((20, 8), (23, 10))
    close_to(prompts(started)[0], 8, 6, 30, 30)
    same(started.labels, started.expected())
    assert len(started.points.data) == 2
    np.testing.assert_allclose(started.points.data[0], (8, 6), atol=0.6)
    started.press(Qt.Key.Key_Delete)
    assert [one.object_id for one in prompts(started)] == [2] and len(started.points.data) == 1
    started.press(Qt.Key.Key_Z, CONTROL)
    assert [one.object_id for one in prompts(started)] == [1, 2] and len(layer.data) == 2


def test_a_layer_that_is_removed_takes_no_prompt_with_it(started):
    started.draw(DISC, SHIFT)
    started.viewer.layers.remove(shapes(started))
    assert len(prompts(started)) == 1 and started.workspace.shapes is None
    started.draw(SQUARE, SHIFT)
    assert len(prompts(started)) == len(shapes(started).data) == 2


def test_a_click_after_a_box_that_is_selected_is_a_click(started):
    started.draw(DISC, SHIFT)
    assert started.points.selected_data == {0}
    started.click(16, 16)
    assert [type(one) for one in prompts(started)] == [Box, Click]


def test_a_table_without_its_column_loses_no_prompt(started):
    started.draw(DISC, SHIFT)
    box = prompts(started)
    started.points.features = started.points.features.drop(columns="drawn").assign(mine=[7])
    assert prompts(started) == box and list(started.points.features["mine"]) == [7]
    assert started.points.features["drawn"][0].startswith("box ")


def test_a_session_brings_them_back(started, tmp_path):
    started.draw(LASSO, CONTROL | SHIFT)
    started.draw(SQUARE, SHIFT)
    started.draw([(30, 44), (38, 52)], CONTROL)
    started.click(40, 50)
    before, labels = prompts(started), started.labels.copy()
    drawn = [data.copy() for data in shapes(started).data]
    started.controller.sessions.save(tmp_path / "s.json")
    started.controller.clicks.set_clicks([])
    assert not shapes(started).data
    started.controller.sessions.load(tmp_path / "s.json")
    started.settle()
    assert prompts(started) == before and not started.errors
    same(started.labels, labels)
    assert all(np.array_equal(a, b) for a, b in zip(shapes(started).data, drawn, strict=True))


def test_a_dock_that_is_opened_again_finds_them(started):
    started.draw(DISC, SHIFT)
    before, layer = prompts(started), shapes(started)
    image = started.workspace.image
    started.controller.images.close_all()
    started.start(image)
    assert prompts(started) == before and shapes(started) is layer
    assert sum("prompts" in one.name for one in started.viewer.layers) == 1


def test_in_a_stack_a_prompt_is_of_the_slice_it_was_drawn_in(stack):
    stack.draw([(5, 7), (12, 16), (27, 31)], SHIFT)
    stack.slide(2)
    stack.draw([(12, 15), (16, 26)], CONTROL)
    assert [placed.plane.index for placed in stack.workspace.placed] == [(1,), (2,)]
    assert [data[0, 0] for data in shapes(stack).data] == [1, 2]
    assert stack.labels[1].any() and stack.labels[2].any() and not stack.labels[[0, 3]].any()
    use(stack, shapes(stack), "add_rectangle")
    stack.draw(SQUARE)
    assert stack.workspace.placed[2].plane.index == (2,) and not stack.errors
    stack.press(Qt.Key.Key_Z, CONTROL)
    stack.press(Qt.Key.Key_Z, CONTROL)
    stack.press(Qt.Key.Key_Z, CONTROL)
    assert stack.workspace.here.index == (1,) and prompts(stack) == []


def test_from_another_side_they_are_out_of_sight(stack):
    stack.draw([(5, 7), (12, 16), (27, 31)], SHIFT)
    stack.viewer.dims.order = (1, 0, 2)
    stack.qtbot.wait(50)
    assert stack.workspace.here.axes == (0, 2)
    stack.controller.prompts.add("box", [(0, 10), (3, 30)])
    stack.settle()
    assert len(shapes(stack).data) == 2 and not stack.errors
    stack.viewer.dims.order = (0, 1, 2)
    stack.viewer.dims.ndisplay = 3
    stack.viewer.dims.ndisplay = 2
    assert [placed.plane.axes for placed in stack.workspace.placed] == [(1, 2), (0, 2)]


def test_they_lie_where_they_were_drawn_on_a_scaled_image(dock, image):
    dock.start(dock.viewer.add_image(image, name="cells", scale=(0.5, 0.5), translate=(100, 20)))
    dock.viewer.reset_view()
    dock.draw(DISC, SHIFT)
    close_to(prompts(dock)[0], 5, 4, 27, 28)
    assert tuple(shapes(dock).scale) == (0.5, 0.5)
    dock.workspace.image.translate = (0, 0)
    assert tuple(shapes(dock).translate) == (0, 0)


def test_the_console_draws_for_the_present_object(started):
    console = started.widget.console
    console.box(5, 4, 27, 28)
    console.scribble([(12, 12), (16, 20)])
    console.scribble([(40, 5), (40, 20)], foreground=False)
    console.outline([(4, 16), (16, 28), (28, 16), (16, 3)])
    started.settle()
    assert [type(one) for one in console.clicks] == [Box, Scribble, Scribble, Outline]
    assert {one.object_id for one in console.clicks} == {1}
    console.box(100, 100, 200, 200)
    console.outline([(1, 1)])
    assert len(started.hints) == 1 and "outside the image" in started.hints[0]
    console.set_threshold(0, 0.5)
    assert ["at least 3 points" in started.errors[0], "how far" in started.errors[1]] == [True, True]
    assert len(started.errors) == 2 and len(console.clicks) == 4


def test_the_panels_know_what_a_box_is(started):
    started.draw(DISC, SHIFT)
    widget = started.widget
    assert "The next box is the next object" in widget.hint.text() and "+" in widget.hint.text()
    assert widget.table.item(0, 1).text() == "1"
    assert widget.reach.title.text().startswith("Box 1: no threshold") and not widget.reach.isEnabled()
    for view in ("Markov-map", "Attention", "Doubt", "Owner"):
        started.widget.console.show(view)
        started.settle()
    assert not started.errors


def test_what_is_boxed_is_carried_to_the_next_slice(stack):
    stack.draw([(5, 7), (12, 16), (27, 31)], SHIFT)
    stack.press(Qt.Key.Key_W)
    stack.qtbot.waitUntil(lambda: stack.labels[2].any(), timeout=20_000)
    assert [placed.plane.index for placed in stack.workspace.placed if not placed.carried] == [(1,)]
    assert len(shapes(stack).data) == 1 and not stack.errors


def test_in_a_large_image_a_box_is_of_the_part_in_view(slide):
    look_at(slide, 125, 95, height=60)
    slide.draw([(115, 86), (122, 92), (134, 104)], SHIFT)
    slide.qtbot.waitUntil(lambda: slide.labels.any(), timeout=20_000)
    (placed,) = slide.workspace.placed
    assert placed.region is not None and placed.region.meets(placed.click)
    rows, cols = np.nonzero(slide.labels)
    assert rows.min() >= 115 and rows.max() <= 134 and cols.min() >= 86 and cols.max() <= 104
    same(slide.labels, joined(slide))
    slide.controller.points.show(slide.workspace)
    slide.click(125, 95)
    assert slide.workspace.placed[0] == placed and len(slide.workspace.placed) == 2 and not slide.errors
