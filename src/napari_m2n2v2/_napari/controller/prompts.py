"""What is drawn, wherever: it becomes a prompt of an object in the plane that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.prompts import Kind, make_prompt
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.prompts import Box, Outline, Prompt
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["PromptController"]


class PromptController:
    """Adds scribbles, boxes and outlines to the active image, each as one step to undo.

    Parameters
    ----------
    state : DockState
        Whose active image is drawn on.
    field : FieldOfView
        Says which plane is shown.
    clicks, objects : ClickController, ObjectController
        Place them, and give out ids.
    """

    def __init__(
        self, state: DockState, field: FieldOfView, clicks: ClickController, objects: ObjectController
    ) -> None:
        self._state = state
        self._field = field
        self._clicks = clicks
        self._objects = objects

    def add(
        self,
        kind: Kind,
        points: Sequence[Sequence[float]],
        foreground: bool | None = None,
        *,
        next_object: bool = True,
    ) -> None:
        """Add a prompt to the plane shown.

        Parameters
        ----------
        kind : str
            "scribble", "box" or "outline".
        points : sequence of (float, float)
            Its corners (row, col), in pixels of the plane; a box is the one around them.
        foreground : bool, optional
            Of a scribble, by default what the toggle says.
        next_object : bool
            Whether a box or an outline that cannot be of the present object accepts that one and is of a new one, so
            that one draws around many in a row.
        """
        if (workspace := self._state.active) is None:
            return
        with self._state.errors_shown():
            key, work, object_id = self._field.plane_shown(workspace), workspace.work, workspace.object_id
            means = kind != "scribble" or (self._state.foreground if foreground is None else foreground)
            prompt = make_prompt(kind, points, means, object_id)
            if next_object and _is_of_another(prompt, workspace.clicks_of(key, object_id)):
                object_id = self._objects.free_id(workspace)
                prompt = make_prompt(kind, points, means, object_id)
                work = work.accept(workspace.object_id)
            if not prompt.meets(stack_of(workspace.image, key.axes).plane_shape):
                raise Slip("That is outside the image: draw on an object in it.")
            placed = self._clicks.placed(workspace, key, prompt)
            begins = object_id if object_id != workspace.object_id else None
            self._clicks.change(workspace, work.with_clicks((*work.placed, placed)), begins=begins)
            self._select_last(workspace, key)

    def _select_last(self, workspace: Workspace, key: PlaneKey) -> None:
        """Let the newest be selected, as napari selects a point that is added."""
        if workspace.here == key:
            workspace.points.selected_data = {len(workspace.placed) - 1}
        self._state.selected.emit()


def _is_of_another(prompt: Prompt, there: Sequence[Prompt]) -> bool:
    """Whether a box or an outline is around another object than the one of which these prompts are.

    That has a box or an outline already, or foreground clicks, none of which is inside.
    """
    if not isinstance(prompt, (Box, Outline)):
        return False
    if any(isinstance(other, (Box, Outline)) for other in there):
        return True
    box = prompt.around if isinstance(prompt, Outline) else prompt
    on_it = [pixel for other in there if other.foreground for pixel in other.marked]
    return bool(on_it) and not any(box.row0 <= row <= box.row1 and box.col0 <= col <= box.col1 for row, col in on_it)
