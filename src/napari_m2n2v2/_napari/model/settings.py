"""What features are computed with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from napari_m2n2v2.guides.from_image import IMAGE_GUIDES
from napari_m2n2v2.guides.guide import AUTO
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What features are computed with, as the user chose it.

    Parameters
    ----------
    attention, device : str
        As :func:`~napari_m2n2v2.compute_features` takes them.
    grid : int or None
        None is the backbone's default.
    guide : Image layer or None
        The guide channel.
    depth : str
        What computes a guide from the image, beside a guide layer if there is one: a depth backbone, an image guide or
        "auto"; empty for none.
    guide_weight : float
        Of the guide layer.
    bit_depth : str
        A key of :data:`~napari_m2n2v2._napari.layers.image.BIT_DEPTHS`.
    merge_channels : bool
        Whether up to three visible layers of the same shape are merged as they are seen.
    working_side : int
        Pixels along the shortest side of what is worked on; of a pyramid, the level that has as many is read.
    """

    attention: str = "auto"
    device: str = "auto"
    grid: int | None = None
    guide: Any = None
    depth: str = ""
    guide_weight: float = 1.0
    bit_depth: str = "as shown"
    merge_channels: bool = False
    working_side: int = FeatureParameters().working_side

    def differs_in_guide_alone(self, other: Settings | None) -> bool:
        """Whether features computed with ``other`` only need another guide, not their attention again."""
        without: dict[str, Any] = {"guide": None, "depth": "", "guide_weight": 1.0}
        alike = other is not None and replace(self, **without) == replace(other, **without)
        return alike and (self.depth in ("", AUTO) or self.depth in IMAGE_GUIDES)
