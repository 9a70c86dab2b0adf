import csv

import numpy as np
import pytest
import tifffile
from skimage.io import imread, imsave

from napari_m2n2v2 import open_stack
from napari_m2n2v2.cli.main import main
from tests.similar.drawn import discs, only


def find(*arguments):
    return main(["find", *map(str, arguments)])


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def place(tmp_path):
    """An image with labels of two objects on it."""
    image, labels = discs()
    imsave(tmp_path / "plate.png", image)
    imsave(tmp_path / "examples.png", only(labels, 7, 9).astype(np.uint8), check_contrast=False)
    return tmp_path, labels


def test_an_image_gets_labels_and_a_line_for_each_object(place, capsys):
    folder, truth = place
    out, table = folder / "found.png", folder / "found.csv"
    arguments = ["--examples", folder / "examples.png", "-o", out, "--table", table]
    assert find(folder / "plate.png", *arguments) == 0
    found, told = imread(out), rows(table)
    assert len(told) == 23 and len(np.unique(found)) == 26  # and the background
    assert np.array_equal(found == 7, truth == 7) and np.array_equal(found == 9, truth == 9)
    for row in told:
        at = int(row["row"]), int(row["col"])
        assert found[at] == int(row["object"]) > 9 and np.count_nonzero(found == found[at]) == int(row["area"])
        assert row["image"] == "plate.png" and row["plane"] == "" and row["why"] == "like the examples"
    assert "23 found" in capsys.readouterr().out


def test_only_what_is_certain_enough_is_written_and_only_some_labels_are_examples(place):
    folder, _ = place
    out, table = folder / "found.png", folder / "found.csv"
    assert find(folder / "plate.png", "--examples", folder / "examples.png", "-o", out, "--table", table) == 0
    certain = sorted(float(row["certainty"]) for row in rows(table))
    arguments = ["--examples", folder / "examples.png", "--ids", "9", "-o", out, "--table", table]
    assert find(folder / "plate.png", *arguments, "--at-least", certain[12]) == 0
    assert all(float(row["certainty"]) >= certain[12] for row in rows(table)) and len(rows(table)) < 23
    assert {7, 9} <= set(np.unique(imread(out)).tolist())


def test_examples_of_one_image_serve_a_folder(place, capsys):
    folder, _ = place
    plates = folder / "plates"
    plates.mkdir()
    for n, name in enumerate(("a", "b")):
        image, labels = discs(seed=n, skip=(1, 2) if n else ())
        imsave(plates / f"{name}.png", image)
        imsave(folder / f"{name}.tif", only(labels, 8).astype(np.uint16), check_contrast=False)
    (plates / "broken.png").write_text("no image")
    out, table = folder / "labels", folder / "all.csv"
    assert find(plates, "--examples", folder / "b.tif", "-o", out, "--table", table) == 1
    assert "broken.png" in capsys.readouterr().err
    found = {name: [row for row in rows(table) if row["image"] == f"{name}.png"] for name in ("a", "b")}
    assert len(found["a"]) == 25 and len(found["b"]) == 22
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png"]
    assert imread(out / "a.png").max() == 25 and imread(out / "b.png").max() == 8 + 22
    (plates / "broken.png").unlink()
    assert find(plates, "--examples", folder / "examples.png", "-o", out) == 1
    assert "--of IMAGE" in capsys.readouterr().err
    assert find(plates, "--examples", folder / "examples.png", "--of", folder / "plate.png", "-o", out) == 0


@pytest.mark.parametrize("ending", ["tif", "ome.zarr"])
def test_a_stack_gets_a_volume_with_ids_that_are_used_once(tmp_path, ending):
    planes = [discs(across=3, side=90, colour=False, seed=n) for n in range(3)]
    volume, truth = np.stack([p[..., 0] for p, _ in planes]), np.stack([labels for _, labels in planes])
    examples = np.zeros_like(truth, dtype=np.uint8)
    examples[1] = only(truth[1], 5)
    for name, values in (("stack", volume), ("examples", examples)):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, imagej=True, metadata={"axes": "ZYX"})
    out, table = tmp_path / f"found.{ending}", tmp_path / "found.csv"
    arguments = ["--examples", tmp_path / "examples.tif", "-o", out, "--table", table]
    assert find(tmp_path / "stack.tif", *arguments) == 0
    told = rows(table)
    assert [row["plane"] for row in told] == ["0"] * 9 + ["1"] * 8 + ["2"] * 9
    with open_stack(out) as file:
        found = np.stack([file.read(index) for index in file.stack])
    assert np.array_equal(found[1] == 5, truth[1] == 5)
    assert sorted(np.unique(found).tolist()) == [0, 5, *range(6, 32)]
    for row in told:
        assert found[int(row["plane"]), int(row["row"]), int(row["col"])] == int(row["object"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "missing.png"}, "there is no file at"),
        ({"--examples": "missing.png"}, "there is no file at"),
        ({"--examples": "plate.png"}, "must be labels"),
        ({"--examples": "small.png"}, "of the shape of plate.png"),
        ({"--examples": "empty.png"}, "There is no example"),
        ({"--ids": "99"}, "no object 99"),
        ({"-o": "plate.png"}, "would replace"),
        ({"-o": "examples.png"}, "would replace"),
        ({"--table": "plate.png"}, "would replace"),
        ({"--table": "no/such.csv"}, "There is no folder no"),
        ({"--table": "other.png", "--of": "other.png", "image": "."}, "would replace other.png"),
        ({"--table": "small.png", "image": ".", "--of": "plate.png"}, "would replace small.png"),
        ({"--at-least": "7"}, "from 0 to 1"),
    ],
)
def test_bad_input_is_one_message_a_non_zero_exit_and_no_file(place, capsys, monkeypatch, change, message):
    folder, _ = place
    monkeypatch.chdir(folder)
    imsave("small.png", np.ones((9, 9), np.uint8), check_contrast=False)
    imsave("empty.png", np.zeros((200, 200), np.uint8), check_contrast=False)
    given = {"image": "plate.png", "--examples": "examples.png", "-o": "found.png", **change}
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    image = given.pop("image")
    assert find(image, *(part for pair in given.items() for part in pair)) == 1
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 2  # it, and where to read on
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_unusable_ids_are_said(place):
    with pytest.raises(SystemExit) as stop:
        find("a.png", "--examples", "b.png", "-o", "c.png", "--ids", "one")
    assert stop.value.code == 2
