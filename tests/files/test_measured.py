"""What objects measure, against counting by hand."""

import csv

import numpy as np
import pytest

from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.files.measured import measure, write_rows

LABELS = np.zeros((6, 8), np.uint8)
LABELS[1:3, 2:6] = 3
LABELS[4, 4] = 9


def test_an_object_is_measured_in_units_of_the_image():
    image = np.arange(48, dtype=np.uint16).reshape(6, 8)
    (row,) = measure(LABELS, image, [3, 5], scale=(2.0, 0.5), origin=(10.0, 100.0))
    assert row["label"] == 3 and row["area"] == 8 * 1.0
    assert (row["centroid_row"], row["centroid_col"]) == (10 + 2 * 1.5, 100 + 0.5 * 3.5)
    assert (row["top"], row["bottom"]) == (10 + 2 * 0.5, 10 + 2 * 2.5)
    assert (row["left"], row["right"]) == (100 + 0.5 * 1.5, 100 + 0.5 * 5.5)
    assert row["mean_intensity"] == image[1:3, 2:6].mean()


def test_each_channel_has_its_mean_and_nothing_has_no_row():
    image = np.stack([np.full((6, 8), value, np.uint8) for value in (1, 2, 3)], axis=-1)
    rows = measure(LABELS, image, [9, 3])
    assert [row["label"] for row in rows] == [3, 9]
    assert [rows[1][f"mean_intensity_{n}"] for n in range(3)] == [1, 2, 3]
    assert measure(LABELS, image, [5]) == []


def test_rows_with_other_columns_and_odd_names_come_back(tmp_path):
    rows = [{"label": 1, "name": 'a "b", c'}, {"label": 2, "z": 4, "name": "né"}]
    write_rows(tmp_path / "t.csv", rows)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"label": "1", "name": 'a "b", c', "z": ""}, {"label": "2", "name": "né", "z": "4"},
        ]  # fmt: skip
    with pytest.raises(UnwritableFileError):
        write_rows(tmp_path / "none" / "t.csv", rows)
