"""How slices are asked for ahead of clicks: just as a click on them will. Brings the engine; imported by workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.planes import Asked
from napari_m2n2v2.features.precompute import Precompute
from napari_m2n2v2.images.stack import Index, Stack

__all__ = ["precompute_as_seen"]


@dataclass(frozen=True, kw_only=True)
class _AsSeen(Asked):
    """What a recipe says of each plane."""

    recipe: Recipe

    def read(self, stack: Stack, index: Index) -> tuple[Any, dict[str, Any]]:
        recipe = self.recipe.at(index)
        return recipe.seen(), recipe.arguments()


def precompute_as_seen(stack: Stack, cache: FeatureCache, recipe: Recipe, start: Index) -> Precompute:
    """Make what prepares the planes of a stack as the layers of a recipe show them.

    Parameters
    ----------
    stack : Stack
        With the axes of the recipe.
    cache : FeatureCache
        That clicks ask as well.
    recipe : Recipe
        Of any plane.
    start : tuple of int
        The plane to begin with.
    """
    return Precompute(stack, cache, _AsSeen(recipe=recipe, parameters=recipe.parameters), start=start)
