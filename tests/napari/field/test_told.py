"""Line 19 of what the field found: what is said, and not said too long or not at all."""

import numpy as np

from napari_m2n2v2 import Click, Session, compute_features
from napari_m2n2v2.features.states import FeatureState


def test_line_19_what_python_gives_is_shown_in_a_few_lines(features):
    session = Session(features)
    session.replay([Click(16, 16), Click(33, 48, object_id=2)])
    assert repr(session.result) == "SessionResult(clicks=2, objects=2, shape=(48, 64))"
    guided = features.with_guide(np.tile(np.linspace(0, 1, 64), (48, 1)))
    for shown in (session.result.objects[1], guided, guided.upsampling_operator(guided=True)):
        assert len(repr(shown)) < 1000 and "array" not in repr(shown)


def test_line_19_an_autosave_folder_that_cannot_be_written_is_told_once(started, tmp_path):
    blocked, told = tmp_path / "file", []
    blocked.write_text("in the way")
    started.controller.state.told.connect(told.append)
    started.controller.sessions.autosaves.folder = blocked / "autosave"
    for col in (16, 17, 18):
        started.controller.clicks.add(16, col)
    assert len([text for text in told if "not saved by themselves" in text]) == 1
    assert str(blocked) in told[-1] and "NAPARI_M2N2V2_AUTOSAVE" in told[-1]
    assert started.labels.any() and not started.errors


def test_line_19_an_image_changed_in_place_is_out_of_date_after_refresh(dock, image):
    layer = dock.viewer.add_image(image.copy(), name="cells")
    dock.start(layer)
    layer.refresh()
    assert dock.workspace.state is FeatureState.READY
    layer.data[:10, :10] = 255 - layer.data[:10, :10]
    layer.refresh()
    assert dock.workspace.state is FeatureState.STALE and "changed" in dock.widget.status.text()
    dock.start(layer)
    assert dock.workspace.state is FeatureState.READY
    seen = compute_features(layer.data, "appearance", device="cpu", parameters=dock.workspace.features.parameters)
    assert dock.workspace.features.image_hash == seen.image_hash


def test_line_19_slices_and_guides_changed_in_place(stack):
    layer, guide = stack.workspace.image, stack.viewer.add_image(np.tile(np.linspace(0, 1, 64), (48, 1)))
    stack.slide(2)
    stack.controller.clicks.add(16, 16)
    layer.data[1] = 255 - layer.data[1]
    layer.refresh()
    assert stack.workspace.state is FeatureState.READY  # another slice was changed, which is not shown
    stack.slide(1)
    assert stack.workspace.state is FeatureState.STALE
    stack.widget.settings.guide.value = guide
    stack.start(layer)
    guide.data[:] = guide.data[:, ::-1].copy()
    assert stack.workspace.state is FeatureState.READY
    guide.refresh()
    assert stack.workspace.state is FeatureState.STALE
