"""Masks of many objects of one image, each in the box that it fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.sparse import Box, Boxed, box_around

__all__ = ["NO_PIXELS", "Masks", "Where", "as_known", "joined", "labels_of", "masks_of"]

Masks = Mapping[int, Boxed]
"""By id: bool, in pixels of the image."""


_FEW_IDS = 2**16


NO_PIXELS = Boxed.of(np.zeros((0, 0), dtype=bool))


class Where:
    """Finds which of many masks may have pixels in a box.

    Parameters
    ----------
    masks : mapping
        Boxed by id.
    """

    def __init__(self, masks: Masks) -> None:
        some = [(i, box) for i, mask in masks.items() if (box := mask.box) is not None]
        self._ids = [i for i, _ in some]
        self._boxes = np.array([box for _, box in some], dtype=np.intp).reshape(-1, 4)

    def meeting(self, box: Box) -> list[int]:
        """Return the ids of those whose boxes have a pixel of this box, in the order of the masks."""
        top, bottom, left, right = self._boxes.T
        return [
            self._ids[n]
            for n in np.flatnonzero((top < box[1]) & (box[0] < bottom) & (left < box[3]) & (box[2] < right))
        ]


def masks_of(labels: NDArray[np.integer], row: int = 0, col: int = 0) -> dict[int, Boxed]:
    """Part labels into the masks of their objects, by ascending id.

    Parameters
    ----------
    labels : ndarray
        ``[H, W]`` of any integer dtype; what is not above 0 is background.
    row, col : int
        Where, in the image, they begin.
    """
    from scipy.ndimage import find_objects  # here, because the dock must open at once

    if not labels.size:
        return {}
    if int(labels.min()) >= 0 and int(labels.max()) < _FEW_IDS:
        ids, numbers = np.arange(1, int(labels.max()) + 1), labels.astype(np.int32, copy=False)
    else:  # ids may be far apart, and what looks for them counts all between
        ids, numbers = np.unique(labels, return_inverse=True)
        numbers = (numbers.reshape(labels.shape) + 1).astype(np.int32)
    found = {}
    for number, (i, part) in enumerate(zip(ids, find_objects(numbers), strict=True), start=1):
        if i > 0 and part is not None:
            found[int(i)] = Boxed(row + part[0].start, col + part[1].start, numbers[part] == number)
    return found


def labels_of(masks: Masks, box: Box, where: Where | None = None) -> NDArray[np.int32]:
    """Return labels of a box, int32 ``[H, W]``; a pixel of several masks is of the lowest id.

    Parameters
    ----------
    masks : mapping
        Boxed by id.
    box : tuple of int
        First row, last + 1, first column, last + 1.
    where : Where, optional
        Of the same masks, where it is known.
    """
    labels = np.zeros((box[1] - box[0], box[3] - box[2]), dtype=np.int32)
    for i in sorted((where or Where(masks)).meeting(box), reverse=True):
        (top, bottom, left, right), mask = masks[i].box or (0, 0, 0, 0), masks[i]
        part = max(top, box[0]), min(bottom, box[1]), max(left, box[2]), min(right, box[3])
        place = slice(part[0] - box[0], part[1] - box[0]), slice(part[2] - box[2], part[3] - box[2])
        labels[place][mask.within(part)] = i
    return labels


def joined(masks: Sequence[Boxed]) -> Boxed:
    """Return where any of some masks is."""
    box = box_around(mask.box for mask in masks)
    if box is None:
        return NO_PIXELS
    return Boxed(box[0], box[2], np.logical_or.reduce([mask.within(box) for mask in masks]))


def as_known(masks: Masks, known: Masks) -> dict[int, Boxed]:
    """Return masks that are not empty; of those that are as they are known, the very same."""
    found = {}
    for i, mask in masks.items():
        if mask.box is not None:
            was = known.get(i)
            found[i] = was if was is not None and _is_same(was, mask) else mask
    return found


def _is_same(one: Boxed, other: Boxed) -> bool:
    return one is other or (one.box == other.box and np.array_equal(one.values, other.values))
