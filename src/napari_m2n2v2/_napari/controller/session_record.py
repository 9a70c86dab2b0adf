"""All that was clicked on an image, as a session file says it: captured on the main thread, digested on the worker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.layers.geometry import axis_names, stack_of
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.tile import Region, RegionClick, clicks_in
from napari_m2n2v2.session.document import Carried, PlacedClick, PlaneKey, Rules, Solution, by_object, plane_text

if TYPE_CHECKING:
    from napari_m2n2v2._napari.model.workspace import Workspace
    from napari_m2n2v2.session.session_file import SessionFile

__all__ = ["Place", "SessionRecord", "carried_in", "check_fits", "compare", "placed_in"]

Place = tuple[PlaneKey, Region | None]


_MOST_LINES = 12


_OTHER_START = "labels taken over from before: not those of the saved session, and they stay"


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
    carried : tuple of Carried
        What was carried and not corrected since.
    rules : Rules
        By which it was solved.
    axis_names : tuple of str
        Of the image, for messages.
    """

    shape: tuple[int, ...]
    placed: tuple[PlacedClick, ...]
    solutions: Mapping[Place, Solution | None]
    starts: Mapping[PlaneKey, Boxed]
    carried: tuple[Carried, ...]
    rules: Rules
    axis_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, workspace: Workspace, rules: Rules) -> SessionRecord:
        """Capture an image being segmented."""
        solutions: dict[Place, Solution | None] = {}
        by_plane: dict[PlaneKey, list[PlacedClick]] = {}
        for placed in workspace.placed:
            by_plane.setdefault(placed.plane, []).append(placed)
        clicks = {plane: workspace.regions_of(plane, there) for plane, there in by_plane.items()}
        for plane, region in dict.fromkeys((p.plane, p.region) for p in workspace.placed):
            key = workspace.part_key(plane, region)
            now = tuple(map(key.region.into, clicks_in(key.region, clicks[plane])))
            solution = workspace.parts.at(key).solution
            is_now = solution is not None and (solution.result.clicks, solution.rules) == (now, rules)
            solutions[plane, region] = solution if is_now else None
        starts = {masks.key: masks.start for masks in workspace.masks if masks.start.box is not None}
        carried = tuple(known for *_, known in workspace.carried.present(workspace.placed) if known is not None)
        names = axis_names(workspace.dims, workspace.image)
        return cls(stack_of(workspace.image).shape, workspace.placed, solutions, starts, carried, rules, names)

    def to_file(self) -> SessionFile:
        """Write it as a file has it; slow for many parts."""
        from napari_m2n2v2.session.session_file import SavedCarried, SavedClick, SavedPart, SessionFile

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
            carried=tuple(
                SavedCarried(
                    c.plane.axes,
                    c.plane.index,
                    c.object_id,
                    None if math.isnan(c.doubt) else c.doubt,
                    c.axis,
                    c.direction,
                    c.stopped,
                )
                for c in self.carried
            ),
        )


def placed_in(file: SessionFile, planes: Sequence[PlaneKey]) -> tuple[PlacedClick, ...]:
    """Return the clicks of a file, whose parts are in these planes."""
    return tuple(
        PlacedClick(planes[saved.part], saved.click, saved.carried, file.parts[saved.part].region)
        for saved in file.saved
    )


def carried_in(file: SessionFile, placed: Sequence[PlacedClick]) -> list[Carried]:
    """Return what a file knows of the carried ones among its clicks."""
    there = by_object(placed)
    found = []
    for c in file.carried:
        plane = PlaneKey(c.axes, c.index)
        clicks = tuple(p.click for p in there.get((plane, c.object_id), ()))
        doubt = math.nan if c.doubt is None else c.doubt
        found.append(Carried(plane, c.object_id, clicks, doubt, c.axis, c.direction, c.stopped))
    return found


def check_fits(image: Any, placed: Sequence[PlacedClick], starts: Mapping[PlaneKey, Boxed]) -> None:
    """Complain if clicks or labels of a file are not inside an image.

    Raises
    ------
    ImageError, ClickError
        If there is no such plane, or it is smaller.
    """
    for key in dict.fromkeys((*(p.plane for p in placed), *starts)):
        stack_of(image, key.axes).check(key.index)
    for p in placed:
        shape = stack_of(image, p.plane.axes).plane_shape
        p.click.pixel(shape)
        if p.region is not None:
            RegionClick(p.region, p.click)
            if not p.region.is_inside(shape):
                raise ImageError(f"The session has clicks in {p.region}, which is not inside planes of {shape}.")
    for key, start in starts.items():
        shape = stack_of(image, key.axes).plane_shape
        box = start.box or (0, 0, 0, 0)
        if box[0] < 0 or box[2] < 0 or box[1] > shape[0] or box[3] > shape[1]:
            raise ImageError(f"The session has labels in rows and columns {box}, which are not inside {shape}.")


def compare(record: SessionRecord, file: SessionFile, planes: Sequence[PlaneKey]) -> str:
    """Say in what an image is not as when a file was written whose parts are in these planes."""
    rules, before = record.rules.parameters, file.segmentation_parameters
    was_is = [(f.name, getattr(before, f.name), getattr(rules, f.name)) for f in fields(before)]
    differing = [f"{name}: was {was}, is {now} in the dock" for name, was, now in was_is if was != now]
    starts = {plane: file.starts.get((part.axes, part.index)) for part, plane in zip(file.parts, planes, strict=True)}
    said, unknown = [], 0
    for part, plane in zip(file.parts, planes, strict=True):
        solution = record.solutions.get((plane, part.region))
        if solution is None or part.provenance is None:
            unknown += 1
            continue
        also = [*differing, *(() if _alike(starts[plane], record.starts.get(plane)) else (_OTHER_START,))]
        found = part.differences(solution.provenance, solution.labels_sha256, file.versions, also)
        where = f"{plane_text(plane, record.axis_names)}, " if len(planes) > 1 and plane.index else ""
        said += [where + line for line in found]
    more = len(said) - _MOST_LINES
    lines = said if more <= 0 else [*said[:_MOST_LINES], f"and {more} more"]
    if lines:
        lines.insert(0, "The masks differ from the saved ones:")
    elif unknown < len(planes):
        lines.append("The masks are the same, bit for bit.")
    if unknown:
        lines.append(
            f"{unknown} of {len(planes)} slices or parts cannot be compared: their masks were not there when it was "
            "saved, or are not now."
        )
    return "\n".join(lines)


def _alike(one: Boxed | None, other: Boxed | None) -> bool:
    boxes = [None if patch is None else patch.box for patch in (one, other)]
    return boxes[0] == boxes[1] and (one is None or other is None or np.array_equal(one.values, other.values))
