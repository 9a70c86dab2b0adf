"""Line 19: whatever changes in a layer that is seen together with the image makes its features out of date."""

import numpy as np
import pytest

from napari_m2n2v2 import compute_features
from napari_m2n2v2._napari.layers.image import merge
from napari_m2n2v2.features.states import FeatureState


@pytest.fixture
def merged(dock, image):
    """Two channels of an image, seen together."""
    for name, colour in (("red", "red"), ("blue", "blue")):
        channel = image[..., 0 if name == "red" else 2].copy()
        dock.viewer.add_image(channel, name=name, colormap=colour, blending="additive", contrast_limits=(0, 255))
    dock.controller.settings.change(merge_channels=True)
    return dock.start(dock.viewer.layers["red"])


def in_place(viewer):
    viewer.layers["blue"].data[:20] = 255 - viewer.layers["blue"].data[:20]
    viewer.layers["blue"].refresh()


def other_data(viewer):
    viewer.layers["blue"].data = 255 - viewer.layers["blue"].data


CHANGES = {
    "in place": in_place,
    "other data": other_data,
    "contrast": lambda viewer: setattr(viewer.layers["blue"], "contrast_limits", (50, 200)),
    "gamma": lambda viewer: setattr(viewer.layers["blue"], "gamma", 0.5),
    "colour": lambda viewer: setattr(viewer.layers["blue"], "colormap", "green"),
    "opacity": lambda viewer: setattr(viewer.layers["blue"], "opacity", 0.3),
    "its own opacity": lambda viewer: setattr(viewer.layers["red"], "opacity", 0.3),
    "hidden": lambda viewer: setattr(viewer.layers["blue"], "visible", False),
    "removed": lambda viewer: viewer.layers.remove("blue"),
    "another": lambda viewer: viewer.add_image(viewer.layers["red"].data[::-1].copy(), name="green"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_line_19_a_merged_channel_that_changes(merged, change):
    merged.viewer.layers["blue"].refresh()
    merged.viewer.layers["red"].refresh()
    assert merged.workspace.state is FeatureState.READY
    change(merged.viewer)
    assert merged.workspace.state is FeatureState.STALE and "changed" in merged.widget.status.text()
    merged.start(merged.viewer.layers["red"])
    seen = merge(merged.controller.settings.recipe_of(merged.workspace, merged.workspace.focus).channels).rgb
    parameters = merged.workspace.features.parameters
    expected = compute_features(seen, "appearance", device="cpu", parameters=parameters)
    assert merged.workspace.features.image_hash == expected.image_hash


@pytest.mark.parametrize("change", [CHANGES[name] for name in ("in place", "contrast", "hidden", "removed", "another")])
def test_line_19_what_is_not_merged_may_change(dock, image, change):
    for name in ("red", "blue"):
        dock.viewer.add_image(image[..., 0].copy(), name=name)
    dock.start(dock.viewer.layers["red"])
    change(dock.viewer)
    assert dock.workspace.state is FeatureState.READY


def test_line_19_layers_of_another_shape_and_views_are_no_channels(merged):
    merged.controller.clicks.add(16, 16)
    merged.controller.explain.show("Markov-map", True)
    other = merged.viewer.add_image(np.zeros((10, 12), np.uint8), contrast_limits=(0, 255))
    other.opacity = 0.5
    merged.viewer.layers.remove(other)
    assert merged.workspace.state is FeatureState.READY and not merged.errors


def test_line_19_a_dock_that_is_closed_follows_no_layer(merged):
    calls = []
    settings = merged.controller.settings
    settings.channel_changed = settings.channel_redrawn = calls.append
    merged.viewer.layers["blue"].opacity = 0.4
    assert calls
    merged.widget.close_down()
    calls.clear()
    merged.viewer.layers["blue"].opacity = 0.2
    merged.viewer.layers["blue"].refresh()
    assert not calls
