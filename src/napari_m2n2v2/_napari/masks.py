"""Planes of a Labels layer, read and written by the boxes that change; never the whole of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.places import PlaneKey, place_of, stack_of
from napari_m2n2v2.errors import ImageError

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = ["Patch", "check_labels", "highest_labels", "is_small", "read_plane", "write_plane"]

_SMALL = 1 << 24  # pixels that are looked through within some ten milliseconds

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Patch:
    """A label image that is 0 outside a box: what is kept of every plane that was written.

    Parameters
    ----------
    row, col : int
        Where the box begins.
    values : ndarray
        int32, the labels in it; of size 0 for an empty plane.
    """

    row: int
    col: int
    values: NDArray[np.int32]

    @classmethod
    def of(cls, labels: NDArray[Any], row: int = 0, col: int = 0) -> Patch:
        """Keep the part of ``labels [h, w]``, which begin at (row, col) of the plane, that is not 0."""
        rows, cols = (np.flatnonzero(labels.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return cls(0, 0, np.zeros((0, 0), dtype=np.int32))
        values = labels[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].astype(np.int32)
        return cls(row + int(rows[0]), col + int(cols[0]), values)

    def box_with(self, other: Patch) -> Box | None:
        """Return the box (first row, last + 1, first col, last + 1) around both; None if both are empty."""
        boxes = [
            (p.row, p.row + p.values.shape[0], p.col, p.col + p.values.shape[1]) for p in (self, other) if p.values.size
        ]
        if not boxes:
            return None
        tops, bottoms, lefts, rights = zip(*boxes, strict=True)
        return min(tops), max(bottoms), min(lefts), max(rights)

    def within(self, box: Box) -> NDArray[np.int32]:
        """Return the labels in a box that holds this patch, int32, a new array."""
        top, bottom, left, right = box
        found = np.zeros((bottom - top, right - left), dtype=np.int32)
        height, width = self.values.shape
        if self.values.size:
            found[self.row - top : self.row - top + height, self.col - left : self.col - left + width] = self.values
        return found


def check_labels(labels: Labels, shape: tuple[int, ...]) -> None:
    """Complain about a Labels layer that cannot take the masks of an image.

    Raises
    ------
    ImageError
        If it has another shape, is multiscale, or cannot be written to.
    """
    data = labels.data
    if labels.multiscale or hasattr(data, "dask"):
        kind = "is multiscale" if labels.multiscale else "holds a dask array, which cannot be written to"
        raise ImageError(f"Labels layer '{labels.name}' {kind}. Choose one of a numpy or zarr array, or a new one.")
    if tuple(data.shape) != shape:
        raise ImageError(
            f"Labels layer '{labels.name}' has shape {tuple(data.shape)}, expected the image's {shape}. Choose another."
        )
    flags = getattr(data, "flags", None)
    if getattr(data, "read_only", False) or not getattr(flags, "writeable", True):
        raise ImageError(f"Labels layer '{labels.name}' is read-only. Open its file for writing, or choose another.")


def read_plane(labels: Labels, key: PlaneKey) -> NDArray[Any]:
    """Read one plane of a Labels layer, ``[H, W]``; it may be a view."""
    return np.asarray(labels.data[place_of(stack_of(labels, key.axes), key)])


def write_plane(labels: Labels, key: PlaneKey, new: Patch, written: Patch) -> Patch:
    """Write what changed since we last wrote, where nobody else has written, so that what the user painted stays.

    Outside napari's own undo, on purpose: there it belongs to what the user painted.

    Parameters
    ----------
    labels : Labels
        Any integer dtype, numpy or zarr; only the box that holds ``new`` and ``written`` is read and written.
    key : PlaneKey
        Which plane of it.
    new, written : Patch
        What to write, and what was written before.

    Returns
    -------
    Patch
        What is written now.

    Raises
    ------
    ImageError
        If the layer's dtype is too small for a label.
    """
    box = new.box_with(written)
    if box is None:
        return written
    stack = stack_of(labels, key.axes)
    place = place_of(stack, key, slice(box[0], box[1]), slice(box[2], box[3]))
    before, wanted, block = written.within(box), new.within(box), np.array(labels.data[place])
    changed = (wanted != before) & (block == before)
    if not changed.any():
        return written
    if wanted[changed].max() > np.iinfo(labels.data.dtype).max:
        raise ImageError(
            f"Label {wanted[changed].max()} does not fit into layer '{labels.name}' of {labels.data.dtype}. "
            "Convert its data to int32 first."
        )
    block[changed] = wanted[changed]
    labels.data[place] = block
    labels.refresh(extent=False)
    return Patch.of(np.where(changed, wanted, before), box[0], box[2])


def is_small(labels: Labels) -> bool:
    """Whether all labels can be looked through while the user waits."""
    return math.prod(stack_of(labels).shape) <= _SMALL


def highest_labels(labels: Labels) -> Iterator[int]:
    """Go through the highest label of each plane, reading one after the other."""
    stack = stack_of(labels)
    return (int(stack.read(index).max()) for index in stack)
