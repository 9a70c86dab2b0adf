"""How slices are asked for ahead of clicks: just as a click on them will. Brings the engine; imported by workers."""

from __future__ import annotations

from napari_m2n2v2._napari.layers.snapshot import Recipe
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.precompute import Precompute
from napari_m2n2v2.images.stack import Index, Stack

__all__ = ["precompute_as_seen"]


def precompute_as_seen(stack: Stack, cache: FeatureCache, recipe: Recipe, start: Index) -> Precompute:
    """Make what prepares the planes of a stack, with the axes of the recipe, as its layers show them."""
    return Precompute(stack, cache, start=start, request=lambda index: recipe.at(index).request())
