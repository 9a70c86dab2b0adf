"""Features of many slices: whose answer is whose, how many are kept, what makes them stale."""

import pytest

from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.document import PlaneKey
from tests.napari.conftest import DEPTH, same, written_planes


class TestFeatures:
    def test_slices_switched_while_computing_get_their_own_answers(self, real_dock, volume):
        layer = real_dock.viewer.add_image(volume)
        real_dock.slide(0)
        real_dock.start(layer, wait=False)
        for z in range(DEPTH):
            real_dock.slide(z)
            real_dock.points.add([z, 16, 16 + 3 * z])
        workspace = real_dock.workspace
        assert workspace.is_computing and real_dock.widget.cancel.isEnabled()
        real_dock.qtbot.waitUntil(lambda: not workspace.is_computing, timeout=60_000)
        real_dock.settle()
        assert len({id(part.features) for part in workspace.parts}) == DEPTH and not real_dock.errors
        for z in range(DEPTH):
            real_dock.slide(z)
            same(workspace.features.image[..., 0], volume[z])
            same(real_dock.shown_labels, real_dock.expected())
            assert real_dock.shown_labels[16, 16 + 3 * z] == 1

    def test_cancel_stops_all_slices_and_a_click_begins_again(self, real_dock, volume):
        layer = real_dock.viewer.add_image(volume)
        real_dock.slide(0)
        real_dock.start(layer, wait=False)
        real_dock.points.add([1, 16, 19])
        real_dock.slide(2)
        assert "Computing slice 0; slice 1" in real_dock.widget.status.text()
        real_dock.widget.cancel.click()
        workspace = real_dock.workspace
        assert [part.state for part in workspace.parts] == [FeatureState.MISSING] * 2
        real_dock.qtbot.wait(300)
        assert not any(part.features for part in workspace.parts) and not real_dock.labels.any()
        real_dock.points.add([1, 33, 48])
        real_dock.qtbot.waitUntil(lambda: not workspace.is_computing, timeout=60_000)
        real_dock.settle()
        assert written_planes(real_dock.labels) == [(1,)]

    @pytest.mark.parametrize("which", ["image", "points", "labels"])
    def test_deleting_a_layer_while_slices_are_computed(self, real_dock, volume, which):
        layer = real_dock.viewer.add_image(volume)
        real_dock.start(layer, wait=False)
        real_dock.points.add([[0, 16, 16], [1, 16, 19]])
        real_dock.viewer.layers.remove(getattr(real_dock.workspace, which))
        assert real_dock.workspace is None
        real_dock.qtbot.wait(500)
        assert not real_dock.errors and not real_dock.controller.jobs.keys
        if which != "image":
            real_dock.start(layer)
            assert len(real_dock.viewer.layers) == 3

    def test_features_of_many_slices_are_bounded_and_masks_stay(self, stack):
        stack.points.add([1, 16, 19])
        mask = stack.shown_labels.copy()
        one = stack.workspace.part.nbytes
        stack.controller.features.store.use_memory(0)
        stack.workspace.parts.most_bytes = 2 * one
        for z in (2, 3, 0):
            stack.slide(z)
            stack.points.add([z, 16, 16 + 3 * z])
        held = [part.key.plane.index[0] for part in stack.workspace.parts if part.features is not None]
        assert held[-1] == 0 and 1 not in held
        assert sum(part.nbytes for part in stack.workspace.parts) <= 2 * one + one // 2
        assert written_planes(stack.labels) == [(0,), (1,), (2,), (3,)]
        stack.slide(1)
        same(stack.shown_labels, mask)
        assert stack.workspace.state is FeatureState.MISSING
        stack.points.add([1, 33, 48])
        assert stack.workspace.features is not None and len(stack.workspace.clicks) == 2
        same(stack.shown_labels, stack.expected())
        stack.widget.buttons.undo.click()
        same(stack.shown_labels, mask)

    def test_the_mask_of_a_slice_let_go_can_still_be_undone(self, stack):
        stack.points.add([1, 16, 19])
        stack.workspace.parts.most_bytes = 0
        stack.controller.features.store.use_memory(0)
        stack.points.add([2, 16, 22])
        stack.slide(0)
        stack.points.add([0, 16, 16])
        assert stack.workspace.parts.of(PlaneKey((1, 2), (2,)))[0].features is None
        stack.widget.buttons.undo.click()
        stack.widget.buttons.undo.click()
        assert stack.workspace.here.index == (2,) and written_planes(stack.labels) == [(1,)]
        assert stack.workspace.features is None  # nothing to compute for no clicks

    def test_what_changes_marks_all_slices(self, stack):
        stack.points.add([[1, 16, 19], [2, 16, 22]])
        stack.workspace.image.contrast_limits = (10, 90)
        assert {part.state for part in stack.workspace.parts} == {FeatureState.STALE}
        stack.widget.start.click()
        assert stack.workspace.state is FeatureState.READY
        stack.slide(2)
        assert stack.workspace.state is FeatureState.STALE and "Compute again" in stack.widget.start.text()

    def test_features_of_all_slices_are_kept_when_a_layer_of_ours_is_deleted(self, stack):
        stack.points.add([[1, 16, 19], [2, 16, 22]])
        kept = {part.key: part.features for part in stack.workspace.parts}
        layer = stack.workspace.image
        stack.viewer.layers.remove(stack.points)
        stack.start(layer)
        assert {part.key: part.features for part in stack.workspace.parts} == kept
        masks = stack.workspace.masks_of(stack.workspace.here)
        same(masks.protected, stack.shown_labels > 0)  # no clicks say that these masks are ours

    def test_a_stack_that_changes_its_depth_is_begun_anew(self, stack, volume):
        image = stack.workspace.image
        image.data = volume[:2]
        assert stack.workspace is None and not stack.errors
        stack.viewer.layers.remove("stack masks")
        stack.start(image)
        assert stack.labels.shape == volume[:2].shape
