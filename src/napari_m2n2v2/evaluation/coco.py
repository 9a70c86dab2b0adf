"""Masks of COCO annotations, checked first: the library that draws them ends the process at numbers that lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import MissingDependencyError, UnreadableFileError

__all__ = ["coco_mask"]

_MOST_PIXELS = 10**9
_CORNERS = 3  # of a polygon, at least; of two the library would make a box


def coco_mask(annotation: dict[str, Any]) -> NDArray[np.bool_]:
    """Draw an annotation.

    Parameters
    ----------
    annotation : dict
        ``segmentation`` as polygons ``[[x, y, ...], ...]`` or as run lengths ``{"size": [H, W], "counts": ...}``, with
        ``height`` and ``width`` of its image.

    Returns
    -------
    ndarray
        bool ``[H, W]``.

    Raises
    ------
    UnreadableFileError
        If it is none: lengths that do not fill the image, corners far outside it, no numbers.
    MissingDependencyError
        If there are polygons, and pycocotools is not installed.
    """
    height, width = (_side(annotation, name) for name in ("height", "width"))
    if height * width > _MOST_PIXELS:
        raise UnreadableFileError(f"An annotation is of an image of {height} x {width}: at most 10^9 pixels are drawn.")
    outline = annotation["segmentation"]
    if isinstance(outline, dict):
        return _from_runs(_runs(outline, height, width), height, width)
    return _from_polygons([_polygon(corners, height, width) for corners in _list(outline)], height, width)


def _side(annotation: dict[str, Any], name: str) -> int:
    side = annotation[name]
    if not isinstance(side, int) or side < 1:
        raise UnreadableFileError(f"Expected the {name} of an image in pixels, got {_short(side)}.")
    return side


def _list(outline: Any) -> Sequence[Any]:
    if not isinstance(outline, list | tuple) or not outline:
        raise UnreadableFileError(f"Expected polygons or run lengths as the segmentation, got {_short(outline)}.")
    return outline


def _polygon(corners: Any, height: int, width: int) -> list[float]:
    try:
        places = np.asarray(corners, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableFileError(f"Expected a polygon [x, y, x, y, ...], got {_short(corners)}.") from error
    if places.ndim != 1 or len(places) % 2 or len(places) < 2 * _CORNERS:
        raise UnreadableFileError(f"Expected a polygon [x, y, ...] of three corners or more, got {_short(corners)}.")
    far = float(max(height, width))
    if not (np.isfinite(places).all() and (np.abs(places - far / 2) <= 1.5 * far).all()):
        raise UnreadableFileError(
            f"A polygon has corners that are no numbers, or far outside its image of {height} x {width}."
        )
    return [float(place) for place in places]


def _from_polygons(polygons: list[list[float]], height: int, width: int) -> NDArray[np.bool_]:
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        raise MissingDependencyError('COCO files need pycocotools: pip install "napari-m2n2v2[evaluation]"') from error
    return np.asarray(coco.decode(coco.merge(coco.frPyObjects(polygons, height, width))), dtype=bool)


def _runs(outline: dict[str, Any], height: int, width: int) -> NDArray[np.int64]:
    counts, size = outline.get("counts"), outline.get("size")
    if isinstance(counts, bytes):  # as pycocotools encodes them
        counts = counts.decode("latin-1")
    if not isinstance(size, list | tuple) or list(size) != [height, width]:
        raise UnreadableFileError(f"Run lengths are of {_short(size)}, but their image is of {[height, width]}.")
    numbers = _unpacked(counts) if isinstance(counts, str) else counts
    runs = numbers if isinstance(numbers, list) and all(isinstance(n, int) and n >= 0 for n in numbers) else []
    if sum(runs) != height * width:
        raise UnreadableFileError(
            f"Run lengths must be whole numbers that add up to the {height * width} pixels of their image, "
            f"got {_short(counts)}."
        )
    return np.asarray(runs, dtype=np.int64)


def _unpacked(text: str) -> list[int]:
    """Read run lengths as COCO packs them: five bits a character, from the third on as the difference to two before."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise UnreadableFileError(f"Expected packed run lengths, got {_short(text)}.")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # the last of this number
            if bits & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise UnreadableFileError(f"Packed run lengths end in the middle of a number: {_short(text)}.")
    return runs


def _from_runs(runs: NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(inside.reshape(width, height).T)  # they go down the columns


def _short(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else f"{text[:60]}..."
