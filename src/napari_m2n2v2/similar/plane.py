"""A plane to look at, part by part, always in the same colours."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.rendering import as_rgb, finite_range
from napari_m2n2v2.images.sparse import Box
from napari_m2n2v2.images.stack import Index, Stack

__all__ = ["Part", "Plane", "PlaneOf", "limits_of", "parts"]

_WHOLE = 2048  # pixels a side, up to which a plane is one part
_SIDE = 1536
_MARGIN = 6.0  # radii, as far as the widest of the features looks


@dataclass(frozen=True)
class Part:
    """A part of a plane.

    Parameters
    ----------
    own, read : tuple of int
        Box of what it is to find, and of what it has to see for that.
    """

    own: Box
    read: Box

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of what is read."""
        return slice(*self.read[:2]), slice(*self.read[2:])

    def owns(self, row: int, col: int) -> bool:
        """Whether a pixel of the plane is its own."""
        return self.own[0] <= row < self.own[1] and self.own[2] <= col < self.own[3]


def parts(shape: tuple[int, int], radius: float) -> list[Part]:
    """Divide a plane into parts, each with a margin that the appearance of its pixels does not reach beyond.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)``.
    radius : float
        Of objects, in pixels.
    """
    if max(shape) <= _WHOLE:
        return [Part((0, shape[0], 0, shape[1]), (0, shape[0], 0, shape[1]))]
    margin = math.ceil(_MARGIN * radius)
    rows, cols = (_spans(length) for length in shape)
    return [
        Part((*row, *col), (*_grown(*row, margin, shape[0]), *_grown(*col, margin, shape[1])))
        for row in rows
        for col in cols
    ]


def _spans(length: int) -> list[tuple[int, int]]:
    count = math.ceil(length / _SIDE)
    edges = [length * n // count for n in range(count + 1)]
    return list(itertools.pairwise(edges))


def _grown(start: int, stop: int, margin: int, length: int) -> tuple[int, int]:
    return max(0, start - margin), min(length, stop + margin)


class PlaneOf:
    """A plane of a stack as something to slice, of which no more is read than is asked for.

    Parameters
    ----------
    stack : Stack
        Of the planes.
    index : sequence of int
        Which one.
    """

    def __init__(self, stack: Stack, index: Index) -> None:
        self._stack, self._index = stack, stack.check(index)
        colour = stack.levels[0].shape[-1:] if stack.rgb else ()
        self.shape: tuple[int, ...] = (*stack.plane_shape, *colour)
        self.dtype = np.dtype(stack.levels[0].dtype)

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[Any]:
        """Read a part."""
        return self._stack.read(self._index, 0, *place)


@dataclass(frozen=True, eq=False)
class Plane:
    """An image, and the values of it that are shown black and white.

    Parameters
    ----------
    pixels : array-like
        ``[H, W]``, ``[H, W, 3]`` or ``[H, W, 4]``, with ``shape``, ``dtype`` and numpy's slicing.
    limits : tuple of float or None
        As :func:`~napari_m2n2v2.images.rendering.as_rgb` takes them.
    """

    pixels: Any
    limits: tuple[float, float] | None

    @classmethod
    def of(cls, image: Any, limits: tuple[float, float] | None) -> Plane:
        """Look at an image, without reading what need not be.

        Raises
        ------
        ImageError
            For another shape.
        """
        pixels = image if hasattr(image, "shape") and hasattr(image, "dtype") else np.asarray(image)
        shape = tuple(pixels.shape)
        if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))):
            raise ImageError(
                f"Expected one 2-D image: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, got shape {shape}. "
                "For several planes, use find_similar_in_stack."
            )
        return cls(pixels, limits)

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    def rgb(self, part: Part) -> NDArray[np.uint8]:
        """Read a part, ``[h, w, 3]`` uint8."""
        return as_rgb(np.asarray(self.pixels[part.place]), self.limits)


def limits_of(images: list[Any]) -> tuple[float, float] | None:
    """Return contrast limits that several images are seen with alike: those of all together, whatever their alpha is.

    None for 8 bit, and for colours as fractions: those are seen as they are.

    Raises
    ------
    ImageError
        If no pixel is finite.
    """
    ranges, nothing = [], None
    for pixels in images:
        kind = np.dtype(pixels.dtype)
        is_unit = kind == np.uint8 or kind == np.bool_ or (kind.kind == "f" and len(pixels.shape) == 3)
        colours = slice(3 if len(pixels.shape) == 3 else None)
        for part in parts((pixels.shape[0], pixels.shape[1]), 0.0) if not is_unit else ():
            try:
                ranges.append(finite_range(np.asarray(pixels[part.place])[..., colours]))
            except ImageError as error:  # as beyond the edge of a mosaic
                nothing = error
    if nothing is not None and not ranges:
        raise nothing
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
