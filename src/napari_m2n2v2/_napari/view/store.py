"""Where slices that were computed are kept: how much memory, which folder, what it takes, and clearing it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox, QFileDialog, QGridLayout, QLabel, QMessageBox, QPushButton, QWidget

from napari_m2n2v2._napari.controller.store import GIGABYTE, Store
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow
from napari_m2n2v2._napari.view.text import TextLabel

__all__ = ["StorePanel"]


class StorePanel(QWidget):  # type: ignore[misc]
    """Limits, the folder, and what is kept. Nothing is written to disk before a folder is chosen.

    Parameters
    ----------
    state : DockState
        Told when more or less is kept.
    store : Store
        What is shown.
    """

    def __init__(self, state: DockState, store: Store) -> None:
        super().__init__()
        self._state = state
        self._store = store
        self.memory = _gigabytes(self._store.memory_bytes, "Most memory that computed slices take")
        self.memory.valueChanged.connect(lambda: self._on_memory())
        self.limit = _gigabytes(20 * GIGABYTE, "Most that the folder may take; the least recently used make room")
        self.limit.valueChanged.connect(lambda: self.use(self._folder))
        self.choose = QPushButton("Folder…")
        self.choose.setToolTip(
            "Keep what was computed in a folder too, one a project, so that it need not be computed again.\n"
            "Off until you choose one, and anew in each session"
        )
        self.choose.clicked.connect(lambda: self._on_choose())
        self.without = QPushButton("Memory alone")
        self.without.setToolTip("Use the folder no more; it stays as it is")
        self.without.clicked.connect(lambda: self.use(None))
        self.clear = QPushButton("Clear…")
        self.clear.setToolTip("Delete what was computed, from the folder and from memory")
        self.clear.clicked.connect(lambda: self._on_clear())
        self.told = TextLabel()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("memory"), 0, 0)
        grid.addWidget(self.memory, 0, 1)
        grid.addWidget(QLabel("folder"), 1, 0)
        grid.addWidget(self.limit, 1, 1)
        grid.addWidget(self.choose, 2, 0)
        grid.addWidget(self.without, 2, 1)
        grid.addWidget(self.told, 3, 0, 1, 2)
        grid.addWidget(self.clear, 4, 0, 1, 2)
        follow(self.refresh, state.solved)
        self.refresh()

    @property
    def _folder(self) -> Path | None:
        return None if self._store.disk is None else self._store.disk.folder

    def use(self, folder: Path | None) -> None:
        """Keep features in this folder from now on, within the limit that is set; in memory alone for None."""
        self._store.use_folder(folder, round(self.limit.value() * GIGABYTE))
        self.refresh()
        self._state.features_changed.emit()

    def refresh(self) -> None:
        """Look again how much is kept."""
        disk = self._store.disk
        self.limit.setEnabled(disk is not None)
        self.without.setEnabled(disk is not None)
        memory = f"{self._store.nbytes / GIGABYTE:.2f} GB in memory"
        if disk is None:
            self.told.setText(f"Kept: {memory}; nothing is written to disk.")
        else:
            self.told.setText(f"Kept: {memory}, {disk.nbytes / GIGABYTE:.2f} GB in {disk.folder}")

    def _on_memory(self) -> None:
        self._store.use_memory(round(self.memory.value() * GIGABYTE))
        self._state.features_changed.emit()

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Keep computed slices in", str(self._folder or ""))
        if chosen:
            self.use(Path(chosen))

    def _on_clear(self) -> None:
        where = "from memory" if self._folder is None else f"from memory and from {self._folder}"
        box = QMessageBox(QMessageBox.Icon.Question, "Clear", f"Delete what was computed {where}?", parent=self)
        box.setInformativeText("Images, clicks and masks stay. Slices are computed again when they are needed.")
        box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.finished.connect(lambda answer: self.empty() if answer == QMessageBox.StandardButton.Yes.value else None)
        box.open()

    def empty(self) -> None:
        """Delete what was computed; slices in use keep what they have."""
        self._store.clear()
        self.refresh()
        self._state.features_changed.emit()


def _gigabytes(value: int, tip: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.1, 100_000)
    box.setDecimals(1)
    box.setSuffix(" GB")
    box.setValue(value / GIGABYTE)
    box.setToolTip(tip)
    box.setKeyboardTracking(False)  # half a number is no limit
    return box
