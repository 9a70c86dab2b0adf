"""Objects through a stack: which one the next click is of, which are accepted, ids that no label has."""

from __future__ import annotations

import math

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.layers.label_ids import LabelIds
from napari_m2n2v2._napari.layers.labels import SMALL, is_small, read_plane
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["ObjectController"]


class ObjectController:
    """Gives out ids, chooses and accepts objects.

    Parameters
    ----------
    state : DockState
        Whose objects they are.
    jobs : Jobs
        Looks through labels where they are many.
    field : FieldOfView
        Says which plane is shown.
    clicks : ClickController
        Removes those of an object, and accepts it.
    """

    def __init__(self, state: DockState, jobs: Jobs, field: FieldOfView, clicks: ClickController) -> None:
        self._state = state
        self._jobs = jobs
        self._field = field
        self._clicks = clicks
        state.opened.connect(self.look_through)
        state.moved.connect(self._on_moved)

    def next(self) -> None:
        """Accept the present object; let the next clicks be of a new one, with an id that no label has in any plane."""
        if (workspace := self._state.active) is not None:
            with self._state.errors_shown():
                following = self.free_id(workspace)
                self._clicks.change(workspace, workspace.work.accept(workspace.object_id), begins=following)
                self.select(following)

    def accept(self, *object_ids: int) -> None:
        """Keep objects as they are, by default the present one, in all planes; can be undone."""
        if (workspace := self._state.active) is not None:
            ids = object_ids or (workspace.object_id,)
            with self._state.errors_shown():
                self._clicks.change(workspace, workspace.work.accept(*ids))
                if not workspace.work.kept & {*ids}:
                    raise Slip("Click on an object first: then it can be accepted.")

    def reopen(self, *object_ids: int) -> None:
        """Let accepted objects, by default the present one, compete for pixels again; can be undone."""
        if (workspace := self._state.active) is not None:
            self._clicks.change(workspace, workspace.work.reopen(*(object_ids or (workspace.object_id,))))

    def toggle_accepted(self, *object_ids: int) -> None:
        """Accept objects, by default the present one, or open them again if all are."""
        if (workspace := self._state.active) is not None:
            ids = object_ids or (workspace.object_id,)
            (self.reopen if all(map(workspace.work.is_accepted, ids)) else self.accept)(*ids)

    def select(self, object_id: int) -> None:
        """Let the next clicks be of this object, the same in all planes; its clicks in the one shown are selected."""
        if (workspace := self._state.active) is not None:
            workspace.object_id = object_id
            workspace.points.selected_data = workspace.places_of(object_id)
            self._state.set_foreground(True)
            self._state.selected.emit()

    def reset(self, *object_ids: int) -> None:
        """Remove objects, by default the present one, from the plane shown: their clicks, and what they start from."""
        if (workspace := self._state.active) is not None:
            with self._state.errors_shown():
                key = self._field.plane_shown(workspace)
                self._clicks.change(workspace, workspace.work.without_in(key, object_ids or (workspace.object_id,)))

    def look_through(self, workspace: Workspace) -> None:
        """Find the ids of labels that were there before us, on the worker where there are many."""
        if workspace.is_new:
            return
        labels = workspace.labels
        if is_small(labels):
            self._found(workspace, LabelIds.of(labels))
            return
        self._jobs.submit(
            (id(workspace), "labels"),
            lambda report: LabelIds.of(labels, report),
            lambda found: self._found(workspace, found),
            self._state.show_error,
            self._state.progressed.emit,
        )

    def _on_moved(self) -> None:
        """Keep Delete off clicks that are out of sight: those of the present object that are shown are selected."""
        workspace = self._state.active
        if workspace is None or workspace.points.mode != "add":
            return
        selected = {i for i in workspace.points.selected_data if i < len(workspace.placed)}
        if any(workspace.placed[i].plane != workspace.here for i in selected):
            workspace.points.selected_data = workspace.places_of(workspace.object_id)

    def free_id(self, workspace: Workspace) -> int:
        """Return an id that neither an object nor a label has in any plane."""
        return self._known_ids(workspace).free(workspace.about.said)

    def free_ids(self, workspace: Workspace, count: int) -> list[int]:
        """Return ids that neither an object nor a label nor the next click has, for so many objects.

        Raises
        ------
        ImageError
            If there are not so many.
        """
        known, used = self._known_ids(workspace), {*workspace.about.said, workspace.object_id}
        found: list[int] = []
        for _ in range(count):
            found.append(known.free(used))
            used.add(found[-1])
        return found

    def _known_ids(self, workspace: Workspace) -> LabelIds:
        labels, known = workspace.labels, workspace.label_ids
        if is_small(labels):
            known = LabelIds.of(labels)
        elif (here := workspace.here) is not None and math.prod(workspace.stack.plane_shape) <= SMALL:
            known.see(read_plane(labels, here))
        return known

    def _found(self, workspace: Workspace, found: LabelIds) -> None:
        workspace.label_ids = found
        used = {*workspace.about.said}
        taken_up = {placed.click.object_id for placed in workspace.taken_up}
        if workspace.object_id > found.highest or workspace.object_id in taken_up:
            return
        with self._state.errors_shown():
            free = found.free(used)
            if workspace.object_id not in used:
                workspace.object_id = free
                self._state.selected.emit()
            else:
                self._state.tell(
                    f"Layer '{workspace.labels.name}' holds labels up to {found.highest} in other slices, so object "
                    f"{workspace.object_id} may be one of them. Next object (N) begins with {free}."
                )
