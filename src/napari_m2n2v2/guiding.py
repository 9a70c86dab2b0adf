"""From what a caller gives as guides to channels at working resolution."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import GuideError
from napari_m2n2v2.guidance import Guide, GuideChannel
from napari_m2n2v2.image_guides import IMAGE_GUIDES
from napari_m2n2v2.images import as_guide

__all__ = ["Guides", "channels_of", "depth_channel", "guide_options", "refuse_depth"]

_OF_AUTO = (Guide("lightness", 0.5), Guide("lightness"))  # in the order they are tried, see docs/guidance.md

Guides = tuple[GuideChannel, ...]


def channels_of(
    guides: Iterable[Guide], image: NDArray[np.uint8], shape: tuple[int, int]
) -> tuple[Guides, Guides | None]:
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
    given : tuple of GuideChannel
        Without those that are constant.
    own : tuple of GuideChannel or None
        What "auto" can choose besides, if it was asked.

    Raises
    ------
    GuideError
        For an array of another shape, of a dtype that is not real, or with values that are not finite.
    """
    guides = [guide for guide in guides if not guide.is_depth]
    auto = any(guide.is_auto for guide in guides)
    given = _channels([guide for guide in guides if not guide.is_auto], image, shape)
    return given, _channels(_OF_AUTO, image, shape) if auto else None


def guide_options(given: Guides, own: Guides | None) -> list[Guides]:
    """List what the clicks on an object may choose from, the first choice first: one, unless "auto" was asked.

    Parameters
    ----------
    given, own : tuple of GuideChannel
        As :func:`channels_of` returns them, perhaps with depth among those given.
    """
    if own is None:
        return [given]
    singles = [(one,) for one in own]
    return [given, *singles, ()] if given else [*singles, ()]  # no contrast at all leaves () alone


def _channels(guides: Iterable[Guide], image: NDArray[np.uint8], shape: tuple[int, int]) -> Guides:
    made = (_channel(guide, image, shape) for guide in guides)
    return tuple(channel for channel in made if channel is not None)


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
