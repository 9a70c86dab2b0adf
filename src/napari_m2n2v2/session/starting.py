"""Masks that objects start from instead of nothing, ``Y_0``: what is given, checked, and brought to work."""

from __future__ import annotations

from functools import cached_property
from numbers import Integral
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import LARGEST_ID
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images.masks import Masks, Where, labels_of, masks_of
from napari_m2n2v2.images.sparse import Box, Boxed
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.session.accepted import working_pixels
from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["Beginnings", "StartingMasks", "check_starts", "starting_mask", "starting_masks"]


def starting_masks(start: Any, shape: tuple[int, int]) -> dict[int, Boxed]:
    """Return the masks of labels to start from, Boxed bool by id; of None there are none.

    Parameters
    ----------
    start : array-like or None
        ``[H, W]`` of any integer dtype.
    shape : tuple of int
        ``(H, W)`` of the image.

    Raises
    ------
    ImageError
        If they have another shape, are not of integers, or are more than an object's id can be.
    """
    if start is None:
        return {}
    labels = np.asarray(start)
    if labels.shape != shape or labels.dtype.kind not in "bui":
        raise ImageError(
            f"The labels to start from must be integers of the image's shape {shape}, "
            f"got {labels.dtype} of shape {labels.shape}."
        )
    if labels.size and int(labels.max()) > LARGEST_ID:
        raise ImageError(
            f"The labels to start from must be at most {LARGEST_ID}, got {labels.max()}. Give them lower ids first, as "
            "skimage.segmentation.relabel_sequential does."
        )
    return masks_of(labels)


def starting_mask(mask: Any, shape: tuple[int, int]) -> Boxed:
    """Return a mask to start from as Boxed bool; what is Boxed already is looked at by :func:`check_starts`.

    Raises
    ------
    ImageError
        If it has another shape than the image, or is not of bool.
    """
    if isinstance(mask, Boxed):
        return mask
    values = np.asarray(mask)
    if values.shape != shape or values.dtype != bool:
        raise ImageError(
            f"The mask to start from must be bool of the image's shape {shape}, such as labels == 3; got "
            f"{values.dtype} of shape {values.shape}."
        )
    return Boxed.of(values)


def check_starts(starts: Masks, shape: tuple[int, int]) -> None:
    """Complain of masks that no object of an image of ``shape`` can start from.

    Raises
    ------
    ClickError
        If an id is none.
    ImageError
        If a mask is not of bool, or outside the image.
    """
    for i, mask in starts.items():
        if not (isinstance(i, Integral) and 1 <= i <= LARGEST_ID):
            raise ClickError(f"An object id is a whole number from 1 to {LARGEST_ID}, got {i!r}.")
        if mask.values.dtype != bool:
            raise ImageError(f"The mask that object {i} starts from must be bool, got {mask.values.dtype}.")
        top, bottom, left, right = mask.box or (0, 0, 0, 0)
        if not (top >= 0 and bottom <= shape[0] and left >= 0 and right <= shape[1]):
            raise ImageError(f"The mask that object {i} starts from is in {mask.box}, not inside an image of {shape}.")


class Beginnings:
    """``Y_0`` of masks, at working resolution: of a mask that it was asked for it gives the very same again.

    Parameters
    ----------
    shape, working_shape : tuple of int
        ``(H, W)`` of the image, and what is worked on.
    """

    def __init__(self, shape: tuple[int, int], working_shape: tuple[int, int]) -> None:
        self._shape = shape
        self._working_shape = working_shape
        self._known: WeakKeyDictionary[Boxed, Segmentation] = WeakKeyDictionary()
        self.nothing = Segmentation.begin(np.zeros(working_shape, dtype=bool), shape)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes, with the masks."""
        return sum(mask.values.nbytes + begun.nbytes for mask, begun in self._known.items())

    def of(self, mask: Boxed | None) -> Segmentation:
        """Return what an object starts from: :attr:`nothing` where that is None."""
        if mask is None:
            return self.nothing
        if mask not in self._known:
            at_work = working_pixels(mask, self._shape, self._working_shape)
            self._known[mask] = Segmentation.begin(Squeezed.boxed(at_work, self._working_shape), self._shape)
        return self._known[mask]


class StartingMasks:
    """The masks that objects of a plane start from, and the labels they are together.

    Parameters
    ----------
    masks : mapping
        Boxed bool by id, in pixels of the plane.
    """

    def __init__(self, masks: Masks) -> None:
        self.masks = masks

    @cached_property
    def where(self) -> Where:
        """Finds those in a box."""
        return Where(self.masks)

    def box_of(self, object_id: int) -> Box | None:
        """Return the box of an object's; None where it has none."""
        return self.masks[object_id].box if object_id in self.masks else None

    def labels(self, box: Box) -> NDArray[np.int32]:
        """Return labels of a box, int32, a new array; a pixel of several masks is of the lowest id, as they compete."""
        return labels_of(self.masks, box, self.where)
