"""Objects through a stack: ids that no label has, and labels from before that are gone on with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.layers.labels import SMALL, highest_labels, is_small, read_plane
from napari_m2n2v2.session.document import PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["Objects"]


class Objects:
    """Gives out ids and takes labels over.

    Parameters
    ----------
    controller : Controller
        Whose objects they are.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def look_through(self, workspace: Workspace) -> None:
        """Find the highest label that was there before us, on the worker where there are many."""
        if workspace.is_new:
            return
        if is_small(workspace.labels):
            self._found(workspace, max(highest_labels(workspace.labels)))
            return
        labels, planes = workspace.labels, len(workspace.stack)

        def work(report: Report) -> int:
            highest = 0
            for done, found in enumerate(highest_labels(labels)):
                highest = max(highest, found)
                report(done / planes, "looking for labels")
            return highest

        controller = self._controller
        controller.jobs.submit(
            (id(workspace), "labels"),
            work,
            lambda highest: self._found(workspace, highest),
            controller.show_error,
            controller.progressed.emit,
        )

    def next_id(self, workspace: Workspace) -> int:
        """Return an id that is higher than those of all clicks and labels in all planes."""
        known = [workspace.highest_label, *(placed.click.object_id for placed in workspace.placed)]
        if is_small(workspace.labels):
            known += highest_labels(workspace.labels)
        elif (here := workspace.here) is not None and math.prod(workspace.stack.plane_shape) <= SMALL:
            known.append(int(read_plane(workspace.labels, here).max()))
        return max(known) + 1

    def take_over(self, workspace: Workspace, key: PlaneKey, label: int) -> None:
        """Make a label that was in a plane before us the previous segmentation of an object of ours.

        Raises
        ------
        ClickError
            If there is no such label.
        """
        workspace.masks_of(key).take_over(label)
        self._controller.solving.solve(workspace, key)

    def _found(self, workspace: Workspace, highest: int) -> None:
        workspace.highest_label = max(workspace.highest_label, highest)
        used = {placed.click.object_id for placed in workspace.placed}
        taken_up = {placed.click.object_id for placed in workspace.taken_up}
        if workspace.object_id > highest or workspace.object_id in taken_up:
            return
        if workspace.object_id not in used:
            workspace.object_id = highest + 1
            self._controller.changed.emit()
        else:
            self._controller.tell(
                f"Layer '{workspace.labels.name}' holds labels up to {highest} in other slices, so object "
                f"{workspace.object_id} may be one of them. Next object (N) begins with {highest + 1}."
            )
