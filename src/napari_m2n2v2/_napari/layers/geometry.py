"""Which plane of an image is meant, and which part of it: what is shown, where a point lies.

Convention: the axes of a plane are the layer's own and ascending, so that a transposed view shows the same plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.images.tile import View
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["place_of", "plane_of_point", "show_plane", "show_point", "shown_plane", "stack_of", "view_of"]


def stack_of(layer: Any, axes: tuple[int, int] = (-2, -1)) -> Stack:
    """See the data of an Image or Labels layer as planes; nothing is read.

    Raises
    ------
    ImageError
        If there are no such axes.
    """
    rgb = bool(getattr(layer, "rgb", False))
    return Stack.of(layer.data, plane_axes=axes, rgb=rgb, multiscale=layer.multiscale)


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
        None in the 3-D view of a stack, and where the sliders are beyond the layer.
    """
    offset = dims.ndim - layer.ndim
    if offset < 0 or (dims.ndisplay != 2 and layer.ndim > 2):
        return None
    first, second = sorted([axis - offset for axis in dims.order if axis >= offset][-2:])
    stack = stack_of(layer, (first, second))
    position = layer.world_to_data(dims.point)
    # As napari rounds what it shows: halves to the even plane.
    index = tuple(int(np.round(position[axis])) for axis in stack.index_axes)
    inside = all(0 <= at < length for at, length in zip(index, stack.index_shape, strict=True))
    return PlaneKey((first, second), index) if inside else None


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
