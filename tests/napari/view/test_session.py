"""Saving by mouse and keys, in real dialogs: what is open is never written to, and nothing is replaced unasked."""

import shutil

import numpy as np
import pytest
import tifffile
import zarr
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QLineEdit, QMessageBox
from skimage.io import imread, imsave
from superqt import QCollapsible

from napari_m2n2v2.session.session_file import load_session


class Answers:
    """Writes what is to be typed, if anything is, into each dialog for files that opens; and presses Enter in all."""

    typed = ""

    def __init__(self, qtbot):
        self.qtbot, self.offered, self.asked, self.seen = qtbot, [], [], []
        self.timer = QTimer()
        self.timer.timeout.connect(self.look)
        self.timer.start(20)

    def look(self):
        window = QApplication.activeModalWidget()
        if window is None or not window.isVisible():
            return
        self.seen.append(window)
        if self.seen.count(window) > 1:  # it should have closed
            if self.seen.count(window) > 50:
                window.reject()
        elif isinstance(window, QMessageBox):
            self.asked.append(window.text())
            self.qtbot.keyClick(window, Qt.Key.Key_Return)
        else:
            line = window.findChild(QLineEdit, "fileNameEdit")
            self.offered.append((window.directory().absolutePath(), line.text()))
            if self.typed:
                line.setText(str(self.typed))
            self.qtbot.keyClick(line, Qt.Key.Key_Return)


@pytest.fixture
def answers(qtbot):
    native = Qt.ApplicationAttribute.AA_DontUseNativeDialogs
    before = QApplication.testAttribute(native)
    QApplication.setAttribute(native, True)
    made = Answers(qtbot)
    yield made
    made.timer.stop()
    QApplication.setAttribute(native, before)


@pytest.fixture
def mine(shared, tmp_path):
    """A folder of a user with a photo."""
    (tmp_path / "mine").mkdir()
    photo = min((shared / "data" / "grabcut" / "images").glob("*.jpg"))
    imsave(tmp_path / "mine" / "llama.png", imread(photo)[::4, ::4])
    return tmp_path / "mine"


def opened(dock, path):
    """Open a file as napari's menu does, start it, and click on it."""
    layer = dock.viewer.open(str(path), plugin="napari")[0]
    dock.viewer.reset_view()
    dock.start(layer)
    middle = dock.workspace.stack.plane_shape
    dock.click(middle[0] // 2, middle[1] // 2)
    dock.told = []
    dock.controller.state.told.disconnect()
    dock.controller.state.told.connect(dock.told.append)
    return dock


def press(dock, button, form=None):
    panel = dock.widget.session
    fold = next(one for one in dock.widget.findChildren(QCollapsible) if one.text() == "Save")
    fold.expand(animate=False)
    dock.qtbot.waitUntil(lambda: button.height() > 10)
    assert button.isEnabled()
    if form is not None:
        panel.masks.setFocus()
        dock.qtbot.keyClick(panel.masks, Qt.Key.Key_Home)  # letters are keys of the dock there
        for _ in range(panel.masks.findText(form)):
            dock.qtbot.keyClick(panel.masks, Qt.Key.Key_Down)
        assert panel.masks.currentText() == form
    dock.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def bytes_of(folder):
    """What is in a folder's files, but for sessions that save themselves."""
    files = (path for path in folder.rglob("*") if path.is_file() and "autosave" not in path.parts)
    return {path: path.read_bytes() for path in files}


def test_enter_saves_beside_the_photo_under_a_name_of_its_own(dock, answers, mine):
    photo = (mine / "llama.png").read_bytes()
    opened(dock, mine / "llama.png")
    press(dock, dock.widget.session.save, "PNG")
    assert answers.offered == [(str(mine), "llama_masks.png")] and not answers.asked
    assert names(mine) == ["llama.png", "llama_masks.json", "llama_masks.png"]
    assert (mine / "llama.png").read_bytes() == photo
    assert np.array_equal(imread(mine / "llama_masks.png"), dock.labels)


def made_stack(folder, ending):
    planes = np.random.default_rng(1).integers(0, 255, (3, 40, 60), dtype=np.uint8)
    path = folder / f"brain{ending}"
    if ending == ".zarr":
        zarr.create_array(path, shape=planes.shape, dtype="u1")[:] = planes
    else:
        tifffile.imwrite(path, planes, metadata={"axes": "ZYX"})
    return path


@pytest.mark.parametrize("ending", [".ome.tif", ".zarr"])
@pytest.mark.parametrize("by", ["save", "save_as", "onward"])
def test_a_stack_is_never_written_over(dock, answers, tmp_path, ending, by):
    opened(dock, made_stack(tmp_path, ending))
    before = bytes_of(tmp_path)
    answers.typed = tmp_path / f"brain{ending}"
    if ending == ".zarr":
        answers.typed /= "x.zarr"  # a dialog for files goes into folders
    form = "OME-Zarr" if ending == ".zarr" else "OME-TIFF"
    press(dock, getattr(dock.widget.session, by), form)
    assert answers.offered == [(str(tmp_path), "brain_masks" + (".ome.zarr" if ending == ".zarr" else ".ome.tif"))]
    assert dock.errors[0].startswith(f"This would replace brain{ending}, which the layer 'brain")
    assert bytes_of(tmp_path) == before
    assert not answers.asked and not dock.told


def test_nor_is_what_other_layers_were_opened_from(dock, answers, mine, tmp_path):
    opened(dock, mine / "llama.png")
    shutil.copy(mine / "llama.png", tmp_path / "other.png")
    dock.viewer.open(str(tmp_path / "other.png"), plugin="napari")
    dock.controller.sessions.save(mine / "s.json")
    dock.viewer.open(str(mine / "s.json"), plugin="napari-m2n2v2")
    (tmp_path / "link.png").symlink_to(tmp_path / "other.png")
    before = bytes_of(mine) | bytes_of(tmp_path)
    for typed in (tmp_path / "other.png", tmp_path / "link.png", mine / "s.png", mine / "s.json"):
        answers.typed = typed
        press(dock, dock.widget.session.save_as)
    dock.controller.sessions.save(mine / "s.json")
    dock.controller.sessions.save(mine / "llama.png")
    dock.controller.table.export(mine / "llama.png")
    assert len(dock.errors) == 7 and all("Choose another name" in told for told in dock.errors)
    assert bytes_of(mine) | bytes_of(tmp_path) == before


def test_napari_does_not_save_clicks_over_what_is_open(dock, mine, tmp_path):
    from napari_m2n2v2.errors import UnwritableFileError

    opened(dock, mine / "llama.png")
    dock.points.save(str(tmp_path / "fine.json"), plugin="napari-m2n2v2")
    assert load_session(tmp_path / "fine.json").clicks == dock.workspace.clicks
    dock.viewer.open(str(tmp_path / "fine.json"), plugin="napari-m2n2v2")
    before = (tmp_path / "fine.json").read_bytes()
    dock.click(20, 20)
    with pytest.raises(UnwritableFileError, match="which the layer 'fine clicks' was opened from"):
        dock.points.save(str(tmp_path / "fine.json"), plugin="napari-m2n2v2")
    assert (tmp_path / "fine.json").read_bytes() == before


def test_enter_at_the_question_replaces_nothing(dock, answers, mine):
    opened(dock, mine / "llama.png")
    (mine / "llama_masks.json").write_text("precious")
    (mine / "llama_masks.ome.tif").write_text("precious, too")
    press(dock, dock.widget.session.save)
    assert answers.asked == ["Replace llama_masks.ome.tif and llama_masks.json, which are there already?"]
    assert (mine / "llama_masks.json").read_text() == "precious"
    assert (mine / "llama_masks.ome.tif").read_text() == "precious, too"


def test_another_form_at_the_same_place_is_asked_about_too(dock, answers, mine):
    opened(dock, mine / "llama.png")
    press(dock, dock.widget.session.save)
    press(dock, dock.widget.session.save)  # what it wrote itself is written again
    assert len(answers.offered) == 1 and not answers.asked
    (mine / "llama_masks.png").write_text("precious")
    press(dock, dock.widget.session.save, "PNG")
    assert (mine / "llama_masks.png").read_text() == "precious"
    assert len(answers.asked) == 2 and len(answers.offered) == 2  # No asks where else, and offers the same name


@pytest.mark.parametrize(
    ("typed", "form", "written"),
    [
        ("typed.png", "PNG", ["typed.json", "typed.png"]),
        ("typed.tif", "OME-TIFF", ["typed.json", "typed.tif"]),
        ("typed.zarr", "OME-Zarr", ["typed.json", "typed.zarr"]),
        ("typed.coco.json", "COCO JSON", ["typed.coco.json", "typed.json"]),
        ("typed.json", "none, the session alone", ["typed.json"]),
        ("typed.v2", "OME-TIFF", ["typed.v2.json", "typed.v2.ome.tif"]),
    ],
)
def test_a_typed_ending_chooses_the_form(dock, answers, mine, tmp_path, typed, form, written):
    opened(dock, mine / "llama.png")
    (tmp_path / "out").mkdir()
    answers.typed = tmp_path / "out" / typed
    for _ in range(2):
        press(dock, dock.widget.session.save)
        assert dock.widget.session.masks.currentText() == form
        assert names(tmp_path / "out") == written
    assert len(answers.offered) == 1 and not dock.errors


def test_pictures_that_masks_are_not_written_as_are_refused(dock, answers, mine):
    opened(dock, mine / "llama.png")
    answers.typed = mine / "typed.jpg"
    press(dock, dock.widget.session.save)
    assert "not written as .jpg, but as OME-TIFF, PNG" in dock.errors[0] and names(mine) == ["llama.png"]


def test_what_was_saved_is_said_in_the_dock_names_first(dock, answers, mine):
    opened(dock, mine / "llama.png")
    dock.controller.state.hinted.disconnect(dock.hints.append)
    press(dock, dock.widget.session.save, "PNG")
    said = f"Saved llama_masks.png and .json. Folder: {mine}"
    assert dock.told == [said] and dock.widget.hint.text() == said and dock.widget.hint.toolTip() == said
    room = dock.widget.hint.fontMetrics().horizontalAdvance("Saved llama_masks.png and .json.")
    assert room < dock.widget.hint.width()


def test_a_folder_that_went_is_named_with_what_to_do(dock, answers, mine):
    opened(dock, mine / "llama.png")
    (mine / "out").mkdir()
    answers.typed = mine / "out" / "x.png"
    press(dock, dock.widget.session.save)
    shutil.rmtree(mine / "out")
    for form in ("PNG", "OME-TIFF", "OME-Zarr", "COCO JSON"):
        dock.widget.session.masks.setCurrentText(form)
        press(dock, dock.widget.session.save)
        assert dock.errors[-1].startswith(f"There is no folder {mine / 'out'}. Make it, or choose another folder.")
        assert ".m2n2v2-" not in dock.errors[-1] and "Errno" not in dock.errors[-1]


class TestNextImage:
    @pytest.fixture
    def batch(self, tmp_path, image):
        folder = tmp_path / "batch"
        folder.mkdir()
        for name in ("a.png", "b.tif", "c.jpg", "d.png", "old_masks.png", ".hidden.png"):
            imsave(folder / name, image, check_contrast=False)
        zarr.create_array(folder / "e.zarr", shape=image.shape[:2], dtype="u1")[:] = image[..., 0]
        for name in ("notes.txt", "table.csv", "b.json"):
            (folder / name).write_text("{}")
        return folder

    def test_it_takes_any_image_of_the_folder_but_no_masks(self, dock, answers, batch):
        opened(dock, batch / "a.png")
        seen = []
        for n in range(4):
            press(dock, dock.widget.session.onward, "PNG" if n == 0 else None)
            seen.append(dock.workspace.image.name)
            if n < 3:
                dock.controller.clicks.add(16, 16)
                dock.settle()
        assert seen == ["b", "c", "d", "e"] and len(answers.offered) == 1 and not dock.errors
        assert {f"{name}_masks.png" for name in "abcd"} <= set(names(batch))
        press(dock, dock.widget.session.onward)
        assert "no other image" in dock.hints[-1]

    def test_masks_under_any_name_that_it_wrote_are_not_the_next_image(self, dock, answers, batch):
        opened(dock, batch / "a.png")
        answers.typed = batch / "aa.png"
        press(dock, dock.widget.session.onward)
        assert "aa.png" in names(batch) and dock.workspace.image.name == "b"

    def test_an_image_of_another_folder_is_asked_about_and_offered_its_own(self, dock, answers, mine, batch):
        opened(dock, mine / "llama.png")
        dock.viewer.open(str(batch / "a.png"), plugin="napari")
        press(dock, dock.widget.session.onward)
        assert dock.workspace.image.name == "a"
        dock.controller.clicks.add(16, 16)
        dock.settle()
        press(dock, dock.widget.session.onward)
        assert answers.offered == [(str(mine), "llama_masks.ome.tif"), (str(batch), "a_masks.ome.tif")]
        assert names(mine) == ["llama.png", "llama_masks.json", "llama_masks.ome.tif"]
