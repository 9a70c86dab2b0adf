"""Sample images for File > Open Sample, from what scikit-image ships: no download."""

from __future__ import annotations

from typing import Any

__all__ = ["cells", "coffee"]


def coffee() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a photo of a cup of coffee, 400 x 600 RGB."""
    from skimage.data import coffee as image

    return [(image(), {"name": "coffee"}, "image")]


def cells() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a phase-contrast image of one cell, 660 x 550 grey."""
    from skimage.data import cell as image

    return [(image(), {"name": "cell"}, "image")]
