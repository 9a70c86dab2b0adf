"""From napari's Points layer to clicks and back: the one converter; and the layers that the dock makes.

Convention: points are in the Points layer's data coordinates, which are the image's because the layer has the image's
transform. A point has one coordinate for each axis of the image, a click only the two of its plane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import plane_of_point, stack_of
from napari_m2n2v2._napari.layers.mask_colors import MASKS_OPACITY, mask_colors
from napari_m2n2v2._napari.layers.prompts import as_shape_text, handle_of, prompt_from_text
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.prompts import Box, Outline, Prompt
from napari_m2n2v2.session.document import PartKey, PlacedClick, PlaneKey

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

__all__ = [
    "as_part_text",
    "as_text",
    "colour_of",
    "feature_table",
    "features_of",
    "follow",
    "line_width",
    "make_labels",
    "make_points",
    "make_shapes",
    "place_in_plane",
    "place_like",
    "read_clicks",
    "read_features",
    "show_clicks",
    "transform_of",
]

CLASS, OBJECT, THRESHOLD, AXES, PLACED_BY, PART = "class", "object", "threshold", "axes", "placed by", "part"
DRAWN = "drawn"  # what is no click
COLUMNS = (CLASS, OBJECT, THRESHOLD, AXES, PLACED_BY, PART, DRAWN)
"""Those of the features table that are ours; all others are the user's."""


FOREGROUND, BACKGROUND = "foreground", "background"


USER, PROPAGATION = "user", "propagation"


# Red and green are one colour to many people, so the symbols differ too.
_COLOR = {FOREGROUND: (0.18, 0.8, 0.25, 1.0), BACKGROUND: (1.0, 0.25, 0.21, 1.0)}


FOREGROUND_COLOR, BACKGROUND_COLOR = _COLOR[FOREGROUND], _COLOR[BACKGROUND]


# Hollow, so that what is clicked on stays to be seen.
_SYMBOL = {FOREGROUND: "ring", BACKGROUND: "cross"}


_BORDER = {False: (1.0, 1.0, 1.0, 1.0), True: (0.18, 0.61, 1.0, 1.0)}  # by whether it was carried


_CANVAS_PIXELS = (7, 16)  # a click is drawn no smaller and no larger, however far one zooms
_LIMITS_OF_NONE = (0, 16)  # where no click is seen: napari draws one of size 0 there, which must stay that small


_LARGE = 1024  # image pixels: from there on, points grow no more


_SYMBOLS_OF_AREAS: dict[type, str] = {Box: "square", Outline: "diamond"}


# class, object, threshold, axes of the plane, part of it, what is drawn
PointFeatures = tuple[str, int, float | None, tuple[int, int], Region | None, str]


_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


def transform_of(layer: Image) -> dict[str, Any]:
    """Return everything that places a layer in the world, to give to another."""
    return {name: getattr(layer, name) for name in _PLACE}


def place_in_plane(image: Image, part: PartKey, array: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return ``array [H, W]`` with the image's axes and what places it in that part: data and settings of a layer."""
    from napari.utils.transforms import Affine

    key, region = part.plane, part.region
    stack = stack_of(image, key.axes)
    named = transform_of(image)
    inner = Affine(scale=image.scale, rotate=image.rotate, shear=image.shear, ndim=image.ndim).linear_matrix
    named["translate"] = image.translate + inner @ np.array(stack.join(key.index, region.top, region.left))
    return np.expand_dims(array, stack.index_axes), named


def place_like(layer: Any, image: Image) -> None:
    """Lay a layer of ours over its image; files that napari saves do not tell where it was."""
    for name, value in transform_of(image).items():
        setattr(layer, name, value)


def follow(image: Image, event: Any, others: Iterable[Any]) -> None:
    """Move other layers as the image was moved: the handler of its events of place."""
    if event.type in _PLACE:
        for layer in others:
            setattr(layer, event.type, getattr(image, event.type))


def make_points(image: Image) -> Points:
    """Make an empty Points layer for the clicks on an image, with its axes and its transform."""
    from napari.layers import Points

    table = feature_table((), image.ndim)
    # An empty layer without defaults breaks at the first point.
    defaults: dict[str, Any] = {CLASS: FOREGROUND, OBJECT: 1, THRESHOLD: np.nan, PLACED_BY: USER}
    defaults[AXES] = as_text(_last_axes(image.ndim))
    return Points(
        ndim=image.ndim,
        name=f"{image.name} clicks",
        size=max(3.0, 0.03 * min(*stack_of(image).plane_shape, _LARGE)),
        canvas_size_limits=_LIMITS_OF_NONE,
        border_color="white",
        border_width=0.08,
        features=table,
        feature_defaults={name: defaults[name] for name in table},
        metadata={"napari_m2n2v2": "clicks"},
        **transform_of(image),
    )


def make_shapes(image: Image) -> Shapes:
    """Make an empty Shapes layer for what is drawn on an image, with its axes and its transform."""
    from napari.layers import Shapes

    return Shapes(
        ndim=image.ndim,
        name=f"{image.name} prompts",
        edge_width=line_width(image),
        face_color="transparent",
        metadata={"napari_m2n2v2": "prompts"},
        **transform_of(image),
    )


def line_width(image: Image) -> float:
    """Return how wide lines are drawn on an image, in its pixels: thin."""
    return max(0.25, 0.004 * min(*stack_of(image).plane_shape, _LARGE))


def make_labels(image: Image) -> Labels:
    """Make an empty Labels layer for the masks of an image, with its transform.

    Raises
    ------
    ImageError
        If the masks do not fit into memory.
    """
    from napari.layers import Labels

    shape = stack_of(image).shape
    try:
        masks = np.zeros(shape, dtype=np.int32)  # takes memory where it is written, not before
    except MemoryError as error:
        raise ImageError(
            f"Masks of shape {shape} do not fit into memory. Make a zarr array of that shape, add it as a Labels "
            "layer, and choose it under More > Write into."
        ) from error
    return Labels(
        masks,
        name=f"{image.name} masks",
        opacity=MASKS_OPACITY,
        colormap=mask_colors(1),
        metadata={"napari_m2n2v2": "masks"},
        **transform_of(image),
    )


def read_clicks(points: Points, image: Image, shown: PlaneKey | None = None) -> tuple[PlacedClick, ...]:
    """Read the clicks a Points layer holds, in its order.

    Parameters
    ----------
    points : Points layer
        With as many axes as the image.
    image : Image layer
        That is clicked.
    shown : PlaneKey, optional
        Where a point that lies between two planes belongs, if it is one of them.

    Raises
    ------
    ClickError
        If a point is outside the image, or its features are not a class, an object id and a threshold.
    """
    features = read_features(points)
    stacks = {axes: stack_of(image, axes) for axes in {axes for *_, axes, _, _ in features}}
    known = points.ndim > 2 and PLACED_BY in points.features
    carried = points.features[PLACED_BY] == PROPAGATION if known else [False] * len(features)
    placed = []
    rows = zip(points.data, features, carried, strict=True)
    for position, (label, object_id, threshold, axes, region, drawn), by in rows:
        if label not in _SYMBOL:
            raise ClickError(f"The class of a point must be '{FOREGROUND}' or '{BACKGROUND}', got {label!r}.")
        index, (row, col) = plane_of_point(stacks[axes], position, shown)
        click = Click(row, col, label == FOREGROUND, object_id, threshold)
        click.pixel(shape := stacks[axes].plane_shape)
        prompt = prompt_from_text(drawn, click, shape)
        prompt.pixels(shape)
        if region is not None and not region.is_inside(shape):  # the image was cropped, say
            region = None
        placed.append(PlacedClick(PlaneKey(axes, index), prompt, bool(by), region))
    return tuple(placed)


def read_features(points: Points) -> list[PointFeatures]:
    """Read class, object id, own threshold, axes of the plane, part of it and what is drawn of every point.

    Raises
    ------
    ClickError
        If a column is missing or holds something else.
    """
    try:
        table = points.features
        thresholds = [None if np.isnan(value) else float(value) for value in table[THRESHOLD]]
        objects = [int(value) for value in table[OBJECT]]
        axes = [_last_axes(points.ndim)] * len(objects)
        if points.ndim > 2 and AXES in table:
            axes = [_as_axes(value, points.ndim) for value in table[AXES]]
        parts = [_as_region(value) for value in table[PART]] if PART in table else [None] * len(objects)
        drawn = [text if isinstance(text, str) else "" for text in table.get(DRAWN, [""] * len(objects))]
        return list(zip(table[CLASS], objects, thresholds, axes, parts, drawn, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ClickError(
            f"The features of the clicks need the columns '{CLASS}', '{OBJECT}' (a whole number) and '{THRESHOLD}' "
            f"(a number or NaN); '{AXES}' names the two axes of the plane, such as '1 2'; '{PART}' is empty or has "
            f"five whole numbers (top, left, height, width, pixels to one): {error}."
        ) from error


def features_of(clicks: Iterable[PlacedClick]) -> list[PointFeatures]:
    """Return what :func:`read_features` reads when the layer shows these clicks."""
    return [
        (
            FOREGROUND if c.click.foreground else BACKGROUND,
            c.click.object_id,
            None if isinstance(c.click, (Box, Outline)) else c.click.threshold,
            c.plane.axes,
            c.region,
            as_shape_text(c.click),
        )
        for c in clicks
    ]


def feature_table(placed: Sequence[PlacedClick], ndim: int = 2) -> dict[str, NDArray[Any]]:
    """Return the features of a Points layer of ``ndim`` axes that shows these clicks."""
    features = features_of(placed)
    table = {
        CLASS: np.array([label for label, *_ in features], dtype=object),
        OBJECT: np.array([object_id for _, object_id, *_ in features], dtype=int),
        THRESHOLD: np.array([np.nan if value is None else value for _, _, value, *_ in features], dtype=float),
    }
    if ndim > 2:
        table[AXES] = np.array([as_text(axes) for *_, axes, _, _ in features], dtype=object)
        table[PLACED_BY] = np.array([PROPAGATION if p.carried else USER for p in placed], dtype=object)
    if any(p.region for p in placed):
        table[PART] = np.array([as_part_text(p.region) for p in placed], dtype=object)
    if any(drawn for *_, drawn in features):
        table[DRAWN] = np.array([drawn for *_, drawn in features], dtype=object)
    return table


def show_clicks(points: Points, image: Image, placed: Sequence[PlacedClick], table: Any = None) -> None:
    """Make a Points layer show these clicks; the caller keeps its own handlers from hearing of it.

    Parameters
    ----------
    points, image : Points layer, Image layer
        What shows them, and what they are on.
    placed : sequence of PlacedClick
        The clicks.
    table : DataFrame, optional
        Their features, :func:`feature_table` and what the user keeps beside it.
    """
    stacks = {axes: stack_of(image, axes) for axes in {p.plane.axes for p in placed}}
    of = [(stacks[p.plane.axes], p) for p in placed]
    at = [stack.join(p.plane.index, *handle_of(p.click, stack.plane_shape)) for stack, p in of]
    positions = np.array(at, dtype=float).reshape(-1, image.ndim)
    if positions.shape != points.data.shape or not np.array_equal(positions, points.data):
        points.selected_data = set()
        points.data = positions
        points.set_view_slice()  # which napari leaves for later where the layer is hidden; looks go by what is in view
    points.features = feature_table(placed, image.ndim) if table is None else table
    if placed:
        labels = [FOREGROUND if p.click.foreground else BACKGROUND for p in placed]
        looks = zip(placed, labels, strict=True)
        symbols = [_SYMBOLS_OF_AREAS.get(type(p.click)) or _SYMBOL[label] for p, label in looks]
        # Each of these has napari draw all points anew, and a click that napari added looks as it should already.
        if [str(symbol) for symbol in points.symbol] != symbols:
            points.symbol = symbols
        for name, colours in (
            ("face_color", [colour_of(p.click) for p in placed]),
            ("border_color", [_BORDER[p.carried] for p in placed]),
        ):
            if not np.allclose(getattr(points, name), colours, atol=1e-3):
                setattr(points, name, np.array(colours))
        if np.any(points.size != points.current_size):
            points.size = points.current_size
    points.refresh()


def limit_size(points: Points, is_any_seen: bool) -> None:
    """Keep markers from getting too small to be seen, where there are any."""
    limits = _CANVAS_PIXELS if is_any_seen else _LIMITS_OF_NONE
    if points.canvas_size_limits != limits:  # napari draws anew whatever it is set to
        points.canvas_size_limits = limits


def colour_of(prompt: Prompt) -> tuple[float, float, float, float]:
    """Return what a prompt is drawn in, by its class."""
    return FOREGROUND_COLOR if prompt.foreground else BACKGROUND_COLOR


def _last_axes(ndim: int) -> tuple[int, int]:
    return ndim - 2, ndim - 1


def as_text(axes: tuple[int, int]) -> str:
    """Write the axes of a plane as the features of a point hold them."""
    return f"{axes[0]} {axes[1]}"


def _as_axes(text: Any, ndim: int) -> tuple[int, int]:
    if not isinstance(text, str):  # a point that came without
        return _last_axes(ndim)
    first, second = (int(part) for part in text.split())
    if not 0 <= first < second < ndim:
        raise ValueError(f"axes of a plane are two of 0 to {ndim - 1}, the lower first, got '{text}'")
    return first, second


def as_part_text(region: Region | None) -> str:
    """Write a part of a plane as the features of a point hold it; empty for all of the plane."""
    return "" if region is None else " ".join(map(str, astuple(region)))


def _as_region(text: Any) -> Region | None:
    if not isinstance(text, str) or not text.strip():  # a point that came without
        return None
    top, left, height, width, step = (int(part) for part in text.split())
    return Region(top, left, height, width, step)
