"""The dock from Python: what :func:`napari_m2n2v2.attach` returns. Its names are a promise (``docs/dock.md``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.attach import SESSION_ID
from napari_m2n2v2._napari.controller.controller import Controller
from napari_m2n2v2._napari.model.settings import Settings
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PlaneKey, Rules

if TYPE_CHECKING:
    from napari_m2n2v2.images.stack import Index
    from napari_m2n2v2.session.session_file import SessionFile
    from napari_m2n2v2.similar.proposals import Proposal

__all__ = ["Console"]


class Console:
    """Everything that is done in the dock, as calls. They return at once; masks come when they are computed.

    What cannot be done is told as the dock tells it: in a notification, not as an exception.

    Parameters
    ----------
    controller : Controller
        Of the dock.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._state = controller.state

    # -- what there is -------------------------------------------------------------------------------------------

    @property
    def viewer(self) -> Any:
        """The viewer the dock is in."""
        return self._state.viewer

    @property
    def points(self) -> Any:
        """The Points layer with the clicks of the image that is segmented; None before :meth:`start`."""
        return self._state.active.points if self._state.active is not None else None

    @property
    def labels(self) -> Any:
        """The Labels layer with its masks; None before :meth:`start`."""
        return self._state.active.labels if self._state.active is not None else None

    @property
    def clicks(self) -> tuple[Prompt, ...]:
        """The clicks in the plane that is shown, in their order, in its pixels."""
        return self._state.active.clicks if self._state.active is not None else ()

    @property
    def is_busy(self) -> bool:
        """Whether features or masks are still to come."""
        return bool(self._controller.jobs.keys or self._controller.similar.is_finding)

    # -- settings ------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What features are computed with."""
        return self._state.settings

    def change_settings(self, **changes: Any) -> None:
        """Change fields of :attr:`settings`, such as ``attention="appearance"``; nothing is computed yet."""
        self._controller.settings.change(**changes)

    @property
    def computed_on(self) -> str:
        """Address of the dask cluster that computes features; empty for this computer."""
        return self._controller.features.elsewhere.address

    def compute_on(self, address: str = "") -> None:
        """Let features be computed by the workers of a dask cluster, such as ``tcp://10.0.0.1:8786``; by default here.

        What waits because a cluster is lost goes on there.
        """
        with self._state.errors_shown():
            self._controller.features.elsewhere.use(address)

    @property
    def rules(self) -> Rules:
        """How clicks become masks."""
        return self._state.rules

    def change_rules(self, **changes: Any) -> None:
        """Change fields of :attr:`rules`, such as ``compete=False``; masks follow."""
        self._state.set_rules(**changes)

    # -- images and clicks ---------------------------------------------------------------------------------------

    def start(self, image: Any, labels: Any = None) -> None:
        """Segment an Image layer: make its Points and Labels layers, or go back to them; compute the plane shown.

        Parameters
        ----------
        image : Image layer
            Of any number of axes.
        labels : Labels layer, optional
            An existing layer to write into; the labels in it are protected.
        """
        self._controller.images.start(image, labels)

    def compute(self) -> None:
        """Compute the features of what is shown, again where they are out of date."""
        self._controller.features.start()

    def precompute(self) -> None:
        """Compute the features of all slices ahead of clicks."""
        self._controller.precompute.start()

    def show_slice(self, *index: int) -> None:
        """Move the sliders to a slice of the image that is segmented, one number for each slider."""
        if (workspace := self._state.active) is not None:
            axes = workspace.here.axes if workspace.here is not None else workspace.stack.plane_axes
            self._controller.field.show_plane(PlaneKey(axes, index))

    def click(self, row: float, col: float, foreground: bool | None = None) -> None:
        """Click on the plane that is shown, for the present object.

        Parameters
        ----------
        row, col : float
            In pixels of the plane.
        foreground : bool, optional
            By default what the toggle says.
        """
        self._controller.clicks.add(row, col, foreground)

    def scribble(self, points: Sequence[Sequence[float]], foreground: bool | None = None) -> None:
        """Draw a line on the plane that is shown, for the present object.

        Parameters
        ----------
        points : sequence of (float, float)
            Its corners (row, col), in pixels of the plane.
        foreground : bool, optional
            By default what the toggle says.
        """
        self._controller.prompts.add("scribble", points, foreground, next_object=False)

    def box(self, row0: float, col0: float, row1: float, col1: float) -> None:
        """Say that the present object lies inside a box, given by two opposite corners in pixels of the plane."""
        self._controller.prompts.add("box", [(row0, col0), (row1, col1)], next_object=False)

    def outline(self, points: Sequence[Sequence[float]]) -> None:
        """Say that the present object is about what a line encloses, by its corners (row, col), at least three."""
        self._controller.prompts.add("outline", points, next_object=False)

    def set_clicks(self, clicks: Iterable[Prompt]) -> None:
        """Make these the clicks of the plane that is shown, as one step to undo."""
        self._controller.clicks.set_clicks(clicks)

    def set_threshold(self, index: int, threshold: float | None) -> None:
        """Say how far click ``index`` of :attr:`clicks` reaches, from 0 to 1; None lets its score decide."""
        self._controller.clicks.set_threshold(index, threshold)

    def toggle(self) -> None:
        """Flip the selected points; without a selection, what the next click means."""
        self._controller.clicks.toggle()

    def undo(self) -> None:
        """Take back the last change of clicks."""
        self._controller.clicks.undo()

    def redo(self) -> None:
        """Bring back what was undone last."""
        self._controller.clicks.redo()

    # -- objects -------------------------------------------------------------------------------------------------

    def next_object(self) -> None:
        """Accept the present object, and let the next clicks be of a new one."""
        self._controller.objects.next()

    def accept(self, object_id: int | None = None) -> None:
        """Keep an object as it is in all slices, by default the present one: clicks of others leave it so."""
        self._controller.objects.accept(*(() if object_id is None else (object_id,)))

    def reopen(self, object_id: int | None = None) -> None:
        """Let an accepted object, by default the present one, compete for pixels again."""
        self._controller.objects.reopen(*(() if object_id is None else (object_id,)))

    def select_object(self, object_id: int) -> None:
        """Let the next clicks be of this object."""
        self._controller.objects.select(object_id)

    def reset_object(self) -> None:
        """Remove the present object from the plane that is shown."""
        self._controller.objects.reset()

    def take_over(self, label: int | None = None, layer: Any = None) -> None:
        """Let labels be objects that start from them, with their ids: clicks correct them. One step to undo.

        Parameters
        ----------
        label : int, optional
            Which, in all slices; all by default.
        layer : Labels layer, optional
            Of the image's shape, or of one slice's, for the slice shown; by default the one masks are written into.
        """
        self._controller.taking_over.take_over(label, layer)

    def propagate(self, direction: int = 1, count: int | None = None) -> None:
        """Carry the present object from the slice that is shown to those beside it.

        Parameters
        ----------
        direction : int
            1 to slices of higher numbers, -1 to those of lower ones.
        count : int, optional
            How many slices; until it ends by default.
        """
        self._controller.propagation.propagate(direction, count)

    def propagate_on(self) -> None:
        """Carry it to the next slice in the direction last used, and show that slice: the key W."""
        self._controller.propagation.propagate_on()

    def propagate_back(self) -> None:
        """Carry it to the next slice the other way, which is the direction from now on: Shift+W."""
        self._controller.propagation.propagate_back()

    def propagate_to(self, position: int) -> None:
        """Carry it to the slice with this number, and to all between."""
        self._controller.propagation.propagate_to(position)

    # -- objects like these --------------------------------------------------------------------------------------

    def find_similar(self, *object_ids: int, all_slices: bool = False) -> None:
        """Propose all objects like these, by default like all that were clicked; in the slice shown, or in all."""
        self._controller.similar.find(object_ids, all_planes=all_slices)

    @property
    def proposals(self) -> tuple[tuple[Index, Proposal], ...]:
        """What is proposed and shown, the least certain first: the index of its slice, and the proposal."""
        return tuple((one.plane.index, one.proposal) for one in self._controller.similar.shown)

    def accept_proposals(self, at_least: float | None = None) -> None:
        """Make objects of all that are shown, or of those that are at least so certain: one step to undo."""
        if at_least is not None:
            self._controller.similar.set_certainty(at_least)
        self._controller.similar.accept_shown()

    # -- seeing why ----------------------------------------------------------------------------------------------

    def show(self, view: str, shown: bool = True) -> None:
        """Add or remove a layer that explains the mask: "Markov-map", "Attention", "Guide", "Doubt" or "Owner"."""
        self._controller.explain.show(view, shown)

    def suggest(self) -> None:
        """Mark where the next click would help most."""
        self._controller.preview.suggest()

    # -- files ---------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Save all clicks as a session file, once what is being solved is there."""
        self._controller.sessions.save(path)

    def load(self, path: str | Path) -> None:
        """Put the clicks of a session file on the image, as one step to undo."""
        self._controller.sessions.load(path)

    def session_of(self, session_id: str | None, points_name: str) -> SessionFile | None:
        """Describe what a Points layer of the dock gives; None for a layer of others. For napari's Save As.

        Parameters
        ----------
        session_id : str or None
            In the metadata of the layer; writers are not told the layer itself, and several may have one name.
        points_name : str
            Its name.
        """
        for workspace in self._state.workspaces:
            points = workspace.points
            if points.metadata.get(SESSION_ID) == session_id and points.name == points_name:
                return self._controller.sessions.file_of(workspace)
        return None
