"""Images larger than what is worked on at once: parts follow the field of view, and join without a step."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2 import Click, Region, RegionClick
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import IMAGE, SHAPE, SIDE, joined, look_at, same, scene


def test_all_is_worked_on_where_all_is_seen_and_a_part_where_one_zooms_in(slide):
    assert slide.workspace.by_view and slide.workspace.region is None
    assert slide.workspace.features.shape == SHAPE and "all of it at 1/2.5" in slide.widget.status.text()
    look_at(slide, 82, 60)
    part = slide.workspace.region
    assert part.shape == (SIDE, 71) or part.shape[0] == SIDE
    assert slide.workspace.state is FeatureState.MISSING and part.step == 1
    assert f"rows {part.top} to {part.rows.stop - 1}" in slide.widget.status.text()
    assert "Click on this part" in slide.widget.status.text()
    assert len(list(slide.workspace.parts)) == 1  # looking computes nothing
    slide.click(82, 60)
    features = slide.workspace.features
    assert features.shape == part.shape and slide.workspace.placed[0].region == part
    same(features.image[..., 0], IMAGE[part.rows, part.cols])
    same(slide.labels, joined(slide))
    assert slide.labels[82, 60] == 1
    slide.viewer.reset_view()
    assert slide.workspace.region is None and slide.workspace.state is FeatureState.READY


def test_a_part_is_computed_once_and_stays_where_the_view_moves_a_little(slide):
    look_at(slide, 82, 60)
    slide.click(82, 60)
    part, features = slide.workspace.region, slide.workspace.features
    for col in (58, 64, 62):
        look_at(slide, 82, col)
        assert slide.workspace.region == part and slide.workspace.features is features
    look_at(slide, 82, 240)
    assert slide.workspace.region != part and slide.workspace.features is None
    look_at(slide, 82, 60)
    assert slide.workspace.features is features


def test_parts_of_one_object_join_and_undo_goes_back_and_shows_where(slide):
    states = [slide.labels.copy()]
    for col in (60, 110, 160):
        look_at(slide, 82, col)
        slide.click(82, col)
        states.append(slide.labels.copy())
    assert len({placed.region for placed in slide.workspace.placed}) == 3
    same(slide.labels, joined(slide))
    bar = slide.labels[70:94, 40:180] == 1
    assert bar.mean() > 0.9
    jumps = np.count_nonzero(slide.labels[:, 41:180] != slide.labels[:, 40:179], axis=0)
    assert jumps.max() <= 6
    look_at(slide, 82, 280)
    for before, col in zip(states[-2::-1], (160, 110, 60), strict=True):
        slide.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        same(slide.labels, before)
        left, right = slide.workspace.region.cols.start, slide.workspace.region.cols.stop
        assert left <= col < right  # the camera went there
    for after in states[1:]:
        slide.widget.buttons.redo.click()
        same(slide.labels, after)


def test_a_part_corrects_what_all_of_it_gave_and_the_rest_stays(slide):
    slide.click(82, 200)
    coarse = slide.labels.copy()
    assert coarse[82, 60] == 1
    look_at(slide, 82, 60)
    slide.click(82, 60, Qt.MouseButton.RightButton)
    part = slide.workspace.region
    assert slide.labels[82, 60] == 0
    outside = np.ones(SHAPE, dtype=bool)
    outside[part.rows, part.cols] = False
    same(slide.labels[outside], coarse[outside])
    slide.widget.buttons.undo.click()
    same(slide.labels, coarse)


def test_all_of_it_coarse_can_be_asked_for(slide):
    slide.widget.by_view.setCurrentIndex(slide.widget.by_view.findData(False))
    slide.widget.by_view.activated.emit(0)
    look_at(slide, 82, 60)
    assert slide.workspace.region is None and slide.workspace.state is FeatureState.READY
    slide.click(82, 60)
    assert slide.workspace.placed[0].region is None
    same(slide.labels, joined(slide))


def test_18_a_strip_that_is_too_much_at_once_begins_with_the_view_and_a_click_in_a_piece(dock, monkeypatch):
    monkeypatch.setattr("napari_m2n2v2.images.tile._MOST_PIXELS", SIDE * 600)
    dock.controller.settings.change(working_side=SIDE)
    strip = np.tile(scene()[60:130], (1, 4))  # 70 x 1280
    dock.start(dock.viewer.add_image(strip, name="strip"))
    dock.viewer.reset_view()
    assert dock.workspace.by_view and not dock.errors
    dock.controller.clicks.add(20, 1000)
    (placed,) = dock.workspace.placed
    assert placed.region.shape == (70, 192) and placed.region.holds(20, 1000)
    assert dock.labels[20, 1000] == 1 and not dock.errors


def test_small_images_know_nothing_of_it(started):
    assert not started.widget.by_view.isVisibleTo(started.widget)
    look_at(started, 16, 16, 8)
    assert started.workspace.region is None and started.workspace.state is FeatureState.READY
    started.points.add([16, 16])
    assert "part" not in started.points.features


def test_points_by_script_are_placed_in_a_view_around_them(slide):
    look_at(slide, 82, 60)
    slide.points.add([[82, 60], [82, 250]])
    first, second = (placed.region for placed in slide.workspace.placed)
    assert first != second and second.holds(82, 250) and second.step == 1
    assert {part.key.region for part in slide.workspace.parts if part.features is not None} >= {first, second}
    same(slide.labels, joined(slide))
    slide.controller.clicks.add(125, 35)
    assert slide.workspace.placed[-1].region.holds(125, 35)
    slide.points.add([-5, 60])
    assert "outside the image" in slide.hints[-1] and len(slide.points.data) == 3


def test_a_point_dragged_out_of_its_part_goes_to_another(slide):
    look_at(slide, 82, 60)
    slide.points.add([82, 60])
    part = slide.workspace.region
    slide.points.data = np.array([[82.0, 64.0]])
    assert slide.workspace.placed[0].region == part
    slide.points.data = np.array([[82.0, 200.0]])
    moved = slide.workspace.placed[0]
    assert moved.region != part and moved.region.holds(82, 200)
    assert slide.labels[82, 200] == 1
    same(slide.labels, joined(slide))


def test_objects_are_listed_with_what_all_parts_give(slide):
    for col in (60, 240):
        look_at(slide, 82, col)
        slide.click(82, col)
    area = np.count_nonzero(slide.labels == 1)
    assert [slide.widget.table.item(0, n).text() for n in range(3)] == ["1", "2", f"{area} px"]
    slide.controller.objects.next()
    slide.points.add([125, 245])
    assert slide.labels[125, 245] == 2 and slide.widget.table.item(1, 1).text() == "1"
    slide.controller.objects.select(1)
    slide.widget.buttons.reset.click()
    assert set(np.unique(slide.labels)) == {0, 2}


def test_views_and_preview_are_drawn_over_their_part(slide):
    look_at(slide, 82, 60)
    slide.click(82, 60)
    part = slide.workspace.region
    slide.widget.why.toggles["Markov-map"].click()
    view = slide.viewer.layers["slide Markov-map"]
    assert view.data.shape == part.shape
    same(view.data_to_world((82 - part.top, 60 - part.left)), (82, 60))
    assert view.data[82 - part.top, 60 - part.left] == 0
    slide.widget.buttons.suggest.click()
    row, col = slide.viewer.layers["suggested click"].data[0]
    assert part.holds(row, col)
    slide.press(Qt.Key.Key_H)
    for place in ((80, 58), (125, 65)):
        slide.qtbot.mouseMove(slide.canvas.native, slide.where(*place))
        slide.qtbot.wait(50)
    slide.qtbot.waitUntil(lambda: "preview" in slide.viewer.layers, timeout=5000)
    preview = slide.viewer.layers["preview"]
    same(preview.data_to_world((0, 0)), (part.top, part.left))
    look_at(slide, 82, 250)
    assert "preview" not in slide.viewer.layers


def test_the_reach_of_a_click_is_that_of_the_part_in_view(slide):
    slide.click(82, 200)
    for col in (60, 250):
        look_at(slide, 82, col)
        slide.click(82, col)
    look_at(slide, 82, 60)
    assert slide.workspace.clicks == (Click(*slide.points.data[1]),)
    slide.controller.clicks.set_threshold(0, 0.25)
    assert [placed.click.threshold for placed in slide.workspace.placed] == [None, 0.25, None]
    assert "Click 1, set by hand" in slide.widget.reach.title.text()
    same(slide.labels, joined(slide))


@pytest.mark.parametrize(
    ("order", "turn"), [((0, 1), {"scale": (0.5, 0.5), "rotate": 90, "translate": (7, 3)}), ((1, 0), {})]
)
def test_scaled_rotated_and_transposed_layers(dock, order, turn):
    dock.controller.settings.change(working_side=SIDE)
    layer = dock.viewer.add_image(IMAGE, name="slide", **turn)
    dock.viewer.dims.order = order
    dock.viewer.reset_view()
    dock.start(layer)
    look_at(dock, 82, 60)
    world = layer.data_to_world((82, 60))
    dock.viewer.scene.camera.center = tuple(world[axis] for axis in dock.viewer.dims.displayed)
    part = dock.workspace.region
    assert part.holds(82, 60) and part.step == 1
    dock.click(82, 60)
    assert dock.workspace.placed[0].region == part
    np.testing.assert_allclose(dock.points.data, [[82, 60]], atol=1)
    same(dock.labels, joined(dock))


class TestMemory:
    def test_masks_stay_and_undo_works_when_features_went(self, slide):
        slide.controller.features.store.use_memory(0)
        slide.workspace.parts.most_bytes = 0
        states = [slide.labels.copy()]
        for col in (60, 160, 260):
            look_at(slide, 82, col)
            slide.click(82, col)
            states.append(slide.labels.copy())
        assert sum(part.features is not None for part in slide.workspace.parts) <= 2
        for before in states[-2::-1]:
            slide.widget.buttons.undo.click()
            same(slide.labels, before)
        for after in states[1:]:
            slide.widget.buttons.redo.click()
            same(slide.labels, after)

    def test_only_the_part_is_read_and_written(self, dock):
        import dask.array
        import zarr

        read = []

        def block(block_info=None):
            at = block_info[None]["chunk-location"]
            read.append(at)
            return IMAGE[at[0] * 32 : at[0] * 32 + 32, at[1] * 32 : at[1] * 32 + 32]

        chunks = ((32,) * 5, (32,) * 10)
        data = dask.array.map_blocks(block, chunks=chunks, dtype=np.uint8, meta=np.zeros((0, 0), np.uint8))
        dock.controller.settings.change(working_side=SIDE)
        store = zarr.storage.MemoryStore()
        masks = zarr.create_array(store, shape=SHAPE, chunks=(32, 32), dtype=np.uint16)
        dock.widget.settings.labels.value = dock.viewer.add_labels(masks, name="stored")
        layer = dock.viewer.add_image(data, contrast_limits=(0, 255), cache=False)
        dock.viewer.reset_view()
        dock.start(layer)
        look_at(dock, 82, 60)
        read.clear()
        dock.click(82, 60)
        part = dock.workspace.region
        expected = {
            (r // 32, c // 32) for r in range(part.top, part.rows.stop) for c in range(part.left, part.cols.stop)
        }
        assert set(read) == expected
        touched = {key for key in store._store_dict if "zarr.json" not in key}
        boxes = {f"c/{r // 32}/{c // 32}" for r, c in np.argwhere(joined(dock))}
        assert touched == boxes
        same(masks[:], joined(dock))

    def test_labels_from_before_are_protected_in_parts(self, dock):
        dock.controller.settings.change(working_side=SIDE)
        data = np.zeros(SHAPE, np.int32)
        data[121:129, 61:69] = 7
        dock.widget.settings.labels.value = dock.viewer.add_labels(data.copy(), name="mine")
        dock.start(dock.viewer.add_image(IMAGE, contrast_limits=(0, 255)))
        look_at(dock, 95, 70, 60)
        dock.click(90, 80)
        assert dock.workspace.object_id == 8 and dock.labels[90, 80] == 8
        dock.click(122, 67)
        same(dock.labels[data == 7], 7)
        dock.widget.buttons.undo.click()
        dock.controller.taking_over.take_over(7)
        dock.click(120, 60)
        assert dock.labels[125, 65] == 7 and dock.labels[120, 60] == 7 and not dock.errors
        same(np.unique(dock.labels), [0, 7, 8])


class TestStacksOfLargePlanes:
    @pytest.fixture
    def stack(self, dock):
        dock.controller.settings.change(working_side=SIDE)
        volume = np.stack([np.roll(scene(z), 2 * z, axis=0) for z in range(4)])
        layer = dock.viewer.add_image(volume, name="stack", contrast_limits=(0, 255))
        dock.slide(1)
        dock.start(layer)
        look_at(dock, 84, 60)
        return dock

    def test_an_object_is_carried_in_the_part_in_view(self, stack):
        look_at(stack, 127, 65)
        stack.click(127, 65)
        part = stack.workspace.region
        assert stack.shown_labels[127, 65] == 1
        stack.press(Qt.Key.Key_W)
        assert stack.workspace.here.index == (2,) and stack.workspace.region == part
        assert {placed.region for placed in stack.workspace.placed} == {part}
        assert stack.labels[2, 129, 65] == 1
        same(stack.shown_labels, joined(stack))
        stack.widget.buttons.undo.click()
        assert not stack.labels[2].any()

    def test_one_that_reaches_beyond_the_part_is_not(self, stack):
        stack.click(84, 60)
        look_at(stack, 84, 160)
        stack.click(84, 160)
        stack.press(Qt.Key.Key_W)
        assert "reaches beyond the part" in stack.errors[-1]
        assert len({placed.plane for placed in stack.workspace.placed}) == 1

    def test_all_slices_of_the_part_are_prepared(self, stack):
        stack.click(84, 60)
        part = stack.workspace.region
        stack.widget.prepare.start.click()
        stack.qtbot.waitUntil(lambda: not stack.widget.controller.precompute.is_running, timeout=60_000)
        assert {mark.name for mark in stack.widget.controller.precompute.marks().values()} == {"READY"}
        stack.slide(3)
        assert stack.workspace.region == part and "was prepared" in stack.widget.status.text()
        look_at(stack, 84, 250)
        assert {mark.name for mark in stack.widget.controller.precompute.marks().values()} == {"MISSING"}

    def test_sessions_and_saved_layers_hold_the_parts(self, stack, tmp_path):
        told = []
        stack.controller.state.told.connect(told.append)
        stack.click(84, 60)
        stack.viewer.reset_view()
        stack.click(84, 200, Qt.MouseButton.RightButton)
        placed, before = stack.workspace.placed, stack.labels.copy()
        assert [p.region is None for p in placed] == [False, True]
        stack.widget.controller.sessions.save(tmp_path / "s.json")
        (name,) = stack.points.save(str(tmp_path / "stack clicks.csv"))
        stack.controller.clicks.place(stack.workspace, ())
        assert not stack.labels.any()
        stack.widget.controller.sessions.load(tmp_path / "s.json")
        assert "bit for bit" in told[-1] and stack.workspace.placed == placed
        same(stack.labels, before)
        stack.controller.clicks.place(stack.workspace, ())
        layer = stack.workspace.image
        stack.viewer.layers.remove(stack.points)
        stack.viewer.open(name, layer_type="points")
        stack.start(layer)
        assert stack.workspace.placed == placed


def test_the_worker_answers_for_the_part_that_was_asked(real_dock):
    real_dock.controller.settings.change(working_side=SIDE)
    layer = real_dock.viewer.add_image(IMAGE, name="slide", contrast_limits=(0, 255))
    real_dock.viewer.reset_view()
    real_dock.start(layer, wait=False)
    for col in (60, 110, 160, 250):
        look_at(real_dock, 82, col)
        real_dock.points.add([82, col])
    workspace = real_dock.workspace
    real_dock.qtbot.waitUntil(lambda: not workspace.is_computing, timeout=60_000)
    real_dock.settle()
    real_dock.qtbot.waitUntil(
        lambda: not workspace.is_computing and not real_dock.controller.solving.is_solving, timeout=60_000
    )
    same(real_dock.labels, joined(real_dock))
    placed = [RegionClick(p.region, p.click) for p in workspace.placed]
    assert len({p.region for p in placed}) == 4 and all(isinstance(p.region, Region) for p in placed)


def test_a_mask_that_ends_where_its_part_ends_says_so(slide):
    """Field, line 7: the bar goes on, the mask cannot."""
    look_at(slide, 82, 60)
    slide.click(82, 60)
    first = slide.workspace.region
    assert slide.labels[82, first.cols.stop - 1] == 1 and slide.labels[82, first.cols.stop] == 0
    assert "Object 1 is cut off at the left and right border of this part" in slide.widget.status.text()
    look_at(slide, 82, first.cols.stop + 20)
    slide.click(82, first.cols.stop + 20)
    look_at(slide, 82, 60)
    assert slide.workspace.region == first
    assert "Object 1 is cut off at the left border of this part" in slide.widget.status.text()


class TestBeforeTheFirstClick:
    def choose(self, dock, **layer):
        dock.controller.settings.change(working_side=SIDE)
        image = dock.viewer.add_image(IMAGE, name="slide", contrast_limits=(0, 255), **layer)
        dock.viewer.reset_view()
        return image

    def test_what_is_worked_on_is_shown_as_soon_as_an_image_is_chosen(self, real_dock):
        by_view, small = real_dock.widget.by_view, np.zeros((20, 30), np.uint8)
        assert not by_view.isVisible()
        image = self.choose(real_dock)
        assert by_view.isVisible() and by_view.currentData() is True and real_dock.workspace is None
        assert "Zoom in" in real_dock.widget.hint.text()
        real_dock.widget.image.value = real_dock.viewer.add_image(small, name="small")
        assert not by_view.isVisible()
        real_dock.widget.image.value = image
        assert by_view.isVisible()
        real_dock.viewer.layers.remove(image)
        assert not by_view.isVisible()

    def test_what_is_chosen_before_holds_for_the_first_click(self, dock):
        by_view = dock.widget.by_view
        image = self.choose(dock)
        by_view.setCurrentIndex(by_view.findData(False))
        by_view.activated.emit(0)
        assert by_view.currentData() is False and dock.widget.hint.text() == "Click on an object."
        dock.start(image)
        assert not dock.workspace.by_view and by_view.isVisible() and by_view.currentData() is False

    def test_only_clicks_without_a_mask_are_said_to_wait(self, slide, monkeypatch):
        look_at(slide, 82, 64)
        slide.controller.clicks.add(82, 80)
        slide.controller.clicks.add(82, 82)
        look_at(slide, 82, 102)
        workspace = slide.workspace
        assert workspace.features is None and len(workspace.clicks) == 2  # parts overlap
        workspace.parts.at(workspace.focus).state = FeatureState.COMPUTING
        slide.controller.state.features_changed.emit()
        assert slide.widget.hint.text() == "Click on an object; its mask comes with the features."
        monkeypatch.setattr(slide.controller.solving, "solve", lambda *_: None)
        slide.controller.clicks.add(82, 100)
        assert len(workspace.clicks) == 3 and slide.widget.hint.text() == "1 click waits for features."


def test_what_frames_mean_is_said_where_they_are_shown(slide):
    panel = slide.widget.why
    assert panel.frames.isHidden()
    look_at(slide, 82, 60)
    panel.parts.click()
    assert not panel.frames.isHidden() and "Orange" in panel.frames.text() and "orange" in panel.parts.toolTip()
    frames = slide.viewer.layers["slide parts"]
    assert [tuple(colour[:3].round(2)) for colour in frames.edge_color] == [(0.34, 0.71, 0.91), (0.9, 0.62, 0.0)]
    panel.parts.click()
    assert panel.frames.isHidden()
