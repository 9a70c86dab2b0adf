"""Sessions in napari: files, the methods paragraph, and layers that napari saved."""

import json
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Points
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_m2n2v2 import Click, SegmentationParameters, Session, load_session, save_session
from tests.napari.conftest import same


def test_save_and_load_give_the_same_masks_and_can_be_undone(clicked, tmp_path):
    path, before = tmp_path / "s.json", clicked.labels.copy()
    clicked.widget.controller.sessions.save(path)
    clicked.controller.clicks.set_clicks(())
    assert not clicked.labels.any()
    clicked.widget.controller.sessions.load(path)
    same(clicked.labels, before)
    assert "bit for bit" in clicked.told[-1]
    clicked.widget.buttons.undo.click()
    assert not clicked.labels.any()


def test_loading_onto_another_image_says_what_differs(clicked, tmp_path, image):
    clicked.widget.controller.sessions.save(tmp_path / "s.json")
    clicked.start(clicked.viewer.add_image(image[::-1].copy(), name="other"))
    clicked.widget.controller.sessions.load(tmp_path / "s.json")
    assert "image: was" in clicked.told[-1] and len(clicked.workspace.clicks) == 3


def test_a_damaged_file_is_told_and_nothing_is_lost(clicked, tmp_path):
    path = tmp_path / "s.json"
    path.write_text("{")
    before = clicked.labels.copy()
    clicked.widget.controller.sessions.load(path)
    assert "cannot be read" in clicked.errors[-1]
    same(clicked.labels, before)


def test_the_methods_paragraph_is_copied(clicked, qtbot):
    clicked.widget.session.methods.click()
    text = QGuiApplication.clipboard().text()
    assert "2 objects" in text and "M2N2V2" in text


def test_napari_opens_a_session_file_as_points(clicked, tmp_path):
    path = tmp_path / "s.json"
    clicked.widget.controller.sessions.save(path)
    (layer,) = clicked.viewer.open(path, plugin="napari-m2n2v2")
    assert isinstance(layer, Points) and list(layer.features["class"]) == ["foreground", "background", "foreground"]
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"a": 1}))
    from napari_m2n2v2._napari.plugin import get_reader

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
    clicked.controller.clicks.add(40, 10)
    same(clicked.labels, clicked.expected())


def test_clicks_in_a_session_keep_their_order_and_thresholds(clicked, tmp_path):
    clicked.controller.clicks.set_threshold(0, 0.4)
    clicked.widget.controller.sessions.save(tmp_path / "s.json")
    assert load_session(tmp_path / "s.json").clicks[0] == Click(16, 16, threshold=0.4)
    assert np.isnan(clicked.points.features["threshold"][1])


@pytest.mark.parametrize("changed", [{}, {"tau": 0.25, "reach": "similar"}])
def test_a_session_of_another_method_is_solved_by_it(started, tmp_path, changed):
    told, method = [], replace(SegmentationParameters.m2n2(), **changed)
    session = Session(started.workspace.features, method)
    started.controller.state.told.connect(told.append)
    session.replay([Click(16, 19), Click(40, 40, False), Click(20, 24)])
    save_session(tmp_path / "s.json", session)
    started.widget.controller.sessions.load(tmp_path / "s.json")
    assert "bit for bit" in told[-1] and "More > Method" in told[-1]
    assert started.controller.state.rules.parameters == method
    same(started.labels, session.result.labels)
    chosen = started.widget.settings.method
    assert chosen.currentText() == ("of the session" if changed else "M2N2")
    chosen.setCurrentIndex(0)
    chosen.activated.emit(0)
    assert started.controller.state.rules.method == SegmentationParameters()
    same(started.labels, started.expected())


def test_save_gives_the_ending_that_load_looks_for(clicked, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: dialog.selectFile(str(tmp_path / "mine")) or True)
    clicked.widget.session.masks.setCurrentText("none, the session alone")
    clicked.widget.session.save.click()
    assert load_session(tmp_path / "mine.json").clicks == clicked.workspace.clicks


class TestLabelsTakenOver:
    @pytest.fixture
    def before(self, image):
        labels = np.zeros(image.shape[:2], np.int32)
        labels[5:45, 5:60] = 7
        return labels

    @pytest.fixture
    def begin(self, dock, image, before):
        def begin():
            dock.viewer.layers.clear()
            layer = dock.viewer.add_image(image, name="cells")
            dock.controller.images.start(layer, dock.viewer.add_labels(before.copy(), name="mine"))

        dock.told = []
        dock.controller.state.told.connect(dock.told.append)
        return begin

    def test_they_go_on_from_the_same_labels(self, dock, begin, before, tmp_path):
        begin()
        dock.controller.taking_over.take_over(7)
        dock.controller.clicks.add(40, 50, False)
        after = dock.labels.copy()
        assert (after != before).any()
        dock.widget.controller.sessions.save(tmp_path / "s.json")
        begin()
        dock.widget.controller.sessions.load(tmp_path / "s.json")
        same(dock.labels, after)
        assert "bit for bit" in dock.told[-1]

    def test_they_come_with_a_plane_that_has_no_click(self, dock, volume, tmp_path):
        data = np.zeros(volume.shape, np.int32)
        data[2, 5:45, 5:60] = 7
        layer = dock.viewer.add_image(volume, name="stack")
        dock.controller.images.start(layer, dock.viewer.add_labels(data.copy(), name="mine"))
        dock.slide(2)
        dock.controller.taking_over.take_over(7)
        dock.slide(1)
        dock.controller.clicks.add(16, 19)
        after = dock.labels.copy()
        dock.widget.controller.sessions.save(tmp_path / "s.json")
        dock.viewer.layers.remove("mine")
        dock.start(layer)
        dock.widget.controller.sessions.load(tmp_path / "s.json")
        same(dock.labels, after)

    def test_those_that_the_file_has_not_are_labels_from_before_again(self, dock, begin, before, tmp_path):
        begin()
        dock.controller.clicks.add(2, 62)
        dock.widget.controller.sessions.save(tmp_path / "s.json")
        begin()
        dock.controller.taking_over.take_over(7)
        dock.widget.controller.sessions.load(tmp_path / "s.json")
        same(dock.labels[before == 7], 7)
        assert 7 not in dock.workspace.work.planes and "bit for bit" in dock.told[-1]
        dock.widget.buttons.undo.click()
        assert 7 in dock.workspace.work.planes


def test_saved_layers_are_laid_over_their_image_again(dock, image):
    placed = {"scale": (0.5, 0.5), "translate": (3, 4)}
    table = {"class": ["foreground"], "object": [1], "threshold": [np.nan]}
    points = dock.viewer.add_points([[16.0, 19.0]], name="cells clicks", features=table)
    masks = dock.viewer.add_labels(np.zeros(image.shape[:2], np.int32), name="cells masks")
    dock.start(dock.viewer.add_image(image, name="cells", **placed))
    assert dock.points is points and dock.workspace.labels is masks
    for layer in (points, masks):
        same(layer.data_to_world((20, 24)), dock.workspace.image.data_to_world((20, 24)))
    dock.points.mode = "add"
    dock.click(20, 24)
    np.testing.assert_allclose(dock.points.data[-1], (20, 24), atol=1)
