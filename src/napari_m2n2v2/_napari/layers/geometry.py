"""Which plane of an image is meant, and which part of it: what is shown, where a point lies.

Convention: the axes of a plane are the layer's own and ascending, so that a transposed view shows the same plane.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.sparse import Box
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.images.tile import View
from napari_m2n2v2.session.document import PlaneKey

__all__ = [
    "axis_names",
    "bring_into_view",
    "is_in_view",
    "is_oblique",
    "likely_axis",
    "place_of",
    "plane_of_point",
    "projected_planes",
    "show_plane",
    "show_point",
    "shown_plane",
    "stack_of",
    "view_of",
]

_NUMBER = re.compile(r"-?\d*")  # what napari calls axes that nobody named
_ROUNDING = 0.25  # pixels
_STACKS: WeakKeyDictionary[Any, tuple[Any, Any, dict[tuple[int, int], Stack]]] = WeakKeyDictionary()


def stack_of(layer: Any, axes: tuple[int, int] = (-2, -1)) -> Stack:
    """See the data of an Image or Labels layer as planes; nothing is read.

    Raises
    ------
    ImageError
        If there are no such axes.
    """
    data, rgb = layer.data, bool(getattr(layer, "rgb", False))
    kind = rgb, None if layer.multiscale else tuple(data.shape)
    known = _STACKS.get(layer)
    if known is None or known[0] is not data or known[1] != kind:
        known = _STACKS[layer] = data, kind, {}
    if axes not in known[2]:
        known[2][axes] = Stack.of(data, plane_axes=axes, rgb=rgb, multiscale=layer.multiscale)
    return known[2][axes]


def place_of(
    stack: Stack, key: PlaneKey, rows: slice = slice(None), cols: slice = slice(None)
) -> tuple[int | slice, ...]:
    """Return what indexes full-resolution data for a part of a plane.

    Raises
    ------
    ImageError
        If there is no such plane.
    """
    place: list[int | slice] = [slice(None)] * len(stack.shape)
    for axis, at in zip(stack.index_axes, stack.check(key.index), strict=True):
        place[axis] = at
    place[key.axes[0]], place[key.axes[1]] = rows, cols
    return tuple(place)


def shown_plane(dims: Any, layer: Any) -> PlaneKey | None:
    """Return the plane of a layer that a viewer shows.

    Parameters
    ----------
    dims : napari.components.Dims
        Of the viewer, which may have more axes than the layer: the layer's are its last.
    layer : Image or Labels

    Returns
    -------
    PlaneKey or None
        None in the 3-D view of a stack, where the sliders are beyond the layer, and where no slice of the layer's data
        is what is seen (:func:`is_oblique`).
    """
    offset = dims.ndim - layer.ndim
    if offset < 0 or (dims.ndisplay != 2 and layer.ndim > 2) or is_oblique(dims, layer):
        return None
    first, second = _plane_axes(dims, layer)
    stack = stack_of(layer, (first, second))
    position = layer.world_to_data(dims.point)
    # As napari rounds what it shows: halves to the even plane.
    index = tuple(int(np.round(position[axis])) for axis in stack.index_axes)
    inside = all(0 <= at < length for at, length in zip(index, stack.index_shape, strict=True))
    return PlaneKey((first, second), index) if inside else None


def axis_names(dims: Any, layer: Any) -> tuple[str, ...]:
    """Return what the axes of a layer are called, by itself or else by the viewer; "" for one that nobody named."""
    offset = dims.ndim - layer.ndim
    of_viewer = dims.axis_labels[offset:] if offset >= 0 else [""] * layer.ndim
    pairs = zip(layer.axis_labels, of_viewer, strict=True)
    return tuple(next((str(label) for label in pair if not _NUMBER.fullmatch(str(label))), "") for pair in pairs)


def likely_axis(names: Sequence[str], stack: Stack) -> int:
    """Return the index axis along which an object goes on, as far as names tell: depth, else time, else the last."""
    long = [axis for axis, length in zip(stack.index_axes, stack.index_shape, strict=True) if length > 1]
    kinds = [names[axis].lower()[:1] for axis in long]
    for kind in "zt":
        if kind in kinds:
            return long[kinds.index(kind)]
    plain = [axis for axis, kind in zip(long, kinds, strict=True) if kind != "c"]
    return (plain or long or list(stack.index_axes))[-1]


def _plane_axes(dims: Any, layer: Any) -> tuple[int, int]:
    """Return the axes of a layer that a viewer shows as a plane, ascending."""
    offset = dims.ndim - layer.ndim
    first, second = sorted([axis - offset for axis in dims.order if axis >= offset][-2:])
    return first, second


def is_oblique(dims: Any, layer: Any) -> bool:
    """Tell whether a layer's transform mixes the axes on screen with those of the sliders.

    What napari then draws, where it says the cursor is and what a slider says are three different slices of the data.
    Less than a quarter of a pixel over the whole layer is rounding.
    """
    if dims.ndim < layer.ndim or layer.ndim <= 2:
        return False
    on_screen = list(_plane_axes(dims, layer))
    sliders = [axis for axis in range(layer.ndim) if axis not in on_screen]
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    to_world = np.stack([np.asarray(layer.data_to_world(axis)) - origin for axis in np.eye(layer.ndim)], axis=1)
    lengths = np.array(stack_of(layer).shape)
    away = 0.0
    for one, other in ((on_screen, sliders), (sliders, on_screen)):
        # How far a walk along one kind of axes leads astray on the other, in pixels of that.
        mixed = np.linalg.solve(to_world[np.ix_(other, other)], to_world[np.ix_(other, one)])
        away = max(away, float(np.abs(mixed * lengths[one]).max()))
    return away > _ROUNDING


def projected_planes(dims: Any, layer: Any, key: PlaneKey) -> dict[int, tuple[int, int]]:
    """Return first and last index, by axis, of the slices that a viewer shows as one beside the plane of the sliders.

    Empty where it shows one slice, as it does unless a thickness and a projection are chosen.
    """
    if getattr(layer, "projection_mode", "none") == "none":
        return {}
    offset, stack = dims.ndim - layer.ndim, stack_of(layer, key.axes)
    low, high = (
        np.asarray(layer.world_to_data(np.add(dims.point, margins)[offset:]))
        for margins in (np.negative(dims.margin_left), dims.margin_right)
    )
    found = {}
    for axis, length in zip(stack.index_axes, stack.index_shape, strict=True):
        first, last = sorted((low[axis], high[axis]))
        first, last = max(int(np.round(first)), 0), min(int(np.round(last)), length - 1)
        if first < last:
            found[axis] = (first, last)
    return found


def view_of(viewer: Any, layer: Any, key: PlaneKey) -> View:
    """Return the field of view of a viewer on a plane of a layer that it shows, in pixels of the plane."""
    dims, camera = viewer.dims, viewer.scene.camera
    offset = dims.ndim - layer.ndim
    half = np.divide(viewer.canvas.size, 2 * camera.zoom)
    corners = []
    for down, across in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        world = np.array(dims.point, dtype=float)
        world[list(dims.displayed)[-2:]] = np.array(camera.center[-2:]) + half * (down, across)
        corners.append(np.asarray(layer.world_to_data(world[offset:]))[list(key.axes)])
    (top, left), (bottom, right) = np.min(corners, axis=0), np.max(corners, axis=0)
    return float(top), float(left), float(bottom), float(right)


def show_point(viewer: Any, layer: Any, key: PlaneKey, row: float, col: float) -> None:
    """Move a viewer's camera, without zooming, to a point of a plane that it shows."""
    world = layer.data_to_world(stack_of(layer, key.axes).join(key.index, row, col))
    offset = viewer.dims.ndim - layer.ndim
    center = tuple(float(world[axis - offset]) for axis in list(viewer.dims.displayed)[-2:])
    viewer.scene.camera.center = (*viewer.scene.camera.center[:-2], *center)


def is_in_view(viewer: Any, layer: Any, key: PlaneKey, box: Box) -> bool:
    """Whether all of a box of a plane that a viewer shows is where its camera looks."""
    top, left, bottom, right = view_of(viewer, layer, key)
    return bool(top <= box[0] and box[1] <= bottom and left <= box[2] and box[3] <= right)


def bring_into_view(viewer: Any, layer: Any, key: PlaneKey, box: Box | None) -> None:
    """Move a viewer's camera to the middle of a box of a plane that it shows, unless all of it is in view."""
    if box is not None and not is_in_view(viewer, layer, key, box):
        show_point(viewer, layer, key, (box[0] + box[1] - 1) / 2, (box[2] + box[3] - 1) / 2)


def show_plane(dims: Any, layer: Any, key: PlaneKey) -> None:
    """Move a viewer's sliders, and turn its axes where needed, so that it shows a plane of a layer."""
    offset = dims.ndim - layer.ndim
    shown = shown_plane(dims, layer)
    if shown == key:
        return
    if shown is None or shown.axes != key.axes:
        wanted = [axis + offset for axis in key.axes]
        dims.order = (*(axis for axis in dims.order if axis not in wanted), *wanted)
    stack = stack_of(layer, key.axes)
    world = layer.data_to_world(stack.join(key.index, 0, 0))
    dims.set_point([axis + offset for axis in stack.index_axes], [world[axis] for axis in stack.index_axes])


def plane_of_point(
    stack: Stack, position: Sequence[float], shown: PlaneKey | None = None
) -> tuple[Index, tuple[float, float]]:
    """Return the index of the plane that a point belongs to, and (row, col) in it.

    Parameters
    ----------
    stack : Stack
        With the axes of the plane.
    position : sequence of float
        In the layer's data coordinates.
    shown : PlaneKey, optional
        Of two planes that are equally near, the one that is shown.

    Raises
    ------
    ClickError
        If it is outside the image or not finite.
    """
    if not all(math.isfinite(at) for at in position):
        raise ClickError(f"A click needs finite coordinates, got {tuple(float(at) for at in position)}.")
    index, place = stack.split(position)
    if shown is not None and shown.axes == stack.plane_axes:
        away = [abs(position[axis] - at) for axis, at in zip(stack.index_axes, shown.index, strict=True)]
        index = shown.index if max(away, default=0.0) <= 0.5 else index
    if not all(0 <= at < length for at, length in zip(index, stack.index_shape, strict=True)):
        raise ClickError(
            f"A click in plane {index} is outside the image, whose planes go from {(0,) * len(index)} to "
            f"{tuple(length - 1 for length in stack.index_shape)}."
        )
    return index, place
