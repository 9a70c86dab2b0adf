"""What is done with clicks, by keys, buttons and scripts: placed, changed, undone; masks follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.points import PointsController
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.prompts import handle_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.prompts import Box, Outline, Prompt
from napari_m2n2v2.session.document import PlacedClick, PlaneKey
from napari_m2n2v2.session.work import Work, changed_clicks, changed_planes, keep_carried

__all__ = ["ClickController"]


class _Turn(NamedTuple):
    """Of which object clicks were before a step, and of which after."""

    left: int
    begun: int


class ClickController:
    """Changes the clicks of the active image. Every change is a step to undo; history is one for all planes.

    Parameters
    ----------
    state : DockState
        Whose active image is clicked.
    field : FieldOfView
        Says what is in view, and moves there.
    points : PointsController
        Shows the clicks, and tells of those that are changed in the layer.
    solving : SolveController
        Makes masks of them.
    """

    def __init__(
        self, state: DockState, field: FieldOfView, points: PointsController, solving: SolveController
    ) -> None:
        self._state = state
        self._field = field
        self._points = points
        self._solving = solving
        self._picked: PlacedClick | None = None  # by the mouse, in the mode in which clicks are placed
        points.edited.connect(self._show_and_solve)

    def pick(self, workspace: Workspace, index: int) -> None:
        """Select a click, and go on with its object; until another is selected, :meth:`toggle` flips it."""
        self._picked = workspace.placed[index]
        workspace.object_id = self._picked.click.object_id
        workspace.points.selected_data = {index}
        self._state.selected.emit()

    def toggle(self) -> None:
        """Flip the selected points; without a selection, what the next click means."""
        workspace = self._state.active
        if workspace is not None and (chosen := self._to_flip(workspace)):
            with self._state.errors_shown():
                flipped = [
                    replace(p, click=p.click.flipped(), carried=False) if i in chosen else p
                    for i, p in enumerate(workspace.placed)
                ]
                self.place(workspace, flipped)
                if self._picked is not None:
                    self._picked = workspace.placed[max(chosen)]
                workspace.points.selected_data = chosen
        else:
            self._state.set_foreground(not self._state.foreground)

    def _to_flip(self, workspace: Workspace) -> set[int]:
        """Return which clicks were selected to be changed: one that was only placed last was not."""
        points, chosen = workspace.points, set(workspace.points.selected_data)
        if points.mode == "select":
            return chosen
        picked = [workspace.placed[i] for i in chosen if i < len(workspace.placed)] == [self._picked]
        return chosen if points.mode == "add" and picked else set()

    def place(self, workspace: Workspace, placed: Iterable[PlacedClick], merge: object = None) -> None:
        """Make these the clicks of all planes: one step to undo, with all that have the same ``merge``."""
        self.change(workspace, workspace.work.with_clicks(placed), merge)

    def change(self, workspace: Workspace, work: Work, merge: object = None, begins: int | None = None) -> None:
        """Go on to other clicks, or other objects that are accepted: one step to undo.

        Parameters
        ----------
        workspace : Workspace
            Whose.
        work : Work
            What there is from now on.
        merge : object
            One step with all that have the same.
        begins : int, optional
            The object that the next click is of from now on: undo goes back to the present one, redo on to this.
        """
        before, turn = workspace.work, None
        if begins is not None:
            turn, workspace.object_id = _Turn(workspace.object_id, begins), begins
        workspace.history.push(work, merge, turn)
        self._show_and_solve(workspace, before)

    def set_clicks(self, clicks: Iterable[Prompt], merge: object = None, key: PlaneKey | None = None) -> None:
        """Make these the clicks of a plane of the active image, by default of the one that is shown."""
        if (workspace := self._state.active) is not None:
            with self._state.errors_shown():
                key = key or self._field.plane_shown(workspace)
                before = workspace.placed
                others = [placed for placed in before if placed.plane != key]
                known = {placed.click: placed for placed in before if placed.plane == key}
                changed = (*others, *(known.get(c) or self.placed(workspace, key, c) for c in clicks))
                self.place(workspace, keep_carried(before, changed), merge)

    def add(self, row: float, col: float, foreground: bool | None = None) -> None:
        """Add a click of the present object to the plane shown, without a mouse; as the toggle says, unless told."""
        if (workspace := self._state.active) is not None:
            means = self._state.foreground if foreground is None else foreground
            with self._state.errors_shown():
                key = self._field.plane_shown(workspace)
                placed = self.placed(workspace, key, Click(row, col, means, workspace.object_id))
                self.place(workspace, (*workspace.placed, placed))

    def set_threshold(self, index: int, threshold: float | None) -> None:
        """Say how far click ``index`` of those in view reaches, in ``[0, 1]``; None to let the score decide."""
        if (workspace := self._state.active) is not None:
            at = workspace.indices[index]
            placed = list(workspace.placed)
            click = placed[at].click
            with self._state.errors_shown():
                if isinstance(click, (Box, Outline)):
                    raise ClickError("Only of clicks and scribbles one says how far they reach.")
                placed[at] = replace(placed[at], click=replace(click, threshold=threshold), carried=False)
                self.place(workspace, placed, merge=("threshold", at))

    def undo(self) -> None:
        """Take back the last change of the clicks, wherever it was, and show its plane."""
        if (workspace := self._state.active) is not None and workspace.history.can_undo:
            before, turn = workspace.work, workspace.history.note
            workspace.history.undo()
            self._arrive(workspace, before, turn.left if isinstance(turn, _Turn) else None)

    def redo(self) -> None:
        """Bring back the last change that was undone, wherever it was, and show its plane."""
        if (workspace := self._state.active) is not None and workspace.history.can_redo:
            before = workspace.work
            workspace.history.redo()
            turn = workspace.history.note
            self._arrive(workspace, before, turn.begun if isinstance(turn, _Turn) else None)

    def _arrive(self, workspace: Workspace, before: Work, object_id: int | None) -> None:
        """Show where undo or redo led, and go on with the object that clicks were of there, where that is known."""
        changed = changed_planes(before.placed, workspace.placed)
        touched = {placed.click.object_id for placed in changed_clicks(before.placed, workspace.placed)}
        if object_id is None and len(touched) == 1 and touched != {workspace.object_id}:
            (object_id,) = touched  # so that nobody overlooks whose click came or went
        if changed and workspace.here is not None:
            with self._points.not_listening():  # the layer still shows the clicks of before: no points were pasted
                if workspace.here not in changed:
                    self._field.show_plane(changed[0])
                self._field.bring_into_view(workspace, changed_clicks(before.placed, workspace.placed))
        if object_id is not None:
            workspace.object_id = object_id
        self._show_and_solve(workspace, before)
        if object_id is not None:
            workspace.points.selected_data = workspace.places_of(object_id)
            self._state.selected.emit()

    def _show_and_solve(self, workspace: Workspace, before: Work) -> None:
        """Make the Points layer show the present clicks, and the Labels layer what they give where they changed."""
        try:
            self._points.show(workspace)
        finally:  # whatever fails in showing them, masks are what the clicks give
            self._solving.solve_changed(workspace, before)
            self._state.clicks_changed.emit()

    def placed(self, workspace: Workspace, key: PlaneKey, click: Prompt) -> PlacedClick:
        """Return a prompt as it would be placed, in the part that is in view there.

        Raises
        ------
        ClickError
            If it is outside the image.
        """
        click.pixels(shape := stack_of(workspace.image, key.axes).plane_shape)
        return PlacedClick(key, click, region=self._field.region_at(workspace, key, handle_of(click, shape)))
