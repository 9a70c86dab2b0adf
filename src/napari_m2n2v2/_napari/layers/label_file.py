"""What a file of an image's labels says of their axes: the layer's own names, scale, units and place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_m2n2v2._napari.layers.geometry import axis_names, stack_of
from napari_m2n2v2.files.stack_file import StackFile, unit_name

__all__ = ["label_file"]


def label_file(image: Any, dims: Any) -> StackFile:
    """Describe an Image layer as a file of planes would be.

    Parameters
    ----------
    image : napari.layers.Image
        A rotation, shear or affine of it has no place in the formats, and is not written.
    dims : napari.components.Dims
        Of the viewer, which may name axes that the layer does not.
    """
    stack = stack_of(image)
    names = [name.lower() for name in axis_names(dims, image)]
    unnamed = [f"axis-{axis}" for axis in range(len(names) - 2)] + ["y", "x"]
    axes = tuple(name or other for name, other in zip(names, unnamed, strict=True))
    if len(set(axes)) < len(axes):
        axes = tuple(unnamed)
    return StackFile(
        path=Path(image.source.path or image.name),
        stack=stack,
        axes=axes,
        scale=tuple(map(float, image.scale)),
        units=tuple(unit_name(f"{unit:~}") for unit in image.units),
        translation=tuple(map(float, image.translate)),
        kind="image",
    )
