"""Guides, and what one click claims, in the dock."""

import numpy as np
import pytest

from napari_m2n2v2 import Session
from napari_m2n2v2._napari.model.status import describe


def choose(choice, data):
    choice.setCurrentIndex(choice.findData(data))


def clicked(dock):
    for row, col, foreground in ((16, 16, True), (40, 10, False), (18, 20, True), (10, 50, False)):
        dock.controller.clicks.add(row, col, foreground)
    return dock


def test_auto_lets_the_clicks_choose_and_says_why(started):
    choose(started.widget.backbones.depth, "auto")
    started.controller.features.start()
    clicked(started)
    features, result = started.workspace.features, started.workspace.solution.result
    assert len(features.options) == 3
    expected = Session(features).replay(started.workspace.clicks)
    np.testing.assert_array_equal(started.workspace.labels.data > 0, expected.mask)
    told = describe(started.workspace)
    assert result.guides[1].because in told and "Object 1 is guided by" in told


def test_a_guide_layer_and_a_computed_one_work_together(started, image):
    ramp = started.viewer.add_image(np.tile(np.arange(64.0), (48, 1)), name="ramp")
    started.widget.settings.reset_choices()
    started.widget.settings.guide.value = ramp
    started.widget.settings.guide_weight.setValue(0.5)
    choose(started.widget.backbones.depth, "ridges")
    started.controller.features.start()
    guides = started.workspace.features.guides
    assert [(guide.name, guide.weight) for guide in guides] == [("given", 0.5), ("ridges", 2.0)]
    assert started.workspace.features.transition is not None and "the chosen layer, ridges" in describe(
        started.workspace
    )


def test_another_computed_guide_keeps_the_attention(started):
    before = started.workspace.features.transition
    choose(started.widget.backbones.depth, "texture")
    started.controller.features.start()
    assert started.workspace.features.transition is before and started.workspace.features.guide_from == "texture"


@pytest.mark.parametrize("reach", ["thin", "similar"])
def test_what_one_click_claims_is_solved_again(started, reach):
    clicked(started)
    before = started.workspace.labels.data.copy()
    choose(started.widget.settings.reach, reach)
    assert started.session().parameters.reach == reach
    expected = Session(started.workspace.features, started.session().parameters)
    np.testing.assert_array_equal(started.workspace.labels.data > 0, expected.replay(started.workspace.clicks).mask)
    choose(started.widget.settings.reach, "connected")
    np.testing.assert_array_equal(started.workspace.labels.data, before)
