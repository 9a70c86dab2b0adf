"""What the table of objects says: a row for each, and in each column a text and what it is sorted by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.session.work import About

__all__ = ["COLUMNS", "Cells", "area_text", "longest", "object_ids", "rows_of"]

COLUMNS = ("Object", "Clicks", "Area", "Doubt", "Keep", "Name", "Class")


_DIGITS = str.maketrans("123456789", "0" * 9)


Cells = tuple[tuple[str, Any], ...]
"""What each cell of a row says, and what it is sorted by."""


def object_ids(workspace: Workspace) -> list[int]:
    """Return the ids of the objects in any plane, and of the one that the next click is of."""
    return sorted({*workspace.about.said, workspace.object_id})


def area_text(scale: Any, units: Any) -> Callable[[int], str]:
    """Return what says areas, of so many pixels, in the layer's units, and in pixels where it has none.

    Parameters
    ----------
    scale : sequence of float
        Size of a pixel along both axes.
    units : sequence of pint.Unit
        Of both axes.
    """
    first, second = (f"{unit:~}" for unit in units[-2:])
    if {first, second} & {"px", "pixel", ""}:
        return lambda pixels: f"{pixels} px"
    size = float(np.prod(np.abs(scale[-2:])))
    unit = f"{first}²" if first == second else f"{first}·{second}"
    return lambda pixels: f"{pixels * size:.4g} {unit}"


def rows_of(workspace: Workspace) -> dict[int, Cells]:
    """Return what each cell of each row says, and what it is sorted by, by object."""
    here, image = workspace.here, workspace.image
    clicks = Counter(click.object_id for click in workspace.clicks_in(here))
    masks = workspace.masks_of(here) if here is not None else None
    areas, doubts = (masks.areas, masks.doubts) if masks is not None else ({}, {})
    axes = list(here.axes) if here is not None else [-2, -1]
    area = area_text(image.scale[axes], [image.units[axis] for axis in axes])
    said, kept, _ = workspace.about
    rows: dict[int, Cells] = {}
    for object_id in object_ids(workspace):
        about, pixels, doubt = said.get(object_id, About(object_id)), areas.get(object_id, 0), doubts.get(object_id)
        rows[object_id] = (
            (f"{object_id}", object_id),
            (f"{clicks[object_id]}", clicks[object_id]),
            (area(pixels), pixels),
            ("" if doubt is None else f"{doubt:.0%}", -1.0 if doubt is None else doubt),
            ("", object_id in kept),
            (about.name, about.name.casefold()),
            (about.kind, about.kind.casefold()),
        )
    return rows


def longest(rows: dict[int, Cells]) -> list[str]:
    """Return what says most in each column, which is as wide as that; digits are of one width, whichever they are."""
    texts = (max((cells[n][0] for cells in rows.values()), key=len, default="") for n in range(len(COLUMNS)))
    return [text.translate(_DIGITS) for text in texts]
