"""Which part of a large plane is worked on: the one in view, as the camera moves."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from napari_m2n2v2._napari.layers.geometry import show_plane, show_point, shown_plane, stack_of, view_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.status import no_plane
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.images.tile import Region, fits_whole, has_parts, holds_view, region_of_view
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

__all__ = ["FieldOfView"]

_MUCH_LARGER = 2  # times the working resolution: from there on all of a plane at once shows little


class FieldOfView:
    """Knows, and changes, which plane and which part of it every image shows.

    Parameters
    ----------
    state : DockState
        That has a viewer.
    """

    def __init__(self, state: DockState) -> None:
        self._state = state
        self._shown: tuple[object, ...] = ()
        self._chosen: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()  # for images that are not begun with

    def begin(self, workspace: Workspace) -> None:
        """Begin with an image, by the field of view or with all of it at once."""
        workspace.working_side = self._state.settings.working_side
        workspace.by_view = self._begins_by_view(workspace.image)
        self._chosen.pop(workspace.image, None)
        workspace.show(shown_plane(self._state.viewer.dims, workspace.image), None)

    def look(self) -> None:
        """See which planes are shown now, and which parts of them; told where that is another of the active image."""
        self.see_planes()
        for workspace in self._state.workspaces:
            here = workspace.here
            workspace.show(here, self.region_at(workspace, here) if here is not None else None)
            workspace.sees_beyond = self._sees_beyond(workspace)
        active = self._state.active
        shown = (id(active), active.focus, active.sees_beyond) if active is not None else ()
        if shown != self._shown:
            self._shown = shown
            self._state.moved.emit()

    def see_planes(self) -> None:
        """See which planes are shown now that an image has changed or moved; the parts stay until the camera moves."""
        for workspace in self._state.workspaces:
            image = workspace.image
            fits = image.ndim == workspace.labels.ndim  # not while the image is being given other data
            workspace.show(shown_plane(self._state.viewer.dims, image) if fits else None, workspace.region)

    def can_be_parted(self, image: Any) -> bool:
        """Whether the plane of an image that is shown has parts; the image need not be begun with."""
        if (here := shown_plane(self._state.viewer.dims, image)) is None:
            return False
        workspace = self._state.of(image)
        side = workspace.working_side if workspace is not None else self._state.settings.working_side
        return has_parts(stack_of(image, here.axes).plane_shape, side)

    def is_by_view(self, image: Any) -> bool:
        """Whether the field of view of an image is worked on, or will be; by default if all of it would show little."""
        workspace = self._state.of(image)
        return workspace.by_view if workspace is not None else self._begins_by_view(image)

    def _begins_by_view(self, image: Any) -> bool:
        shape, side = stack_of(image).plane_shape, self._state.settings.working_side
        usual = min(shape) > _MUCH_LARGER * side or not fits_whole(shape, side)
        return self._chosen.get(image, usual)

    def set_by_view(self, by_view: bool, image: Any = None) -> None:
        """Work on the field of view of an image, by default the active one, or on all of it, coarse."""
        workspace = self._state.active if image is None else self._state.of(image)
        if workspace is None and image is not None:
            self._chosen[image] = by_view
        elif workspace is not None and workspace.by_view != by_view:
            workspace.by_view = by_view
            self.look()

    def region_at(self, workspace: Workspace, key: PlaneKey, at: tuple[float, float] | None = None) -> Region | None:
        """Return the part of a plane in view, or the one that a click at a place belongs to; None is all of it."""
        shape, side = stack_of(workspace.image, key.axes).plane_shape, workspace.working_side
        if not workspace.by_view or not has_parts(shape, side):
            return None
        known = [part.key.region for part in workspace.parts.of(key) if part.features is not None]
        view = view_of(self._state.viewer, workspace.image, key)
        region = region_of_view(shape, view, side, at=at, known=known)
        return None if region == Region.whole(shape, side) else region

    def _sees_beyond(self, workspace: Workspace) -> bool:
        """Whether more is in view than the part that is worked on, as of a long strip."""
        if (here := workspace.here) is None or workspace.region is None:
            return False
        shape = stack_of(workspace.image, here.axes).plane_shape
        return not holds_view(workspace.region, shape, view_of(self._state.viewer, workspace.image, here))

    def plane_shown(self, workspace: Workspace) -> PlaneKey:
        """Return the plane that is shown.

        Raises
        ------
        ImageError
            If there is none.
        """
        if (key := workspace.here) is None:
            raise no_plane(self._state.viewer.dims, workspace.image)
        return key

    def show_plane(self, key: PlaneKey) -> None:
        """Move the viewer to a plane of the active image."""
        if self._state.active is not None:
            show_plane(self._state.viewer.dims, self._state.active.image, key)

    def bring_into_view(self, workspace: Workspace, placed: list[PlacedClick]) -> None:
        """Move the camera to clicks in the plane that is shown, if none of these is in view."""
        here = [p for p in placed if p.plane == workspace.here]
        if here and workspace.by_view:
            viewer, image, key = self._state.viewer, workspace.image, here[0].plane
            top, left, bottom, right = view_of(viewer, image, key)
            if not any(top <= p.click.row < bottom and left <= p.click.col < right for p in here):
                show_point(viewer, image, key, here[0].click.row, here[0].click.col)
