"""What guides upsampling and flood fill: any registered channels in [0, 1], each with a weight (section 3.3).

The paper's guide is inverse depth with weight 1. Where depth means nothing (its stated limitation), other channels do:
another stain, a height map, or one computed from the image (:mod:`~napari_m2n2v2.guides.from_image`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_m2n2v2.errors import GuideError
from napari_m2n2v2.guides.from_image import IMAGE_GUIDES

__all__ = ["AUTO", "Guide", "as_guides", "split_weight"]

AUTO = "auto"
"""As a guide's source: each object's clicks choose between the other guides given, the image's lightness, and none."""


_WITH_WEIGHT = re.compile(r"(?P<source>.+):(?P<weight>\d+(\.\d+)?)")


@dataclass(frozen=True, eq=False)
class Guide:
    """One channel that guides, and how strongly.

    Parameters
    ----------
    source : array-like, str or DepthBackbone
        ``[H, W]`` registered with the image; or what computes one from it: a name in
        :data:`~napari_m2n2v2.guides.from_image.IMAGE_GUIDES`, a depth backbone by name, folder or as an object; or
        "auto".
    weight : float, optional
        Factor on its differences, above 0. Without it the source's own: 1 for channels and depth, as in the paper.
    clipped : int
        How many values of a channel were NaN or infinite before it was brought to the image's shape.

    Raises
    ------
    GuideError
        If the weight is not a positive number.
    """

    source: Any
    weight: float | None = None
    clipped: int = 0

    def __post_init__(self) -> None:
        if self.weight is not None and not 0 < self.weight < np.inf:
            raise GuideError(f"The weight of a guide must be above 0 and finite, got {self.weight!r}.")

    @property
    def by_name(self) -> bool:
        """Whether the source is the name of a guide computed from the image's own pixels."""
        return isinstance(self.source, str) and self.source in IMAGE_GUIDES

    @property
    def is_auto(self) -> bool:
        """Whether to choose."""
        return isinstance(self.source, str) and self.source == AUTO

    @property
    def is_depth(self) -> bool:
        """Whether a depth backbone computes it."""
        named = isinstance(self.source, str) and not self.by_name and not self.is_auto
        return named or callable(getattr(self.source, "depth", None))

    @property
    def strength(self) -> float:
        """The weight in use."""
        if self.weight is not None:
            return self.weight
        return IMAGE_GUIDES[self.source].weight if self.by_name else 1.0


def as_guides(guide: Any) -> tuple[Guide, ...]:
    """Read what a caller gave as ``guide``.

    Parameters
    ----------
    guide : None, Guide, array-like, str, DepthBackbone, or sequence of these
        A text may name several, with weights: ``"lightness:2+stain"``.

    Raises
    ------
    GuideError
        For an empty name, a weight that is not above 0, two depth backbones or "auto" twice.
    """
    several = isinstance(guide, Sequence) and not isinstance(guide, str)
    several = several and (not guide or any(_is_one(each) for each in guide))
    guides = [one for each in (guide if several else [guide]) for one in _read(each)]
    if sum(one.is_depth for one in guides) > 1:
        raise GuideError("Expected one depth backbone at most; others may be channels or computed from the image.")
    if sum(one.is_auto for one in guides) > 1:
        raise GuideError('Expected "auto" once at most.')
    return tuple(guides)


def _is_one(given: Any) -> bool:
    if isinstance(given, Guide | str) or callable(getattr(given, "depth", None)):
        return True
    return np.ndim(given) == 2  # a row of an array-like guide has one dimension


def _read(given: Any) -> list[Guide]:
    if given is None:
        return []
    if isinstance(given, Guide):
        return [given]
    if not isinstance(given, str):
        return [Guide(given)]
    names = [name.strip() for name in given.split("+")]
    if not all(names):
        raise GuideError(f"Expected names of guides joined by '+', each with a weight or not, got {given!r}.")
    return [Guide(*split_weight(name)) for name in names]


def split_weight(text: str) -> tuple[str, float | None]:
    """Split ``"lightness:2"`` into source and weight; None where there is no weight."""
    match = _WITH_WEIGHT.fullmatch(text)
    return (match["source"], float(match["weight"])) if match else (text, None)
