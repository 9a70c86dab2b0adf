"""Features of a part of a plane, reading no more of it than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from napari_m2n2v2.features.compute import compute_features
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["region_features"]


def region_features(stack: Stack, index: Sequence[int], region: Region, **named: Any) -> ImageFeatures:
    """Compute the features of a region, reading its box alone, of a pyramid at the level that fits.

    Parameters
    ----------
    stack : Stack
        Of the planes.
    index : sequence of int
        Which plane.
    region : Region
        Which part of it.
    **named
        As :func:`~napari_m2n2v2.compute_features` takes it.

    Returns
    -------
    ImageFeatures
        Of the region's shape.
    """
    parameters = named.get("parameters") or FeatureParameters()
    level = stack.level_for(parameters.working_side, region.shape)
    features = compute_features(stack.read(index, level, region.rows, region.cols), **named)
    return features if features.shape == region.shape else replace(features, shape=region.shape)
