"""The rows of a session file that hold masks, or labels of a plane, each in the box that it fills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.masks import Masks, labels_of, masks_of
from napari_m2n2v2.images.sparse import Boxed, box_around
from napari_m2n2v2.session.document import PlaneKey
from napari_m2n2v2.session.packed import packed_labels, packed_mask, unpacked_labels, unpacked_mask
from napari_m2n2v2.session.work import Started

__all__ = ["FromOne", "LabelsRow", "MaskRow", "OfPlane", "StartedRow", "Whole", "start_rows"]

Whole = Annotated[int, Field(ge=0, lt=2**31)]
FromOne = Annotated[int, Field(ge=1, lt=2**31)]

_LABELS = "labels"  # the origin of what files have as labels of a plane


_PLANES = 64  # whose rows are kept for the next time


@dataclass(frozen=True)
class OfPlane(PlaneKey):
    """A row that begins with its plane."""

    @property
    def plane(self) -> PlaneKey:
        """The plane."""
        return PlaneKey(self.axes, self.index)


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """The labels of a box."""

    shape: tuple[Whole, Whole]
    zlib_base64_int32: str

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> _Labels:
        return cls(shape=labels.shape, zlib_base64_int32=packed_labels(labels))

    def unpacked(self) -> NDArray[np.int32]:
        """Return them; no more is unpacked than the shape says."""
        return unpacked_labels(self.zlib_base64_int32, self.shape, "labels to start from")


@dataclass(frozen=True, kw_only=True)
class LabelsRow(OfPlane):
    """The labels that the objects of a plane start from."""

    row: Whole
    col: Whole
    labels: _Labels

    @classmethod
    def of(cls, plane: PlaneKey, masks: Masks) -> LabelsRow:
        """Write down masks that do not overlap."""
        box = box_around(mask.box for mask in masks.values()) or (0, 0, 0, 0)
        return cls(**asdict(plane), row=box[0], col=box[2], labels=_Labels.of(labels_of(masks, box)))

    def started(self, shape: tuple[int, int]) -> list[Started]:
        """Return the masks, after a look at whether the labels are inside a plane of ``shape``."""
        bottom, right = self.row + self.labels.shape[0], self.col + self.labels.shape[1]
        if bottom > shape[0] or right > shape[1]:
            box = self.row, bottom, self.col, right
            raise ImageError(f"There are labels in rows and columns {box}, which are not inside {shape}.")
        labels = self.labels.unpacked()
        masks = masks_of(labels, self.row, self.col)
        if masks:  # one fills the box of all, so that a file is written back byte for byte
            first = min(masks)
            masks[first] = Boxed(self.row, self.col, labels == first)
        return [Started(self.plane, i, mask, _LABELS) for i, mask in masks.items()]


@dataclass(frozen=True, kw_only=True)
class MaskRow:
    """The pixels of an object in a box."""

    row: Whole
    col: Whole
    shape: tuple[Whole, Whole]
    zlib_base64_bits: str

    @classmethod
    def of(cls, pixels: Boxed) -> MaskRow:
        """Write down a mask; the same one again as before, because every change is saved."""
        if pixels not in _PACKED:
            values = pixels.values
            bits = packed_mask(values)
            _PACKED[pixels] = cls(row=pixels.row, col=pixels.col, shape=values.shape, zlib_base64_bits=bits)
        return _PACKED[pixels]

    def unpacked(self, shape: tuple[int, int], what: str) -> Boxed:
        """Return them, after a look at whether they are inside a plane of ``shape``; of ``what``, errors say."""
        if self.row + self.shape[0] > shape[0] or self.col + self.shape[1] > shape[1]:
            raise ImageError(f"The {what} are not all inside {shape}.")
        return Boxed(self.row, self.col, unpacked_mask(self.zlib_base64_bits, self.shape, what))


@dataclass(frozen=True, kw_only=True)
class StartedRow(OfPlane):
    """The mask that one object starts from in a plane."""

    object_id: FromOne
    origin: str
    pixels: MaskRow

    @classmethod
    def of(cls, one: Started) -> StartedRow:
        """Write down one."""
        return cls(**asdict(one.plane), object_id=one.object_id, origin=one.origin, pixels=MaskRow.of(one.pixels))

    def started(self, shape: tuple[int, int]) -> Started:
        """Return it, after a look at whether it is inside a plane of ``shape``."""
        pixels = self.pixels.unpacked(shape, f"pixels that object {self.object_id} starts from")
        return Started(self.plane, self.object_id, pixels, self.origin)


_PACKED: WeakKeyDictionary[Boxed, MaskRow] = WeakKeyDictionary()


def start_rows(starts: Iterable[Started]) -> tuple[tuple[LabelsRow, ...], tuple[StartedRow, ...]]:
    """Write down what objects start from: as labels of a plane, as files always had them, where these say all of it."""
    planes: dict[PlaneKey, list[Started]] = {}
    for one in starts:
        planes.setdefault(one.plane, []).append(one)
    rows = [_rows_of_plane(plane, tuple(some)) for plane, some in planes.items()]
    labels = tuple(row for row in rows if isinstance(row, LabelsRow))
    return labels, tuple(row for some in rows if not isinstance(some, LabelsRow) for row in some)


@lru_cache(_PLANES)
def _rows_of_plane(plane: PlaneKey, starts: tuple[Started, ...]) -> LabelsRow | tuple[StartedRow, ...]:
    masks = {one.object_id: one.pixels for one in starts}
    if all(one.origin == _LABELS for one in starts) and not _overlap(masks):
        return LabelsRow.of(plane, masks)
    return tuple(map(StartedRow.of, starts))


def _overlap(masks: Masks) -> bool:
    box = box_around(mask.box for mask in masks.values()) or (0, 0, 0, 0)
    pixels = sum(int(np.count_nonzero(mask.values)) for mask in masks.values())
    return int(np.count_nonzero(labels_of(masks, box))) < pixels
