"""What the clicks on one image give: a frozen result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.guides.choice import GuideChoice
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.session.effects import Effect
from napari_m2n2v2.session.segmentation import Segmentation, pixel_within

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
    """

    clicks: tuple[Click, ...]
    objects: Mapping[int, Segmentation]
    guides: Mapping[int, GuideChoice]
    shape: tuple[int, int]
    working_shape: tuple[int, int]
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
        found = [next(of_object[click.object_id]) for click in self.clicks]
        labels = self.working_labels
        for n, click in enumerate(self.clicks):
            there = int(labels[pixel_within(click, self.shape, self.working_shape)])
            if click.foreground and there not in (0, click.object_id):
                found[n] = replace(found[n], why="another object", rival=there)
        return tuple(found)

    def __repr__(self) -> str:
        """Say in a line what there is; the pixels would fill a notebook."""
        return f"SessionResult(clicks={len(self.clicks)}, objects={len(self.objects)}, shape={self.shape})"
