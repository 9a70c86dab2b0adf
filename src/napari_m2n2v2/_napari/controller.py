"""What the dock does, without a widget: listens to layers, drives sessions through jobs, tells who listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.jobs import Jobs, Report
from napari_m2n2v2._napari.workspace import FeatureState, Settings, Workspace
from napari_m2n2v2.errors import M2N2V2Error

__all__ = ["Controller"]

_RIGHT_BUTTON = 2


class Controller:
    """Connects the layers of a viewer with the engine.

    Points layers hold the clicks and stay the truth: whatever changes them (mouse, keys, script) is read, solved and
    written to the Labels layer. Long work runs through ``jobs``; everything here runs on the main thread.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose layers to work with.
    jobs : Jobs
        Runs the slow parts.
    """

    changed = Signal()
    progressed = Signal(float, str)
    failed = Signal(str)

    def __init__(self, viewer: Any, jobs: Jobs) -> None:
        self.viewer = viewer
        self.settings = Settings()
        self.foreground = True
        self.active: Workspace | None = None
        self._jobs = jobs
        self._workspaces: list[Workspace] = []
        self._quiet = False
        self._right_button = False
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.mouse_drag_callbacks.append(self._remember_button)

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """Every image being segmented."""
        return tuple(self._workspaces)

    # -- choosing an image ---------------------------------------------------------------------------------------

    def start(self, image: Any) -> None:
        """Segment an image layer: make its Points and Labels layers, or go back to them, and compute its features."""
        found = next((w for w in self._workspaces if w.image is image), None)
        if found is None:
            with self._errors_shown():
                found = self._open(image)
        if found is None:
            return
        self.active = found
        self.viewer.layers.selection.active = found.points
        found.points.mode = "add"
        if found.state in (FeatureState.MISSING, FeatureState.STALE):
            self.compute()
        self.changed.emit()

    def _open(self, image: Any) -> Workspace:
        labels, points = convert.make_labels(image), convert.make_points(image)
        self.viewer.add_layer(labels)
        self.viewer.add_layer(points)
        workspace = Workspace(image, points, labels, written=np.zeros(labels.data.shape, dtype=np.int32))
        points.events.data.connect(self._on_points)
        points.events.features.connect(self._on_features)
        image.events.data.connect(self._on_image_changed)
        image.events.contrast_limits.connect(self._on_image_changed)
        self._workspaces.append(workspace)
        return workspace

    def _close(self, workspace: Workspace) -> None:
        self._jobs.cancel((id(workspace), "features"))
        self._jobs.cancel((id(workspace), "solve"))
        workspace.points.events.data.disconnect(self._on_points)
        workspace.points.events.features.disconnect(self._on_features)
        workspace.image.events.data.disconnect(self._on_image_changed)
        workspace.image.events.contrast_limits.disconnect(self._on_image_changed)
        self._workspaces.remove(workspace)
        if self.active is workspace:
            self.active = None
        self.changed.emit()

    def close(self) -> None:
        """Let go of the viewer. Layers stay as they are."""
        for workspace in list(self._workspaces):
            self._close(workspace)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        if self._remember_button in self.viewer.mouse_drag_callbacks:
            self.viewer.mouse_drag_callbacks.remove(self._remember_button)
        self._jobs.close()

    # -- features ------------------------------------------------------------------------------------------------

    def compute(self) -> None:
        """Compute the features of the active image with the present settings, beside the event loop."""
        workspace = self.active
        if workspace is None:
            return
        settings = self.settings
        with self._errors_shown():
            convert.image_shape(workspace.image)
            data, contrast = np.asarray(workspace.image.data), convert.contrast_of(workspace.image)
            guide = None if settings.guide is None else np.asarray(settings.guide.data)

            def work(report: Report) -> Any:
                report(0.0, "loading")
                from napari_m2n2v2.features import compute_features
                from napari_m2n2v2.parameters import FeatureParameters
                from napari_m2n2v2.session import Session

                features = compute_features(
                    data, settings.attention, guide, settings.device, report,
                    contrast_limits=contrast, parameters=FeatureParameters(grid=settings.grid),
                )  # fmt: skip
                return features, Session(features)

            def done(answer: Any) -> None:
                workspace.features, workspace.session = answer
                workspace.computed_with = settings
                workspace.state = FeatureState.READY
                self.changed.emit()
                self._solve(workspace)

            def failed(error: Exception) -> None:
                workspace.state = FeatureState.MISSING if workspace.session is None else FeatureState.STALE
                self._show_error(error)

            workspace.state = FeatureState.COMPUTING
            self._jobs.submit((id(workspace), "features"), work, done, failed, self.progressed.emit)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop computing features; at once for the user, at its next report for the worker."""
        workspace = self.active
        if workspace is not None and workspace.state is FeatureState.COMPUTING:
            self._jobs.cancel((id(workspace), "features"))
            workspace.state = FeatureState.MISSING if workspace.session is None else FeatureState.STALE
            self.changed.emit()

    def change_settings(self, **changes: Any) -> None:
        """Change what features are computed with; those that no longer match are marked, never computed unasked."""
        self.settings = replace(self.settings, **changes)
        for workspace in self._workspaces:
            if workspace.state in (FeatureState.READY, FeatureState.STALE):
                same = workspace.computed_with == self.settings
                workspace.state = FeatureState.READY if same else FeatureState.STALE
        self.changed.emit()

    def _on_image_changed(self, event: Any) -> None:
        for workspace in self._workspaces:
            if workspace.image is event.source and workspace.state is FeatureState.READY:
                workspace.state = FeatureState.STALE
                workspace.computed_with = None
        self.changed.emit()

    # -- clicks --------------------------------------------------------------------------------------------------

    def set_foreground(self, foreground: bool) -> None:
        """Say what the next left click means."""
        self.foreground = foreground
        self.changed.emit()

    def toggle(self) -> None:
        """Flip the selected points; without a selection, what the next click means."""
        workspace = self.active
        if workspace is not None and workspace.points.mode == "select" and workspace.points.selected_data:
            chosen = set(workspace.points.selected_data)
            clicks = [
                replace(click, foreground=not click.foreground) if i in chosen else click
                for i, click in enumerate(workspace.clicks)
            ]
            self.set_clicks(clicks)
            workspace.points.selected_data = chosen
        else:
            self.set_foreground(not self.foreground)

    def set_clicks(self, clicks: Any) -> None:
        """Make these the clicks of the active image; one step to undo."""
        if self.active is not None:
            self.active.history.push(tuple(clicks))
            self._show_and_solve(self.active)

    def undo(self) -> None:
        """Take back the last change of the clicks."""
        if self.active is not None:
            self.active.history.undo()
            self._show_and_solve(self.active)

    def redo(self) -> None:
        """Bring back the last change that was undone."""
        if self.active is not None:
            self.active.history.redo()
            self._show_and_solve(self.active)

    def reset(self) -> None:
        """Remove the clicks of the present object; can be undone."""
        if self.active is not None:
            current = self.active.object_id
            self.set_clicks(click for click in self.active.clicks if click.object_id != current)

    def next_object(self) -> None:
        """Let the next clicks be of a new object."""
        if self.active is not None:
            self.active.object_id = max((click.object_id for click in self.active.clicks), default=0) + 1
            self.set_foreground(True)

    def _remember_button(self, viewer: Any, event: Any) -> None:
        self._right_button = event.button == _RIGHT_BUTTON

    def _on_points(self, event: Any) -> None:
        action = str(getattr(event.action, "value", event.action))
        if self._quiet or action not in ("added", "removed", "changed"):
            return
        workspace = self._owner(event.source)
        added = len(workspace.points.data) - len(workspace.clicks)
        if action == "added" and added > 0:
            self._label_new(workspace, added)
        self._read(workspace)

    def _on_features(self, event: Any) -> None:
        if self._quiet:
            return
        workspace = self._owner(event.source)
        # Also sent while a point is dragged, when nothing of this has changed.
        if convert.read_features(workspace.points) != convert.features_of(workspace.clicks):
            self._read(workspace)

    def _label_new(self, workspace: Workspace, count: int) -> None:
        """Give the newest points the class that the button or the toggle says, and the present object."""
        foreground = self.foreground and not self._right_button
        self._right_button = False
        features = workspace.points.features.copy()
        newest = features.index[-count:]
        features.loc[newest, convert.CLASS] = convert.FOREGROUND if foreground else convert.BACKGROUND
        features.loc[newest, convert.OBJECT] = workspace.object_id
        with self._no_echo():
            workspace.points.features = features

    def _read(self, workspace: Workspace) -> None:
        """Take what the Points layer shows now; what cannot be read is put back as it was."""
        with self._errors_shown():
            workspace.history.push(convert.read_clicks(workspace.points, workspace.labels.data.shape))
        self._show_and_solve(workspace)

    def _show_and_solve(self, workspace: Workspace) -> None:
        with self._no_echo():
            convert.show_clicks(workspace.points, workspace.clicks)
        self._solve(workspace)
        self.changed.emit()

    def _solve(self, workspace: Workspace) -> None:
        session, clicks = workspace.session, workspace.clicks
        if session is None:
            return

        def work(report: Report) -> Any:
            result = session.replay(clicks)
            return result, result.labels

        def done(answer: Any) -> None:
            workspace.result, labels = answer
            convert.write_labels(workspace.labels, labels, workspace.written)
            workspace.written = labels
            self.changed.emit()

        self._jobs.submit((id(workspace), "solve"), work, done, self._show_error)

    def describe(self) -> str:
        """Say in a line or two where things stand."""
        workspace = self.active
        if workspace is None:
            return "Choose an image and press Start, then click on an object."
        lines = [f"{workspace.image.name}: features {workspace.state.value}"]
        if workspace.features is not None:
            grid = " x ".join(str(side) for side in workspace.features.grid_shape)
            lines[0] += f", {workspace.features.backbone} {grid} ({workspace.features.chosen_because})"
        if workspace.state is FeatureState.STALE:
            lines.append("The image or the settings changed. Press Compute again to use them.")
        count = sum(click.object_id == workspace.object_id for click in workspace.clicks)
        lines.append(f"Object {workspace.object_id}: {count} click{'' if count == 1 else 's'}")
        return "\n".join(lines)

    # -- helpers -------------------------------------------------------------------------------------------------

    @property
    def is_solving(self) -> bool:
        """Whether the mask of the active image is still to come."""
        return self.active is not None and self._jobs.is_busy((id(self.active), "solve"))

    def _owner(self, points: Any) -> Workspace:
        return next(w for w in self._workspaces if w.points is points)

    def _on_layer_removed(self, event: Any) -> None:
        for workspace in list(self._workspaces):
            if event.value in (workspace.image, workspace.points, workspace.labels):
                self._close(workspace)
        if event.value is self.settings.guide:
            self.change_settings(guide=None)

    @contextmanager
    def _no_echo(self) -> Iterator[None]:
        """While we change the Points layer ourselves, do not listen to it."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    @contextmanager
    def _errors_shown(self) -> Iterator[None]:
        try:
            yield
        except M2N2V2Error as error:
            self._show_error(error)

    def _show_error(self, error: Exception) -> None:
        text = str(error) if isinstance(error, M2N2V2Error) else f"{type(error).__name__}: {error}"
        self.failed.emit(text)
        self.changed.emit()
