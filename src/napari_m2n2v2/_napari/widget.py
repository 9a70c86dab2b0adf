"""The dock "Segment with clicks": builds controls and wires them to the controller; no arithmetic."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_m2n2v2._napari.attach import register
from napari_m2n2v2._napari.backbone_panel import BackbonePanel
from napari_m2n2v2._napari.controller import Controller
from napari_m2n2v2._napari.describe import describe
from napari_m2n2v2._napari.frames import Frames
from napari_m2n2v2._napari.hover import Hover
from napari_m2n2v2._napari.jobs import Jobs
from napari_m2n2v2._napari.keybindings import Keys
from napari_m2n2v2._napari.objects_table import ObjectsTable
from napari_m2n2v2._napari.precompute_panel import PreparePanel
from napari_m2n2v2._napari.propagation_panel import PropagationPanel
from napari_m2n2v2._napari.qt import MainThread, VerticalScroll, autosave_folder, thumbnail
from napari_m2n2v2._napari.reach_panel import ReachPanel
from napari_m2n2v2._napari.sessions import Sessions
from napari_m2n2v2._napari.settings import FeatureState
from napari_m2n2v2._napari.settings_panel import SettingsPanel, layer_choice
from napari_m2n2v2._napari.views import VIEWS, Views

if TYPE_CHECKING:
    import napari

__all__ = ["SegmentWithClicks"]


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
        self._is_open = True
        self._features_seen: Any = None  # whose thumbnail is shown
        # Plugins get a proxy, and layers seen through it are not the layers events speak of.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self.controller = controller = Controller(viewer, jobs or Jobs(MainThread()))
        self.views = Views(controller, self._refresh)
        self.frames = Frames(controller, self._refresh)
        self.hover = Hover(controller)
        self.sessions = Sessions(controller, autosave_folder())
        self._keys = Keys(controller, self.hover)
        self._keys.bind_viewer(viewer)
        self._build()
        controller.opened.connect(self._keys.bind_layers)
        controller.changed.connect(self._refresh)
        controller.progressed.connect(self._show_progress)
        self.prepare.preparing.marked.connect(self._show_status)
        controller.failed.connect(show_error)
        controller.told.connect(show_info)
        # A window that is closed takes its docks with it without closing them.
        self.destroyed.connect(partial(Jobs.close, controller.jobs))
        register(self, True)
        self._refresh()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        controller = self.controller
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addLayout(self._build_top())
        column.addLayout(self._build_buttons())
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.status)
        self.table = ObjectsTable(controller)
        column.addWidget(self.table)
        self.place = QLineEdit()
        self.place.setPlaceholderText("row, col and Enter: a click without a mouse")
        self.place.setToolTip("In image pixels, such as 120, 200; means what the toggle above says")
        self.place.returnPressed.connect(self._on_place)
        column.addWidget(self.place)
        self.reach = ReachPanel(controller)
        self._fold(column, "Reach of a click", self.reach)
        self.prepare = PreparePanel(controller, Jobs(MainThread()))
        self._fold(column, "All slices", self.prepare)
        self.propagation = PropagationPanel(controller)
        self._fold(column, "Through the stack", self.propagation)
        self._fold(column, "Seeing why", self._build_why())
        self._fold(column, "Session", self._build_session())
        self.settings = SettingsPanel(controller)
        self._fold(column, "More settings", self.settings)
        column.addStretch()
        scroll = VerticalScroll(inside)  # docks are often lower than their contents, all the more with large fonts
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _build_top(self) -> QFormLayout:
        self.image = layer_choice("napari.layers.Image", "Image")
        self.image.changed.connect(lambda: self._refresh())
        # Long names must not widen the dock.
        self.image.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.image.native.setMinimumContentsLength(8)
        self.backbones = BackbonePanel(self.controller, Jobs(MainThread()))
        self.by_view = QComboBox()
        self.by_view.addItem("all of it, coarse", False)
        self.by_view.addItem("the field of view", True)
        self.by_view.setToolTip(
            "This image is larger than what is worked on at once.\n"
            "The field of view: where you zoom in, parts are worked on as finely as you see them, each computed once"
        )
        self.by_view.activated.connect(lambda: self.controller.fields.set_by_view(self.by_view.currentData()))
        self._form = form = QFormLayout()
        form.addRow("Image", self.image.native)
        form.addRow(self.backbones)
        form.addRow("Work on", self.by_view)
        return form

    def _build_buttons(self) -> QGridLayout:
        controller = self.controller
        self.start = self._button(
            "Start", "Compute what the clicks need; once per image, slice or part", self._on_start
        )
        self.cancel = self._button("Cancel", "Stop computing, all slices of this image", controller.computing.cancel)
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        tip = "What the next left click means; right-click is always background\nT with points selected flips them"
        self.sign = self._button("", tip, controller.toggle)
        self.undo = self._button("Undo (Ctrl+Z)", "Take back the last change of clicks", controller.undo)
        self.redo = self._button("Redo (Ctrl+Shift+Z)", "Bring it back", controller.redo)
        self.next_object = self._button("Next object (N)", "The next clicks are a new object", controller.next_object)
        self.reset = self._button(
            "Reset object",
            "Remove this object's clicks in this slice (undo brings them back)",
            controller.reset,
        )
        self.preview = self._button(
            "Preview (H)", "Show the mask that a click at the cursor would give", self.hover.toggle
        )
        self.preview.setCheckable(True)
        self.suggest = self._button("Suggest (G)", "Mark where the next click would help most", self.hover.suggest)
        grid = QGridLayout()
        grid.addWidget(self.start, 0, 0)
        grid.addWidget(self.cancel, 0, 1)
        grid.addWidget(self.progress, 1, 0, 1, 2)
        grid.addWidget(self.sign, 2, 0, 1, 2)
        pairs = ((self.undo, self.redo), (self.next_object, self.reset), (self.preview, self.suggest))
        for row, pair in enumerate(pairs, start=3):
            for col, button in enumerate(pair):
                grid.addWidget(button, row, col)
        return grid

    def _build_why(self) -> QWidget:
        panel = QWidget()
        grid = QGridLayout(panel)
        grid.setContentsMargins(0, 0, 0, 0)
        self.toggles: dict[str, QPushButton] = {}
        for i, (name, tip) in enumerate(VIEWS.items()):
            button = self._button(name, tip, lambda name=name: self.views.show(name, self.toggles[name].isChecked()))
            button.setCheckable(True)
            self.toggles[name] = button
            grid.addWidget(button, i // 2, i % 2)
        tip = "Frames around the parts of a large image that are ready, and around the one in view"
        self.parts: QPushButton = self._button("Parts", tip, lambda: self.frames.show(self.parts.isChecked()))
        self.parts.setCheckable(True)
        grid.addWidget(self.parts, 2, 1)
        self.seen = QLabel()
        self.seen.setToolTip("What the engine sees: the image, and the guide beside it")
        grid.addWidget(self.seen, 3, 0, 1, 2)
        return panel

    def _build_session(self) -> QWidget:
        panel = QWidget()
        grid = QGridLayout(panel)
        grid.setContentsMargins(0, 0, 0, 0)
        kinds = "Session (*.json)"

        def save() -> None:
            path, _ = QFileDialog.getSaveFileName(self, "Save session", "session.json", kinds)
            if path:
                self.sessions.save(path)

        def load() -> None:
            path, _ = QFileDialog.getOpenFileName(self, "Load session", "", kinds)
            if path:
                self.sessions.load(path)

        self.save = self._button(
            "Save…",
            "Clicks of this image, all slices, with parameters and versions: the same masks again",
            save,
        )
        self.load = self._button("Load…", "Put a saved session's clicks on this image (can be undone)", load)
        self.restore = self._button(
            "Restore autosave", "The clicks this image had when it was last segmented", self._restore
        )
        self.methods = self._button("Copy methods text", "A paragraph for a publication", self._copy_methods)
        for i, button in enumerate((self.save, self.load, self.restore, self.methods)):
            grid.addWidget(button, i // 2, i % 2)
        return panel

    def _fold(self, column: QVBoxLayout, title: str, panel: QWidget) -> None:
        fold = QCollapsible(title)
        fold.layout().setContentsMargins(0, 0, 0, 0)
        fold.addWidget(panel)
        column.addWidget(fold)

    def _button(self, text: str, tip: str, action: Any) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: action())
        return button

    # -- napari's side of a widget -------------------------------------------------------------------------------

    def reset_choices(self, event: Any = None) -> None:
        """Look again which layers there are. Called by napari when layers come, go or change their name."""
        self.image.reset_choices()
        self.settings.reset_choices()

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
        if not self._is_open:
            return
        self._is_open = False
        register(self, False)
        self._keys.release()
        self.controller.changed.disconnect(self._refresh)
        for part in (self.hover, self.views, self.frames, self.sessions):
            part.close()
        self.prepare.preparing.marked.disconnect(self._show_status)
        for panel in (self.reach, self.prepare, self.propagation, self.settings.store):
            panel.close_down()
        self.backbones.close_down()
        self.controller.close()

    # -- doing and showing ---------------------------------------------------------------------------------------

    def _on_start(self) -> None:
        if self.image.value is None:
            show_error("There is no image layer to segment: open one, or File > Open Sample.")
        else:
            self.controller.start(self.image.value, self.settings.labels.value)

    def _on_place(self) -> None:
        try:
            row, col = (float(part) for part in self.place.text().replace(",", " ").split())
        except ValueError:
            show_error(f"Expected a row and a column in pixels, such as 120, 200; got '{self.place.text()}'.")
            return
        self.controller.add_click(row, col)
        self.place.clear()

    def _restore(self) -> None:
        path = self.sessions.autosaves.latest()
        if path is not None:
            self.sessions.load(path)

    def _copy_methods(self) -> None:
        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            show_info("The methods paragraph is on the clipboard.")

        self.sessions.copy_methods(put)

    def _show_progress(self, share: float, stage: str) -> None:
        self.progress.setValue(round(100 * share))
        self.progress.setFormat(f"{stage} %p%")

    def _refresh(self) -> None:
        controller, workspace = self.controller, self.controller.active
        state = workspace.state if workspace is not None else FeatureState.MISSING
        computing, ready = state is FeatureState.COMPUTING, workspace is not None and workspace.features is not None
        any_computing = workspace is not None and workspace.is_computing
        is_large = workspace is not None and controller.fields.can_be_parted(workspace)
        self._form.setRowVisible(self.by_view, is_large)
        self.parts.setEnabled(is_large)
        self.parts.setChecked(self.frames.on)
        self.by_view.setCurrentIndex(self.by_view.findData(workspace is not None and workspace.by_view))
        self.start.setText("Compute again" if state is FeatureState.STALE else "Start")
        self.start.setEnabled(not computing)
        self.cancel.setEnabled(any_computing)
        self.progress.setVisible(any_computing)
        self.sign.setText("● Foreground (T)" if controller.foreground else "✚ Background (T)")
        color = "#1d7a2c" if controller.foreground else "#a3271f"
        self.sign.setStyleSheet(f"QPushButton {{ background-color: {color}; color: white; }}")
        self.undo.setEnabled(workspace is not None and workspace.history.can_undo)
        self.redo.setEnabled(workspace is not None and workspace.history.can_redo)
        for control in (self.sign, self.next_object, self.reset, self.place, self.settings.take_over):
            control.setEnabled(workspace is not None)
        for button in (self.preview, self.suggest, self.save, self.load, self.methods, *self.toggles.values()):
            button.setEnabled(ready)
        self.preview.setChecked(self.hover.on)
        for name, button in self.toggles.items():
            button.setChecked(self.views.is_shown(name))
        self.restore.setEnabled(self.sessions.autosaves.latest() is not None)
        self.table.refresh()
        features = workspace.features if workspace is not None else None
        if features is not self._features_seen:
            self._features_seen = features
            self.seen.setPixmap(thumbnail(features))
        self._show_status()

    def _show_status(self) -> None:
        self.status.setText(describe(self.controller.active, self.prepare.is_ready_here))
