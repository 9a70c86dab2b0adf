"""All that was clicked on an image, as a session file says it: captured on the main thread, digested on the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_m2n2v2._napari.describe import plane_text
from napari_m2n2v2._napari.parts import Solution
from napari_m2n2v2._napari.places import PlacedClick, PlaneKey, stack_of
from napari_m2n2v2._napari.settings import Rules
from napari_m2n2v2.patches import Patch
from napari_m2n2v2.regions import Region, clicks_in

if TYPE_CHECKING:
    from napari_m2n2v2._napari.workspace import Workspace
    from napari_m2n2v2.session_file import SessionFile

__all__ = ["Place", "SessionRecord", "differences_of", "placed_in"]

Place = tuple[PlaneKey, Region | None]
_MOST_LINES = 12


@dataclass(frozen=True, eq=False)
class SessionRecord:
    """What there is to say of an image now. Made by :meth:`of`.

    Parameters
    ----------
    shape : tuple of int
        Of the image, colour not counted.
    placed : tuple of PlacedClick
        All clicks.
    solutions : mapping
        What came of every place with clicks; None where that is still to come.
    starts : mapping
        Labels taken over from before, where there are any.
    rules : Rules
        By which it was solved.
    """

    shape: tuple[int, ...]
    placed: tuple[PlacedClick, ...]
    solutions: Mapping[Place, Solution | None]
    starts: Mapping[PlaneKey, Patch]
    rules: Rules

    @classmethod
    def of(cls, workspace: Workspace, rules: Rules) -> SessionRecord:
        """Capture an image being segmented."""
        solutions: dict[Place, Solution | None] = {}
        for plane, region in dict.fromkeys((p.plane, p.region) for p in workspace.placed):
            key = workspace.part_key(plane, region)
            now = tuple(map(key.region.into, clicks_in(key.region, workspace.region_clicks(plane))))
            solution = workspace.parts.at(key).solution
            solutions[plane, region] = solution if solution is not None and solution.result.clicks == now else None
        starts = {masks.key: masks.start for masks in workspace.masks if masks.start.box is not None}
        return cls(stack_of(workspace.image).shape, workspace.placed, solutions, starts, rules)

    @property
    def is_complete(self) -> bool:
        """Whether all clicks are solved."""
        return all(solution is not None for solution in self.solutions.values())

    def to_file(self) -> SessionFile:
        """Write it as a file has it; slow for many parts."""
        from napari_m2n2v2.session_file import SavedClick, SavedPart, SessionFile

        parts = [
            SavedPart(plane.axes, plane.index, region)
            if solution is None
            else SavedPart(plane.axes, plane.index, region, solution.provenance, solution.labels_sha256)
            for (plane, region), solution in self.solutions.items()
        ]
        numbers = {place: n for n, place in enumerate(self.solutions)}
        return SessionFile(
            shape=self.shape,
            parts=tuple(parts),
            saved=tuple(SavedClick(p.click, numbers[p.plane, p.region], p.carried) for p in self.placed),
            segmentation_parameters=self.rules.parameters,
            compete=self.rules.compete,
            starts={(key.axes, key.index): start for key, start in self.starts.items()},
        )


def placed_in(file: SessionFile, planes: Sequence[PlaneKey]) -> tuple[PlacedClick, ...]:
    """Return the clicks of a file, whose parts are in these planes."""
    return tuple(
        PlacedClick(planes[saved.part], saved.click, saved.carried, file.parts[saved.part].region)
        for saved in file.saved
    )


def differences_of(record: SessionRecord, file: SessionFile, planes: Sequence[PlaneKey]) -> list[str]:
    """Say what is not the same as when a file was written whose parts are in these planes; nothing if all is."""
    said = []
    for part, plane in zip(file.parts, planes, strict=True):
        solution = record.solutions.get((plane, part.region))
        if solution is None:
            continue
        found = part.differences(solution.provenance, solution.labels_sha256, file.versions)
        where = f"{plane_text(plane)}, " if len(planes) > 1 and plane.index else ""
        said += [where + line for line in found]
    more = len(said) - _MOST_LINES
    return said if more <= 0 else [*said[:_MOST_LINES], f"and {more} more"]
