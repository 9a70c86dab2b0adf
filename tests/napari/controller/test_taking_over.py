"""Labels of other programs become objects (issue 19)."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2.session.document import PlaneKey
from tests.napari.conftest import same


def blocks(shape, count, side=3, gap=4):
    """Labels of small squares in rows, from 1 on; a stack has other ids in each slice."""
    labels, number = np.zeros(shape, np.int32), 0
    for index in np.ndindex(shape[:-2]):
        for row in range(0, shape[-2] - side, gap):
            for col in range(0, shape[-1] - side, gap):
                if number % count < count and number < count * (1 + sum(index)):
                    number += 1
                    labels[(*index, slice(row, row + side), slice(col, col + side))] = number
    return labels


@pytest.fixture
def started_told(started):
    started.told = []
    started.controller.state.told.connect(started.told.append)
    return started


class TestAnotherLayer:
    def test_all_labels_are_objects_with_their_ids_in_one_step_and_their_layer_stays(self, started_told):
        dock = started_told
        labels = blocks(dock.labels.shape, 60)
        source = dock.viewer.add_labels(labels.copy(), name="cellpose")
        dock.widget.settings.source.value = source
        dock.widget.settings.take_over_all.click()
        assert not dock.errors and "60 labels are objects now" in dock.told[-1]
        same(dock.labels, labels)
        assert [*dock.workspace.work.planes] == list(range(1, 61))
        assert dock.workspace.object_id == 61, "the next click is of none of them"
        assert dock.widget.table.rowCount() == 61 and "60 objects, 0 kept" in dock.widget.objects.count.text()
        dock.controller.objects.select(17)
        row, col = np.argwhere(labels == 17).mean(0).round().astype(int)
        dock.controller.clicks.add(row, col)
        dock.controller.clicks.add(row + 1, col + 1, foreground=False)
        same(dock.labels, dock.expected())
        assert dock.labels[row, col] == 17 and dock.labels[row + 1, col + 1] == 0
        for _ in range(3):
            dock.widget.buttons.undo.click()
        assert not dock.labels.any() and not dock.workspace.work.planes
        dock.widget.buttons.redo.click()
        same(dock.labels, labels)
        same(source.data, labels)

    def test_the_selected_label_alone(self, started_told):
        dock = started_told
        source = dock.viewer.add_labels(blocks(dock.labels.shape, 60), name="painted")
        source.selected_label = 9
        dock.widget.settings.source.value = source
        dock.widget.settings.take_over.click()
        same(dock.labels, np.where(source.data == 9, 9, 0))
        assert dock.workspace.object_id == 9 and "1 label is an object now" in dock.told[-1]

    def test_ids_that_objects_have_already_are_not_taken_from_them_and_that_is_said(self, started_told):
        dock = started_told
        dock.controller.clicks.add(16, 16)
        before = dock.labels == 1
        labels = np.zeros(dock.labels.shape, np.uint8)
        labels[40:46, 2:8], labels[2:6, 50:60] = 1, 2
        dock.controller.taking_over.take_over(layer=dock.viewer.add_labels(labels))
        assert "same ids already, so label 1 is object 3." in dock.told[-1]
        same(dock.labels == 1, before)
        same(dock.labels == 3, labels == 1)
        same(dock.labels == 2, labels == 2)

    @pytest.mark.parametrize(
        ("made", "naming"),
        [
            (np.zeros((5, 5), int), r"has shape \(5, 5\), expected the image's \(48, 64\)."),
            (np.zeros((48, 64), int), "no label from before"),
            (np.full((48, 64), 2**40), "up to 2147483647"),
        ],
    )
    def test_what_cannot_be_taken_over_says_why_and_changes_nothing(self, started, made, naming):
        before = started.workspace.work
        started.controller.taking_over.take_over(layer=started.viewer.add_labels(made))
        import re

        assert re.search(naming, started.errors[-1]) and started.workspace.work is before

    def test_a_narrow_layer_of_masks_says_so_before_anything_is_changed(self, dock, image):
        mine = dock.viewer.add_labels(np.zeros(image.shape[:2], np.uint8), name="mine")
        dock.widget.settings.labels.value = mine
        dock.start(dock.viewer.add_image(image))
        labels = np.zeros(image.shape[:2], int)
        labels[4:9, 4:9] = 300
        dock.controller.taking_over.take_over(layer=dock.viewer.add_labels(labels))
        assert "300 does not fit into layer 'mine' of uint8" in dock.errors[-1] and not dock.workspace.work.starts


class TestTheLayerOfMasks:
    @pytest.fixture
    def mine(self, dock, image):
        labels = dock.viewer.add_labels(blocks(image.shape[:2], 60), name="mine")
        layer = dock.viewer.add_image(image, name="cells")
        dock.widget.settings.labels.value = labels
        return dock.start(layer)

    def test_undo_gives_every_label_back_and_delete_takes_it_away(self, mine):
        before = mine.labels.copy()
        mine.controller.taking_over.take_over()
        same(mine.labels, before)
        mine.controller.objects.select(5)
        row, col = np.argwhere(before == 5)[4]
        mine.controller.clicks.add(row, col, foreground=False)
        assert (mine.labels == 5).sum() < 9
        mine.controller.edits.delete([7])
        assert not (mine.labels == 7).any()
        mine.widget.buttons.undo.click()
        assert (mine.labels == 7).sum() == 9
        mine.widget.buttons.undo.click()
        mine.widget.buttons.undo.click()
        same(mine.labels, before)
        assert not mine.workspace.work.planes and mine.workspace.masks_of(PlaneKey()).protected.sum() == 9 * 60
        mine.controller.clicks.add(16, 16)
        same(mine.labels[before > 0], before[before > 0])
        mine.widget.buttons.undo.click()
        mine.widget.buttons.redo.click()
        same(mine.labels[before > 0], before[before > 0])

    def test_what_was_painted_meanwhile_stays(self, mine):
        mine.controller.taking_over.take_over(7)
        mine.workspace.labels.data[mine.labels == 7] = 33
        mine.widget.buttons.undo.click()
        assert not (mine.labels == 7).any() and (mine.labels == 33).sum() == 18


class TestObjectsWithoutAClick:
    @pytest.fixture
    def taken(self, started):
        labels = np.zeros(started.labels.shape, np.int32)
        labels[4:12, 4:12], labels[4:12, 20:28], labels[30:40, 40:50] = 1, 2, 3
        started.controller.taking_over.take_over(layer=started.viewer.add_labels(labels, name="source"))
        started.source = labels
        return started

    def test_they_are_deleted_merged_named_accepted_and_gone_to(self, taken):
        taken.controller.edits.merge([1, 2])
        same(taken.labels, np.where(taken.source == 2, 1, taken.source))
        taken.controller.edits.describe(3, name="nucleus")
        taken.controller.objects.accept(1, 3)
        assert taken.workspace.work.kept == {1, 3}
        taken.controller.edits.jump(3)
        assert taken.workspace.object_id == 3
        np.testing.assert_allclose(taken.viewer.scene.camera.center[-2:], (34.5, 44.5), atol=0.6)
        taken.press(Qt.Key.Key_K)
        assert taken.workspace.work.kept == {1}
        taken.choose_row(0)
        taken.qtbot.keyClick(taken.widget.table, Qt.Key.Key_Delete)
        assert not (taken.labels == 1).any() and [*taken.workspace.work.planes] == [3]

    def test_pieces_of_one_are_split_off_with_what_they_start_from(self, taken):
        taken.controller.edits.merge([1, 3])
        taken.controller.edits.split(1)
        same(taken.labels, np.choose(taken.source, [0, taken.workspace.object_id, 2, 1]))
        assert [*taken.workspace.work.planes] == [1, 2, taken.workspace.object_id]
        taken.controller.edits.split(1)
        assert "It is one piece" in taken.hints[-1]

    def test_one_that_is_accepted_keeps_its_pixels_until_it_is_clicked(self, taken):
        taken.controller.objects.accept(3)
        taken.controller.objects.select(9)
        taken.controller.clicks.add(33, 36)
        same(taken.labels == 3, taken.source == 3)
        taken.controller.objects.select(3)
        taken.controller.clicks.add(33, 52)
        assert not taken.workspace.work.is_accepted(3)
        same(taken.labels, taken.expected())

    def test_they_are_in_the_table_of_the_layer_and_in_a_session(self, taken, tmp_path):
        table = taken.workspace.labels.features
        assert table["clicks"].tolist() == [0, 0, 0] and table["area"].tolist() == [64, 64, 100]
        taken.widget.controller.sessions.save(tmp_path / "s.json")
        taken.controller.edits.delete([1, 2, 3])
        taken.widget.controller.sessions.load(tmp_path / "s.json")
        same(taken.labels, taken.source)
        assert {one.origin for one in taken.workspace.work.starts} == {"labels"}

    def test_the_dock_closed_and_opened_again_knows_them(self, taken):
        image = taken.workspace.image
        taken.controller.images.close_all()
        taken.controller.images.start(image)
        assert [*taken.workspace.work.planes] == [1, 2, 3]
        taken.controller.objects.select(2)
        taken.controller.clicks.add(6, 22, foreground=False)
        assert taken.labels[6, 22] == 0
        same(taken.labels == 3, taken.source == 3)

    def test_other_rules_leave_them(self, taken):
        taken.controller.state.set_rules(compete=False)
        same(taken.labels, taken.source)


def test_labels_of_a_stack_keep_their_ids_through_it_and_one_undo_takes_all_back(stack):
    labels = np.zeros(stack.labels.shape, np.uint16)
    labels[0, 4:12, 4:12], labels[1:3, 6:14, 4:12], labels[3, 30:40, 40:50] = 4, 4, 7
    stack.controller.taking_over.take_over(layer=stack.viewer.add_labels(labels))
    same(stack.labels, labels)
    assert {i: {plane.index for plane in planes} for i, planes in stack.workspace.work.planes.items()} == {
        4: {(0,), (1,), (2,)}, 7: {(3,)},
    }  # fmt: skip
    stack.controller.objects.select(4)
    stack.controller.clicks.add(9, 8)
    stack.controller.clicks.add(12, 10, foreground=False)
    same(stack.shown_labels, stack.expected())
    same(stack.labels[[0, 2, 3]], labels[[0, 2, 3]])
    for _ in range(3):
        stack.widget.buttons.undo.click()
    assert not stack.labels.any()
    flat = stack.viewer.add_labels(labels[1])
    stack.controller.taking_over.take_over(layer=flat)
    assert not stack.labels[[0, 2, 3]].any()
    same(stack.labels[1], labels[1])


def test_a_thousand_labels_in_two_and_in_three_dimensions(dock):
    from napari_m2n2v2.images.masks import masks_of

    labels = blocks((256, 256), 1000, 5, 8)
    assert len(masks_of(labels)) == 1000
    image = np.where(labels > 0, 160, 60).astype(np.uint8)
    dock.start(dock.viewer.add_image(image, name="flat"))
    dock.controller.taking_over.take_over(layer=dock.viewer.add_labels(labels, name="labels"))
    assert len(dock.workspace.work.planes) == 1000 and not dock.errors
    dock.controller.objects.select(500)
    row, col = np.argwhere(labels == 500).mean(0)
    dock.controller.clicks.add(row, col)
    dock.controller.clicks.add(row, col + 4, foreground=False)
    others = labels != 500
    same(dock.labels[others & (labels > 0)], labels[others & (labels > 0)])
    assert dock.labels[int(row), int(col)] == 500
    volume = np.stack([image] * 3)
    dock.start(dock.viewer.add_image(volume, name="volume"), wait=False)
    dock.controller.taking_over.take_over(layer=dock.viewer.add_labels(np.stack([labels] * 3), name="volume labels"))
    assert len(dock.workspace.work.starts) == 3000 and not dock.errors
    same(dock.labels, np.stack([labels] * 3))
