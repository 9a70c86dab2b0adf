"""From the table of napari's Points layer to clicks and back: the one converter.

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
from napari_m2n2v2._napari.layers.prompts import as_shape_text, prompt_from_text
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.prompts import Box, Outline
from napari_m2n2v2.session.document import PlacedClick, PlaneKey

if TYPE_CHECKING:
    from napari.layers import Image, Points

__all__ = [
    "AXES",
    "BACKGROUND",
    "CLASS",
    "COLUMNS",
    "DRAWN",
    "FOREGROUND",
    "OBJECT",
    "PART",
    "PLACED_BY",
    "THRESHOLD",
    "USER",
    "as_part_text",
    "as_text",
    "feature_table",
    "features_of",
    "last_axes",
    "read_clicks",
    "read_features",
]

CLASS, OBJECT, THRESHOLD, AXES, PLACED_BY, PART = "class", "object", "threshold", "axes", "placed by", "part"
DRAWN = "drawn"  # what is no click
COLUMNS = (CLASS, OBJECT, THRESHOLD, AXES, PLACED_BY, PART, DRAWN)
"""Those of the features table that are ours; all others are the user's."""


FOREGROUND, BACKGROUND = "foreground", "background"


USER, PROPAGATION = "user", "propagation"


# class, object, threshold, axes of the plane, part of it, what is drawn
PointFeatures = tuple[str, int, float | None, tuple[int, int], Region | None, str]


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
        if label not in (FOREGROUND, BACKGROUND):
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
        axes = [last_axes(points.ndim)] * len(objects)
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


def last_axes(ndim: int) -> tuple[int, int]:
    """Return the axes of a plane where none are named."""
    return ndim - 2, ndim - 1


def as_text(axes: tuple[int, int]) -> str:
    """Write the axes of a plane as the features of a point hold them."""
    return f"{axes[0]} {axes[1]}"


def _as_axes(text: Any, ndim: int) -> tuple[int, int]:
    if not isinstance(text, str):  # a point that came without
        return last_axes(ndim)
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
