"""Sessions in napari: files, autosave, the methods paragraph, and layers that napari saved."""

import json

import numpy as np
import pytest
from napari.layers import Points
from qtpy.QtGui import QGuiApplication

from napari_m2n2v2 import Click, load_session

from .conftest import same


@pytest.fixture
def clicked(started):
    started.controller.add_click(16, 16)
    started.controller.add_click(5, 50, foreground=False)
    started.controller.next_object()
    started.controller.add_click(33, 48)
    started.told = []
    started.controller.told.disconnect()
    started.controller.told.connect(started.told.append)
    return started


def test_save_and_load_give_the_same_masks_and_can_be_undone(clicked, tmp_path):
    path, before = tmp_path / "s.json", clicked.labels.copy()
    clicked.widget.sessions.save(path)
    clicked.controller.set_clicks(())
    assert not clicked.labels.any()
    clicked.widget.sessions.load(path)
    same(clicked.labels, before)
    assert "bit for bit" in clicked.told[-1]
    clicked.widget.undo.click()
    assert not clicked.labels.any()


def test_loading_onto_another_image_says_what_differs(clicked, tmp_path, image):
    clicked.widget.sessions.save(tmp_path / "s.json")
    clicked.start(clicked.viewer.add_image(image[::-1].copy(), name="other"))
    clicked.widget.sessions.load(tmp_path / "s.json")
    assert "image: was" in clicked.told[-1] and len(clicked.workspace.clicks) == 3


def test_a_damaged_file_is_told_and_nothing_is_lost(clicked, tmp_path):
    path = tmp_path / "s.json"
    path.write_text("{")
    before = clicked.labels.copy()
    clicked.widget.sessions.load(path)
    assert "cannot be read" in clicked.errors[-1]
    same(clicked.labels, before)


def test_every_solved_state_is_saved_by_itself_and_can_be_restored(clicked, autosaves):
    (path,) = autosaves.glob("*.json")
    assert load_session(path).clicks == clicked.workspace.clicks
    before = clicked.labels.copy()
    clicked.controller.set_clicks(())
    assert clicked.widget.restore.isEnabled()
    clicked.widget.restore.click()
    same(clicked.labels, before)


def test_a_folder_that_cannot_be_written_stops_nobody(started, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    started.widget.sessions.folder = blocked / "autosave"
    started.controller.add_click(16, 16)
    assert started.labels.any() and not started.errors


def test_the_methods_paragraph_is_copied(clicked, qtbot):
    clicked.widget.methods.click()
    text = QGuiApplication.clipboard().text()
    assert "2 objects" in text and "M2N2V2" in text


def test_napari_opens_a_session_file_as_points(clicked, tmp_path):
    path = tmp_path / "s.json"
    clicked.widget.sessions.save(path)
    (layer,) = clicked.viewer.open(path, plugin="napari-m2n2v2")
    assert isinstance(layer, Points) and list(layer.features["class"]) == ["foreground", "background", "foreground"]
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"a": 1}))
    from napari_m2n2v2._napari.sessions import get_reader

    assert get_reader(str(other)) is None and get_reader("x.png") is None and get_reader(["a.json"]) is None


def test_napari_saves_the_clicks_layer_as_a_session(clicked, tmp_path):
    path = tmp_path / "out.json"
    assert clicked.points.save(str(path), plugin="napari-m2n2v2") == [str(path)]
    assert load_session(path).clicks == clicked.workspace.clicks


def test_layers_saved_by_napari_are_taken_up_again(clicked, tmp_path, make_napari_viewer, qtbot, image):
    before, clicks = clicked.labels.copy(), clicked.workspace.clicks
    names = [clicked.points.save(str(tmp_path / "cells clicks.csv"))[0]]
    names += clicked.workspace.labels.save(str(tmp_path / "cells masks.tif"))
    clicked.viewer.layers.clear()
    layer = clicked.viewer.add_image(image, name="cells")
    for name in names:
        clicked.viewer.open(name, layer_type="points" if name.endswith("csv") else "labels")
    assert len(clicked.viewer.layers) == 3
    clicked.start(layer)
    assert len(clicked.viewer.layers) == 3
    assert [(round(c.row), round(c.col), c.foreground, c.object_id) for c in clicked.workspace.clicks] == [
        (c.row, c.col, c.foreground, c.object_id) for c in clicks
    ]
    same(clicked.labels, before)
    clicked.controller.add_click(40, 10)
    same(clicked.labels, clicked.expected())


def test_clicks_in_a_session_keep_their_order_and_thresholds(clicked, tmp_path):
    clicked.controller.set_threshold(0, 0.4)
    clicked.widget.sessions.save(tmp_path / "s.json")
    assert load_session(tmp_path / "s.json").clicks[0] == Click(16, 16, threshold=0.4)
    assert np.isnan(clicked.points.features["threshold"][1])
