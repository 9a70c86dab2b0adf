"""Line 8 of what the field found: labels that others made have any ids, and clicks go on beside them."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_m2n2v2._napari.layers import labels as module
from napari_m2n2v2._napari.layers.label_ids import LabelIds
from tests.napari.conftest import same


def start_with(dock, layer, data):
    labels = dock.viewer.add_labels(data, name="mine")
    dock.widget.settings.labels.value = labels
    return dock.start(layer)


@pytest.mark.parametrize(
    ("dtype", "ids", "gets"),
    [
        ("uint32", [4_000_000_000], 1),
        ("uint32", [2**31, 7], 8),
        ("uint64", [720575940610453042], 1),
        ("uint64", [2**63], 1),
        ("uint64", [2**64 - 1, 3], 4),
        ("int64", [2**62, 2**31 - 1, 1], 2),
        ("int32", [2**31 - 1], 1),
        ("uint8", [255], 1),
        ("uint8", [1, 2, 255], 3),
        ("int8", [127, 2], 1),
        ("uint16", [65535, 1], 2),
    ],
)
def test_line_8_clicks_go_on_beside_any_ids(dock, image, dtype, ids, gets):
    data = np.zeros(image.shape[:2], dtype)
    for n, one in enumerate(ids):
        data[40:44, 2 + 5 * n : 6 + 5 * n] = one
    data[8:12, 14:18] = ids[0]  # within what is clicked: the block that is written holds it
    before = data.copy()
    start_with(dock, dock.viewer.add_image(image), data)
    dock.controller.clicks.add(16, 16)
    assert not dock.errors and dock.workspace.object_id == gets
    same(dock.labels[before > 0], before[before > 0])
    assert dock.labels.dtype == dtype and dock.labels[20, 16] == gets
    dock.controller.objects.next()
    dock.controller.clicks.add(33, 48)
    assert not dock.errors and dock.labels[33, 48] == dock.workspace.object_id not in (gets, *ids)
    for _ in range(3):  # a click, N, a click
        dock.widget.buttons.undo.click()
    same(dock.labels, before)


@pytest.mark.parametrize("small", [True, False])
def test_line_8_ids_in_other_slices_count(dock, volume, small, monkeypatch):
    if not small:
        monkeypatch.setattr("napari_m2n2v2._napari.controller.objects.is_small", lambda labels: False)
    data = np.zeros(volume.shape, np.uint64)
    data[3, :4, :4], data[0, :4, :4], data[2, :4, :4] = 2**63, 2**31 - 1, 1
    start_with(dock, dock.viewer.add_image(volume), data)
    dock.controller.clicks.add(16, 16)
    assert not dock.errors and dock.workspace.object_id == 2
    dock.controller.objects.next()
    assert dock.workspace.object_id == 3


def test_line_8_a_full_layer_says_so_and_nothing_is_lost(dock, image):
    data = np.zeros(image.shape[:2], np.uint8)
    data.ravel()[:256] = np.arange(256)
    start_with(dock, dock.viewer.add_image(image), data)
    assert "no label left" in dock.errors[-1] and "Write into" in dock.errors[-1]
    dock.controller.objects.next()
    assert "no label left" in dock.errors[-1]


def test_line_8_a_label_no_object_can_have_is_not_gone_on_with(dock, image):
    data = np.zeros(image.shape[:2], np.uint64)
    data[8:24, 8:16] = 2**40
    start_with(dock, dock.viewer.add_image(image), data)
    dock.controller.taking_over.take_over(2**40)
    assert "up to 2147483647" in dock.errors[-1] and dock.workspace.object_id == 1


def test_line_8_painting_such_a_label_is_no_obstacle(dock, image):
    start_with(dock, dock.viewer.add_image(image), np.zeros(image.shape[:2], np.uint64))
    dock.workspace.labels.selected_label = 2**40
    dock.workspace.labels.paint((40, 4), 2**40)
    dock.controller.objects.next()
    dock.controller.clicks.add(16, 16)
    assert not dock.errors and dock.labels[40, 4] == 2**40 and dock.labels[16, 16] == dock.workspace.object_id


def test_line_8_masks_opened_again_in_a_wide_layer_are_known(dock, image, monkeypatch):
    """Ids that are ours are compared in the layer's dtype: near 2**53 floats are whole numbers apart."""
    data = np.zeros(image.shape[:2], np.uint64)
    data[:4, :4], data[:4, 8:12] = 2**53 + 1, 5
    labels = dock.viewer.add_labels(data)
    masks = module.PlaneMasks(labels, module.PlaneKey(), ours=[5, 2**31 - 1])
    assert masks.protected.sum() == 16 and masks.areas == {5: 16}


def test_line_8_the_lowest_free_id_is_below_holes():
    labels = Labels(np.array([[1, 2, 4, 255]], np.uint8))
    assert LabelIds.of(labels).free() == 3 and LabelIds.of(labels).free([3]) == 5


def test_line_8_the_last_id_may_come_into_use_later():
    known = LabelIds(Labels(np.zeros((4, 4), np.uint8)))
    known.see(np.array([[3, 7]], np.uint8))
    known.see(255)
    assert (known.free(), known.free([8])) == (8, 9)
    known = LabelIds.of(Labels(np.array([[1, 2, 255]], np.uint8)))
    known.see(np.array([[3, 255]], np.uint8))
    assert known.free() == 4
