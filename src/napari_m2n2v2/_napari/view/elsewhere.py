"""Where features are computed: the choice, and the question what to do when that place is gone."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_m2n2v2._napari.controller.elsewhere import Elsewhere
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2._napari.view.text import TextLabel, elide

__all__ = ["ComputeOn", "LostBar"]

_HERE = "this computer"


class ComputeOn(QComboBox):  # type: ignore[misc]
    """The choice of this computer or a dask scheduler, typed as an address; those typed can be chosen again.

    Parameters
    ----------
    state : DockState
        Told of what is no address.
    elsewhere : Elsewhere
        What is chosen.
    """

    def __init__(self, state: DockState, elsewhere: Elsewhere) -> None:
        super().__init__()
        self._state = state
        self._elsewhere = elsewhere
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.addItem(_HERE)
        self.setToolTip(
            "Where features are computed; clicks are always solved here.\n"
            "A dask scheduler's address, such as tcp://10.0.0.1:8786, and Enter: its workers do it, on their GPUs\n"
            "if they have any. napari-m2n2v2 worker starts one. Use only a scheduler that you trust"
        )
        elide(self)
        self.lineEdit().setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # Tab goes to the choice, which hands keys on to it
        self.lineEdit().editingFinished.connect(lambda: self._on_chosen(self.currentText()))
        self.activated.connect(lambda: self._on_chosen(self.currentText()))
        follow(self.refresh, elsewhere.changed)

    def refresh(self) -> None:
        """Show what is so."""
        address = self._elsewhere.address
        if address and self.findText(address) < 0:
            self.addItem(address)
        self.setCurrentIndex(self.findText(address or _HERE))

    def _on_chosen(self, text: str) -> None:
        address = "" if text.strip() == _HERE else text
        if address != self._elsewhere.address:
            with self._state.errors_shown():
                self._elsewhere.use(address)
        self.refresh()


class LostBar(QWidget):  # type: ignore[misc]
    """Asks where to go on, while features wait because the place they were computed is gone; hidden otherwise.

    Parameters
    ----------
    elsewhere : Elsewhere
        Says so, and is told.
    """

    def __init__(self, elsewhere: Elsewhere) -> None:
        super().__init__()
        self._elsewhere = elsewhere
        self.told = TextLabel()
        self.here = make_button("Compute here", "On this computer from now on; clicks wait meanwhile", self._on_here)
        self.again = make_button("Try again", "Ask that scheduler once more", self._on_again)
        row = QHBoxLayout()
        row.addWidget(self.here)
        row.addWidget(self.again)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.told)
        column.addLayout(row)
        follow(self.refresh, elsewhere.changed)
        self.refresh()

    def refresh(self) -> None:
        """Show whether there is something to ask."""
        self.told.setText(f"{self._elsewhere.lost} Features and clicks wait: nothing is lost.")
        self.setVisible(bool(self._elsewhere.lost))

    def _on_here(self) -> None:
        self._elsewhere.use("")

    def _on_again(self) -> None:
        self._elsewhere.use(self._elsewhere.address)
