"""Sessions of stacks: one file for all slices, compared when they are loaded."""

import json

import numpy as np
import pytest
from qtpy.QtGui import QGuiApplication

from napari_m2n2v2 import Click, ClickError, Session, load_session, save_session
from napari_m2n2v2.session.document import PlacedClick, PlaneKey
from tests.napari.conftest import same


class TestStacks:
    @pytest.fixture
    def stack(self, dock, volume):
        """Clicks in three slices, one of them across, two objects, some of them carried."""
        dock.told = []
        dock.controller.state.told.connect(dock.told.append)
        dock.start(dock.viewer.add_image(volume, name="stack"))
        dock.slide(1)
        dock.points.add([1, 16, 19])
        dock.controller.propagation.propagate(1, 1)
        dock.controller.objects.next()
        dock.points.add([2, 33, 52])
        dock.viewer.dims.order = (1, 0, 2)
        dock.slide(33)
        dock.points.add([3, 33, 52])
        dock.viewer.dims.order = (0, 1, 2)
        dock.slide(2)
        return dock

    def test_a_file_holds_all_slices_and_undo_brings_back_what_was_there(self, stack, tmp_path):
        placed, before = stack.workspace.placed, stack.labels.copy()
        stack.widget.controller.sessions.save(tmp_path / "s.json")
        stack.controller.clicks.place(stack.workspace, [PlacedClick(PlaneKey((1, 2), (0,)), Click(16, 16))])
        stack.widget.controller.sessions.load(tmp_path / "s.json")
        assert stack.workspace.placed == placed and any(p.carried for p in placed)
        same(stack.labels, before)
        assert stack.told[-1] == f"Loaded {len(placed)} clicks. The masks are the same, bit for bit."
        stack.widget.buttons.undo.click()
        assert [p.plane.index for p in stack.workspace.placed] == [(0,)]

    def test_in_a_new_dock_slices_are_computed_and_then_compared(self, stack, volume, tmp_path):
        placed, before = stack.workspace.placed, stack.labels.copy()
        doubts = [row.doubt for row in stack.widget.propagation.table.rows]
        stack.widget.controller.sessions.save(tmp_path / "s.json")
        stack.viewer.layers.clear()
        stack.start(stack.viewer.add_image(volume, name="other"))
        stack.widget.controller.sessions.load(tmp_path / "s.json")
        assert stack.workspace.placed == placed and "bit for bit" in stack.told[-1]
        same(stack.labels, before)
        rows = stack.widget.propagation.table.rows
        assert [row.note for row in rows] == ["" for row in rows] and rows  # carried, not corrected
        assert [row.doubt for row in rows] == doubts and not np.isnan(doubts).any()
        stack.slide(1)
        stack.controller.objects.select(1)
        stack.controller.clicks.add(40, 10, False)
        assert stack.widget.propagation.again.isEnabled()

    def test_what_is_known_of_carried_slices_stays_when_its_own_file_is_loaded(self, stack, tmp_path):
        rows = stack.widget.propagation.table.rows
        stack.widget.controller.sessions.save(tmp_path / "s.json")
        stack.widget.controller.sessions.load(tmp_path / "s.json")
        assert stack.widget.propagation.table.rows == rows

    @pytest.mark.parametrize(
        ("key", "value"),
        [("axes", [1, 7]), ("index", [99]), ("region", [0, 0, 500, 64, 1]), ("region", [30, 0, 9, 9, 1])],
    )
    def test_a_file_with_places_that_are_not_there_changes_nothing(self, stack, tmp_path, key, value):
        path = tmp_path / "s.json"
        stack.widget.controller.sessions.save(path)
        content = json.loads(path.read_text())
        content["parts"][0][key] = value
        path.write_text(json.dumps(content))
        placed, labels = stack.workspace.placed, stack.labels.copy()
        stack.widget.controller.sessions.load(path)
        assert stack.errors and stack.workspace.placed == placed
        same(stack.labels, labels)

    def test_what_was_not_solved_is_not_compared(self, stack, volume, tmp_path):
        path = tmp_path / "s.json"
        stack.widget.controller.sessions.save(path)
        content = json.loads(path.read_text())
        content["parts"][0] |= {"provenance": None, "labels_sha256": ""}
        path.write_text(json.dumps(content))
        stack.widget.controller.sessions.load(path)
        assert "bit for bit" in stack.told[-1] and "1 of 3 slices or parts cannot be compared" in stack.told[-1]

    def test_saving_waits_for_what_is_being_computed(self, real_dock, volume, tmp_path):
        path = tmp_path / "s.json"
        real_dock.start(real_dock.viewer.add_image(volume))
        real_dock.points.add([[1, 16, 19], [2, 16, 22]])
        assert real_dock.workspace.is_computing
        real_dock.widget.controller.sessions.save(path)
        real_dock.qtbot.waitUntil(path.exists, timeout=20_000)
        assert all(load_session(path).solutions.values())

    def test_what_differs_is_said_by_slice(self, stack, volume, tmp_path):
        stack.widget.console.reopen(1)  # pixels that are accepted stay what they are, whatever the image
        stack.widget.controller.sessions.save(tmp_path / "s.json")
        stack.viewer.layers.clear()
        changed = volume.copy()
        changed[1] = changed[1, :, ::-1]
        stack.start(stack.viewer.add_image(changed, name="other"))
        stack.widget.controller.sessions.load(tmp_path / "s.json")
        assert "slice 1, image: was" in stack.told[-1] and "slice 2, image" not in stack.told[-1]

    def test_changing_clicks_meanwhile_ends_the_comparison(self, real_dock, volume, tmp_path):
        told = []
        real_dock.controller.state.told.connect(told.append)
        real_dock.start(real_dock.viewer.add_image(volume))
        real_dock.points.add([[1, 16, 19], [2, 16, 22]])
        real_dock.widget.controller.sessions.save(tmp_path / "s.json")
        real_dock.qtbot.waitUntil(lambda: any("Saved" in text for text in told), timeout=60_000)
        real_dock.viewer.layers.clear()
        real_dock.start(real_dock.viewer.add_image(volume))
        real_dock.widget.controller.sessions.load(tmp_path / "s.json")
        real_dock.qtbot.waitUntil(lambda: len(real_dock.workspace.placed) == 2, timeout=20_000)
        real_dock.controller.clicks.undo()
        real_dock.settle()
        real_dock.qtbot.wait(200)
        assert not any("Loaded" in text for text in told) and not real_dock.errors

    def test_an_image_of_another_shape_is_refused(self, stack, volume, tmp_path):
        stack.widget.controller.sessions.save(tmp_path / "s.json")
        stack.slide(0)
        stack.start(stack.viewer.add_image(volume[:2], name="short"))
        stack.points.add([0, 16, 16])
        stack.widget.controller.sessions.load(tmp_path / "s.json")
        assert "(4, 48, 64)" in stack.errors[-1] and "(2, 48, 64)" in stack.errors[-1]
        assert len(stack.workspace.placed) == 1

    def test_a_flat_session_goes_onto_the_slice_shown(self, stack, volume, tmp_path):
        flat = Session(stack.workspace.features)
        flat.replay([Click(16, 22), Click(40, 10, False)])
        save_session(tmp_path / "flat.json", flat)
        elsewhere = [p for p in stack.workspace.placed if p.plane != stack.workspace.here]
        stack.widget.controller.sessions.load(tmp_path / "flat.json")
        assert stack.workspace.clicks == flat.clicks and "bit for bit" in stack.told[-1]
        assert [p for p in stack.workspace.placed if p.plane != stack.workspace.here] == elsewhere
        with pytest.raises(ClickError, match="holds clicks in"):
            stack.widget.controller.sessions.save(tmp_path / "s.json")
            load_session(tmp_path / "s.json").replay(stack.workspace.features)

    def test_labels_that_were_taken_over_are_in_it(self, dock, volume, tmp_path):
        told, data = [], np.zeros(volume.shape, np.int32)
        dock.controller.state.told.connect(told.append)
        data[1, 30:44, 40:60] = 5
        labels = dock.viewer.add_labels(data.copy(), name="mine")
        layer = dock.viewer.add_image(volume)
        dock.widget.settings.labels.value = labels
        dock.slide(1)
        dock.start(layer)
        dock.controller.taking_over.take_over(5)
        dock.points.add([1, 36, 44])
        before = dock.labels.copy()
        dock.widget.controller.sessions.save(tmp_path / "s.json")
        dock.viewer.layers.remove(labels)
        dock.widget.settings.labels.value = None
        dock.start(layer)
        assert dock.workspace.labels is not labels
        dock.widget.controller.sessions.load(tmp_path / "s.json")
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
        stack.controller.features.start()
        assert not stack.widget.session.restore.isEnabled()  # no click was there
        stack.slide(1)
        stack.controller.features.start()
        stack.widget.session.restore.click()
        assert stack.workspace.placed == placed
        same(stack.labels, before)
