"""Sessions in napari: files, autosave, the methods paragraph, and layers that napari saved."""

import json

import numpy as np
import pytest
from napari.layers import Points
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_m2n2v2 import Click, ClickError, SegmentationParameters, Session, load_session, save_session
from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

from .conftest import AtOnce, run_now, same


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
    clicked.widget.session.sessions.save(path)
    clicked.controller.set_clicks(())
    assert not clicked.labels.any()
    clicked.widget.session.sessions.load(path)
    same(clicked.labels, before)
    assert "bit for bit" in clicked.told[-1]
    clicked.widget.undo.click()
    assert not clicked.labels.any()


def test_loading_onto_another_image_says_what_differs(clicked, tmp_path, image):
    clicked.widget.session.sessions.save(tmp_path / "s.json")
    clicked.start(clicked.viewer.add_image(image[::-1].copy(), name="other"))
    clicked.widget.session.sessions.load(tmp_path / "s.json")
    assert "image: was" in clicked.told[-1] and len(clicked.workspace.clicks) == 3


def test_a_damaged_file_is_told_and_nothing_is_lost(clicked, tmp_path):
    path = tmp_path / "s.json"
    path.write_text("{")
    before = clicked.labels.copy()
    clicked.widget.session.sessions.load(path)
    assert "cannot be read" in clicked.errors[-1]
    same(clicked.labels, before)


def test_every_solved_state_is_saved_by_itself_and_can_be_restored(clicked, autosaves):
    (path,) = autosaves.glob("*.json")
    assert load_session(path).clicks == clicked.workspace.clicks
    before = clicked.labels.copy()
    clicked.controller.set_clicks(())
    assert clicked.widget.session.restore.isEnabled()
    clicked.widget.session.restore.click()
    same(clicked.labels, before)


def test_a_folder_that_cannot_be_written_stops_nobody(started, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    started.widget.session.sessions.autosaves.folder = blocked / "autosave"
    started.controller.add_click(16, 16)
    assert started.labels.any() and not started.errors


def test_the_methods_paragraph_is_copied(clicked, qtbot):
    clicked.widget.session.methods.click()
    text = QGuiApplication.clipboard().text()
    assert "2 objects" in text and "M2N2V2" in text


def test_napari_opens_a_session_file_as_points(clicked, tmp_path):
    path = tmp_path / "s.json"
    clicked.widget.session.sessions.save(path)
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
    clicked.controller.add_click(40, 10)
    same(clicked.labels, clicked.expected())


def test_clicks_in_a_session_keep_their_order_and_thresholds(clicked, tmp_path):
    clicked.controller.set_threshold(0, 0.4)
    clicked.widget.session.sessions.save(tmp_path / "s.json")
    assert load_session(tmp_path / "s.json").clicks[0] == Click(16, 16, threshold=0.4)
    assert np.isnan(clicked.points.features["threshold"][1])


def test_autosaves_of_earlier_work_are_offered_before_the_present_one(clicked, autosaves, image):
    earlier, clicks = clicked.labels.copy(), clicked.workspace.clicks
    layer = clicked.workspace.image
    clicked.viewer.layers.remove(clicked.points)
    clicked.viewer.layers.remove("cells masks")
    clicked.start(layer)
    clicked.controller.add_click(40, 10)
    assert len(list(autosaves.glob("*.json"))) == 2
    clicked.widget.session.restore.click()
    assert clicked.workspace.clicks == clicks
    same(clicked.labels, earlier)


def test_only_the_latest_autosaves_are_kept(clicked, autosaves, monkeypatch):
    monkeypatch.setattr("napari_m2n2v2._napari.controller.autosave._KEEP", 3)
    for year in (1999, 2000, 2001, 2002):
        (autosaves / f"{year}0101-000000-000000.json").write_text("{}")
    (autosaves / "0 of somebody else.json").write_text("{}")
    clicked.controller.add_click(40, 10)
    assert [path.name[:4] for path in sorted(autosaves.glob("*.json"))][:3] == ["0 of", "2001", "2002"]


def test_a_damaged_autosave_hides_no_other(clicked, autosaves, viewer, qtbot):
    (autosaves / "20200101-000000-000000.json").write_bytes(b"\xff\xfe no text")
    found = Autosaves(clicked.controller, autosaves)
    assert found.latest() in set(autosaves.glob("*.json")) and not clicked.errors
    found.close()


def test_parameters_that_the_dock_has_not_are_said(started, tmp_path):
    told, session = [], Session(started.workspace.features, SegmentationParameters.m2n2())
    started.controller.told.connect(told.append)
    session.replay([Click(16, 19), Click(40, 40, False), Click(20, 24)])
    save_session(tmp_path / "s.json", session)
    started.widget.session.sessions.load(tmp_path / "s.json")
    assert "score_adaptive: was False, is True in the dock" in told[-1] and "processor" not in told[-1]


def test_two_viewers_save_each_its_own(clicked, make_napari_viewer, tmp_path, image):
    other = make_napari_viewer()
    widget = SegmentWithClicks(other, Jobs(run_now, AtOnce()))
    other.window.add_dock_widget(widget)
    widget.controller.computing.change(attention="appearance", grid=12, device="cpu")
    widget.controller.start(other.add_image(image, name="cells"))
    widget.controller.add_click(16, 16)
    for name, viewer in (("one", clicked.viewer), ("two", other)):
        viewer.layers["cells clicks"].save(str(tmp_path / f"{name}.json"), plugin="napari-m2n2v2")
    widget.close_down()
    assert [len(load_session(tmp_path / f"{name}.json").clicks) for name in ("one", "two")] == [3, 1]


def test_save_gives_the_ending_that_load_looks_for(clicked, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: dialog.selectFile(str(tmp_path / "mine")) or True)
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
            dock.controller.start(layer, dock.viewer.add_labels(before.copy(), name="mine"))

        dock.told = []
        dock.controller.told.connect(dock.told.append)
        return begin

    def test_they_go_on_from_the_same_labels(self, dock, begin, before, tmp_path):
        begin()
        dock.controller.take_over(7)
        dock.controller.add_click(40, 50, False)
        after = dock.labels.copy()
        assert (after != before).any()
        dock.widget.session.sessions.save(tmp_path / "s.json")
        begin()
        dock.widget.session.sessions.load(tmp_path / "s.json")
        same(dock.labels, after)
        assert "bit for bit" in dock.told[-1]

    def test_they_come_with_a_plane_that_has_no_click(self, dock, volume, tmp_path):
        data = np.zeros(volume.shape, np.int32)
        data[2, 5:45, 5:60] = 7
        layer = dock.viewer.add_image(volume, name="stack")
        dock.controller.start(layer, dock.viewer.add_labels(data.copy(), name="mine"))
        dock.slide(2)
        dock.controller.take_over(7)
        dock.slide(1)
        dock.controller.add_click(16, 19)
        after = dock.labels.copy()
        dock.widget.session.sessions.save(tmp_path / "s.json")
        dock.viewer.layers.remove("mine")
        dock.start(layer)
        dock.widget.session.sessions.load(tmp_path / "s.json")
        same(dock.labels, after)

    def test_those_that_the_file_has_not_stay_and_are_said(self, dock, begin, before, tmp_path):
        begin()
        dock.controller.add_click(2, 62)
        dock.widget.session.sessions.save(tmp_path / "s.json")
        begin()
        dock.controller.take_over(7)
        dock.widget.session.sessions.load(tmp_path / "s.json")
        assert (dock.labels == 7).any() and "taken over from before" in dock.told[-1]


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


class TestStacks:
    @pytest.fixture
    def stack(self, dock, volume):
        """Clicks in three slices, one of them across, two objects, some of them carried."""
        dock.told = []
        dock.controller.told.connect(dock.told.append)
        dock.start(dock.viewer.add_image(volume, name="stack"))
        dock.slide(1)
        dock.points.add([1, 16, 19])
        dock.controller.propagating.carry(1, 1)
        dock.controller.next_object()
        dock.points.add([2, 33, 52])
        dock.viewer.dims.order = (1, 0, 2)
        dock.slide(33)
        dock.points.add([3, 33, 52])
        dock.viewer.dims.order = (0, 1, 2)
        dock.slide(2)
        return dock

    def test_a_file_holds_all_slices_and_undo_brings_back_what_was_there(self, stack, tmp_path):
        placed, before = stack.workspace.placed, stack.labels.copy()
        stack.widget.session.sessions.save(tmp_path / "s.json")
        stack.controller.place_clicks(stack.workspace, [PlacedClick(PlaneKey((1, 2), (0,)), Click(16, 16))])
        stack.widget.session.sessions.load(tmp_path / "s.json")
        assert stack.workspace.placed == placed and any(p.carried for p in placed)
        same(stack.labels, before)
        assert stack.told[-1] == f"Loaded {len(placed)} clicks. The masks are the same, bit for bit."
        stack.widget.undo.click()
        assert [p.plane.index for p in stack.workspace.placed] == [(0,)]

    def test_in_a_new_dock_slices_are_computed_and_then_compared(self, stack, volume, tmp_path):
        placed, before = stack.workspace.placed, stack.labels.copy()
        doubts = [row.doubt for row in stack.widget.propagation.table.rows]
        stack.widget.session.sessions.save(tmp_path / "s.json")
        stack.viewer.layers.clear()
        stack.start(stack.viewer.add_image(volume, name="other"))
        stack.widget.session.sessions.load(tmp_path / "s.json")
        assert stack.workspace.placed == placed and "bit for bit" in stack.told[-1]
        same(stack.labels, before)
        rows = stack.widget.propagation.table.rows
        assert [row.note for row in rows] == ["" for row in rows] and rows  # carried, not corrected
        assert [row.doubt for row in rows] == doubts and not np.isnan(doubts).any()
        stack.slide(1)
        stack.controller.select_object(1)
        stack.controller.add_click(40, 10, False)
        assert stack.widget.propagation.again.isEnabled()

    def test_what_is_known_of_carried_slices_stays_when_its_own_file_is_loaded(self, stack, tmp_path):
        rows = stack.widget.propagation.table.rows
        stack.widget.session.sessions.save(tmp_path / "s.json")
        stack.widget.session.sessions.load(tmp_path / "s.json")
        assert stack.widget.propagation.table.rows == rows

    @pytest.mark.parametrize(
        ("key", "value"),
        [("axes", [1, 7]), ("index", [99]), ("region", [0, 0, 500, 64, 1]), ("region", [30, 0, 9, 9, 1])],
    )
    def test_a_file_with_places_that_are_not_there_changes_nothing(self, stack, tmp_path, key, value):
        path = tmp_path / "s.json"
        stack.widget.session.sessions.save(path)
        content = json.loads(path.read_text())
        content["parts"][0][key] = value
        path.write_text(json.dumps(content))
        placed, labels = stack.workspace.placed, stack.labels.copy()
        stack.widget.session.sessions.load(path)
        assert stack.errors and stack.workspace.placed == placed
        same(stack.labels, labels)

    def test_what_was_not_solved_is_not_compared(self, stack, volume, tmp_path):
        path = tmp_path / "s.json"
        stack.widget.session.sessions.save(path)
        content = json.loads(path.read_text())
        content["parts"][0] |= {"provenance": None, "labels_sha256": ""}
        path.write_text(json.dumps(content))
        stack.widget.session.sessions.load(path)
        assert "bit for bit" in stack.told[-1] and "1 of 3 slices or parts cannot be compared" in stack.told[-1]

    def test_saving_waits_for_what_is_being_computed(self, real_dock, volume, tmp_path):
        path = tmp_path / "s.json"
        real_dock.start(real_dock.viewer.add_image(volume))
        real_dock.points.add([[1, 16, 19], [2, 16, 22]])
        assert real_dock.workspace.is_computing
        real_dock.widget.session.sessions.save(path)
        real_dock.qtbot.waitUntil(path.exists, timeout=20_000)
        assert all(load_session(path).solutions.values())

    def test_what_differs_is_said_by_slice(self, stack, volume, tmp_path):
        stack.widget.session.sessions.save(tmp_path / "s.json")
        stack.viewer.layers.clear()
        changed = volume.copy()
        changed[1] = changed[1, :, ::-1]
        stack.start(stack.viewer.add_image(changed, name="other"))
        stack.widget.session.sessions.load(tmp_path / "s.json")
        assert "slice 1, image: was" in stack.told[-1] and "slice 2, image" not in stack.told[-1]

    def test_changing_clicks_meanwhile_ends_the_comparison(self, real_dock, volume, tmp_path):
        told = []
        real_dock.controller.told.connect(told.append)
        real_dock.start(real_dock.viewer.add_image(volume))
        real_dock.points.add([[1, 16, 19], [2, 16, 22]])
        real_dock.widget.session.sessions.save(tmp_path / "s.json")
        real_dock.qtbot.waitUntil(lambda: any("Saved" in text for text in told), timeout=60_000)
        real_dock.viewer.layers.clear()
        real_dock.start(real_dock.viewer.add_image(volume))
        real_dock.widget.session.sessions.load(tmp_path / "s.json")
        real_dock.qtbot.waitUntil(lambda: len(real_dock.workspace.placed) == 2, timeout=20_000)
        real_dock.controller.undo()
        real_dock.settle()
        real_dock.qtbot.wait(200)
        assert not any("Loaded" in text for text in told) and not real_dock.errors

    def test_an_image_of_another_shape_is_refused(self, stack, volume, tmp_path):
        stack.widget.session.sessions.save(tmp_path / "s.json")
        stack.slide(0)
        stack.start(stack.viewer.add_image(volume[:2], name="short"))
        stack.points.add([0, 16, 16])
        stack.widget.session.sessions.load(tmp_path / "s.json")
        assert "(4, 48, 64)" in stack.errors[-1] and "(2, 48, 64)" in stack.errors[-1]
        assert len(stack.workspace.placed) == 1

    def test_a_flat_session_goes_onto_the_slice_shown(self, stack, volume, tmp_path):
        flat = Session(stack.workspace.features)
        flat.replay([Click(16, 22), Click(40, 10, False)])
        save_session(tmp_path / "flat.json", flat)
        elsewhere = [p for p in stack.workspace.placed if p.plane != stack.workspace.here]
        stack.widget.session.sessions.load(tmp_path / "flat.json")
        assert stack.workspace.clicks == flat.clicks and "bit for bit" in stack.told[-1]
        assert [p for p in stack.workspace.placed if p.plane != stack.workspace.here] == elsewhere
        with pytest.raises(ClickError, match="holds clicks in"):
            stack.widget.session.sessions.save(tmp_path / "s.json")
            load_session(tmp_path / "s.json").replay(stack.workspace.features)

    def test_labels_that_were_taken_over_are_in_it(self, dock, volume, tmp_path):
        told, data = [], np.zeros(volume.shape, np.int32)
        dock.controller.told.connect(told.append)
        data[1, 30:44, 40:60] = 5
        labels = dock.viewer.add_labels(data.copy(), name="mine")
        layer = dock.viewer.add_image(volume)
        dock.widget.settings.labels.value = labels
        dock.slide(1)
        dock.start(layer)
        dock.controller.take_over(5)
        dock.points.add([1, 36, 44])
        before = dock.labels.copy()
        dock.widget.session.sessions.save(tmp_path / "s.json")
        dock.viewer.layers.remove(labels)
        dock.widget.settings.labels.value = None
        dock.start(layer)
        assert dock.workspace.labels is not labels
        dock.widget.session.sessions.load(tmp_path / "s.json")
        assert "bit for bit" in told[-1]
        same(dock.labels, before)

    def test_napari_opens_and_saves_it(self, stack, tmp_path):
        path = tmp_path / "out.json"
        assert stack.points.save(str(path), plugin="napari-m2n2v2") == [str(path)]
        (layer,) = stack.viewer.open(path, plugin="napari-m2n2v2")
        same(layer.data, stack.points.data)
        for name in stack.points.features:
            assert list(layer.features[name].astype(str)) == list(stack.points.features[name].astype(str))

    def test_the_methods_paragraph_is_of_all_slices(self, stack):
        stack.widget.session.methods.click()
        text = QGuiApplication.clipboard().text()
        assert "2 objects in 3 slices or parts of an image of 4 x 48 x 64 pixels" in text
        assert "placed by propagation" in text and "; and from appearance on a grid of" in text  # the slice across

    def test_autosaves_are_found_from_any_of_their_slices(self, stack, volume):
        placed, before = stack.workspace.placed, stack.labels.copy()
        stack.viewer.layers.clear()
        stack.start(stack.viewer.add_image(volume, name="again"))
        stack.slide(0)
        stack.controller.computing.start()
        assert not stack.widget.session.restore.isEnabled()  # no click was there
        stack.slide(1)
        stack.controller.computing.start()
        stack.widget.session.restore.click()
        assert stack.workspace.placed == placed
        same(stack.labels, before)
