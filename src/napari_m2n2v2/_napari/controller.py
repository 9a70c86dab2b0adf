"""What the dock does, without a widget: listens to layers, drives sessions through jobs, tells who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from psygnal import Signal

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.computing import Computing
from napari_m2n2v2._napari.jobs import Jobs, Report
from napari_m2n2v2._napari.listening import PointsListener
from napari_m2n2v2._napari.opening import open_workspace
from napari_m2n2v2._napari.workspace import FeatureState, Workspace
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, M2N2V2Error

__all__ = ["Controller"]


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

    changed = Signal()  # anything that the dock shows
    solved = Signal()  # the mask of the active image, or which image that is
    selected = Signal()  # which click is looked at
    opened = Signal(object)  # a workspace
    progressed = Signal(float, str)
    failed = Signal(str)
    told = Signal(str)

    def __init__(self, viewer: Any, jobs: Jobs) -> None:
        self.viewer = viewer
        self.jobs = jobs
        self.computing = Computing(self)
        self.foreground = True
        self.compete = True
        self.active: Workspace | None = None
        self._workspaces: list[Workspace] = []
        self._kept: list[tuple[Any, Workspace]] = []  # features of images whose other layers were deleted
        self._listener = PointsListener(self)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.layers.selection.events.active.connect(self._on_active_layer)

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """Every image being segmented."""
        return tuple(self._workspaces)

    # -- choosing an image ---------------------------------------------------------------------------------------

    def start(self, image: Any, labels: Any = None) -> None:
        """Segment an image layer: make its Points and Labels layers, or go back to them, and compute its features.

        Parameters
        ----------
        image : Image layer
            2-D.
        labels : Labels layer, optional
            An existing layer to write into; the labels in it are protected.
        """
        found = next((w for w in self._workspaces if w.image is image), None)
        if found is None:
            with self.errors_shown():
                found = self._open(image, labels)
        if found is None:
            return
        self.active = found
        self.viewer.layers.selection.active = found.points
        found.points.mode = "add"
        if found.state in (FeatureState.MISSING, FeatureState.STALE):
            self.computing.start()
        elif found.result is None:
            self.solve(found)
        self.solved.emit()
        self.changed.emit()

    def _open(self, image: Any, labels: Any) -> Workspace:
        taken = [layer for w in self._workspaces for layer in (w.points, w.labels)]
        with self._listener.quiet():
            workspace = open_workspace(self.viewer, image, labels, taken)
        before = next((kept for layer, kept in self._kept if layer is image), None)
        if before is not None:
            workspace.features, workspace.session = before.features, before.session
            workspace.computed_with, workspace.outdated = before.computed_with, before.outdated
            workspace.state = workspace.settled_state(self.computing.settings)
            self._kept = [(layer, kept) for layer, kept in self._kept if layer is not image]
        for emitter, handler in self._listened(workspace):
            emitter.connect(handler)
        self._listener.connect(workspace)
        self._workspaces.append(workspace)
        self.opened.emit(workspace)
        return workspace

    def _listened(self, workspace: Workspace) -> list[tuple[Any, Callable[[Any], None]]]:
        image = workspace.image.events
        looks = (image.data, image.contrast_limits, image.gamma, image.colormap)
        places = (image.scale, image.translate, image.rotate, image.shear, image.affine, image.units)
        return [
            *((emitter, self._on_image_changed) for emitter in looks),
            *((emitter, self._on_image_moved) for emitter in places),
        ]

    def _close(self, workspace: Workspace) -> None:
        for key in ("features", "solve", "begin"):
            self.jobs.cancel((id(workspace), key))
        for emitter, handler in self._listened(workspace):
            emitter.disconnect(handler)
        self._listener.disconnect(workspace)
        self._workspaces.remove(workspace)
        if self.active is workspace:
            self.active = None
        self.solved.emit()
        self.changed.emit()

    def close(self) -> None:
        """Let go of the viewer. Layers stay as they are."""
        for workspace in list(self._workspaces):
            self._close(workspace)
        self._kept.clear()
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.viewer.layers.selection.events.active.disconnect(self._on_active_layer)
        self._listener.close()
        self.jobs.close()

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
            self.set_clicks(
                replace(click, foreground=not click.foreground) if i in chosen else click
                for i, click in enumerate(workspace.clicks)
            )
            workspace.points.selected_data = chosen
        else:
            self.set_foreground(not self.foreground)

    def set_clicks(self, clicks: Iterable[Click], merge: object = None) -> None:
        """Make these the clicks of the active image: one step to undo, with all that have the same ``merge``."""
        if self.active is not None:
            self.active.history.push(tuple(clicks), merge)
            self.show_and_solve(self.active)

    def add_click(self, row: float, col: float, foreground: bool | None = None) -> None:
        """Add a click of the present object, without a mouse; as the toggle says, unless told."""
        if self.active is not None:
            means = self.foreground if foreground is None else foreground
            with self.errors_shown():
                click = Click(row, col, means, self.active.object_id)
                click.pixel(convert.image_shape(self.active.image))
                self.set_clicks((*self.active.clicks, click))

    def set_threshold(self, index: int, threshold: float | None) -> None:
        """Say how far click ``index`` reaches, in ``[0, 1]``, or None to let the score decide."""
        if self.active is not None:
            clicks = list(self.active.clicks)
            clicks[index] = replace(clicks[index], threshold=threshold)
            self.set_clicks(clicks, merge=("threshold", index))

    def undo(self) -> None:
        """Take back the last change of the clicks."""
        if self.active is not None:
            self.active.history.undo()
            self.show_and_solve(self.active)

    def redo(self) -> None:
        """Bring back the last change that was undone."""
        if self.active is not None:
            self.active.history.redo()
            self.show_and_solve(self.active)

    # -- objects -------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Remove the clicks of the present object; can be undone."""
        if self.active is not None:
            current = self.active.object_id
            self.set_clicks(click for click in self.active.clicks if click.object_id != current)

    def next_object(self) -> None:
        """Let the next clicks be of a new object, with an id that no label has."""
        if self.active is not None:
            used = max((click.object_id for click in self.active.clicks), default=0)
            self.select_object(max(used, int(self.active.labels.data.max())) + 1)

    def select_object(self, object_id: int) -> None:
        """Let the next clicks be of this object."""
        if self.active is not None:
            self.active.object_id = object_id
            self.set_foreground(True)
            self.selected.emit()

    def take_over(self, label: int) -> None:
        """Go on with a label that was there before: it becomes the previous segmentation of an object to be clicked.

        Parameters
        ----------
        label : int
            A value in the Labels layer.
        """
        workspace = self.active
        if workspace is None:
            return
        chosen = (workspace.labels.data == label) & workspace.protected
        if label < 1 or not chosen.any():
            self.show_error(
                ClickError(f"There is no label {label} from before to go on with. Pick one of the layer's.")
            )
            return
        start = workspace.start if workspace.start is not None else np.zeros(chosen.shape, dtype=np.int32)
        workspace.start = np.where(chosen, np.int32(label), start)
        workspace.protected = workspace.protected & ~chosen
        workspace.written = np.where(chosen, np.int32(label), workspace.written)
        self.begin_again(workspace)
        self.select_object(label)

    def set_compete(self, compete: bool) -> None:
        """Say whether objects compete for pixels, or the one clicked last lies on top."""
        self.compete = compete
        for workspace in self._workspaces:
            self.begin_again(workspace)

    def begin_again(self, workspace: Workspace) -> None:
        """Make a new session on the same features, and solve."""
        features, start, compete = workspace.features, workspace.start, self.compete
        if features is None:
            return

        def work(report: Report) -> Any:
            from napari_m2n2v2.session import Session

            return Session(features, start=start, compete=compete)

        def done(session: Any) -> None:
            if workspace.features is not features:  # computed anew meanwhile
                self.begin_again(workspace)
                return
            workspace.session = session
            self.solve(workspace)

        self.jobs.submit((id(workspace), "begin"), work, done, self.show_error)

    # -- solving and asking --------------------------------------------------------------------------------------

    def show_and_solve(self, workspace: Workspace) -> None:
        """Make the Points layer show the present clicks, and the Labels layer what they give."""
        with self._listener.quiet():
            convert.show_clicks(workspace.points, workspace.clicks)
        self.solve(workspace)
        self.changed.emit()

    def solve(self, workspace: Workspace) -> None:
        """Bring the masks of an image up to date with its clicks."""
        session, clicks, protected = workspace.session, workspace.clicks, workspace.protected
        if session is None:
            return

        def work(report: Report) -> Any:
            from napari_m2n2v2.diagnostics import doubt_of, margin

            result = session.replay(clicks, report)
            ids = sorted({click.object_id for click in clicks})
            doubts = {i: doubt_of(margin(session, i), result.objects[i].mask) for i in ids}
            labels = np.where(protected, 0, result.labels)
            areas = dict(enumerate(np.bincount(labels.ravel()).tolist()))
            return result, labels, doubts, areas

        def done(answer: Any) -> None:
            workspace.result, labels, workspace.doubts, workspace.areas = answer
            with self.errors_shown():
                workspace.written = convert.write_labels(workspace.labels, labels, workspace.written)
            self.solved.emit()
            self.changed.emit()

        self.jobs.submit((id(workspace), "solve"), work, done, self.show_error)

    @property
    def is_solving(self) -> bool:
        """Whether the mask of the active image is still to come."""
        return self.active is not None and any(self.jobs.is_busy((id(self.active), key)) for key in ("begin", "solve"))

    @property
    def selected_click(self) -> int | None:
        """Index of the click that is looked at: the one selected, else the last of the present object."""
        workspace = self.active
        if workspace is None:
            return None
        chosen = [i for i in workspace.points.selected_data if i < len(workspace.clicks)]
        of_object = [i for i, click in enumerate(workspace.clicks) if click.object_id == workspace.object_id]
        return max(chosen or of_object or range(len(workspace.clicks)), default=None)

    def ask(self, key: str, question: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Ask the active image's session something, on the worker; nothing happens while there is none.

        Parameters
        ----------
        key : str
            A newer question with the same key replaces an older one.
        question : callable
            Given the session with the present clicks; must not change it.
        done : callable
            Given the answer, on the main thread.
        """
        workspace = self.active
        if workspace is None or workspace.session is None:
            return
        session, clicks = workspace.session, workspace.clicks

        def work(report: Report) -> Any:
            session.replay(clicks, report)
            return question(session)

        self.jobs.submit((id(workspace), key), work, done, self.show_error)

    # -- layers --------------------------------------------------------------------------------------------------

    def _on_active_layer(self, event: Any) -> None:
        """Keys and buttons act on the image whose layer is chosen in the list."""
        for workspace in self._workspaces:
            if event.value in (workspace.points, workspace.labels) and workspace is not self.active:
                self.active = workspace
                self.solved.emit()
                self.changed.emit()

    def _on_layer_removed(self, event: Any) -> None:
        for workspace in list(self._workspaces):
            if event.value in (workspace.image, workspace.points, workspace.labels):
                if event.value is not workspace.image and workspace.session is not None:
                    self._kept.append((workspace.image, workspace))
                self._close(workspace)
        self._kept = [(layer, kept) for layer, kept in self._kept if layer is not event.value]
        if event.value is self.computing.settings.guide:
            self.computing.change(guide=None)

    def _on_image_changed(self, event: Any) -> None:
        of_image = tuple(w for w in self._workspaces if w.image is event.source)
        for workspace in of_image:
            if workspace.labels.data.shape != event.source.data.shape[:2]:
                self._close(workspace)
                self.tell(f"'{workspace.image.name}' has another shape now. Press Start to begin with it anew.")
        self.computing.image_changed(tuple(w for w in of_image if w in self._workspaces))

    def _on_image_moved(self, event: Any) -> None:
        for workspace in self._workspaces:
            if workspace.image is event.source:
                convert.follow(workspace.image, event, (workspace.labels, workspace.points))

    # -- telling -------------------------------------------------------------------------------------------------

    def tell(self, message: str) -> None:
        """Tell the user something."""
        self.told.emit(message)

    def show_error(self, error: Exception) -> None:
        """Tell the user what went wrong."""
        text = str(error) if isinstance(error, M2N2V2Error) else f"{type(error).__name__}: {error}"
        self.failed.emit(text)
        self.changed.emit()

    @contextmanager
    def errors_shown(self) -> Iterator[None]:
        """Tell the user of our own errors inside, and go on."""
        try:
            yield
        except M2N2V2Error as error:
            self.show_error(error)
