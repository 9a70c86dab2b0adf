"""Prompts in JSON: GeoJSON, as QuPath and others write what was drawn, and the boxes of COCO annotations.

Convention: both say (x, y), which is (col, row) here. A GeoJSON position is that of a click. A COCO box begins at the
edge of a pixel, and holds those whose centres are inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.prompts import Box, Outline, Prompt, Scribble

__all__ = ["CLASSES", "TaggedPrompt", "prompts_in"]

CLASSES = {
    "foreground": True, "fg": True, "1": True, "1.0": True, "true": True,
    "background": False, "bg": False, "0": False, "0.0": False, "false": False,
    "": True,
}  # fmt: skip
"""What files may call the two classes."""


class TaggedPrompt(NamedTuple):
    """A prompt of a file, and where it belongs.

    Parameters
    ----------
    number : int
        Of the feature or annotation, from 1.
    image : str
        The name of its image; empty for every image.
    place : dict
        Its position on axes by their names, beside its rows and columns.
    prompt : Prompt
        In pixels of its plane.
    """

    number: int
    image: str
    place: dict[str, float]
    prompt: Prompt


def prompts_in(content: Any) -> Iterator[TaggedPrompt]:
    """Read what a JSON file says.

    Of GeoJSON, points are clicks, lines scribbles and polygons outlines; those whose property ``shape`` is "box" are
    the boxes around them. The properties ``class``, ``object``, ``threshold`` and ``image``, and axes such as ``z`` or
    ``t``, are as in a table of clicks. Of COCO annotations the ``bbox`` is taken, one object each, counted from 1 in
    each image.

    Parameters
    ----------
    content : any
        What ``json.loads`` returned.

    Raises
    ------
    ValueError
        If it is neither, or something in it is wrong; with the number of the feature or annotation.
    """
    if not isinstance(content, dict):
        raise ValueError("expected GeoJSON or COCO annotations")
    if "annotations" in content:
        yield from _of_coco(content)
    elif content.get("type") in ("FeatureCollection", "Feature"):
        features = content.get("features", []) if content["type"] == "FeatureCollection" else [content]
        for number, feature in enumerate(features, start=1):
            try:
                yield from _of_feature(number, feature)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise ValueError(f"feature {number}: {_reason(error)}") from error
    else:
        raise ValueError("expected GeoJSON (a FeatureCollection) or COCO annotations")


def _of_coco(content: Mapping[str, Any]) -> Iterator[TaggedPrompt]:
    images = {image["id"]: str(image["file_name"]) for image in content["images"]}
    objects: Counter[str] = Counter()
    for number, found in enumerate(content["annotations"], start=1):
        try:
            image = images[found["image_id"]]
            left, top, width, height = found["bbox"]
            objects[image] += 1
            box = Box(top, left, top + height - 1, left + width - 1, objects[image])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"annotation {number}: {_reason(error)}") from error
        yield TaggedPrompt(number, image, {}, box)


def _of_feature(number: int, feature: Mapping[str, Any]) -> Iterator[TaggedPrompt]:
    geometry, told = feature["geometry"], feature.get("properties") or {}
    place = {name: float(value) for name, value in told.items() if len(name) == 1 and isinstance(value, int | float)}
    for prompt in _prompts(geometry["type"], geometry["coordinates"], told):
        yield TaggedPrompt(number, str(told.get("image", "")), place, prompt)


def _prompts(kind: str, at: Any, told: Mapping[str, Any]) -> Iterator[Prompt]:
    label = str(told.get("class", "")).lower()
    if label not in CLASSES:
        raise ValueError(f"expected the class foreground or background, got {told['class']!r}")
    object_id, said = told.get("object", 1), (CLASSES[label], told.get("object", 1), told.get("threshold"))
    if kind in ("MultiPoint", "MultiLineString", "MultiPolygon"):
        for one in at:
            yield from _prompts(kind.removeprefix("Multi"), one, told)
    elif kind == "Point":
        yield Click(at[1], at[0], *said)
    elif kind == "LineString":
        yield Scribble(_points(at), *said)
    elif kind == "Polygon":
        ring = _points(at[0])
        outline = Outline(ring[:-1] if ring[0] == ring[-1] else ring, object_id)
        yield outline.around if told.get("shape") == "box" else outline
    else:
        raise ValueError(f"expected a point, a line or a polygon, got {kind!r}")


def _points(at: Any) -> tuple[tuple[float, float], ...]:
    return tuple((position[1], position[0]) for position in at)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
