"""Large images: which part of a plane is worked on, the field of view or all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_m2n2v2._napari.places import PlaneKey, stack_of, view_of
from napari_m2n2v2.regions import Region, has_parts, region_of_view

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller import Controller
    from napari_m2n2v2._napari.workspace import Workspace

__all__ = ["Fields"]

_MUCH_LARGER = 2  # times the working resolution: from there on all of a plane at once shows little


class Fields:
    """Keeps the part in view of every image, as the camera moves.

    Parameters
    ----------
    controller : Controller
        That has a viewer.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def begin(self, workspace: Workspace) -> None:
        """Begin with an image: by the field of view if all of it at once would show little."""
        workspace.working_side = self._controller.computing.settings.working_side
        shortest = min(workspace.stack.plane_shape)
        workspace.by_view = shortest > _MUCH_LARGER * workspace.working_side

    def can_be_parted(self, workspace: Workspace) -> bool:
        """Whether the plane that is shown has parts."""
        here = workspace.here
        shape = stack_of(workspace.image, here.axes).plane_shape if here is not None else (1, 1)
        return has_parts(shape, workspace.working_side)

    def set_by_view(self, by_view: bool) -> None:
        """Work on the field of view of the active image, or on all of it, coarse."""
        workspace = self._controller.active
        if workspace is not None and workspace.by_view != by_view:
            workspace.by_view = by_view
            self._controller.following.look()
            self._controller.changed.emit()

    def region_at(self, workspace: Workspace, key: PlaneKey, row: float, col: float) -> Region | None:
        """Return the part that a click is placed in; None is all of the plane."""
        return self._region(workspace, key, (row, col))

    def look(self) -> None:
        """See what is in view now."""
        for workspace in self._controller.workspaces:
            here = workspace.here
            workspace.region = self._region(workspace, here) if here is not None else None

    def _region(self, workspace: Workspace, key: PlaneKey, at: tuple[float, float] | None = None) -> Region | None:
        shape, side = stack_of(workspace.image, key.axes).plane_shape, workspace.working_side
        if not workspace.by_view or not has_parts(shape, side):
            return None
        known = [part.key.region for part in workspace.parts.of(key) if part.features is not None]
        view = view_of(self._controller.viewer, workspace.image, key)
        region = region_of_view(shape, view, side, at=at, known=known)
        return None if region == Region.whole(shape, side) else region
