"""Masks into a Labels layer: protected labels, painted pixels, only the boxes that change."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import place_of, stack_of
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.masks import NO_PIXELS, Masks, joined, labels_of, masks_of
from napari_m2n2v2.images.sparse import BlockSparse, Box, Boxed, block_box, blocks_around, box_around
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.document import PlaneKey

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_m2n2v2.images.tile import Region

__all__ = ["SMALL", "PlaneMasks", "check_fits", "check_labels", "is_small", "read_plane"]

_FEW_IDS = 2**16


_STRIP = 256  # rows that are written together


class PlaneMasks:
    """The masks of one plane.

    Labels that were there when a part of it was first written to are protected, and what the user paints stays.

    Parameters
    ----------
    labels : Labels
        Any integer dtype, numpy or zarr.
    key : PlaneKey
        Which plane of it.
    ours : iterable of int
        Labels in it that are of objects of ours, which were opened again: they may change.
    parts : iterable of Box
        Where these are.
    """

    def __init__(self, labels: Labels, key: PlaneKey, ours: Iterable[int] = (), parts: Iterable[Box] = ()) -> None:
        self.key = key
        self.shape = stack_of(labels, key.axes).plane_shape
        self.starts: Masks = {}  # that what is written came from
        self.doubts: dict[int, float] = {}  # of every object with clicks
        self.cuts: dict[Region, dict[int, tuple[str, ...]]] = {}  # where objects end only because a part does
        self.solved: dict[Region, tuple[Prompt, ...]] = {}  # what is written came from
        self.arrived = 0  # the latest answer of it
        self.changed: set[int] = set()  # which objects the last writing changed
        self._labels = labels
        self._ours = tuple(ours)
        self._parts = tuple(parts)
        self._written = BlockSparse(np.int32)
        self._protected = BlockSparse(np.bool_)
        self._seen: set[tuple[int, int]] = set()  # blocks, whose protected pixels are known
        self._begun: dict[int, Boxed] = {}  # masks that objects start from
        self._taken: dict[int, Boxed] = {}  # pixels that had their labels before
        self._areas: dict[int, int] = {}

    @property
    def areas(self) -> dict[int, int]:
        """Pixels of every object that was written."""
        return {i: pixels for i, pixels in sorted(self._areas.items()) if pixels}

    @property
    def whole(self) -> Box:
        """The box around all of the plane."""
        return 0, self.shape[0], 0, self.shape[1]

    @property
    def protected(self) -> NDArray[np.bool_]:
        """Pixels of labels that were there before us, bool ``[H, W]``, a new array."""
        return self.protected_in(self.whole)

    def protected_in(self, box: Box) -> NDArray[np.bool_]:
        """Return them for a box."""
        self._look(box)
        return self._protected.read(box)

    def shown_in(self, box: Box) -> NDArray[Any]:
        """Return what the layer holds in a box; it may be a view."""
        return np.asarray(self._labels.data[self._place(box)])

    def written_in(self, box: Box) -> NDArray[np.int32]:
        """Return what was written in a box, a new array: labels of objects of ours."""
        return self._written.read(box)

    def reaches_beyond(self, object_id: int, box: Box) -> bool:
        """Whether anything was written of an object outside a box."""
        return self.areas.get(object_id, 0) > int(np.count_nonzero(self.written_in(box) == object_id))

    def written_boxes(self) -> list[Box]:
        """Return boxes outside which nothing was written."""
        for part in self._parts:  # also what was written before it was saved and opened again
            self._look(part)
        return self._written.boxes(self.shape)

    def write(self, patches: Iterable[tuple[Box, NDArray[np.int32]]]) -> None:
        """Write what changed since we last wrote, where nobody else has written.

        Outside napari's own undo, on purpose: there it belongs to what the user painted.

        Parameters
        ----------
        patches : iterable of (box, ndarray)
            All labels in each box, int32 ``[h, w]``.

        Raises
        ------
        ImageError
            If the layer's dtype is too small for a label.
        """
        patches = list(patches)
        highest = max((int(wanted.max()) for _, wanted in patches if wanted.size), default=0)
        check_fits(self._labels, highest)
        self.changed.clear()
        changed = [self._write(*strip) for box, wanted in patches for strip in self._strips(box, wanted)]
        if any(changed):
            self._labels.refresh(extent=False)

    def begin_with(self, starts: Masks, gone: Container[int] = ()) -> None:
        """Let objects of ours start from masks: where labels from before have their ids there, these are ours then.

        Parameters
        ----------
        starts : mapping
            Boxed bool by id, in pixels of the plane.
        gone : container of int
            Objects whose labels from before go with them. Those of others that start from no mask any more, because
            that was undone, are put back.
        """
        self._begun = {i: mask for i, mask in self._begun.items() if starts.get(i) is mask}
        back = [i for i in self._taken if i not in starts and i not in gone]
        for i in back:
            self._put_back(i, self._taken.pop(i))
        if back:
            self._labels.refresh(extent=False)
        new = {i: mask for i, mask in starts.items() if i not in self._begun}
        self._begun |= new
        whole = box_around(mask.box for mask in new.values())
        if whole is None or math.prod((whole[1] - whole[0], whole[3] - whole[2])) <= SMALL:
            self._take(new)  # read at once: piece by piece, a chunk of zarr would be read again and again
        else:
            for i, mask in new.items():
                self._take({i: mask})

    def _take(self, starts: Masks) -> None:
        """Take labels from before over where objects start that have their ids."""
        if (box := box_around(mask.box for mask in starts.values())) is None:
            return
        labels, protected, shown = labels_of(starts, box), self.protected_in(box), self.shown_in(box)
        chosen = (shown == labels) & (labels != 0) & protected
        if chosen.any():
            labels[~chosen] = 0
            self._protected.write(box, protected & ~chosen)
            self._written.write(box, np.where(chosen, labels, self._written.read(box)))
            self._count(np.zeros(0, dtype=np.int32), labels[chosen])
            for i, mask in masks_of(labels, box[0], box[2]).items():
                self._taken[i] = joined([self._taken.get(i, NO_PIXELS), mask])

    def _put_back(self, label: int, mask: Boxed) -> None:
        """Let pixels have their label from before again, but where somebody painted since."""
        if (box := mask.box) is None:
            return
        before, shown = self._written.read(box), self.shown_in(box)
        back = mask.values & (shown == before)
        self._count(before[back], np.zeros(0, dtype=np.int32))
        self._written.write(box, np.where(back, 0, before))
        self._protected.write(box, self._protected.read(box) | back)
        self._labels.data[self._place(box)] = np.where(back, np.array(label, dtype=shown.dtype), shown)

    def _strips(self, box: Box, wanted: NDArray[np.int32]) -> Iterator[tuple[Box, NDArray[np.int32]]]:
        """Cut a patch for what is written at once: arrays in memory fastest in small pieces, stored ones as a whole."""
        top, bottom, left, right = box
        rows = _STRIP if isinstance(self._labels.data, np.ndarray) else max(bottom - top, 1)
        for first in range(top, bottom, rows):
            last = min(first + rows, bottom)
            yield (first, last, left, right), wanted[first - top : last - top]

    def look_again(self) -> None:
        """See what is there now that the layer has other data: where it is what we wrote, it is ours still."""
        boxes = self._written.boxes(self.shape)
        self._ours, self._parts = (), ()
        self._seen.clear()
        self._areas.clear()
        self.arrived = 0  # what answers said is not there any more
        for box in boxes:
            self._look(box)

    def _write(self, box: Box, wanted: NDArray[np.int32]) -> bool:
        self._look(box)
        before, block = self._written.read(box), self.shown_in(box)
        wanted = np.where(self._protected.read(box), 0, wanted)
        gone = (before != 0) & (wanted == 0) & (block == 0)  # as after undo of what the user has erased
        if gone.any():
            self._count(before[gone], wanted[gone])
            before = np.where(gone, 0, before)
            self._written.write(box, before)
        changed = (wanted != before) & (block == before)
        if not changed.any():
            return False
        (top, bottom), (left, right) = (_span(changed.any(axis=axis)) for axis in (1, 0))
        part = slice(top, bottom), slice(left, right)
        now = np.where(changed[part], wanted[part], before[part])
        here = box[0] + top, box[0] + bottom, box[2] + left, box[2] + right
        shown = block[part].copy()  # whose ids may be of 64 bit, which no common dtype with ours holds exactly
        shown[changed[part]] = wanted[part][changed[part]]
        self._labels.data[self._place(here)] = shown
        self._written.write(here, now)
        self.changed |= self._count(before[changed], wanted[changed])
        return True

    def _count(self, before: NDArray[np.int32], now: NDArray[np.int32]) -> set[int]:
        """Count what was lost and won, and say by whom."""
        found = set()
        for labels, sign in ((before, -1), (now, 1)):
            for i, pixels in _counts(labels):
                self._areas[i] = self._areas.get(i, 0) + sign * pixels
                found.add(i)
        return found

    def _look(self, box: Box) -> None:
        """See what is in the layer where nobody has looked yet."""
        new = [block_box(at, self.shape) for at in blocks_around(box) - self._seen]
        if not new:
            return
        self._seen |= blocks_around(box)
        # Read at once: block by block, a chunk of zarr would be read again and again.
        tops, bottoms, lefts, rights = zip(*new, strict=True)
        top, left = min(tops), min(lefts)
        labels = self.shown_in((top, max(bottoms), left, max(rights)))
        # In the layer's dtype: what is of 64 bit has no common one with ours that is exact.
        ours = np.array([i for i in self._ours if i <= np.iinfo(labels.dtype).max], dtype=labels.dtype)
        for block in new:
            here = labels[block[0] - top : block[1] - top, block[2] - left : block[3] - left]
            # Ours is also what we wrote before the layer was given other data.
            known = np.isin(here, ours) | ((here != 0) & (here == self._written.read(block)))
            self._protected.write(block, (here != 0) & ~known)
            self._written.write(block, np.where(known, here, 0))
            self._count(np.zeros(0, dtype=np.int32), here[known])

    def _place(self, box: Box) -> tuple[int | slice, ...]:
        stack = stack_of(self._labels, self.key.axes)
        return place_of(stack, self.key, slice(box[0], box[1]), slice(box[2], box[3]))


def _counts(labels: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Count the pixels of every label but 0; they are sorted only where there are too many ids to count them all."""
    if labels.size and labels.min() >= 0 and labels.max() < _FEW_IDS:
        counts = np.bincount(labels.ravel())
        ids = np.flatnonzero(counts)
        counts = counts[ids]
    else:
        ids, counts = np.unique(labels, return_counts=True)
    return [(int(i), int(pixels)) for i, pixels in zip(ids, counts, strict=True) if i]


def _span(used: NDArray[np.bool_]) -> tuple[int, int]:
    at = np.flatnonzero(used)
    return int(at[0]), int(at[-1]) + 1


SMALL = 1 << 24
"""Pixels that are looked through within some ten milliseconds."""


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


def check_fits(labels: Labels, highest: int) -> None:
    """Complain of a label that is too high for a layer.

    Raises
    ------
    ImageError
    """
    if highest > np.iinfo(dtype := labels.data.dtype).max:
        raise ImageError(
            f"Label {highest} does not fit into layer '{labels.name}' of {dtype}. Convert its data to int32 first."
        )


def read_plane(labels: Labels, key: PlaneKey) -> NDArray[Any]:
    """Read one plane of a Labels layer, ``[H, W]``; it may be a view."""
    return np.asarray(labels.data[place_of(stack_of(labels, key.axes), key)])


def is_small(labels: Labels) -> bool:
    """Whether all labels can be looked through while the user waits."""
    return math.prod(stack_of(labels).shape) <= SMALL
