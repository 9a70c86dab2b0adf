"""How clicks look in their Points layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.points import BACKGROUND, FOREGROUND, feature_table
from napari_m2n2v2._napari.layers.prompts import handle_of
from napari_m2n2v2.prompts import Box, Outline, Prompt
from napari_m2n2v2.session.document import PlacedClick

if TYPE_CHECKING:
    from napari.layers import Image, Points

__all__ = ["BACKGROUND_COLOR", "FOREGROUND_COLOR", "LIMITS_OF_NONE", "colour_of", "limit_size", "show_clicks"]

# Red and green are one colour to many people, so the symbols differ too.
_COLOR = {FOREGROUND: (0.18, 0.8, 0.25, 1.0), BACKGROUND: (1.0, 0.25, 0.21, 1.0)}


FOREGROUND_COLOR, BACKGROUND_COLOR = _COLOR[FOREGROUND], _COLOR[BACKGROUND]


# Hollow, so that what is clicked on stays to be seen.
_SYMBOL = {FOREGROUND: "ring", BACKGROUND: "cross"}


_BORDER = {False: (1.0, 1.0, 1.0, 1.0), True: (0.18, 0.61, 1.0, 1.0)}  # by whether it was carried


_CANVAS_PIXELS = (7, 16)  # a click is drawn no smaller and no larger, however far one zooms
LIMITS_OF_NONE = (0, 16)  # where no click is seen: napari draws one of size 0 there, which must stay that small


_SYMBOLS_OF_AREAS: dict[type, str] = {Box: "square", Outline: "diamond"}


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
    limits = _CANVAS_PIXELS if is_any_seen else LIMITS_OF_NONE
    if points.canvas_size_limits != limits:  # napari draws anew whatever it is set to
        points.canvas_size_limits = limits


def colour_of(prompt: Prompt) -> tuple[float, float, float, float]:
    """Return what a prompt is drawn in, by its class."""
    return FOREGROUND_COLOR if prompt.foreground else BACKGROUND_COLOR
