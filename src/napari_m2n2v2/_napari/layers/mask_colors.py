"""Colours of masks: apart for the colour-blind, and stronger for the object that is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.utils.colormaps import CyclicLabelColormap

__all__ = ["MASKS_OPACITY", "emphasise", "mask_colors"]

MASKS_OPACITY = 0.75

# Okabe and Ito's, which nearly everybody tells apart, without the dark ones; blue first, for brown tissue.
_COLORS = ("#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#d55e00", "#e69f00")

_ROUNDS = 42  # so many objects apart are drawn alike: with 255 colours, napari draws large layers from small textures

_OTHERS = 0.65  # of the opacity that the object worked on has

_NAME = "m2n2v2 masks"


def mask_colors(object_id: int) -> CyclicLabelColormap:
    """Return the colours of masks while an object is worked on."""
    from napari.utils.colormaps import CyclicLabelColormap
    from napari.utils.colormaps.standardize_color import transform_color

    colors = transform_color(["transparent", *_COLORS * _ROUNDS])
    colors[1:, 3] = _OTHERS
    colors[1 + (object_id - 1) % (len(colors) - 1), 3] = 1
    return CyclicLabelColormap(colors=colors, background_value=0, name=_NAME)


def emphasise(labels: Labels, object_id: int) -> None:
    """Draw an object stronger than the others, if the layer has our colours: those a user chose stay."""
    if labels.colormap.name != _NAME:
        return
    colors = mask_colors(object_id)
    if not np.array_equal(colors.colors, labels.colormap.colors):
        labels.colormap = colors
