"""How much a mask is to be doubted: the colours along its outline, and what its last click still changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_m2n2v2.method.refinement import near_outline

if TYPE_CHECKING:
    from napari_m2n2v2.session.segmentation import Segmentation

__all__ = ["doubt_of", "mean_doubt", "separation"]

_RING = 4  # working pixels on either side of the outline
_HALF = 0.3  # the separation at which half is in doubt
_FIRST = 0.5  # how far a first click is trusted: nothing tells yet what another would change


def doubt_of(image: NDArray[np.uint8], found: Segmentation) -> tuple[float, int]:
    """Return how much an object is in doubt, in ``[0, 1]``, and by how many pixels that is told.

    ``1 - (1 - c) s / (s + 0.3)``, where s is the :func:`separation` of the colours along the outline, and c what the
    object's last click changed, as a share of the mask before and after it together; 0.5 for a first click. Chosen on
    one half of the objects of ``benchmarks/mask_doubt.py``, which says how it ranks masks by their IoU on the other.
    Beyond the paper.

    Parameters
    ----------
    image : ndarray
        ``[H', W', 3]`` uint8 RGB, the working image.
    found : Segmentation
        With at least one click.
    """
    mask = found.working_mask
    apart, pixels = separation(image, mask)
    claimed, area = found.effects[-1].claimed, int(mask.sum())
    union = area if found.clicks[-1].foreground else area + claimed
    is_first = len(found.clicks) == 1 and found.start is None
    settled = _FIRST if is_first else 1 - min(claimed / max(union, 1), 1)
    return float(1 - settled * apart / (apart + _HALF)), pixels


def separation(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> tuple[float, int]:
    """Return how far apart the colours just inside and just outside a mask are, and of how many pixels they are.

    The squared Mahalanobis distance of the two means in CIELAB by the sum of both covariances, plus 1 for the noise of
    a grey level; 0 where there is no inside or no outside.

    Parameters
    ----------
    image : ndarray
        ``[H, W, 3]`` uint8 RGB.
    mask : ndarray
        ``[H, W]`` bool.
    """
    ring = near_outline(mask, _RING)
    colours = [rgb2lab(image[ring & side]) for side in (mask, ~mask)]
    pixels = sum(map(len, colours))
    if min(map(len, colours)) < 2:
        return 0.0, pixels
    spread = sum(np.cov(side, rowvar=False) for side in colours) + np.eye(3)
    step = colours[0].mean(axis=0) - colours[1].mean(axis=0)
    return float(step @ np.linalg.solve(spread, step)), pixels


def mean_doubt(doubts: list[tuple[float, int]]) -> float:
    """Weigh doubts by the pixels that tell them; 1 where none does."""
    pixels = sum(count for _, count in doubts)
    return sum(doubt * count for doubt, count in doubts) / pixels if pixels else 1.0
