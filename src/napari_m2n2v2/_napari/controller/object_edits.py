"""What is done to whole objects: named, deleted, merged, split, gone to. Each is one step to undo."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.layers.geometry import show_point
from napari_m2n2v2._napari.model.dock_state import DockState, Slip
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import PlacedClick, PlaneKey
from napari_m2n2v2.session.work import About, Work

__all__ = ["ObjectEdits"]


class ObjectEdits:
    """Changes objects as clicks: what comes of it can be saved, corrected and replayed like anything else.

    Parameters
    ----------
    state : DockState
        Whose objects they are.
    field : FieldOfView
        Goes to them.
    clicks, objects : ClickController, ObjectController
        Place their clicks; choose one, and give out ids.
    """

    def __init__(
        self, state: DockState, field: FieldOfView, clicks: ClickController, objects: ObjectController
    ) -> None:
        self._state = state
        self._field = field
        self._clicks = clicks
        self._objects = objects

    def describe(self, *object_ids: int, name: str | None = None, kind: str | None = None) -> None:
        """Give objects a name, or a class; what is None stays."""
        if (workspace := self._state.active) is not None:
            work = workspace.work
            for object_id in object_ids:
                was = work.about_of(object_id)
                named = was.name if name is None else name.strip()
                work = work.describe(About(object_id, named, was.kind if kind is None else kind.strip()))
            self._clicks.change(workspace, work)

    def delete(self, object_ids: Collection[int]) -> None:
        """Remove objects from all planes: their clicks, what they start from, their names."""
        if (workspace := self._state.active) is not None:
            self._clicks.change(workspace, workspace.work.without(object_ids))

    def merge(self, object_ids: Collection[int]) -> None:
        """Let objects be one, the present one if it is among them, else that of the lowest id: clicks and starts.

        A background click of one that lies on another of them would cut a hole into what they are together: it goes.
        """
        workspace = self._state.active
        if workspace is None:
            return
        with self._state.errors_shown():
            ids = workspace.work.planes.keys() & {*object_ids}
            if len(ids) < 2:
                raise Slip("Choose two objects or more in the table to merge them.")
            into = workspace.object_id if workspace.object_id in ids else min(ids)
            work = workspace.work
            kept = [p for p in work.placed if p.click.object_id not in ids or not _contradicts(workspace, p, ids)]
            work = work.with_clicks(kept).merged(ids, into)
            about = [one for one in (work.about_of(i) for i in sorted(ids)) if one.object_id != into]
            own = work.about_of(into)
            named = replace(
                own,
                name=own.name or next((one.name for one in about if one.name), ""),
                kind=own.kind or next((one.kind for one in about if one.kind), ""),
            )
            for one in about:
                work = work.describe(replace(one, name="", kind=""))
            self._clicks.change(workspace, work.describe(named), begins=into)
            self._objects.select(into)

    def split(self, object_id: int) -> None:
        """Let a part of an object in the plane shown be an object of its own.

        Those of its clicks that are selected, if others of it stay; else all foreground clicks, and all that it starts
        from, that do not lie in its largest connected piece.
        """
        workspace = self._state.active
        if workspace is None:
            return
        with self._state.errors_shown():
            key, following = self._field.plane_shown(workspace), self._objects.free_id(workspace)
            if part := _selected_part(workspace, object_id):
                work = workspace.work.with_object(part, following)
            else:
                work = _with_loose_pieces(workspace, key, object_id, following)
            if following not in work.planes:
                raise Slip("It is one piece: select (3) the clicks of the part to split off, then split again.")
            self._clicks.change(workspace, work, begins=following)
            self._objects.select(following)

    def jump(self, object_id: int) -> None:
        """Go on with an object: show its nearest plane, and move the camera to its clicks, or what it starts from."""
        workspace = self._state.active
        if workspace is None:
            return
        with self._state.errors_shown():
            if not (planes := workspace.work.planes.get(object_id)):
                raise Slip(f"Object {object_id} has no clicks yet.")
            nearest = min(planes, key=lambda plane: (_away(plane, workspace.here), plane.index))
            if nearest != workspace.here:
                self._field.show_plane(nearest)
            row, col = _middle(workspace, nearest, object_id)
            show_point(self._state.viewer, workspace.image, nearest, float(row), float(col))
            self._objects.select(object_id)


def _middle(workspace: Workspace, plane: PlaneKey, object_id: int) -> tuple[float, float]:
    """Return where an object is in a plane: the middle of its clicks, or of the mask that it starts from."""
    clicks = workspace.clicks_of(plane, object_id)
    told = [click for click in clicks if click.foreground] or clicks
    if told:
        row, col = np.mean([(click.row, click.col) for click in told], axis=0)
    else:
        top, bottom, left, right = workspace.work.starts_in(plane)[object_id].box or (0, 0, 0, 0)
        row, col = (top + bottom - 1) / 2, (left + right - 1) / 2
    return float(row), float(col)


def _away(plane: PlaneKey, here: PlaneKey | None) -> int:
    """How many slices a plane is from the one shown; far where it is of other axes."""
    if here is None or plane.axes != here.axes:
        return 1_000_000
    return sum(abs(a - b) for a, b in zip(plane.index, here.index, strict=True))


def _label_at(workspace: Workspace, placed: PlacedClick) -> int:
    """Return the label that the layer has where a click is."""
    masks = workspace.masks_of(placed.plane)
    row, col = placed.click.pixel(masks.shape)
    return int(masks.shown_in((row, row + 1, col, col + 1))[0, 0])


def _contradicts(workspace: Workspace, placed: PlacedClick, ids: Collection[int]) -> bool:
    """Whether a click says of one of some objects that it is not where another one is."""
    own = placed.click.object_id
    return not placed.click.foreground and _label_at(workspace, placed) in {i for i in ids if i != own}


def _selected_part(workspace: Workspace, object_id: int) -> set[int]:
    """Return where among all clicks those of an object are that are selected, if that is a part of it."""
    own = workspace.places_of(object_id)
    chosen = own & {int(i) for i in workspace.points.selected_data}
    told = {n for n in own if workspace.placed[n].click.foreground}
    return chosen if chosen & told and told - chosen else set()


def _with_loose_pieces(workspace: Workspace, key: PlaneKey, object_id: int, following: int) -> Work:
    """Let what of an object in a plane lies outside its largest piece be of another: clicks, and its start."""
    from skimage.measure import label

    masks = workspace.masks_of(key)
    pieces = label(masks.shown_in(masks.whole) == object_id, connectivity=2)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    loose = (pieces > 0) & (pieces != sizes.argmax())
    own = ((n, workspace.placed[n].click) for n in workspace.places_of(object_id))
    part = {n for n, click in own if click.foreground and loose[click.pixel(masks.shape)]}
    work = workspace.work.with_object(part, following)
    start = next((one for one in work.starts if (one.plane, one.object_id) == (key, object_id)), None)
    if start is not None and (begun := start.pixels.within(masks.whole))[loose].any():
        work = work.start_from(
            key, {object_id: Boxed.of(begun & ~loose), following: Boxed.of(begun & loose)}, start.origin
        )
    return work
