"""Scribbles, boxes and outlines in napari: as a point of the clicks layer and a text beside it, and as a shape.

Every prompt has a point, its handle, so that it is selected, moved, flipped and deleted as a click is. What it is, is
said in the features of that point, such as ``box 30 40; 180 220``; a Shapes layer draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.prompts import Box, Outline, Prompt, Scribble
from napari_m2n2v2.session.document import PlacedClick

if TYPE_CHECKING:
    from napari.layers import Shapes

__all__ = [
    "NUMBER", "Kind", "as_shape_text", "draw_shapes", "drawn_shape", "handle_of", "is_drawn", "make_prompt",
    "prompt_from_text", "read_shape", "reshaped",
]  # fmt: skip

Kind = Literal["scribble", "box", "outline"]
Points = Sequence[Sequence[float]]

_KINDS: dict[type, Kind] = {Scribble: "scribble", Box: "box", Outline: "outline"}

_SHAPES: dict[Kind, str] = {"scribble": "path", "box": "rectangle", "outline": "polygon"}

_FROM_SHAPES: dict[str, Kind] = {
    "rectangle": "box", "line": "scribble", "path": "scribble", "polygon": "outline", "ellipse": "outline",
}  # fmt: skip

_AROUND = 32  # corners of what an ellipse becomes


# -- in the table of clicks ----------------------------------------------------------------------------------------


def as_shape_text(prompt: Prompt) -> str:
    """Write what a prompt is as the features of its point hold it; empty for a click."""
    if isinstance(prompt, Click):
        return ""
    return f"{_KINDS[type(prompt)]} " + "; ".join(f"{row!r} {col!r}" for row, col in _corners(prompt))


def prompt_from_text(text: str, click: Click, shape: tuple[int, int]) -> Prompt:
    """Return the prompt that a text says, moved to where its point is now.

    Parameters
    ----------
    text : str
        Of :func:`as_shape_text`.
    click : Click
        Of the point.
    shape : tuple of int
        Of the plane.

    Raises
    ------
    ClickError
        If the text says something else, or a class of what has none.
    """
    if not text:
        return click
    kind, _, numbers = text.partition(" ")
    try:
        points = [tuple(map(float, pair.split())) for pair in numbers.split(";")]
        said: Kind = next(known for known in _SHAPES if known == kind)
    except (ValueError, StopIteration) as error:
        raise ClickError(f"What is drawn is told as in 'box 30 40; 180 220', got {text!r:.80}.") from error
    found = make_prompt(said, points, click.foreground, click.object_id, click.threshold)
    was = handle_of(found, shape)
    if was == (click.row, click.col):
        return found
    return found.moved_to(found.row + click.row - was[0], found.col + click.col - was[1])


def handle_of(prompt: Prompt, shape: tuple[int, int]) -> tuple[float, float]:
    """Return where the point of a prompt is, (row, col): its first corner, or what is nearest of the image."""
    if isinstance(prompt, Click):
        return prompt.row, prompt.col
    row, col = (min(max(at, 0.0), size - 1.0) for at, size in zip((prompt.row, prompt.col), shape, strict=True))
    return row, col


def make_prompt(
    kind: Kind, points: Points, foreground: bool, object_id: int, threshold: float | None = None
) -> Scribble | Box | Outline:
    """Make a prompt of points (row, col); a box is the one around them.

    Raises
    ------
    ClickError
        If there is no such prompt.
    """
    corners = tuple((float(row), float(col)) for row, col in points)
    if kind == "scribble":
        return Scribble(corners, foreground, object_id, threshold)
    if not foreground:
        raise ClickError("A box or an outline says where the object is; what is not it are clicks and scribbles.")
    if kind == "outline":
        return Outline(corners, object_id)
    (top, left), (bottom, right) = np.min(points, axis=0), np.max(points, axis=0)
    return Box(float(top), float(left), float(bottom), float(right), object_id)


# -- as shapes -----------------------------------------------------------------------------------------------------


def drawn_shape(prompt: Scribble | Box | Outline, stack: Stack, index: Sequence[int]) -> tuple[NDArray[Any], str]:
    """Return corners in data coordinates, float ``[N, ndim]``, and what napari calls the shape."""
    corners: Points = prompt.drawn[:-1] if isinstance(prompt, Box) else _corners(prompt)
    if len(corners) == 1:
        corners = (*corners, *corners)  # a path has two
    data = np.array([stack.join(tuple(index), row, col) for row, col in corners], dtype=float)
    return data, _SHAPES[_KINDS[type(prompt)]]


def read_shape(shape_type: str, data: NDArray[Any], axes: tuple[int, int]) -> tuple[Kind, list[tuple[float, float]]]:
    """Return what a shape that somebody drew says: the kind of prompt, and its points (row, col)."""
    corners = np.asarray(data, dtype=float)[:, list(axes)]
    if shape_type == "ellipse":  # napari keeps the corners around it
        angles = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)[:, None]
        down, across = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
        corners = corners.mean(axis=0) + np.cos(angles) * down + np.sin(angles) * across
    return _FROM_SHAPES[shape_type], [(float(row), float(col)) for row, col in corners]


def reshaped(prompt: Scribble | Box | Outline, data: NDArray[Any], axes: tuple[int, int]) -> Scribble | Box | Outline:
    """Return a prompt with the corners that its shape has now.

    Raises
    ------
    ClickError
        If these make none.
    """
    points = [(float(row), float(col)) for row, col in np.asarray(data)[:, list(axes)]]
    if isinstance(prompt, Box):
        return make_prompt("box", points, True, prompt.object_id)
    return replace(prompt, points=tuple(points))


def draw_shapes(layer: Shapes, shapes: Sequence[tuple[NDArray[Any], str]], kept: int, colours: NDArray[Any]) -> None:
    """Make a Shapes layer show these shapes, the first ``kept`` of which it shows already; colours ``[N, 4]``."""
    if kept < layer.nshapes:
        layer.selected_data = set()
        layer.data = list(shapes)
        if shapes:
            layer.face_color, layer.edge_width = "transparent", layer.current_edge_width
    elif kept < len(shapes):
        data, types = zip(*shapes[kept:], strict=True)
        look = {"face_color": "transparent", "edge_width": layer.current_edge_width}
        layer.add(list(data), shape_type=list(types), edge_color=list(colours[kept:]), **look)
    layer.features = {NUMBER: np.arange(len(shapes))}
    if shapes and not np.allclose(layer.edge_color, colours):
        layer.edge_color = colours


NUMBER = "prompt"
"""The feature of a shape that says which prompt it is."""


def _corners(prompt: Scribble | Box | Outline) -> Points:
    if isinstance(prompt, Box):
        return (prompt.row0, prompt.col0), (prompt.row1, prompt.col1)
    return prompt.points


def is_drawn(placed: PlacedClick) -> bool:
    """Whether a prompt is more than a click."""
    return not isinstance(placed.click, Click)
