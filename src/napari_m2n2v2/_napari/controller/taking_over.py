"""Labels of a layer become objects, which clicks correct: of another program, painted, or there before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.labels import check_fits
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.clicks import LARGEST_ID
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images.masks import Masks, masks_of
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["TakeOverController"]

_MOST_NAMED = 5


class TakeOverController:
    """Makes objects of labels; the layer that these are in stays as it is.

    Parameters
    ----------
    state : DockState
        Whose active image gets them.
    jobs : Jobs
        Reads labels.
    field : FieldOfView
        Says which plane is shown.
    clicks, objects : ClickController, ObjectController
        Change what undo goes through; choose an object, and give out ids.
    """

    def __init__(
        self, state: DockState, jobs: Jobs, field: FieldOfView, clicks: ClickController, objects: ObjectController
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._field = field
        self._clicks = clicks
        self._objects = objects

    def take_over(self, label: int | None = None, layer: Any = None) -> None:
        """Let labels be objects that start from them, with the ids that they have. One step to undo.

        Where an object has the id of a label of another layer already, that label becomes one of a new id, and it is
        said so. In the layer that masks are written into, label and object of one id are one.

        Parameters
        ----------
        label : int, optional
            Which, in all slices; all by default.
        layer : Labels layer, optional
            Of the image's shape, or of one slice's, for the slice shown; by default the one masks are written into.
        """
        if (workspace := self._state.active) is None:
            return
        with self._state.errors_shown():
            here, source = self._field.plane_shown(workspace), layer or workspace.labels
            stack, planes = _planes(source, workspace, here)

            def work(report: Report) -> dict[PlaneKey, Masks]:
                found = {}
                for done, (key, index) in enumerate(planes.items()):
                    report(done / len(planes), "reading labels")
                    found[key] = _masks_in(stack.read(index), label)
                return {key: masks for key, masks in found.items() if masks}

            def done(found: dict[PlaneKey, Masks]) -> None:
                with self._state.errors_shown():
                    self._put(workspace, source, label, found)

            self._jobs.submit(
                (id(workspace), "take over"), work, done, self._state.show_error, self._state.progressed.emit
            )

    def _put(self, workspace: Workspace, source: Any, label: int | None, found: Mapping[PlaneKey, Masks]) -> None:
        is_own = source is workspace.labels
        if is_own:
            found = {key: _from_before(workspace, key, masks) for key, masks in found.items()}
        ids = sorted({i for masks in found.values() for i in masks})
        if not ids:
            which = "no label" if label is None else f"no label {label}"
            raise ClickError(f"There is {which} from before to go on with in layer '{source.name}'. Pick another.")
        other = {} if is_own else self._other_ids(workspace, ids)
        check_fits(workspace.labels, max((*ids, *other.values())))
        work = workspace.work
        for key, masks in found.items():
            work = work.start_from(key, {other.get(i, i): mask for i, mask in masks.items()}, "labels")
        self._clicks.change(workspace, work)
        if len(ids) == 1:
            self._objects.select(other.get(ids[0], ids[0]))
        elif workspace.object_id in ids and not workspace.places_of(workspace.object_id):
            self._objects.select(self._objects.free_id(workspace))  # the next click is of none of them, as before
        self._state.tell(_said(len(ids), other))

    def _other_ids(self, workspace: Workspace, ids: list[int]) -> dict[int, int]:
        """Give new ids to labels that have those of objects."""
        taken = [i for i in ids if i in workspace.work.planes]
        first = max(self._objects.free_id(workspace), ids[-1] + 1) if taken else 0
        return {i: first + n for n, i in enumerate(taken)}


def _planes(source: Any, workspace: Workspace, here: PlaneKey) -> tuple[Stack, dict[PlaneKey, tuple[int, ...]]]:
    """Return the labels as planes, and where in the image each lies.

    Raises
    ------
    ImageError
        If the labels have neither the image's shape nor that of one of its planes.
    """
    axes, image = here.axes, workspace.stack
    own = stack_of(workspace.image, axes)
    shape = tuple(stack_of(source).shape)
    if shape == tuple(image.shape):
        stack = stack_of(source, axes)
        return stack, {PlaneKey(axes, index): index for index in stack}
    if shape == tuple(own.plane_shape):
        return stack_of(source), {here: ()}
    raise ImageError(
        f"Layer '{source.name}' has shape {shape}, expected the image's {tuple(image.shape)}"
        + (f", or {tuple(own.plane_shape)} of the slice shown." if here.index else ".")
        + " Choose another layer to take over."
    )


def _masks_in(labels: NDArray[Any], label: int | None) -> Masks:
    """Return the masks of labels, or of one.

    Raises
    ------
    ClickError
        If an object cannot have its id.
    """
    highest = int(labels.max(initial=0)) if label is None else label
    if highest > LARGEST_ID:
        raise ClickError(
            f"Label {highest} cannot be gone on with: expected an id up to {LARGEST_ID}. Give it a lower one first."
        )
    if label is None:
        return masks_of(labels)
    chosen = masks_of((labels == label) & (labels > 0))
    return {label: chosen[1]} if chosen else {}


def _from_before(workspace: Workspace, key: PlaneKey, masks: Masks) -> Masks:
    """Return of labels in the layer of masks those pixels that were there before us."""
    of_plane, found = workspace.masks_of(key), {}
    for i, mask in masks.items():
        kept = mask.values & of_plane.protected_in(mask.box) if mask.box is not None else mask.values
        if kept.any():
            found[i] = Boxed(mask.row, mask.col, kept)
    return found


def _said(count: int, other: Mapping[int, int]) -> str:
    said = f"{count} label{' is an object' if count == 1 else 's are objects'} now: click to correct one."
    if not other:
        return said
    named = ", ".join(f"{i} is object {new}" for i, new in list(other.items())[:_MOST_NAMED])
    more = f" and {len(other) - _MOST_NAMED} more alike" if len(other) > _MOST_NAMED else ""
    return f"{said} There were objects of the same ids already, so label {named}{more}."
