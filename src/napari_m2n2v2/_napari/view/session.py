"""Saving and going on: masks and session in one go, the next image, and what was saved before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QMessageBox,
    QWidget,
)

from napari_m2n2v2._napari.controller.next_image import NextImage
from napari_m2n2v2._napari.controller.saving import MASKS, SaveController, Target
from napari_m2n2v2._napari.controller.sessions import SessionController
from napari_m2n2v2._napari.layers.sources import folder_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.files.masks import MASK_ENDINGS, kind_and_ending
from napari_m2n2v2.files.paths import is_there
from napari_m2n2v2.files.read import ENDINGS

__all__ = ["SessionPanel", "file_name"]

_MOST_CHARACTERS = 58  # of a name: 232 bytes at most, which every file system takes with an ending

_KINDS = "Session (*.json)"

_TITLES = {"ome-tiff": "OME-TIFF", "png": "PNG", "ome-zarr": "OME-Zarr", "coco": "COCO JSON"}


class SessionPanel(QWidget):  # type: ignore[misc]
    """The buttons, and what they do.

    Parameters
    ----------
    state : DockState
        Whose active image is saved.
    sessions, saving, next_image : SessionController, SaveController, NextImage
        Save, load and go on.
    chosen : callable
        Returns the Image layer that is chosen, perhaps not begun yet; None for none.
    begin : callable
        Begins with it.
    """

    def __init__(
        self,
        state: DockState,
        sessions: SessionController,
        saving: SaveController,
        next_image: NextImage,
        chosen: Callable[[], Any],
        begin: Callable[[], None],
    ) -> None:
        super().__init__()
        self._state = state
        self.sessions = sessions
        self.saving = saving
        self._next_image = next_image
        self._goes_on = False  # to the next image, once this one is saved
        self._chosen = chosen
        self._begin = begin
        sessions.wanted.connect(begin)
        self._build()
        follow(
            self.refresh, state.activated, state.moved, state.clicks_changed, state.features_changed,
            sessions.autosaves.found,
        )  # fmt: skip
        saving.saved.connect(self._on_saved)
        self.refresh()

    def _build(self) -> None:
        self.masks = QComboBox()
        for kind, ending in MASK_ENDINGS.items():
            self.masks.addItem(_TITLES[kind], ending)
        self.masks.addItem("none, the session alone", "")
        self.masks.setToolTip("PNG is for a flat image; the others hold stacks, too")
        self.with_session = QCheckBox("session")
        self.with_session.setChecked(True)
        self.with_session.setToolTip("The clicks with parameters and versions: they give the same masks again")
        self.with_table = QCheckBox("table")
        self.with_table.setToolTip("A CSV file that measures the objects, as Export table… does")
        self.save = make_button("Save", "To the same place again; asks where the first time", self._on_save)
        self.save_as = make_button("Save as…", "Masks and session to another place", self._on_save_as)
        self.onward = make_button(
            "Save, next image",
            "The next image of the viewer, or else the next file in this one's folder that is an image\n"
            "and no masks of ours (NAME_masks)",
            self._on_next,
        )
        self.load = make_button(
            "Load…", "Put a saved session's clicks on this image (can be undone)\nand start it, if need be", self._load
        )
        self.restore = make_button(
            "Restore autosave", "The clicks this image had when it was last segmented", self._restore
        )
        self.methods = make_button("Copy methods text", "A paragraph for a publication", self._copy_methods)
        grid = QGridLayout()
        buttons = (self.save, self.save_as, self.onward, self.load, self.restore, self.methods)
        for i, button in enumerate(buttons):
            grid.addWidget(button, i // 2, i % 2)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Masks as", self.masks)
        beside = QHBoxLayout()
        beside.addWidget(self.with_session)
        beside.addWidget(self.with_table)
        form.addRow("with", beside)
        form.addRow(grid)

    def refresh(self) -> None:
        """Show what can be done."""
        workspace = self._state.active
        self.load.setEnabled(workspace is not None or self._is_to_begin)
        for button in (self.save, self.save_as, self.methods):
            button.setEnabled(workspace is not None and bool(workspace.about.said))
        self.onward.setEnabled(workspace is not None)
        autosaves = self.sessions.autosaves
        self.restore.setEnabled(autosaves.are_there if self._is_to_begin else autosaves.latest() is not None)

    @property
    def _is_to_begin(self) -> bool:
        """Whether an image is chosen that was not begun yet."""
        chosen = self._chosen()
        return chosen is not None and self._state.of(chosen) is None

    def _begin_chosen(self) -> None:
        if self._is_to_begin:
            self._begin()

    def _on_save(self) -> None:
        self._save_to(self._present_target() or self._ask())

    def _on_save_as(self) -> None:
        self._save_to(self._ask())

    def _on_next(self) -> None:
        """Go on once this one is saved; at once where nothing was clicked."""
        if self._state.active is None or not self._state.active.about.said:
            self._next_image.go()
        elif (target := self._present_target() or self._like_the_last() or self._ask()) is not None:
            self._goes_on = True
            self.saving.save(target)

    def _on_saved(self, workspace: Any) -> None:
        goes_on, self._goes_on = self._goes_on, False
        if goes_on and workspace is self._state.active:
            self._next_image.go()

    def _save_to(self, target: Target | None) -> None:
        if target is not None:
            self._goes_on = False
            self.saving.save(target)

    def _present_target(self) -> Target | None:
        """Return where the image was saved before, in the form that is chosen now."""
        if (before := self.saving.target) is None:
            return None
        said, chosen = kind_and_ending(before.masks), self.masks.currentData()
        as_before = said is not None and MASK_ENDINGS[said[0]] == chosen
        target = self._target(before.folder, before.name, before.masks if as_before else chosen)
        return target if self._may_write(target, before.files) else None

    def _target(self, folder: Path, name: str, masks: str) -> Target:
        """Return a place, with what is chosen to be written there."""
        return Target(folder, name, masks, self.with_session.isChecked(), self.with_table.isChecked())

    def _like_the_last(self) -> Target | None:
        """Return a place beside the image saved last; None if something else is there."""
        if self._state.active is None:
            return None
        found = self.saving.target_like(file_name(self._state.active.image.name) + MASKS)
        return found if found is not None and not any(map(is_there, found.files)) else None

    def _ask(self) -> Target | None:
        """Ask where to; None if the user thinks better of it."""
        ending, kind = self.masks.currentData() or ".json", self.masks.currentText()
        dialog = QFileDialog(self, "Save", self._folder(), f"{kind} (*{ending})")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # asked below, of all files at once
        dialog.setDefaultSuffix(ending[1:])
        if self._state.active is not None:
            dialog.selectFile(file_name(self._state.active.image.name) + MASKS + ending)
        accepted = dialog.exec()
        dialog.deleteLater()
        if not accepted:
            return None
        with self._state.errors_shown():
            target = self._typed(Path(dialog.selectedFiles()[0]))
            return target if self._may_write(target) else None
        return None

    def _typed(self, path: Path) -> Target:
        """Return the place that was typed; an ending that is known chooses the form.

        Raises
        ------
        UnwritableFileError
            If it is that of pictures which masks are not written as.
        """
        chosen = self.masks.currentData()
        if (said := kind_and_ending(path.name)) is not None:
            kind, ending = said
            self.masks.setCurrentIndex(self.masks.findData(MASK_ENDINGS[kind]))
            return self._target(path.parent, path.name.removesuffix(ending), ending)
        if path.suffix.lower() == ".json":
            chosen = chosen if chosen == MASK_ENDINGS["coco"] else ""
            self.masks.setCurrentIndex(self.masks.findData(chosen))
            return self._target(path.parent, path.stem, chosen)
        if path.suffix.lower() in ENDINGS:
            raise UnwritableFileError(
                f"Masks are not written as {path.suffix}, but as {', '.join(_TITLES.values())}. Choose one of these."
            )
        return self._target(path.parent, path.name, chosen)

    def _folder(self) -> str:
        """Return where one would look for a place: where this image was saved, beside it, or where another was."""
        if (before := self.saving.target) is not None:
            return str(before.folder)
        beside = folder_of(self._state.active.image) if self._state.active is not None else ""
        return beside or str(self.saving.last_folder or "")

    def _may_write(self, target: Target, ours: Sequence[Path] = ()) -> bool:
        """Tell whether nothing is opened from there, and the user agrees to replace what is there and not ours."""
        if not self.saving.may_write(target):
            return False
        names = [path.name for path in target.files if path not in ours and is_there(path)]
        return not names or self._may_replace(names)

    def _may_replace(self, names: list[str]) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        text = f"Replace {' and '.join(names)}, which {'is' if len(names) == 1 else 'are'} there already?"
        return bool(QMessageBox.question(self, "Save", text, yes | no, no) == yes)

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load session", self._folder(), _KINDS)
        if path:
            self._begin_chosen()
            self.sessions.load(path)

    def _restore(self) -> None:
        self._begin_chosen()
        self.sessions.restore()

    def _copy_methods(self) -> None:
        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            show_info("The methods paragraph is on the clipboard.")

        self.sessions.copy_methods(put)


def file_name(image_name: str) -> str:
    """Return what the names of an image's files begin with, after its own, with what no file system takes left out.

    Nor does it end as those of OME files do, which is not part of what they are called.
    """
    bare = re.sub(r"(\.ome)?(\.zarr)?$", "", image_name, flags=re.IGNORECASE)
    plain = re.sub(r'[\\/:*?"<>|\x00-\x1f\x7f]+', "_", bare)[:_MOST_CHARACTERS].strip(" .")
    return plain or "session"
