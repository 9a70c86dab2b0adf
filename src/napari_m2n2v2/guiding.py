"""From what a caller gives as guides to channels at working resolution."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import GuideError
from napari_m2n2v2.guidance import AUTO, Guide, GuideChannel
from napari_m2n2v2.image_guides import IMAGE_GUIDES
from napari_m2n2v2.images import as_guide

__all__ = ["channels_of", "depth_channel", "refuse_depth"]

_CANDIDATES = ("lightness",)  # for "auto"; see docs/guidance.md for what others were found to do


def channels_of(
    guides: Iterable[Guide], image: NDArray[np.uint8], shape: tuple[int, int]
) -> tuple[tuple[GuideChannel, ...], bool]:
    """Make channels of given arrays and of names; what computes depth is for the caller.

    Parameters
    ----------
    guides : iterable of Guide
        What was asked.
    image : ndarray
        ``[H', W', 3]`` uint8 at working resolution.
    shape : tuple of int
        ``(H, W)`` of the image given, which arrays must have.

    Returns
    -------
    channels : tuple of GuideChannel
        Without those that are constant; with the candidates of "auto" at the end, if it was asked.
    auto : bool
        Whether to choose between them.

    Raises
    ------
    GuideError
        For an array of another shape, of a dtype that is not real, or with values that are not finite.
    """
    guides = [guide for guide in guides if not guide.is_depth]
    auto = any(isinstance(guide.source, str) and guide.source == AUTO for guide in guides)
    wanted = [guide for guide in guides if not (isinstance(guide.source, str) and guide.source == AUTO)]
    if auto:
        named = {guide.source for guide in wanted if guide.by_name}
        wanted += [Guide(name) for name in _CANDIDATES if name not in named]
    made = (_channel(guide, image, shape) for guide in wanted)
    return tuple(channel for channel in made if channel is not None), auto


def _channel(guide: Guide, image: NDArray[np.uint8], shape: tuple[int, int]) -> GuideChannel | None:
    working = image.shape[0], image.shape[1]
    if guide.by_name:
        values = as_guide(IMAGE_GUIDES[guide.source].compute(image), working, working)
    else:
        values = as_guide(guide.source, shape, working)
    if values is None:
        return None
    return GuideChannel(guide.source if guide.by_name else "given", values, guide.strength, not guide.by_name)


def depth_channel(values: NDArray[np.float32] | None, came_from: str, weight: float) -> GuideChannel | None:
    """Make a channel of computed inverse depth, ``[H', W']`` float32 in ``[0, 1]``; None guides nothing."""
    return None if values is None else GuideChannel(came_from, values, weight, joins_upsampling=True)


def refuse_depth(guides: Iterable[Guide]) -> None:
    """Complain of guides that only a model can compute.

    Raises
    ------
    GuideError
    """
    for guide in guides:
        if guide.is_depth:
            raise GuideError(
                f"Depth by {guide.source!r} has to be computed with the features: compute_features(image, "
                "guide=...). Here expected a channel, the name of a guide computed from the image, or None."
            )
