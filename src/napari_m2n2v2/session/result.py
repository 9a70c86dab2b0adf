"""What the clicks on one image give: a frozen result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.guides.choice import GuideChoice
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.effects import Effect
from napari_m2n2v2.session.seed import pixel_within
from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["SessionResult"]

_BYTES_PER_CLICK, _BYTES_PER_OBJECT = 8, 200  # in tuples and mappings


@dataclass(frozen=True, eq=False)
class SessionResult:
    """What the present clicks give.

    Parameters
    ----------
    clicks : tuple of Click
        In the order they were placed.
    objects : mapping
        The :class:`~napari_m2n2v2.Segmentation` of every object, by id, each solved by its own clicks.
    guides : mapping
        The :class:`~napari_m2n2v2.guides.choice.GuideChoice` of every object with clicks, by id.
    shape : tuple of int
        ``(H, W)`` of mask and labels.
    working_shape : tuple of int
        ``(H', W')`` of what was worked on.
    accepted : mapping
        The pixels that every accepted object keeps, by id: Boxed bool, in pixels of the image.
    starts : mapping
        The masks that objects start from, alike.
    """

    clicks: tuple[Prompt, ...]
    objects: Mapping[int, Segmentation]
    guides: Mapping[int, GuideChoice]
    shape: tuple[int, int]
    working_shape: tuple[int, int]
    accepted: Mapping[int, Boxed]
    starts: Mapping[int, Boxed]
    _labels: Squeezed  # at working resolution: undo without limit keeps one of these per change

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes, without that of the objects, which other results share."""
        of_objects = _BYTES_PER_OBJECT * (len(self.objects) + len(self.guides))
        return self._labels.nbytes + _BYTES_PER_CLICK * len(self.clicks) + of_objects

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where any object is, bool ``[H, W]`` at the resolution of the image given, a new array."""
        return self.labels > 0

    @property
    def labels(self) -> NDArray[np.int32]:
        """The id of the object at each pixel, 0 for background, int32 ``[H, W]``, a new array."""
        return at_resolution(self.working_labels, self.shape)

    @property
    def working_labels(self) -> NDArray[np.int32]:
        """The same at working resolution, int32 ``[H', W']``, a new array."""
        return self._labels.as_labels()

    @property
    def thresholds(self) -> tuple[float, ...]:
        """``lambda*`` of every click, in click order."""
        of_object = {object_id: iter(found.thresholds) for object_id, found in self.objects.items()}
        return tuple(next(of_object[click.object_id]) for click in self.clicks)

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What every click did when it was placed, or why it did nothing, in click order."""
        of_object = {object_id: iter(found.effects) for object_id, found in self.objects.items()}
        labels = self.working_labels
        own = [next(of_object[click.object_id]) for click in self.clicks]
        return tuple(self._among_others(*one, labels) for one in zip(self.clicks, own, strict=True))

    @cached_property
    def last_effect(self) -> Effect:
        """The last of :attr:`effects`; there has to be a click."""
        click = self.clicks[-1]
        return self._among_others(click, self.objects[click.object_id].effects[-1], self.working_labels)

    def _among_others(self, click: Prompt, own: Effect, labels: NDArray[np.int32]) -> Effect:
        """Say which other object has the pixel of a click now, or claims it and has it no more."""
        marked = click.pixels(self.shape)
        if not (click.foreground and marked):
            return own
        pixel = pixel_within(marked[0], self.shape, self.working_shape)
        there = int(labels[pixel])
        if there not in (0, click.object_id):
            return replace(own, why="another object", rival=there)
        return replace(own, took_from=self._claimed_by_others(click.object_id, marked[0], pixel)) if there else own

    def _claimed_by_others(self, object_id: int, at: tuple[int, int], pixel: tuple[int, int]) -> tuple[int, ...]:
        """List the objects that would have a pixel, which is at another of the image, were it not for this one."""
        row, col = at
        found = [i for i, pixels in self.accepted.items() if pixels.within((row, row + 1, col, col + 1)).any()]
        for i, other in self.objects.items():
            box = other.squeezed.box
            inside = box is not None and box[0] <= pixel[0] < box[1] and box[2] <= pixel[1] < box[3]
            if inside and i not in self.accepted and other.working_mask[pixel]:
                found.append(i)
        return tuple(sorted(i for i in found if i != object_id))

    def __repr__(self) -> str:
        """Say in a line what there is; the pixels would fill a notebook."""
        return f"SessionResult(clicks={len(self.clicks)}, objects={len(self.objects)}, shape={self.shape})"
