"""The dock "Segment with clicks": builds controls and wires them to the controller; no arithmetic."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2v2._napari.attach import register
from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.console import Console
from napari_m2n2v2._napari.controller.controller import Controller
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.model.hint import next_step
from napari_m2n2v2._napari.model.status import describe
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2._napari.view.activity import ActivityBar
from napari_m2n2v2._napari.view.backbone import BackbonePanel
from napari_m2n2v2._napari.view.click_buttons import ClickButtons
from napari_m2n2v2._napari.view.elsewhere import LostBar
from napari_m2n2v2._napari.view.explain import WhyPanel
from napari_m2n2v2._napari.view.flash import Flash
from napari_m2n2v2._napari.view.hint import HintLine
from napari_m2n2v2._napari.view.key_list import show_keys
from napari_m2n2v2._napari.view.keys import Keys
from napari_m2n2v2._napari.view.object_panel import ObjectPanel
from napari_m2n2v2._napari.view.objects import ObjectsTable
from napari_m2n2v2._napari.view.pass_keys import PassKeys
from napari_m2n2v2._napari.view.precompute import PreparePanel
from napari_m2n2v2._napari.view.propagation import PropagationPanel
from napari_m2n2v2._napari.view.qt import MainThread, VerticalScroll, add_fold, autosave_folder, follow, make_button
from napari_m2n2v2._napari.view.readers import FOCUS_STYLE, name_for_readers
from napari_m2n2v2._napari.view.session import SessionPanel
from napari_m2n2v2._napari.view.settings import SettingsPanel, layer_choice
from napari_m2n2v2._napari.view.similar import SimilarPanel
from napari_m2n2v2._napari.view.text import TextLabel
from napari_m2n2v2._napari.view.threshold import ReachPanel
from napari_m2n2v2._napari.view.tour import Tour
from napari_m2n2v2._napari.view.warming import Warming
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.document import PlaneKey

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
        self._has_chosen = False  # what the list of images shows, and not gone on with another since
        # Plugins get a proxy, and layers seen through it are not the layers events speak of.
        viewer = getattr(viewer, "__wrapped__", viewer)
        jobs = jobs or Jobs(MainThread())
        self.controller = controller = Controller(viewer, jobs, Jobs(MainThread()), autosave_folder())
        self.state = state = controller.state
        self.console = Console(controller)
        self._keys = Keys(
            controller.clicks, controller.objects, controller.preview, controller.propagation, controller.looks,
            controller.similar, lambda: show_keys(self),
        )  # fmt: skip
        self._keys.bind_viewer(viewer)
        self._build()
        state.opened.connect(self._keys.bind_layers)
        follow(
            self._refresh, state.activated, state.features_changed, state.clicks_changed, state.moved,
            controller.preview.switched,
        )  # fmt: skip
        follow(self._show_status, state.solved, self.prepare.preparing.marked)
        follow(self._on_selected, state.selected, state.activated)
        follow(self._show_hint, state.meant)
        follow(self.hint.answer, state.hinted)
        follow(self._on_others_changed, state.others_changed)
        self.flash = Flash(state)
        follow(self._on_plain_click, controller.plain_click.made)
        state.failed.connect(show_error)
        state.told.connect(show_info)
        # A window that is closed takes its docks with it without closing them.
        self.destroyed.connect(partial(Autosaves.close, controller.sessions.autosaves))
        for some in (jobs, controller.similar.finding, controller.glimpse.jobs):
            self.destroyed.connect(partial(Jobs.close, some))
        register(self.console, True)
        self._refresh()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """Put what is used all the time on top, where it never scrolls away; the table takes the room that is left."""
        top = self._build_top()
        self.table = ObjectsTable(self.state, self.controller.objects, self.controller.edits)
        self.table.like_these_wanted.connect(self._on_find_like)
        self.objects = ObjectPanel(self.state, self.table, self.controller.table)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(9, 0, 9, 0)
        column.addWidget(self.objects, 1)
        self._build_folds(column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.tour = Tour(self.state, autosave_folder().with_name("tour-seen"))
        outer.addWidget(self.tour)
        outer.addWidget(top)
        outer.addWidget(VerticalScroll(inside), 1)  # docks are often lower than what is unfolded
        name_for_readers(self)
        PassKeys(self)
        self.setStyleSheet(FOCUS_STYLE)

    def _build_folds(self, column: QVBoxLayout) -> None:
        controller, state = self.controller, self.state
        self.reach = ReachPanel(state, controller.clicks, controller.solving)
        self.similar = SimilarPanel(state, controller.similar, lambda: self.table.chosen)
        follow(self._show_deciding, controller.similar.changed)
        self.prepare = PreparePanel(state, controller.field, controller.precompute, controller.features.store)
        self.propagation = PropagationPanel(state, controller.field, controller.objects, controller.propagation)
        self.why = WhyPanel(state, controller.field, controller.explain)
        self.session = SessionPanel(
            state, controller.sessions, controller.saving, controller.next_image, lambda: self.image.value,
            self._on_start,
        )  # fmt: skip
        follow(self._begin_with, controller.next_image.wanted)
        self.settings = SettingsPanel(state, controller.features, controller.taking_over)
        loading = Jobs(MainThread())
        self.backbones = BackbonePanel(state, controller.features, loading)
        self.warming = Warming(self, state, loading)
        self.place = QLineEdit()
        self.place.setPlaceholderText("row, col and Enter: a click without a mouse")
        self.place.setToolTip("In image pixels, such as 120, 200; means what the toggle above says")
        self.place.returnPressed.connect(self._on_place)
        self.status = TextLabel()
        add_fold(column, "How far a click reaches", self.reach)
        self.of_similar = add_fold(column, "Find similar", self.similar)
        carry, ahead = QLabel("Carry to other slices"), QLabel("Prepare slices ahead")
        self.of_stacks = add_fold(column, "Stack", carry, self.propagation, ahead, self.prepare)
        add_fold(column, "Why", self.why)
        add_fold(column, "Save", self.session)
        add_fold(column, "More", self.place, self.backbones, self.settings, self.status)

    def _build_top(self) -> QWidget:
        self.image = layer_choice("napari.layers.Image", "Image")
        self.image.changed.connect(lambda: self._refresh())
        self.image.native.activated.connect(lambda _: self._on_chosen())
        self.image.native.setToolTip("What to segment")
        self.by_view = QComboBox()
        self.by_view.addItem("all of it, coarse", False)
        self.by_view.addItem("the field of view", True)
        self.by_view.setToolTip(
            "This image is larger than what is worked on at once.\n"
            "The field of view: where you zoom in, parts are worked on as finely as you see them, each computed once"
        )
        self.by_view.activated.connect(lambda: self._on_by_view(self.by_view.currentData()))
        self.start = make_button("Start", "Compute what the clicks need; once per image, slice or part", self._on_start)
        self.help = make_button("?", "The keys (F1)", lambda: show_keys(self))
        self.help.setMaximumWidth(2 * self.fontMetrics().height())
        row = QHBoxLayout()
        row.addWidget(self.image.native, 1)
        row.addWidget(self.start)
        row.addWidget(self.help)
        self._form = QFormLayout()
        self._form.addRow("Work on", self.by_view)
        self.hint = HintLine()
        self.lost = LostBar(self.controller.features.elsewhere)
        self.activity = ActivityBar(self.controller.activity)
        self.cancel, self.progress = self.activity.cancel, self.activity.bar
        controller = self.controller
        self.buttons = ClickButtons(self.state, controller.clicks, controller.objects, controller.preview)
        top = QWidget()
        column = QVBoxLayout(top)
        column.addLayout(row)
        column.addLayout(self._form)
        column.addWidget(self.hint)
        column.addWidget(self.lost)
        column.addWidget(self.activity)
        column.addWidget(self.buttons)
        return top

    # -- napari's side of a widget -------------------------------------------------------------------------------

    def reset_choices(self, event: Any = None) -> None:
        """Look again which layers there are. Called by napari when layers come, go or change their name."""
        self.image.reset_choices()
        self._show_status()
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
        register(self.console, False)
        self.warming.stop()
        self._keys.release()
        self.flash.close()
        self.backbones.close_down()
        self.controller.close()

    # -- doing and showing ---------------------------------------------------------------------------------------

    def _on_start(self) -> None:
        if self.image.value is None:
            show_error("There is no image layer to segment: open one, or File > Open Sample.")
        else:
            self.controller.images.start(self.image.value, self.settings.labels.value)

    def _on_plain_click(self, image: Any, row: float, col: float, foreground: bool) -> None:
        """Add a click to an image that was begun with; begin with the only one, whose click waits for its features."""
        if self.state.workspaces and self.state.of(image) is None:
            self.image.value = image
            self._on_chosen()
            return
        if self.state.active is None or image is not self.state.active.image:
            self._begin_with(image)
        self.controller.clicks.add(row, col, foreground)

    def _on_chosen(self) -> None:
        """Say of an image that was chosen beside others that it is to be started, until something else is done."""
        self._has_chosen = True
        self._refresh()

    def _on_selected(self) -> None:
        """Go back to the image that is worked on, where that is done in place of the one chosen."""
        if self._has_chosen and (workspace := self.state.active) is not None:
            self._has_chosen, self.image.value = False, workspace.image
        self._show_status()

    @property
    def _not_started(self) -> str:
        """Name of the image that was chosen, where it is none of those that were begun with."""
        begun, chosen = self.state.workspaces, self.image.value
        return chosen.name if self._has_chosen and begun and self.state.of(chosen) is None else ""

    def _begin_with(self, image: Any) -> None:
        self.image.value = image
        self._on_start()

    def _on_find_like(self, object_ids: list[int]) -> None:
        self.of_similar.expand(animate=False)
        self.similar.find_like(object_ids)

    def _show_deciding(self) -> None:
        """Let the keys decide of proposals, while there are any."""
        workspace = self.state.active
        if workspace is not None and self.controller.similar.shown:
            self._keys.decide_on(self.state.viewer, workspace.points, workspace.labels)
        else:
            self._keys.decide_on()

    def _on_others_changed(self, workspace: Workspace, key: PlaneKey, object_ids: list[int]) -> None:
        named = " and ".join(workspace.work.about_of(i).name or str(i) for i in object_ids)
        if workspace is self.state.active and workspace.here == key:
            self.hint.answer(f"This changed object {named}, too.")

    def _on_place(self) -> None:
        try:
            row, col = (float(part) for part in self.place.text().replace(",", " ").split())
        except ValueError:
            show_error(f"Expected a row and a column in pixels, such as 120, 200; got '{self.place.text()}'.")
            return
        self.controller.clicks.add(row, col)
        self.place.clear()

    def _refresh(self) -> None:
        workspace = self.state.active
        state = workspace.state if workspace is not None else FeatureState.MISSING
        self._show_by_view()
        self.start.setText("Compute again" if state is FeatureState.STALE and not self._not_started else "Start")
        self.start.setEnabled(state is not FeatureState.COMPUTING or bool(self._not_started))
        self.of_stacks.setVisible(workspace is not None and len(workspace.stack) > 1)
        for control in (self.place, self.settings.take_over, self.settings.take_over_all):
            control.setEnabled(workspace is not None)
        self.session.refresh()
        self._show_status()

    @property
    def _meant(self) -> Any:
        """The image that is chosen if it is still to be begun with, else the one worked on."""
        workspace, chosen = self.state.active, self.image.value
        return chosen if chosen is not None and self.state.of(chosen) is None else workspace and workspace.image

    def _on_by_view(self, by_view: bool) -> None:
        self.controller.field.set_by_view(by_view, self._meant)
        self._show_hint()

    def _show_by_view(self) -> None:
        field, image = self.controller.field, self._meant
        self._form.setRowVisible(self.by_view, image is not None and field.can_be_parted(image))
        self.by_view.setCurrentIndex(self.by_view.findData(image is not None and field.is_by_view(image)))

    def _show_status(self) -> None:
        text = describe(self.state.active, self.prepare.is_ready_here)
        self.status.setText(text)
        self.hint.show_standing(text)
        self._show_hint()

    def _show_hint(self) -> None:
        image, field, images = self._meant, self.controller.field, len(self.image.choices)
        by_view = image is not None and field.can_be_parted(image) and field.is_by_view(image)
        step = next_step(
            self.state.active, self.state.foreground, images, by_view=by_view, not_started=self._not_started
        )
        self.hint.show_step(step)
