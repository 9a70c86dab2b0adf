"""Whole objects: named, deleted, merged, split, gone to, exported (issue 18, "Objects")."""

import csv

import numpy as np
import pytest

from napari_m2n2v2 import load_session
from tests.napari.conftest import in_one_form, same
from tests.napari.controller.carried_stacks import key


@pytest.fixture
def two(started):
    started.controller.clicks.add(16, 16)
    started.controller.objects.next()
    started.controller.clicks.add(33, 48)
    return started


@pytest.fixture
def edits(two):
    return two.controller.edits


def test_names_and_classes_are_saved_and_undone(two, edits, tmp_path):
    edits.describe(2, name=" left one ")
    edits.describe(2, kind="nucleus")
    two.controller.sessions.save(tmp_path / "s.json")
    (about,) = load_session(tmp_path / "s.json").about
    assert (about.object_id, about.name, about.kind) == (2, "left one", "nucleus")
    two.controller.clicks.undo()
    two.controller.clicks.undo()
    assert not two.workspace.work.about and len(two.workspace.clicks) == 2
    two.controller.sessions.load(tmp_path / "s.json")
    assert two.workspace.work.about == (about,) and not two.errors


def test_deleting_takes_all_of_an_object_and_is_one_step(two, edits):
    before = two.labels.copy()
    edits.describe(1, name="gone")
    edits.delete([1])
    same(two.labels, np.where(before == 1, 0, before))
    assert not two.workspace.work.about
    two.controller.clicks.undo()
    same(two.labels, before)
    assert two.workspace.work.about_of(1).name == "gone" and two.workspace.work.is_accepted(1)


def test_merged_clicks_are_of_one_object_in_one_step(two, edits):
    before = two.labels.copy()
    edits.describe(1, name="both")
    edits.merge([1, 2])
    assert [click.object_id for click in two.workspace.clicks] == [2, 2] and two.workspace.object_id == 2
    assert two.workspace.work.about_of(2).name == "both" and not two.workspace.work.about_of(1).name
    same(two.labels, two.expected())
    assert (two.labels[before > 0] == 2).mean() > 0.9
    two.controller.clicks.undo()
    same(two.labels, before)
    edits.merge([2])
    assert "two objects or more" in two.hints[-1] and not two.errors


@pytest.mark.parametrize("clicked", [False, True])
def test_merged_boxes_hold_a_part_each_and_what_was_clicked_beside_a_box_stays(started, clicked):
    started.controller.prompts.add("box", [(6, 6), (26, 26)])
    if clicked:
        started.controller.objects.next()
        started.controller.clicks.add(33, 48)
    else:
        started.controller.prompts.add("box", [(24, 38), (43, 57)])
    before = started.labels.copy()
    assert set(np.unique(before)) == {0, 1, 2}
    started.controller.edits.merge([1, 2])
    found = started.labels
    assert len(np.unique(found)) == 2 and ((found > 0) == (before > 0)).mean() > 0.97
    assert (found[before == 1] > 0).mean() > 0.9 < (found[before == 2] > 0).mean()


def test_a_click_that_kept_two_apart_does_not_cut_a_hole_into_both(two, edits):
    two.controller.clicks.add(16, 17, foreground=False)  # object 2 is not there; object 1 is
    edits.merge([1, 2])
    assert all(click.foreground for click in two.workspace.clicks) and two.labels[16, 17] == 2


def test_the_selected_clicks_are_split_off(two, edits):
    edits.merge([1, 2])
    merged = two.labels.copy()
    two.points.selected_data = {1}
    edits.split(2)
    assert [click.object_id for click in two.workspace.clicks] == [2, 3] and two.workspace.object_id == 3
    assert {two.labels[16, 16], two.labels[33, 48]} == {2, 3}
    two.controller.clicks.undo()
    same(two.labels, merged)


def test_without_a_selection_the_smaller_pieces_are_split_off(two, edits):
    edits.merge([1, 2])
    two.points.selected_data = set()
    edits.split(2)
    assert sorted({click.object_id for click in two.workspace.clicks}) == [2, 3]
    two.points.selected_data = set()
    edits.split(3)
    assert "one piece" in two.hints[-1] and not two.errors


def test_jumping_shows_the_slice_and_the_middle_of_its_clicks(cylinder):
    cylinder.controller.objects.next()
    cylinder.slide(6)
    cylinder.controller.clicks.add(20, 26)
    cylinder.viewer.scene.camera.center = (0, 0)
    cylinder.controller.edits.jump(1)
    assert cylinder.workspace.here == key(3) and cylinder.workspace.object_id == 1
    np.testing.assert_allclose(cylinder.viewer.scene.camera.center[-2:], (24, 30))
    cylinder.controller.edits.jump(9)
    assert "no clicks yet" in cylinder.hints[-1] and not cylinder.errors


def test_the_masks_layer_has_the_table_beside_what_others_keep_there(two, edits):
    layer = two.workspace.labels
    layer.features = {"index": [2, 40], "mine": ["a", "b"]}
    edits.describe(2, name="left one")
    table = layer.features.set_index("index")
    assert table.loc[2, "name"] == "left one" and table.loc[2, "mine"] == "a" and table.loc[40, "mine"] == "b"
    assert bool(table.loc[1, "kept"]) and table.loc[1, "area"] == np.count_nonzero(two.labels == 1)


def test_the_table_is_exported_in_units_of_the_image(dock, image, tmp_path):
    layer = dock.viewer.add_image(image[..., 0], scale=(0.5, 0.2), translate=(3, 7), units=("um", "um"))
    dock.start(layer)
    dock.controller.clicks.add(16, 16)
    dock.controller.edits.describe(1, name="disc", kind="cell")
    dock.controller.table.export(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        (row,) = csv.DictReader(file)
    mask = dock.labels == 1
    assert (row["label"], row["name"], row["class"], row["kept"]) == ("1", "disc", "cell", "False")
    assert in_one_form(row["unit"]) == in_one_form("µm")
    assert float(row["area"]) == pytest.approx(mask.sum() * 0.1)
    rows, cols = np.nonzero(mask)
    assert float(row["centroid_row"]) == pytest.approx(3 + 0.5 * rows.mean())
    assert float(row["left"]) == pytest.approx(7 + 0.2 * (cols.min() - 0.5))
    assert float(row["mean_intensity"]) == pytest.approx(image[..., 0][mask].mean())
    assert not dock.errors


def test_a_stack_has_a_row_for_each_slice(cylinder, tmp_path):
    cylinder.controller.propagation.propagate(1, 2)
    cylinder.controller.table.export(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["axis 0"] for row in rows] == ["3", "4", "5"] and {row["label"] for row in rows} == {"1"}
