"""Arrays in a text, compressed: how session files hold labels and masks."""

from __future__ import annotations

import base64
import math
import zlib

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import UnreadableFileError

__all__ = ["packed_labels", "packed_mask", "unpacked_labels", "unpacked_mask"]

_MOST_TO_ONE = 1032  # bytes that zlib can make of one


def packed_labels(labels: NDArray[np.int32]) -> str:
    """Return int32 as text."""
    return _pack(labels.astype("<i4").tobytes())


def packed_mask(mask: NDArray[np.bool_]) -> str:
    """Return bool as text, eight to a byte."""
    return _pack(np.packbits(mask).tobytes())


def unpacked_labels(text: str, shape: tuple[int, int], what: str) -> NDArray[np.int32]:
    """Return int32 of a shape.

    Raises
    ------
    UnreadableFileError
        If the text holds something else; of ``what``, it says.
    """
    raw = _unpack(text, 4 * math.prod(shape), shape, what)
    return np.frombuffer(raw, dtype="<i4").astype(np.int32).reshape(shape)


def unpacked_mask(text: str, shape: tuple[int, int], what: str) -> NDArray[np.bool_]:
    """Return bool of a shape; errors are those of :func:`unpacked_labels`."""
    raw = _unpack(text, -(-math.prod(shape) // 8), shape, what)
    return np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=math.prod(shape)).astype(bool).reshape(shape)


def _pack(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode("ascii")


def _unpack(text: str, size: int, shape: tuple[int, int], what: str) -> bytes:
    """Return as many bytes; no more is unpacked than the shape says."""
    try:
        data = base64.b64decode(text, validate=True)
        stream = zlib.decompressobj()
        raw = stream.decompress(data, size + 1) if size <= _MOST_TO_ONE * len(data) else b""
    except (ValueError, zlib.error) as error:
        raise UnreadableFileError(f"{what} cannot be unpacked: {error}") from error
    if len(raw) != size or not stream.eof:
        raise UnreadableFileError(f"{what} are not as many as their shape {shape} says")
    return raw
