"""Objects: the table, competition, labels that were there before."""

import numpy as np
import pytest

from napari_m2n2v2._napari.view.object_rows import area_text
from tests.napari.conftest import in_one_form, same


def rows(dock):
    table = dock.widget.table
    return [[table.item(r, c).text() for c in range(table.columnCount())] for r in range(table.rowCount())]


@pytest.fixture
def two(started):
    started.controller.clicks.add(16, 16)
    started.controller.objects.next()
    started.controller.clicks.add(33, 48)
    return started


def test_the_table_lists_objects(two):
    areas = [np.count_nonzero(two.labels == i) for i in (1, 2)]
    assert [row[:3] for row in rows(two)] == [["1", "1", f"{areas[0]} px"], ["2", "1", f"{areas[1]} px"]]
    assert all(row[3].endswith("%") for row in rows(two))


def test_area_is_in_the_layers_units(dock, image):
    layer = dock.viewer.add_image(image, scale=(0.5, 0.2), units=("um", "um"))
    dock.start(layer)
    dock.controller.clicks.add(16, 16)
    pixels = np.count_nonzero(dock.labels)
    assert in_one_form(rows(dock)[0][2]) == in_one_form(f"{pixels * 0.1:.4g} µm²")
    assert in_one_form(area_text((2.0, 3.0), layer.units)(10)) == in_one_form("60 µm²")


def test_an_object_chosen_in_the_table_gets_the_next_click(two):
    two.choose_row(0)
    assert two.workspace.object_id == 1
    two.points.add([40, 10])
    assert [click.object_id for click in two.workspace.clicks] == [1, 2, 1]
    same(two.labels, two.expected())


def test_selecting_a_point_goes_back_to_its_object(two):
    two.points.mode = "select"
    two.points.selected_data = {0}
    assert two.workspace.object_id == 1


def test_solve_alone_puts_the_object_clicked_last_on_top(started):
    started.controller.clicks.add(16, 16)
    started.controller.objects.next()
    started.controller.clicks.add(14, 20)
    competing = started.labels.copy()
    started.widget.settings.compete.setChecked(False)
    started.settle()
    same(started.labels, started.expected())
    assert np.count_nonzero(started.labels == 2) >= np.count_nonzero(competing == 2)
    started.widget.settings.compete.setChecked(True)
    started.settle()
    same(started.labels, competing)


class TestExistingLabels:
    @pytest.fixture
    def existing(self, dock, image):
        data = np.zeros(image.shape[:2], np.uint8)
        data[8:24, 8:16] = 3
        data[30:34, 2:9] = 5
        labels = dock.viewer.add_labels(data, name="mine")
        layer = dock.viewer.add_image(image)
        dock.widget.settings.labels.value = labels
        return dock.start(layer), data.copy()

    def test_a_click_that_finds_nothing_else_says_so(self, dock, image):
        dock.widget.settings.labels.value = dock.viewer.add_labels(np.full(image.shape[:2], 3, np.uint8), name="mine")
        dock.start(dock.viewer.add_image(image))
        dock.click(16, 16)
        assert dock.widget.hint.text().startswith("Click 1 changed nothing: on protected label 3. More > Take over")
        assert (dock.labels == 3).all() and not dock.errors

    def test_they_are_protected(self, existing):
        dock, before = existing
        dock.controller.clicks.add(16, 16)
        same(dock.labels[before > 0], before[before > 0])
        assert dock.workspace.object_id == 6 and (dock.labels == 6).any()
        same(dock.labels, np.where(before > 0, before, dock.expected()))

    def test_one_can_be_the_previous_segmentation(self, existing):
        dock, before = existing
        dock.workspace.labels.selected_label = 3
        dock.widget.settings.take_over.click()
        same(dock.labels, before)
        dock.controller.clicks.add(16, 20)
        assert dock.labels[16, 20] == 3 and dock.labels[31, 4] == 5
        dock.widget.buttons.undo.click()
        same(dock.labels, before)

    def test_taking_over_what_is_not_there_is_told(self, existing):
        dock, before = existing
        dock.controller.taking_over.take_over(77)
        assert "no label 77" in dock.errors[-1]
        same(dock.labels, before)

    def test_a_layer_of_another_shape_is_refused(self, dock, image):
        labels = dock.viewer.add_labels(np.zeros((5, 5), int))
        layer = dock.viewer.add_image(image)
        dock.widget.settings.labels.value = labels
        dock.start(layer, wait=False)
        assert "shape" in dock.errors[-1] and dock.workspace is None
