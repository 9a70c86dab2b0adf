"""What each object of an image claims: its own mask, but for what is closed to it; if accepted, the pixels it had."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

from napari_m2n2v2.images.masks import NO_PIXELS, Where
from napari_m2n2v2.images.sparse import Box, Boxed
from napari_m2n2v2.images.squeezed import Squeezed
from napari_m2n2v2.session.accepted import AcceptedMasks, working_pixels
from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["Claims"]


class _Known(NamedTuple):
    """What an object claimed last, and what that came from."""

    found: Segmentation | None
    masks: AcceptedMasks
    own: Boxed | None
    closed: tuple[Boxed, ...]
    claimed: Squeezed

    @property
    def is_own(self) -> bool:
        """Whether it is not the very mask that the object was solved to."""
        return self.found is None or self.claimed is not self.found.squeezed


class Claims:
    """Works out what objects claim; of those that are as they were it gives the very same again.

    Parameters
    ----------
    shape, working_shape : tuple of int
        ``(H, W)`` of the image, and what is worked on.
    """

    def __init__(self, shape: tuple[int, int], working_shape: tuple[int, int]) -> None:
        self._shape = shape
        self._working_shape = working_shape
        self._working: WeakKeyDictionary[Boxed, Boxed] = WeakKeyDictionary()
        self._known: dict[int, _Known] = {}
        self._where: tuple[AcceptedMasks, Where] | None = None  # of what is accepted, at working resolution

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        reduced = sum(boxed.values.nbytes for full, boxed in self._working.items() if full is not boxed)
        return reduced + sum(known.claimed.nbytes for known in self._known.values() if known.is_own)

    def of(self, object_id: int, found: Segmentation | None, masks: AcceptedMasks) -> Squeezed:
        """Return the mask that an object claims, at working resolution.

        Parameters
        ----------
        object_id : int
            Which.
        found : Segmentation or None
            What its own clicks gave; None if it has none here, and began with nothing.
        masks : AcceptedMasks
            What is closed to it.
        """
        known = self._known.get(object_id)
        if known is not None and known.found is found and known.masks is masks:
            return known.claimed
        own = self._at_work(masks.pixels[object_id]) if object_id in masks.pixels else None
        box = own.box if own is not None else found.squeezed.box if found is not None else None
        closed = tuple(self._closed(object_id, box, masks)) if box is not None else ()
        if known is not None and known.found is found and (known.own, known.closed) == (own, closed):
            claimed = known.claimed
        elif found is not None and own is None and not closed:
            claimed = found.squeezed
        else:
            claimed = self._claimed(found, own, closed)
        self._known[object_id] = _Known(found, masks, own, closed, claimed)
        return claimed

    def forget_all_but(self, object_ids: set[int]) -> None:
        """Let go of objects that are no more."""
        self._known = {i: known for i, known in self._known.items() if i in object_ids}

    def _at_work(self, pixels: Boxed) -> Boxed:
        if pixels not in self._working:
            self._working[pixels] = working_pixels(pixels, self._shape, self._working_shape)
        return self._working[pixels]

    def _closed(self, object_id: int, box: Box, masks: AcceptedMasks) -> list[Boxed]:
        if self._where is None or self._where[0] is not masks:
            self._where = masks, Where({i: self._at_work(pixels) for i, pixels in masks.pixels.items()})
        near = self._where[1].meeting(box)
        return [self._at_work(masks.pixels[i]) for i in masks.closed_to(object_id, near)]

    def _claimed(self, found: Segmentation | None, own: Boxed | None, closed: tuple[Boxed, ...]) -> Squeezed:
        claimed = own if own is not None else found.squeezed.as_boxed() if found is not None else NO_PIXELS
        if (box := claimed.box) is not None:
            mask = claimed.within(box)
            for one in closed:
                mask &= ~one.within(box)
            claimed = Boxed(box[0], box[2], mask)
        return Squeezed.boxed(claimed, self._working_shape)
