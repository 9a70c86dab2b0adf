"""A Labels layer that masks go into: whether it can take them, and what is in it, plane by plane."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.places import PlaneKey, place_of, stack_of
from napari_m2n2v2.errors import ImageError

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = ["SMALL", "check_labels", "highest_labels", "is_small", "read_plane"]

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


def read_plane(labels: Labels, key: PlaneKey) -> NDArray[Any]:
    """Read one plane of a Labels layer, ``[H, W]``; it may be a view."""
    return np.asarray(labels.data[place_of(stack_of(labels, key.axes), key)])


def is_small(labels: Labels) -> bool:
    """Whether all labels can be looked through while the user waits."""
    return math.prod(stack_of(labels).shape) <= SMALL


def highest_labels(labels: Labels) -> Iterator[int]:
    """Go through the highest label of each plane, reading one after the other."""
    stack = stack_of(labels)
    return (int(stack.read(index).max()) for index in stack)
