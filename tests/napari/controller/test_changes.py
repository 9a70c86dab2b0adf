"""What changes while clicks are there: labels, images, rules, features that went, layers that were closed meanwhile."""

import numpy as np
import pytest

from napari_m2n2v2 import Click
from napari_m2n2v2.features.states import FeatureState
from tests.napari.conftest import IMAGE, SIDE, joined, look_at, same


class TestLabels:
    def test_other_data_stay_and_masks_are_drawn_around_them(self, started):
        started.points.add([16, 16])
        data = np.zeros_like(started.labels)
        data[0:14] = 9
        started.workspace.labels.data = data
        assert started.widget.table.rowCount() == 1
        same(started.labels, data)
        assert started.workspace.masks_of(started.workspace.here).areas == {}
        started.points.add([18, 18])
        expected = np.where(data == 9, 9, started.expected())
        same(started.labels, expected)
        assert started.workspace.masks_of(started.workspace.here).areas == {1: int((expected == 1).sum())}

    def test_data_of_another_dtype_are_the_same_masks(self, started):
        started.points.add([16, 16])
        labels = started.workspace.labels
        labels.data = labels.data.astype(np.int64)
        started.controller.clicks.add(12, 16, False)
        same(started.labels, started.expected())
        started.controller.clicks.undo()
        started.controller.clicks.undo()
        assert not started.labels.any()

    @pytest.mark.parametrize(
        ("data", "said"), [(np.zeros((20, 20), np.int32), "has shape"), (np.zeros((48, 64), np.int32), "read-only")]
    )
    def test_data_that_cannot_take_masks_end_it(self, started, data, said):
        started.points.add([16, 16])
        data.flags.writeable = False
        started.workspace.labels.data = data
        assert started.workspace is None and said in started.errors[-1]

    def test_a_label_that_does_not_fit_changes_nothing(self, dock, image):
        labels = dock.viewer.add_labels(np.zeros(image.shape[:2], np.uint8), name="small")
        dock.controller.images.start(dock.viewer.add_image(image, name="cells"), labels)
        dock.controller.clicks.add(16, 16)
        before = dock.labels.copy()
        dock.controller.objects.select(300)
        dock.controller.clicks.add(33, 48)
        assert "does not fit" in dock.errors[-1]
        same(dock.labels, before)

    def test_what_was_painted_stays_when_a_click_on_it_is_undone(self, started):
        labels = started.workspace.labels
        labels.brush_size = 5
        labels.paint((16, 16), 1)
        painted = started.labels.copy()
        assert painted.any()
        started.points.add([16, 16])
        started.controller.clicks.undo()
        same(started.labels, painted)

    def test_touched_up_pixels_stay_under_later_clicks_of_any_object(self, started):
        started.points.add([16, 16])
        labels, mask = started.workspace.labels, started.labels == 1
        inside, outside = (18, 18), (30, 16)
        assert mask[inside] and not mask[outside]
        labels.brush_size = 4
        labels.paint(inside, 0)
        labels.paint(outside, 1)
        touched = started.labels.copy()
        hole, bump = mask & (touched == 0), ~mask & (touched == 1)
        assert hole.any() and bump.any()
        started.points.add([14, 20])  # of the same object: its mask is solved anew
        started.controller.objects.next()
        started.points.add([30, 22])
        started.points.add([45, 16])
        assert (started.labels[hole] == 0).all() and (started.labels[bump] == 1).all()
        started.controller.clicks.undo()
        assert (started.labels[hole] == 0).all() and (started.labels[bump] == 1).all()

    def test_what_was_erased_is_not_counted_when_it_was_undone_too(self, started):
        started.points.add([16, 16])
        labels = started.workspace.labels
        labels.mode, labels.brush_size = "erase", 9
        labels.paint((16, 16), 0)
        started.controller.clicks.undo()
        masks = started.workspace.masks_of(started.workspace.here)
        assert not started.labels.any() and masks.areas == {}
        started.controller.clicks.redo()
        same(started.labels, started.expected())

    def test_masks_that_were_opened_again_go_with_their_clicks(self, dock, volume):
        layer = dock.viewer.add_image(volume, name="stack")
        dock.slide(1)
        dock.start(layer)
        dock.points.add([1, 16, 19])
        dock.slide(2)
        dock.points.add([2, 16, 22])
        masks, data, table = dock.labels.copy(), dock.points.data.copy(), dock.points.features.copy()
        for name in ("stack clicks", "stack masks"):
            dock.viewer.layers.remove(name)
        masks[2, 40:45, 2:9] = 1  # of the object, and not what its clicks give now
        dock.viewer.add_labels(masks, name="stack masks")
        dock.viewer.add_points(data, features=table, name="stack clicks")
        dock.slide(1)
        dock.start(layer)
        dock.slide(2)
        dock.widget.buttons.reset.click()
        assert dock.labels[1].any() and not dock.labels[2].any()


class TestClosedMeanwhile:
    @pytest.mark.parametrize("how", ["data", "contrast"])
    def test_features_of_what_is_not_seen_any_more_are_not_taken_up(self, dock, image, how):
        layer = dock.viewer.add_image(image[..., 0], name="grey", contrast_limits=(0, 255))
        dock.start(layer)
        before = dock.workspace.features.image_hash
        dock.viewer.layers.remove(dock.points)
        if how == "data":
            layer.data = layer.data[::-1, ::-1].copy()
        else:
            layer.contrast_limits = (0, 60)
        dock.controller.images.start(layer)
        assert dock.workspace.features.image_hash != before and dock.workspace.state is FeatureState.READY

    def test_those_of_what_is_seen_still_are(self, started):
        features, layer = started.workspace.features, started.workspace.image
        started.viewer.layers.remove(started.points)
        started.controller.images.start(layer)
        assert started.workspace.features is features

    @pytest.mark.parametrize("shape", [(3, 48, 64), (48, 64, 3)])
    def test_an_image_that_gets_more_axes(self, dock, image, shape):
        layer = dock.viewer.add_image(image[..., 0], name="grey", contrast_limits=(0, 255))
        dock.start(layer)
        dock.points.add([16, 16])
        layer.data = np.zeros(shape, np.uint8)
        assert dock.workspace is None and not dock.errors

    def test_clicks_in_parts_that_a_cropped_image_has_not(self, slide):
        look_at(slide, 82, 60)
        slide.click(82, 60)
        layer = slide.workspace.image
        layer.data = IMAGE[:100, :100].copy()
        slide.controller.images.start(layer)
        assert [p.region for p in slide.workspace.placed] == [None]
        slide.points.add([84, 62])
        assert slide.labels.shape == (100, 100) and slide.labels[82, 60] == 1 and not slide.errors


class TestRules:
    @pytest.mark.parametrize("held", [True, False])
    def test_hold_for_all_slices_also_those_whose_features_went(self, dock, volume, tmp_path, held):
        told = []
        dock.controller.state.told.connect(told.append)
        dock.start(dock.viewer.add_image(volume, name="stack"))
        if not held:
            dock.controller.features.store.use_memory(0)
            dock.workspace.parts.most_bytes = 0
        for z in (1, 2):
            dock.slide(z)
            for object_id, row, col in ((1, 16, 16), (2, 18, 19)):
                dock.controller.objects.select(object_id)
                dock.points.add([z, row, col])
        before = dock.labels.copy()
        dock.controller.state.set_rules(compete=False)
        assert all((before[z] != dock.labels[z]).any() for z in (1, 2))
        assert all(dock.workspace.document(dock.controller.state.rules).solutions.values())
        dock.widget.controller.sessions.save(tmp_path / "s.json")
        dock.controller.clicks.place(dock.workspace, ())
        dock.widget.controller.sessions.load(tmp_path / "s.json")
        assert "bit for bit" in told[-1]

    def test_changed_twice_at_once(self, real_dock, image):
        real_dock.start(real_dock.viewer.add_image(image, name="cells"))
        real_dock.points.add([16, 16])
        real_dock.settle()
        real_dock.controller.objects.next()
        real_dock.points.add([30, 25])
        real_dock.settle()
        before = real_dock.labels.copy()
        for compete in (False, True):
            real_dock.controller.state.set_rules(compete=compete)
        real_dock.settle()
        assert real_dock.workspace.solution.rules == real_dock.controller.state.rules
        same(real_dock.labels, before)


class TestParts:
    def test_a_click_in_the_last_half_pixel_of_a_part(self, slide):
        look_at(slide, 82, 60)
        slide.click(82, 60)
        end = slide.workspace.region.rows.stop
        look_at(slide, end - 5.2, 60, 10)
        slide.controller.clicks.add(end - 0.3, 60)
        look_at(slide, 82, 60)
        slide.controller.clicks.add(82, 62)
        assert len(slide.workspace.placed) == 3 and not slide.errors
        same(slide.labels, joined(slide))

    def test_the_3d_view_of_a_stack_beside_a_large_image(self, slide):
        slide.viewer.add_image(np.zeros((5, *IMAGE.shape)), name="stack")
        slide.viewer.dims.ndisplay = 3
        slide.viewer.scene.camera.zoom = 3
        slide.controller.clicks.add(82, 60)
        slide.controller.clicks.undo()
        slide.controller.clicks.redo()
        assert len(slide.workspace.placed) == 1 and not slide.errors

    def test_a_mask_goes_with_its_click_though_the_new_place_is_never_computed(self, real_dock):
        dock = real_dock
        dock.controller.settings.change(working_side=SIDE)
        layer = dock.viewer.add_image(IMAGE, name="slide", contrast_limits=(0, 255))
        dock.viewer.reset_view()
        dock.start(layer)
        look_at(dock, 82, 60)
        dock.points.add([82, 60])
        dock.qtbot.waitUntil(lambda: dock.labels[82, 60] == 1, timeout=20_000)
        dock.settle()
        dock.points.data = np.array([[125.0, 245.0]])
        dock.controller.features.cancel()
        dock.settle()
        dock.qtbot.waitUntil(lambda: not dock.labels.any(), timeout=10_000)

    def test_setting_clicks_leaves_those_that_are_the_same_in_their_parts(self, slide):
        look_at(slide, 82, 60)
        slide.click(82, 60)
        region, clicks = slide.workspace.placed[0].region, slide.workspace.clicks
        look_at(slide, 82, 250)
        slide.controller.clicks.set_clicks((*clicks, Click(82, 250)))
        assert [p.region for p in slide.workspace.placed] == [region, slide.workspace.region]

    def test_views_and_frames_move_with_the_image(self, slide):
        look_at(slide, 82, 60)
        slide.click(82, 60)
        slide.widget.controller.explain.show("Markov-map", True)
        slide.widget.controller.explain.show_frames(True)
        part, layers = slide.workspace.focus.region, slide.viewer.layers
        slide.workspace.image.scale = (2, 2)
        world = slide.workspace.image.data_to_world((part.top, part.left))
        same(layers["slide Markov-map"].data_to_world((0, 0)), world)
        same(layers["slide parts"].scale, (2, 2))
