"""Save, save again, and on to the next image: in the dock, with real files."""

import numpy as np
import pytest
from napari.layers._source import Source
from pandas import read_csv
from qtpy.QtWidgets import QFileDialog, QMessageBox
from skimage.io import imread, imsave

from napari_m2n2v2._napari.controller.saving import Target
from napari_m2n2v2.session.session_file import load_session


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Answers the dialog with a name, and counts how often it was asked."""
    answers = []

    def answer(dialog):
        answers.append("mine" if not answers else f"mine {len(answers)}")
        dialog.selectFile(str(tmp_path / "out" / answers[-1]))
        return 1

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(QFileDialog, "exec", answer)
    return answers


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_masks_and_session_are_saved_together_and_again_without_asking(clicked, asked, tmp_path):
    panel, out = clicked.widget.session, tmp_path / "out"
    panel.save.click()
    assert names(out) == ["mine.json", "mine.ome.tif"]
    assert np.array_equal(imread(out / "mine.ome.tif"), clicked.labels)
    assert load_session(out / "mine.json").clicks == clicked.workspace.clicks
    clicked.controller.clicks.add(40, 50)
    panel.save.click()
    assert len(asked) == 1 and np.array_equal(imread(out / "mine.ome.tif"), clicked.labels)
    assert len(load_session(out / "mine.json").clicks) == len(clicked.workspace.clicks)


@pytest.mark.parametrize(("kind", "files"), [("PNG", ["mine.png"]), ("COCO JSON", ["mine.coco.json"])])
def test_the_form_is_chosen(clicked, asked, tmp_path, kind, files):
    clicked.widget.session.masks.setCurrentText(kind)
    clicked.widget.session.with_session.setChecked(False)
    clicked.widget.session.save.click()
    assert names(tmp_path / "out") == files


def test_the_table_is_saved_beside_them(clicked, asked, tmp_path):
    told = []
    clicked.controller.state.told.connect(told.append)
    panel, out = clicked.widget.session, tmp_path / "out"
    panel.with_table.click()
    panel.save.click()
    assert names(out) == ["mine.csv", "mine.json", "mine.ome.tif"]
    assert int(read_csv(out / "mine.csv")["area"][0]) == np.count_nonzero(clicked.labels == 1)
    assert told[-1] == f"Saved mine.ome.tif, .json and .csv. Folder: {out}"


def test_it_is_asked_beside_the_image_first_and_where_was_saved_then(clicked, tmp_path, monkeypatch):
    folders = []
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: folders.append(dialog.directory().absolutePath()) or 0)
    (tmp_path / "images").mkdir()
    imsave(tmp_path / "images" / "one.png", np.zeros((8, 8), np.uint8), check_contrast=False)
    clicked.workspace.image._source = Source(path=str(tmp_path / "images" / "one.png"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: folders.append(args[2]) or ("", ""))
    clicked.widget.session.save_as.click()
    clicked.widget.objects.export.click()
    clicked.widget.session.load.click()
    clicked.controller.saving.save(Target(tmp_path, "mine"))
    clicked.widget.session.save_as.click()
    assert folders == [str(tmp_path / "images")] * 3 + [str(tmp_path)]


@pytest.mark.parametrize("agrees", [False, True])
def test_a_session_that_is_there_is_replaced_only_when_told_to(clicked, asked, tmp_path, monkeypatch, agrees):
    other = tmp_path / "out" / "mine.json"
    other.write_text("precious")
    button = QMessageBox.StandardButton.Yes if agrees else QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *args: button)
    clicked.widget.session.save.click()
    assert (other.read_text() != "precious") is agrees
    assert (tmp_path / "out" / "mine.ome.tif").exists() is agrees


def test_a_place_that_cannot_be_written_is_an_error_and_asked_for_again(clicked, asked, tmp_path):
    clicked.controller.saving.save(Target(tmp_path / "nowhere", "mine"))
    assert len(clicked.errors) == 1 and "nowhere" in clicked.errors[0]
    assert clicked.controller.saving.target is None
    clicked.widget.session.save.click()
    assert len(asked) == 1


def test_a_stack_is_saved_whole_with_its_units(stack, tmp_path):
    stack.workspace.image.scale, stack.workspace.image.units = (2, 0.5, 0.5), ("um", "um", "um")
    stack.controller.clicks.add(16, 16)
    stack.slide(2)
    stack.controller.clicks.add(16, 16)
    stack.settle()
    stack.controller.saving.save(Target(tmp_path, "volume"))
    from napari_m2n2v2.files.open_stack import open_stack

    with open_stack(tmp_path / "volume.ome.tif") as file:
        assert np.array_equal(np.stack([file.read(index) for index in file.stack]), stack.labels)
        assert file.scale == (2, 0.5, 0.5) and file.units == ("micrometer",) * 3


class TestNextImage:
    def test_another_image_of_the_viewer(self, clicked, image, asked, tmp_path):
        first, other = clicked.workspace, clicked.viewer.add_image(image[::-1].copy(), name="other")
        clicked.widget.image.value = first.image
        clicked.widget.session.onward.click()
        assert names(tmp_path / "out") == ["mine.json", "mine.ome.tif"]
        assert clicked.workspace.image is other and other.visible and not first.image.visible
        clicked.controller.clicks.add(16, 16)
        clicked.settle()
        clicked.widget.session.onward.click()  # saved beside the first without asking; there is none after it
        assert len(asked) == 1 and names(tmp_path / "out")[2:] == ["other_masks.json", "other_masks.ome.tif"]
        assert "no other image" in clicked.hints[-1] and other.visible

    def test_the_next_file_of_the_folder_by_number(self, dock, image, tmp_path):
        folder = tmp_path / "cells"
        folder.mkdir()
        (folder / "notes.txt").touch()
        for name in ("cell 10.png", "cell 2.png", "cell 1.png"):
            imsave(folder / name, image)
        (layer,) = dock.viewer.open(str(folder / "cell 1.png"))
        dock.start(layer)
        for name in ("cell 2", "cell 10"):
            dock.widget.session.onward.click()  # nothing was clicked: nothing is saved
            assert dock.workspace.image.name == name
        assert names(folder) == ["cell 1.png", "cell 10.png", "cell 2.png", "notes.txt"]

    def test_what_else_is_there_is_never_replaced(self, clicked, image, asked, tmp_path):
        clicked.viewer.add_image(image[::-1].copy(), name="other")
        (tmp_path / "out" / "other_masks.json").write_text("precious")
        clicked.widget.session.onward.click()
        clicked.controller.clicks.add(16, 16)
        clicked.settle()
        clicked.widget.session.onward.click()
        assert len(asked) == 2 and (tmp_path / "out" / "other_masks.json").read_text() == "precious"
        assert {"mine 1.json", "mine 1.ome.tif"} <= set(names(tmp_path / "out"))
