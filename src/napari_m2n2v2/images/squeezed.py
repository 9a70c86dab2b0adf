"""Planes of whole numbers that are kept for long, mostly of one value: compressed, with the box they are in."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.images.sparse import Box, Boxed

__all__ = ["Squeezed"]

_FASTEST = 1  # of zlib's levels; the next ones take twice as long for a tenth less


_FIXED_BYTES = 300  # of the object itself


_Kind = TypeVar("_Kind", np.bool_, np.int32)


@dataclass(frozen=True, eq=False)
class Squeezed:
    """A mask or labels ``[H, W]`` in little memory. Made by :meth:`of`.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)``.
    box : tuple of int or None
        Where anything but 0 is; None if that is nowhere.
    """

    shape: tuple[int, int]
    box: Box | None
    _kind: np.dtype[np.bool_] | np.dtype[np.unsignedinteger]
    _data: bytes

    @classmethod
    def of(cls, values: NDArray[np.bool_] | NDArray[np.int32]) -> Squeezed:
        """Keep a plane of bool, or of whole numbers from 0 on."""
        height, width = values.shape
        return cls.boxed(Boxed(0, 0, values), (height, width))

    @classmethod
    def boxed(cls, values: Boxed, shape: tuple[int, int]) -> Squeezed:
        """Keep a plane of ``shape``, of which a box is given that holds all but 0."""
        part = Boxed.of(values.values)
        boxed = Boxed(values.row + part.row, values.col + part.col, part.values)
        inside = boxed.values
        if inside.dtype == bool:
            kind, packed = inside.dtype, np.packbits(inside)
        else:
            kind = np.min_scalar_type(int(inside.max(initial=0)))
            packed = inside.astype(kind)
        return cls(shape, boxed.box, kind, zlib.compress(packed.tobytes(), _FASTEST))

    @property
    def pixels(self) -> NDArray[np.intp]:
        """Flat places of all that is not 0, ascending."""
        inside = self.as_boxed()
        rows, cols = np.nonzero(inside.values)
        return (rows + inside.row) * self.shape[1] + cols + inside.col

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return len(self._data) + _FIXED_BYTES

    def as_mask(self) -> NDArray[np.bool_]:
        """Return where anything but 0 is, bool ``[H, W]``, a new array."""
        return self._spread(np.zeros(self.shape, dtype=bool))

    def as_labels(self) -> NDArray[np.int32]:
        """Return int32 ``[H, W]``, a new array."""
        return self._spread(np.zeros(self.shape, dtype=np.int32))

    def as_boxed(self) -> Boxed:
        """Return what is in the box, a new array: bool of a mask, else whole numbers."""
        if self.box is None:
            return Boxed(0, 0, np.zeros((0, 0), dtype=self._kind))
        top, bottom, left, right = self.box
        size = bottom - top, right - left
        raw = np.frombuffer(zlib.decompress(self._data), dtype=np.uint8)
        if self._kind.kind == "b":
            return Boxed(top, left, np.unpackbits(raw, count=math.prod(size)).view(bool).reshape(size))
        return Boxed(top, left, raw.view(self._kind).reshape(size))

    def _spread(self, plane: NDArray[_Kind]) -> NDArray[_Kind]:
        if self.box is not None:
            top, bottom, left, right = self.box
            plane[top:bottom, left:right] = self.as_boxed().values
        return plane
