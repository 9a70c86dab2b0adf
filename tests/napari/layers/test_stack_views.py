"""Stacks: guides, views, tables and files, of the slice that is shown."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click, Session
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import DEPTH, planes, same


class TestGuides:
    @pytest.mark.parametrize(
        ("make", "plane"),
        [
            (lambda ramps: ramps, lambda ramps: ramps[1, 2]),
            (lambda ramps: ramps[1], lambda ramps: ramps[1, 2]),
            (lambda ramps: ramps[0, 3], lambda ramps: ramps[0, 3]),
        ],
        ids=["stack", "fewer axes", "one plane"],
    )
    def test_the_guide_is_of_the_same_plane(self, dock, volume, make, plane):
        from napari_m2n2v2.guides.channel import as_guide

        ramps = np.random.default_rng(0).normal(size=(2, *volume.shape))
        guide = dock.viewer.add_image(make(ramps), name="height")
        layer = dock.viewer.add_image(np.stack([volume, volume]), name="series")
        dock.slide(1, 2)
        dock.widget.settings.guide.value = guide
        dock.start(layer)
        shape = volume.shape[1:]
        same(dock.workspace.features.guide, as_guide(plane(ramps), shape, shape))

    def test_one_that_does_not_fit_is_told(self, dock, volume):
        dock.widget.settings.guide.value = dock.viewer.add_image(volume[1:], name="height")
        dock.start(dock.viewer.add_image(volume), wait=False)
        assert "(4, 48, 64) or (48, 64)" in dock.errors[-1] and dock.workspace.state is FeatureState.MISSING

    def test_channels_are_merged_plane_by_plane(self, dock):
        rgb = planes()
        for i, colour in enumerate(("red", "green", "blue")):
            layer = dock.viewer.add_image(
                rgb[..., i], colormap=colour, blending="additive", name=colour, contrast_limits=(0, 255)
            )
        dock.widget.settings.merge.setChecked(True)
        dock.slide(2)
        dock.start(layer)
        np.testing.assert_allclose(dock.workspace.features.image, rgb[2], atol=2)


class TestOtherParts:
    def test_views_and_suggestions_are_drawn_in_their_plane(self, stack):
        stack.workspace.image.scale = (4, 1, 1)
        stack.slide(1)
        stack.points.add([[1, 16, 19], [1, 5, 50]])
        stack.widget.why.toggles["Markov-map"].click()
        view = stack.viewer.layers["stack Markov-map"]
        assert view.data.shape == (1, *stack.shown_labels.shape)
        same(view.data_to_world((0, 7, 9)), stack.workspace.image.data_to_world((1, 7, 9)))
        stack.widget.buttons.suggest.click()
        assert stack.viewer.layers["suggested click"].data[0, 0] == 1
        stack.slide(3)
        assert "suggested click" not in stack.viewer.layers
        same(view.data_to_world((0, 7, 9))[0], 4)  # nothing is known of slice 3
        stack.points.add([3, 16, 25])
        same(view.data_to_world((0, 7, 9)), stack.workspace.image.data_to_world((3, 7, 9)))
        assert view.data[0, 16, 25] == 0
        stack.viewer.dims.order = (1, 0, 2)
        stack.slide(16)
        stack.points.add([1, 16, 16])
        assert stack.viewer.layers["stack Markov-map"].data.shape == (DEPTH, 1, 64)

    def test_the_preview_is_of_the_plane_shown(self, stack):
        stack.points.add([1, 16, 19])
        stack.press(Qt.Key.Key_H)
        stack.qtbot.wait(50)
        for place in [(20, 20), (33, 48)]:
            stack.qtbot.mouseMove(stack.canvas.native, stack.where(*place))
            stack.qtbot.wait(50)
        stack.qtbot.waitUntil(lambda: "preview" in stack.viewer.layers, timeout=5000)
        preview = stack.viewer.layers["preview"]
        _, row, col = stack.viewer.cursor.position
        session = Session(stack.workspace.features)
        session.replay(stack.workspace.clicks)
        same(preview.data[0], session.preview(Click(row, col)))
        same(preview.data_to_world((0, 0, 0)), (1, 0, 0))
        stack.slide(2)
        assert "preview" not in stack.viewer.layers

    def test_the_table_and_the_reach_are_of_the_plane_shown(self, stack):
        stack.points.add([[1, 16, 19], [3, 16, 25], [3, 5, 60]])
        rows = []
        for z in (1, 3, 0):
            stack.slide(z)
            rows.append([stack.widget.table.item(0, column).text() for column in range(3)])
        areas = [np.count_nonzero(stack.labels[z]) for z in (1, 3)]
        assert rows == [["1", "1", f"{areas[0]} px"], ["1", "2", f"{areas[1]} px"], ["1", "0", "0 px"]]
        assert not stack.widget.reach.isEnabled()
        stack.slide(3)
        assert "Click 2" in stack.widget.reach.title.text() and stack.widget.reach.plot.scores.max() > 0
        stack.points.mode = "select"
        stack.points.selected_data = {1}
        assert "Click 1" in stack.widget.reach.title.text()

    @pytest.mark.filterwarnings("ignore:.*stored as RGB:DeprecationWarning")  # tifffile's, of any stack of four
    def test_layers_saved_by_napari_are_taken_up_again(self, stack, volume, tmp_path):
        stack.points.add([[1, 16, 19], [3, 16, 25]])
        stack.viewer.dims.order = (1, 0, 2)
        stack.slide(33)
        stack.controller.objects.next()
        stack.points.add([2, 33, 50])
        placed, before = stack.workspace.placed, stack.labels.copy()
        names = [stack.points.save(str(tmp_path / "stack clicks.csv"))[0]]
        names += stack.workspace.labels.save(str(tmp_path / "stack masks.tif"))
        stack.viewer.layers.clear()
        stack.viewer.dims.order = (0, 1, 2)
        layer = stack.viewer.add_image(volume, name="stack")
        for name in names:
            stack.viewer.open(name, layer_type="points" if name.endswith("csv") else "labels")
        stack.slide(1)
        stack.start(layer)
        assert len(stack.viewer.layers) == 3 and stack.workspace.placed == placed
        same(stack.labels, before)
        stack.points.add([1, 40, 10])
        same(stack.labels[[0, 2, 3]], before[[0, 2, 3]])
        across = before[1, 33] == 2
        assert across.any() and (stack.shown_labels[33][across] == 2).all()  # what the plane across wrote

    def test_clicks_are_counted_on_the_slice_shown(self, viewer, volume, monkeypatch):
        from napari_m2n2v2._napari.controller.jobs import Jobs
        from napari_m2n2v2._napari.view.clicks_to_reach import ClicksToReach
        from tests.napari.conftest import AtOnce, run_now

        errors = []
        monkeypatch.setattr("napari_m2n2v2._napari.view.clicks_to_reach.show_error", errors.append)
        viewer.add_image(volume)
        truth = np.zeros(volume.shape, int)
        truth[2][volume[2] > 120] = 5
        viewer.add_labels(truth, name="truth")
        widget = ClicksToReach(viewer, Jobs(run_now, AtOnce()))
        widget.attention, widget.grid = "appearance", 12
        viewer.window.add_dock_widget(widget)
        widget.reset_choices()
        viewer.dims.set_current_step(0, 0)
        widget.run.click()
        assert "in what is shown" in errors[-1]
        viewer.dims.set_current_step(0, 2)
        widget.run.click()
        assert "Label 5: " in widget.answer.text() and "over 1 objects" in widget.answer.text()
