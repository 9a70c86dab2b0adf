"""The dock "Segment with clicks": builds controls and wires them to the controller; no arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import create_widget
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QGridLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_m2n2v2._napari.controller import Controller
from napari_m2n2v2._napari.jobs import Jobs
from napari_m2n2v2._napari.keybindings import Keys
from napari_m2n2v2._napari.qt import MainThread
from napari_m2n2v2._napari.workspace import FeatureState
from napari_m2n2v2.backbones import BACKBONES

if TYPE_CHECKING:
    import napari

__all__ = ["SegmentWithClicks"]

_GRIDS = {"backbone's default": None, "37 (faster)": 37, "64": 64, "96 (finer, slower)": 96}
_DEVICES = ("auto", "cpu", "cuda", "mps")


class SegmentWithClicks(QWidget):  # type: ignore[misc]
    """Click on an object, get its mask.

    Parameters
    ----------
    viewer : napari.Viewer
        Given by napari.
    jobs : Jobs, optional
        For tests; one worker thread by default.
    """

    def __init__(self, viewer: napari.viewer.Viewer, jobs: Jobs | None = None) -> None:
        super().__init__()
        self.image: Any
        self.guide: Any
        # Plugins get a proxy, and layers seen through it are not the layers events speak of.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self.controller = Controller(viewer, jobs or Jobs(MainThread()))
        self._keys = Keys(self.controller)
        self._keys.bind_viewer(viewer)
        self._build()
        self.controller.changed.connect(self._refresh)
        self.controller.progressed.connect(self._show_progress)
        self.controller.failed.connect(show_error)
        self._refresh()

    def _build(self) -> None:
        self.image = create_widget(annotation="napari.layers.Image", label="Image")
        self.image.changed.connect(lambda: self._refresh())
        self.backbone = QComboBox()
        self.backbone.addItem("auto (the best that is ready)", "auto")
        for info in BACKBONES.values():
            self.backbone.addItem(info.name if info.locate() else f"{info.name} (no weights here)", info.name)
            self.backbone.setItemData(self.backbone.count() - 1, info.description, Qt.ItemDataRole.ToolTipRole)
        self.backbone.currentIndexChanged.connect(
            lambda: self.controller.change_settings(attention=self.backbone.currentData())
        )

        self.guide = create_widget(annotation="napari.layers.Image | None", label="Guide")
        self.guide.changed.connect(lambda layer: self.controller.change_settings(guide=layer))
        self.device = QComboBox()
        self.device.addItems(_DEVICES)
        self.device.currentTextChanged.connect(lambda name: self.controller.change_settings(device=name))
        self.grid = QComboBox()
        for text, cells in _GRIDS.items():
            self.grid.addItem(text, cells)
        self.grid.currentIndexChanged.connect(lambda: self.controller.change_settings(grid=self.grid.currentData()))

        rare = QWidget()
        rare_form = QFormLayout(rare)
        for label, control, tip in (
            ("Guide", self.guide.native, "A registered channel, e.g. inverse depth, that separates what looks alike"),
            ("Grid", self.grid, "Attention cells along the side of a square image"),
            ("Device", self.device, "Where torch computes; auto is CUDA, else MPS, else CPU"),
        ):
            control.setToolTip(tip)
            rare_form.addRow(label, control)
        self.more = QCollapsible("More settings")
        self.more.addWidget(rare)

        self.start = self._button("Start", "Compute what the clicks need; once per image", self._on_start)
        self.cancel = self._button("Cancel", "Stop computing", self.controller.cancel)
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.sign = self._button(
            "", "What the next left click means; right-click is always background (T)\n"
            "With points selected (key 3), T flips them", self.controller.toggle,
        )  # fmt: skip
        self.undo = self._button("Undo (Ctrl+Z)", "Take back the last change of clicks", self.controller.undo)
        self.redo = self._button("Redo (Ctrl+Shift+Z)", "Bring it back", self.controller.redo)
        self.next_object = self._button(
            "Next object (N)", "The next clicks are a new object", self.controller.next_object
        )
        self.reset = self._button("Reset object", "Remove this object's clicks (can be undone)", self.controller.reset)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

        top = QFormLayout()
        top.addRow("Image", self.image.native)
        top.addRow("Backbone", self.backbone)
        buttons = QGridLayout()
        buttons.addWidget(self.start, 0, 0)
        buttons.addWidget(self.cancel, 0, 1)
        buttons.addWidget(self.progress, 1, 0, 1, 2)
        buttons.addWidget(self.sign, 2, 0, 1, 2)
        buttons.addWidget(self.undo, 3, 0)
        buttons.addWidget(self.redo, 3, 1)
        buttons.addWidget(self.next_object, 4, 0)
        buttons.addWidget(self.reset, 4, 1)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addLayout(buttons)
        column.addWidget(self.status)
        column.addWidget(self.more)
        column.addStretch()

    def _button(self, text: str, tip: str, action: Any) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: action())
        return button

    # -- napari's side of a widget -------------------------------------------------------------------------------

    def reset_choices(self, event: Any = None) -> None:
        """Look again which layers there are. Called by napari when layers come, go or change their name."""
        self.image.reset_choices()
        self.guide.reset_choices()

    def event(self, event: QEvent) -> bool:
        """Notice being taken out of the window: that is how napari closes a dock."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self.close_down()
            else:
                self.reset_choices()
        return bool(super().event(event))

    def close_down(self) -> None:
        """Let go of the viewer: keys, callbacks and the worker. Layers stay."""
        self._keys.release()
        self.controller.changed.disconnect(self._refresh)
        self.controller.close()

    # -- showing -------------------------------------------------------------------------------------------------

    def _on_start(self) -> None:
        if self.image.value is None:
            show_error("There is no image layer to segment: open one, or File > Open Sample.")
            return
        before = {id(points) for points in self._ours()}
        self.controller.start(self.image.value)
        workspace = self.controller.active
        if workspace is not None and id(workspace.points) not in before:
            self._keys.bind_points(workspace.points)
            self._keys.bind_labels(workspace.labels)

    def _ours(self) -> list[Any]:
        return [workspace.points for workspace in self.controller.workspaces]

    def _show_progress(self, share: float, stage: str) -> None:
        self.progress.setValue(round(100 * share))
        self.progress.setFormat(f"{stage} %p%")

    def _refresh(self) -> None:
        controller, workspace = self.controller, self.controller.active
        state = workspace.state if workspace is not None else FeatureState.MISSING
        computing = state is FeatureState.COMPUTING
        self.start.setText("Compute again" if state is FeatureState.STALE else "Start")
        self.start.setEnabled(not computing)
        self.cancel.setEnabled(computing)
        self.progress.setVisible(computing)
        self.sign.setText("● Foreground (T)" if controller.foreground else "✖ Background (T)")
        color = "#1d7a2c" if controller.foreground else "#a3271f"
        self.sign.setStyleSheet(f"QPushButton {{ background-color: {color}; color: white; }}")
        self.undo.setEnabled(workspace is not None and workspace.history.can_undo)
        self.redo.setEnabled(workspace is not None and workspace.history.can_redo)
        for button in (self.sign, self.next_object, self.reset):
            button.setEnabled(workspace is not None)
        self.status.setText(controller.describe())
