"""What the dock does, without a widget: listens to layers, drives sessions through jobs, tells who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.clicks import PointsListener
from napari_m2n2v2._napari.controller.features import Computing
from napari_m2n2v2._napari.controller.images import Workspaces
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.objects import Objects
from napari_m2n2v2._napari.controller.propagation import Propagating
from napari_m2n2v2._napari.controller.solving import Solving
from napari_m2n2v2._napari.controller.viewer import Fields, Following
from napari_m2n2v2._napari.layers import points as convert
from napari_m2n2v2._napari.layers.geometry import show_plane, show_point, shown_plane, stack_of, view_of
from napari_m2n2v2._napari.model.settings import FeatureState
from napari_m2n2v2._napari.model.status import no_plane
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import M2N2V2Error
from napari_m2n2v2.session.document import PlacedClick, PlaneKey, Rules, changed_clicks, changed_planes, keep_carried

__all__ = ["Controller"]


class Controller:
    """Connects the layers of a viewer with the engine.

    Points layers hold the clicks and stay the truth: whatever changes them (mouse, keys, script) is read, solved and
    written to the Labels layer. Long work runs through ``jobs``; everything here runs on the main thread. Of a stack,
    what is done is done to the plane that is shown; history is one for all planes.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose layers to work with.
    jobs : Jobs
        Runs the slow parts.
    """

    changed = Signal()  # anything that the dock shows, but for ...
    meant = Signal()  # ... what the next click means
    solved = Signal()  # the mask of the active image, or which image that is
    moved = Signal()  # which plane of it is shown, or which part
    selected = Signal()  # which click is looked at
    opened = Signal(object)  # a workspace
    progressed = Signal(float, str)
    failed = Signal(str)
    told = Signal(str)

    def __init__(self, viewer: Any, jobs: Jobs) -> None:
        self.viewer = viewer
        self.jobs = jobs
        self.computing = Computing(self)
        self.solving = Solving(self)
        self.objects = Objects(self)
        self.fields = Fields(self)
        self.propagating = Propagating(self)
        self.foreground = True
        self.rules = Rules()
        self.active: Workspace | None = None
        self.workspaces = Workspaces(self)
        self.listener = PointsListener(self)
        self.following = Following(self)

    # -- choosing an image and a plane ---------------------------------------------------------------------------

    def start(self, image: Any, labels: Any = None) -> None:
        """Segment an image layer: make its Points and Labels layers, or go back to them; compute the plane shown.

        Parameters
        ----------
        image : Image layer
            Of any number of axes.
        labels : Labels layer, optional
            An existing layer to write into; the labels in it are protected.
        """
        with self.errors_shown():
            if shown_plane(self.viewer.dims, image) is None:
                raise no_plane(self.viewer.dims, image)
            self._begin(self.workspaces.of(image) or self.workspaces.open(image, labels))

    def _begin(self, workspace: Workspace) -> None:
        self.active = workspace
        self.viewer.layers.selection.active = workspace.points
        workspace.points.mode = "add"
        self.following.look()
        if workspace.state in (FeatureState.MISSING, FeatureState.STALE):
            self.computing.start(workspace)
        elif workspace.here is not None:
            self.solving.solve(workspace, workspace.here)
        self.solved.emit()
        self.changed.emit()

    def show_plane(self, key: PlaneKey) -> None:
        """Move the viewer to a plane of the active image."""
        if self.active is not None:
            show_plane(self.viewer.dims, self.active.image, key)

    def close(self) -> None:
        """Let go of the viewer. Layers stay as they are."""
        self.workspaces.close_all()
        self.following.close()
        self.listener.close()
        self.jobs.close()
        self.computing.store.close()

    # -- clicks --------------------------------------------------------------------------------------------------

    def set_foreground(self, foreground: bool) -> None:
        """Say what the next left click means."""
        self.foreground = foreground
        self.meant.emit()

    def toggle(self) -> None:
        """Flip the selected points; without a selection, what the next click means."""
        workspace = self.active
        if workspace is not None and workspace.points.mode == "select" and workspace.points.selected_data:
            chosen = set(workspace.points.selected_data)
            self.place_clicks(
                workspace,
                (
                    _changed(p, foreground=not p.click.foreground) if i in chosen else p
                    for i, p in enumerate(workspace.placed)
                ),
            )
            workspace.points.selected_data = chosen
        else:
            self.set_foreground(not self.foreground)

    def place_clicks(self, workspace: Workspace, placed: Iterable[PlacedClick], merge: object = None) -> None:
        """Make these the clicks of all planes: one step to undo, with all that have the same ``merge``."""
        before = workspace.placed
        workspace.history.push(tuple(placed), merge)
        self.show_and_solve(workspace, before)

    def set_clicks(self, clicks: Iterable[Click], merge: object = None, key: PlaneKey | None = None) -> None:
        """Make these the clicks of a plane of the active image, by default of the one that is shown."""
        if self.active is not None:
            with self.errors_shown():
                key = key or self._plane_shown(self.active)
                before = self.active.placed
                others = [placed for placed in before if placed.plane != key]
                known = {placed.click: placed for placed in before if placed.plane == key}
                changed = (*others, *(known.get(c) or self._placed(self.active, key, c) for c in clicks))
                self.place_clicks(self.active, keep_carried(before, changed), merge)

    def add_click(self, row: float, col: float, foreground: bool | None = None) -> None:
        """Add a click of the present object to the plane shown, without a mouse; as the toggle says, unless told."""
        workspace = self.active
        if workspace is not None:
            means = self.foreground if foreground is None else foreground
            with self.errors_shown():
                key = self._plane_shown(workspace)
                placed = self._placed(workspace, key, Click(row, col, means, workspace.object_id))
                self.place_clicks(workspace, (*workspace.placed, placed))

    def set_threshold(self, index: int, threshold: float | None) -> None:
        """Say how far click ``index`` of those in view reaches, in ``[0, 1]``; None to let the score decide."""
        if self.active is not None:
            at = self.active.indices[index]
            placed = list(self.active.placed)
            placed[at] = _changed(placed[at], threshold=threshold)
            self.place_clicks(self.active, placed, merge=("threshold", at))

    def undo(self) -> None:
        """Take back the last change of the clicks, wherever it was, and show its plane."""
        if self.active is not None:
            self._travel(self.active, self.active.history.undo)

    def redo(self) -> None:
        """Bring back the last change that was undone, wherever it was, and show its plane."""
        if self.active is not None:
            self._travel(self.active, self.active.history.redo)

    def _travel(self, workspace: Workspace, step: Callable[[], object]) -> None:
        before = workspace.placed
        step()
        changed = changed_planes(before, workspace.placed)
        if changed and workspace.here is not None:
            if workspace.here not in changed:
                self.show_plane(changed[0])
            self._show_change(workspace, changed_clicks(before, workspace.placed))
        self.show_and_solve(workspace, before)

    def _show_change(self, workspace: Workspace, changed: list[PlacedClick]) -> None:
        """Move the camera where clicks changed in the plane that is shown, if none of these is in view."""
        here = [placed for placed in changed if placed.plane == workspace.here]
        if here and workspace.by_view:
            top, left, bottom, right = view_of(self.viewer, workspace.image, here[0].plane)
            if not any(top <= p.click.row < bottom and left <= p.click.col < right for p in here):
                show_point(self.viewer, workspace.image, here[0].plane, here[0].click.row, here[0].click.col)

    def show_and_solve(self, workspace: Workspace, before: tuple[PlacedClick, ...]) -> None:
        """Make the Points layer show the present clicks, and the Labels layer what they give where they changed."""
        with self.listener.quiet():
            convert.show_clicks(workspace.points, workspace.image, workspace.placed)
        for key in changed_planes(before, workspace.placed):
            self.solving.solve(workspace, key)
        self.changed.emit()

    @property
    def selected_click(self) -> int | None:
        """Index, among the clicks of the plane shown, of the one looked at: selected, or the object's last."""
        workspace = self.active
        if workspace is None:
            return None
        clicks, at = workspace.clicks, workspace.indices
        chosen = [i for i, place in enumerate(at) if place in workspace.points.selected_data]
        of_object = [i for i, click in enumerate(clicks) if click.object_id == workspace.object_id]
        return max(chosen or of_object or range(len(clicks)), default=None)

    # -- objects -------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Remove the clicks of the present object from the plane shown; can be undone."""
        if (workspace := self.active) is not None:
            with self.errors_shown():
                key, current = self._plane_shown(workspace), workspace.object_id
                others = (p for p in workspace.placed if p.plane != key or p.click.object_id != current)
                self.place_clicks(workspace, others)

    def next_object(self) -> None:
        """Let the next clicks be of a new object, with an id that no label has in any plane."""
        if self.active is not None:
            self.select_object(self.objects.next_id(self.active))

    def select_object(self, object_id: int) -> None:
        """Let the next clicks be of this object, the same in all planes."""
        if self.active is not None:
            self.active.object_id = object_id
            self.set_foreground(True)
            self.changed.emit()
            self.selected.emit()

    def take_over(self, label: int) -> None:
        """Go on with a label that was in the plane shown before: the previous segmentation of an object to be clicked.

        Parameters
        ----------
        label : int
            A value in the Labels layer.
        """
        if self.active is not None:
            with self.errors_shown():
                self.objects.take_over(self.active, self._plane_shown(self.active), label)
                self.select_object(label)

    def set_rules(self, **changes: Any) -> None:
        """Change how clicks become masks, for all images: fields of :class:`~napari_m2n2v2.session.document.Rules`."""
        if (changed := replace(self.rules, **changes)) == self.rules:
            return
        self.rules = changed
        for workspace in self.workspaces:
            solving = self.solving.planes_of(workspace)
            for masks in workspace.masks:
                if masks.solved or masks.key in solving:
                    masks.solved = {}  # by other rules; what is not held any more is computed again
                    self.solving.solve(workspace, masks.key)

    # -- solving and asking --------------------------------------------------------------------------------------

    @property
    def is_solving(self) -> bool:
        """Whether a mask of the active image is still to come."""
        return self.solving.is_solving

    def ask(self, key: str, question: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Ask the session of the part in view something, see :meth:`Solving.ask`."""
        self.solving.ask(key, question, done)

    def _plane_shown(self, workspace: Workspace) -> PlaneKey:
        if (key := workspace.here) is None:
            raise no_plane(self.viewer.dims, workspace.image)
        return key

    def _placed(self, workspace: Workspace, key: PlaneKey, click: Click) -> PlacedClick:
        """Place a click in the part that is in view there."""
        click.pixel(stack_of(workspace.image, key.axes).plane_shape)
        return PlacedClick(key, click, region=self.fields.region_at(workspace, key, click.row, click.col))

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


def _changed(placed: PlacedClick, **changes: Any) -> PlacedClick:
    """Change a click, which makes it the user's."""
    return replace(placed, click=replace(placed.click, **changes), carried=False)
