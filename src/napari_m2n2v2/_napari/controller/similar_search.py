"""A search for similar objects: captured on the main thread, run on a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.labels import read_plane
from napari_m2n2v2._napari.layers.proposals import dashes_around
from napari_m2n2v2._napari.model.proposed import Found
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2.similar.pixels import Cues

__all__ = ["Search"]

_MOST_PLANES = 5  # with examples, those nearest to the one shown: an object may be carried through hundreds


class _Labels(Mapping[Index, NDArray[Any]]):
    """What a Labels layer holds, plane by plane, read when it is asked for: a copy, for others write meanwhile."""

    def __init__(self, labels: Any, axes: tuple[int, int]) -> None:
        self._labels, self._axes = labels, axes
        self._stack = stack_of(labels, axes)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        return np.array(read_plane(self._labels, PlaneKey(self._axes, index)))

    def __iter__(self) -> Iterator[Index]:
        return iter(self._stack)

    def __len__(self) -> int:
        return len(self._stack)


@dataclass(frozen=True, eq=False)
class Search:
    """What is looked for, and where. Made by :meth:`of`.

    Parameters
    ----------
    stack : Stack
        The image.
    axes : tuple of int
        Of the planes.
    labels : mapping
        What is in the masks layer, by index.
    examples : tuple of tuple of int
        Planes that hold examples.
    ids : frozenset of int
        Which objects these are.
    planes : tuple of tuple of int
        Where to look.
    rejected, clicks : mapping
        What was wrong, and what was clicked, by index.
    limits : tuple of float or None
        Values shown black and white.
    cues : str
        What objects are told from the rest by.
    """

    stack: Stack
    axes: tuple[int, int]
    labels: Mapping[Index, NDArray[Any]]
    examples: tuple[Index, ...]
    ids: frozenset[int]
    planes: tuple[Index, ...]
    rejected: Mapping[Index, Sequence[Boxed]]
    clicks: Mapping[Index, Sequence[Prompt]]
    limits: tuple[float, float] | None
    cues: Cues

    @classmethod
    def of(cls, workspace: Workspace, here: PlaneKey, ids: frozenset[int], all_planes: bool, cues: Cues) -> Search:
        """Capture an image with the plane that is shown."""
        image, axes = workspace.image, here.axes
        stack = stack_of(image, axes)
        own = [masks.key for masks in workspace.masks if masks.key.axes == axes]
        holding = [key.index for key in own if ids & workspace.masks_of(key).areas.keys()]
        holding.sort(key=lambda index: sum(abs(a - b) for a, b in zip(index, here.index, strict=True)))
        rejected: dict[Index, list[Boxed]] = {}
        for one in workspace.work.rejected:
            if one.plane.axes == axes:
                rejected.setdefault(one.plane.index, []).append(one.pixels)
        low, high = (np.nan, np.nan) if image.rgb else map(float, image.contrast_limits)
        return cls(
            stack, axes, _Labels(workspace.labels, axes), tuple(holding[:_MOST_PLANES]), ids,
            tuple(stack) if all_planes else (here.index,), rejected,
            {key.index: workspace.clicks_in(key) for key in own},
            (low, high) if np.isfinite((low, high)).all() else None, cues,
        )  # fmt: skip

    def run(self, report: Report, found: Callable[[list[Found]], None]) -> None:
        """Look for them, and tell of what is found plane by plane. For a worker."""
        from napari_m2n2v2.similar.find import find_similar_in_stack

        examples = {index: self.labels[index] for index in self.examples}
        planes = find_similar_in_stack(
            self.stack, examples, planes=self.planes, ids=self.ids, occupied=self.labels, rejected=self.rejected,
            clicks=self.clicks, cues=self.cues, contrast_limits=self.limits, progress=report,
        )  # fmt: skip
        for index, proposals in planes:
            plane = PlaneKey(self.axes, index)
            usual = float(np.sqrt(np.median([one.area for one in proposals]) / np.pi)) if len(proposals) else 1.0
            found([Found(plane, one, dashes_around(one.mask, usual)) for one in proposals])
