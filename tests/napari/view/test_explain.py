"""Seeing why, the reach of a click, the preview and the suggested click."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click, Session
from napari_m2n2v2._napari.controller.explain import VIEWS
from tests.napari.conftest import same


@pytest.fixture
def clicked(started):
    started.controller.clicks.add(16, 16)
    started.controller.clicks.add(5, 50, foreground=False)
    return started


@pytest.mark.parametrize("name", VIEWS)
def test_a_toggle_adds_and_removes_its_layer(clicked, name):
    before = list(clicked.viewer.layers)
    clicked.widget.why.toggles[name].click()
    (added,) = [layer for layer in clicked.viewer.layers if layer not in before]
    assert added.name == f"cells {name}" and added.data.shape == clicked.labels.shape
    assert clicked.viewer.layers.selection.active is clicked.points
    clicked.widget.why.toggles[name].click()
    assert list(clicked.viewer.layers) == before


def test_views_follow_the_selected_click_and_the_mask(clicked):
    clicked.widget.why.toggles["Markov-map"].click()
    layer = clicked.viewer.layers["cells Markov-map"]
    clicked.points.mode = "select"
    clicked.points.selected_data = {0}
    assert layer.data[16, 16] == 0 and layer.data[5, 50] > 0
    clicked.points.selected_data = {1}
    assert layer.data[5, 50] == 0 and layer.data[16, 16] > 0
    clicked.widget.why.toggles["Owner"].click()
    owners = clicked.viewer.layers["cells Owner"]
    clicked.controller.clicks.add(33, 48)
    assert owners.data[33, 48] == 3


def test_views_go_over_to_another_image(clicked, image):
    clicked.widget.why.toggles["Owner"].click()
    clicked.start(clicked.viewer.add_image(image[:, ::-1].copy(), name="other", scale=(2, 2)))
    clicked.controller.clicks.add(16, 48)
    names = [layer.name for layer in clicked.viewer.layers if "Owner" in layer.name]
    assert names == ["other Owner"]
    same(clicked.viewer.layers["other Owner"].scale, (2, 2))


def test_views_are_no_channels(clicked):
    clicked.widget.why.toggles["Markov-map"].click()
    clicked.widget.settings.merge.setChecked(True)
    assert clicked.controller.settings.channels(clicked.workspace) == [clicked.workspace.image]


def test_a_view_deleted_by_hand_puts_its_toggle_out(clicked):
    clicked.widget.why.toggles["Doubt"].click()
    clicked.viewer.layers.remove("cells Doubt")
    assert not clicked.widget.why.toggles["Doubt"].isChecked()


def test_what_the_engine_sees_is_shown(clicked):
    pixmap = clicked.widget.why.seen.pixmap()
    assert pixmap.width() / pixmap.height() == pytest.approx(64 / 48, rel=0.05)


class TestReach:
    def test_the_curve_of_the_selected_click_is_drawn(self, clicked):
        clicked.points.mode = "select"
        clicked.points.selected_data = {0}
        plot = clicked.widget.reach.plot
        assert plot.scores.max() > 0
        result = Session(clicked.workspace.features).replay(clicked.workspace.clicks)
        assert plot.chosen == pytest.approx(result.thresholds[0])

    def test_the_slider_sets_how_far_a_click_reaches_in_one_step_to_undo(self, clicked):
        clicked.points.mode = "select"
        clicked.points.selected_data = {0}
        before = clicked.labels.copy()
        for value in (300, 400, 500):
            clicked.widget.reach.slider.setValue(value)
        assert clicked.workspace.clicks[0].threshold == 0.5
        same(clicked.labels, clicked.expected())
        clicked.widget.buttons.undo.click()
        assert clicked.workspace.clicks[0].threshold is None
        same(clicked.labels, before)

    def test_automatic_takes_it_back(self, clicked):
        clicked.controller.clicks.set_threshold(1, 0.9)
        assert clicked.widget.reach.automatic.isEnabled()
        clicked.widget.reach.automatic.click()
        assert clicked.workspace.clicks[1].threshold is None

    def test_a_threshold_survives_moving_and_flipping(self, clicked):
        clicked.controller.clicks.set_threshold(0, 0.25)
        clicked.points.mode = "select"
        clicked.points.selected_data = {0}
        clicked.press(Qt.Key.Key_T)
        assert clicked.workspace.clicks[0] == Click(16, 16, False, threshold=0.25)


class TestPreview:
    def test_h_shows_what_a_click_at_the_cursor_would_give(self, clicked):
        clicked.press(Qt.Key.Key_H)
        assert clicked.widget.buttons.preview.isChecked()
        clicked.qtbot.wait(50)
        clicked.qtbot.mouseMove(clicked.canvas.native, clicked.where(20, 20))
        clicked.qtbot.wait(50)
        clicked.qtbot.mouseMove(clicked.canvas.native, clicked.where(33, 48))
        clicked.qtbot.waitUntil(lambda: "preview" in clicked.viewer.layers, timeout=5000)
        position = clicked.viewer.cursor.position
        preview = clicked.viewer.layers["preview"].data.copy()
        session = Session(clicked.workspace.features)
        session.replay(clicked.workspace.clicks)
        same(preview, session.preview(Click(*(float(v) for v in position))))
        assert len(clicked.workspace.clicks) == 2
        clicked.press(Qt.Key.Key_H)
        assert "preview" not in clicked.viewer.layers

    def test_it_outlines_the_present_object_alone_and_in_its_colour(self, clicked):
        clicked.controller.objects.next()
        clicked.controller.preview.toggle()

        class Event:
            position = (33.0, 48.0)

        clicked.controller.preview._on_move(clicked.viewer, Event)
        preview = clicked.viewer.layers["preview"]
        assert set(np.unique(preview.data)) == {0, clicked.workspace.object_id} and len(np.unique(clicked.labels)) > 1
        same(preview.get_color(clicked.workspace.object_id), clicked.workspace.labels.get_color(2))

    def test_beside_the_image_it_is_empty(self, clicked):
        clicked.controller.preview.toggle()

        class Event:
            position = (-50.0, -50.0)

        clicked.controller.preview._on_move(clicked.viewer, Event)
        assert not clicked.viewer.layers["preview"].data.any() and not clicked.errors

    def test_a_click_takes_the_preview_away(self, clicked):
        clicked.widget.controller.preview.toggle()
        clicked.qtbot.mouseMove(clicked.canvas.native, clicked.where(33, 48))
        clicked.qtbot.wait(50)
        clicked.click(33, 48)
        assert "preview" not in clicked.viewer.layers and len(clicked.workspace.clicks) == 3


def test_g_marks_where_a_click_would_help_most(clicked):
    from napari_m2n2v2.session.diagnostics import margin, suggest_click

    clicked.press(Qt.Key.Key_G)
    session = Session(clicked.workspace.features)
    session.replay(clicked.workspace.clicks)
    same(clicked.viewer.layers["suggested click"].data[0], np.array(suggest_click(margin(session, 1)), float))
    assert len(clicked.workspace.clicks) == 2
    clicked.controller.clicks.add(33, 48)
    assert "suggested click" not in clicked.viewer.layers
