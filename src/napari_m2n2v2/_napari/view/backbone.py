"""Which backbones give attention and depth, whether their weights are here, and fetching them when asked to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGridLayout,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QWidget,
)

from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.elsewhere import ComputeOn
from napari_m2n2v2._napari.view.qt import follow
from napari_m2n2v2._napari.view.text import TextLabel, elide
from napari_m2n2v2.backbones import BACKBONES, DEPTH_BACKBONES, BackboneInfo
from napari_m2n2v2.errors import with_notes
from napari_m2n2v2.guides.from_image import IMAGE_GUIDES
from napari_m2n2v2.guides.guide import AUTO

if TYPE_CHECKING:
    from napari_m2n2v2.backbones.hub import Download

__all__ = ["BackbonePanel"]


class BackbonePanel(QWidget):  # type: ignore[misc]
    """Choices of attention and depth with their states, and a button for weights that are missing.

    Parameters
    ----------
    state : DockState
        Whose settings the choices are.
    features : FeatureController
        Changes them.
    jobs : Jobs
        For downloads; not those that clicks wait for.
    """

    def __init__(self, state: DockState, features: FeatureController, jobs: Jobs) -> None:
        super().__init__()
        self._state = state
        self._features = features
        self._jobs = jobs
        self._infos: list[BackboneInfo] = []
        self.attention = _choice("auto (the best that is ready)", "auto", BACKBONES)
        self.depth = _choice("none", "", DEPTH_BACKBONES)
        _add(self.depth, "auto (the clicks choose)", AUTO, "Lightness of the image, weakly or strongly, or no guide")
        for name, guide in IMAGE_GUIDES.items():
            _add(self.depth, f"{name} of the image", name, f"For {guide.good_for}")
        change = features.settings.change
        self.attention.currentIndexChanged.connect(lambda: change(attention=self.attention.currentData()))
        self.depth.currentIndexChanged.connect(lambda: change(depth=self.depth.currentData()))
        self.depth.setToolTip(
            "A second channel computed from the image, whose steps stop a click from spreading.\n"
            "Depth suits photos of scenes; auto or lightness suits flat pictures, such as microscopy"
        )
        self.told = TextLabel()
        self.fetch = QPushButton("Get weights…")
        self.fetch.setToolTip("Asks the model hub for size and licence; downloads when you agree")
        self.fetch.clicked.connect(lambda: self._on_fetch())
        self.cancel = QPushButton("Cancel download")
        self.cancel.setToolTip("Files that are whole are kept; the next download goes on from there")
        self.cancel.clicked.connect(lambda: self._on_cancel())
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)  # their names are long
        self.compute_on = ComputeOn(state, features.elsewhere)
        form.addRow("Backbone", self.attention)
        form.addRow("Compute on", self.compute_on)
        form.addRow("Guide made from image", self.depth)
        grid = QGridLayout()
        grid.addWidget(self.told, 0, 0, 1, 2)
        grid.addWidget(self.fetch, 1, 0)
        grid.addWidget(self.cancel, 1, 1)
        grid.addWidget(self.progress, 2, 0, 1, 2)
        form.addRow(grid)
        for choice in (self.attention, self.depth):
            choice.currentIndexChanged.connect(lambda: self.refresh())
        state.solved.connect(self._on_first_solved)  # by then torch is there, and knows whether there is a GPU
        follow(self.refresh, features.elsewhere.changed)
        self.destroyed.connect(partial(Jobs.close, jobs))
        self.refresh()

    def refresh(self) -> None:
        """Look again which weights are here."""
        for choice, known in ((self.attention, BACKBONES), (self.depth, DEPTH_BACKBONES)):
            for i, info in enumerate(known.values(), start=1):
                state = info.state
                choice.setItemText(i, info.name if state == "ready" else f"{info.name}: {state}")
        chosen = (BACKBONES.get(self.attention.currentData()), DEPTH_BACKBONES.get(self.depth.currentData()))
        here = not self._features.elsewhere.address
        self._infos = [info for info in chosen if here and info is not None and info.locate() is None]
        busy = self._jobs.is_busy("weights")
        self.told.setText("\n".join(f"{i.name} {i.state}: {i.description}, {i.licence}." for i in self._infos))
        self.told.setVisible(bool(self._infos))
        self.fetch.setVisible(any(info.weights is not None for info in self._infos))
        self.fetch.setEnabled(not busy)
        self.cancel.setVisible(busy)
        self.progress.setVisible(busy)

    def ask(self, text: str, agreed: Callable[[], None]) -> None:
        """Ask before anything is downloaded; the event loop goes on meanwhile."""
        box = QMessageBox(QMessageBox.Icon.Question, "Get weights", text, parent=self)
        box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        yes = QMessageBox.StandardButton.Yes
        box.finished.connect(lambda answer: agreed() if answer == yes.value else None)
        box.open()

    def close_down(self) -> None:
        """Stop what is under way."""
        self._jobs.close()

    def _on_first_solved(self) -> None:
        self._state.solved.disconnect(self._on_first_solved)
        self.refresh()

    def _on_fetch(self) -> None:
        info, weights = next((info, info.weights) for info in self._infos if info.weights is not None)

        def look(report: Report) -> Download:
            from napari_m2n2v2.backbones.hub import plan

            report(0.0, "asking the model hub")
            return plan(weights)

        self._submit(look, lambda wanted: self._offer(info, wanted))

    def _offer(self, info: BackboneInfo, wanted: Download) -> None:
        self.refresh()
        size, here = sum(wanted.files.values()) / 1e6, wanted.missing / 1e6
        self.ask(
            f"{wanted.repository} for {info.name}\n{size:.0f} MB, of which {here:.0f} MB are to be downloaded.\n"
            f"Licence: {wanted.licence}\n\nDownload now?",
            lambda: self._download(info, wanted),
        )

    def _download(self, info: BackboneInfo, wanted: Download) -> None:
        def bring(report: Report) -> None:
            from napari_m2n2v2.backbones.hub import download

            download(wanted, report)

        def done(_: Any) -> None:
            self.refresh()
            self._features.settings.weights_changed()
            show_info(f"The weights of {info.name} are here. Press Start, or Compute again.")

        self._submit(bring, done)

    def _submit(self, work: Callable[[Report], Any], done: Callable[[Any], None]) -> None:
        def failed(error: Exception) -> None:
            self.refresh()
            show_error(with_notes(error))

        self._show(0.0, "")
        self._jobs.submit("weights", work, done, failed, self._show)
        self.refresh()

    def _on_cancel(self) -> None:
        self._jobs.cancel("weights")
        self.refresh()

    def _show(self, share: float, file: str) -> None:
        self.progress.setValue(round(100 * share))
        self.progress.setFormat(f"{file} %p%")


def _choice(first: str, data: str, known: dict[str, BackboneInfo]) -> QComboBox:
    choice = QComboBox()
    choice.addItem(first, data)
    for info in known.values():
        _add(choice, info.name, info.name, f"{info.description}\nLicence: {info.licence}")
    elide(choice)
    return choice


def _add(choice: QComboBox, text: str, data: str, tip: str) -> None:
    choice.addItem(text, data)
    choice.setItemData(choice.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
