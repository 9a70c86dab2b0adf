"""From what a caller gives as guides to channels at working resolution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import GuideError
from napari_m2n2v2.guides.from_image import IMAGE_GUIDES
from napari_m2n2v2.guides.guide import Guide
from napari_m2n2v2.images.rendering import clipped_pixels
from napari_m2n2v2.images.resampling import average_areas

__all__ = [
    "GuideChannel",
    "Guides",
    "as_guide",
    "channels_of",
    "combined",
    "depth_channel",
    "guide_for",
    "guide_options",
    "refuse_depth",
    "weighted",
]


@dataclass(frozen=True, eq=False)
class GuideChannel:
    """A guide as the engine uses it.

    Parameters
    ----------
    name : str
        "given", the name of an image guide, or a depth backbone and its weights.
    values : ndarray
        ``[H', W']`` float32 in ``[0, 1]`` at working resolution.
    weight : float
        Factor on differences of ``values``.
    joins_upsampling : bool
        Whether it joins RGB in joint bilateral upsampling. Channels computed from the image do not: it is there
        already.
    clipped : int
        How many values of what was given were NaN or infinite.
    """

    name: str
    values: NDArray[np.float32] = field(repr=False)
    weight: float
    joins_upsampling: bool
    clipped: int = 0


def weighted(channels: Sequence[GuideChannel]) -> NDArray[np.float32] | None:
    """Stack channels, each times its weight: ``[C, H', W']`` float32, or None for none."""
    if not channels:
        return None
    return np.stack([channel.values * np.float32(channel.weight) for channel in channels])


def combined(channels: Sequence[GuideChannel]) -> NDArray[np.float32] | None:
    """Join channels in one picture to look at: their weighted mean, ``[H', W']`` float32 in ``[0, 1]``, or None."""
    if len(channels) < 2:
        return channels[0].values if channels else None
    mean: NDArray[np.float32] = np.average(
        [channel.values for channel in channels], axis=0, weights=[channel.weight for channel in channels]
    ).astype(np.float32)
    return mean


def as_guide(guide: Any, image_shape: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Bring a guide channel to ``[0, 1]`` at working resolution (section 2): the one place where that happens.

    Parameters
    ----------
    guide : array-like or None
        ``[H, W]`` real, registered with the image: inverse depth (near is large) or any other channel.
    image_shape : tuple of int
        ``(H, W)`` of the image given.
    shape : tuple of int
        Working resolution.

    Returns
    -------
    ndarray or None
        ``shape`` float32 from 0 to 1. None for no guide and for a constant one, which guides nothing.

    Notes
    -----
    Min-max as in the paper, but values farther beyond the 0.1 and 99.9 percentiles than half the distance between these
    (dead and hot pixels) are clipped, and so are infinite ones. NaN counts as the lowest.

    Raises
    ------
    GuideError
        For another shape, a dtype that is not real, or values none of which is finite.
    """
    if guide is None:
        return None
    channel = np.asarray(guide)
    if channel.shape != image_shape:
        raise GuideError(
            f"The guide must be one channel registered with the image, of shape {image_shape}, got {channel.shape}."
        )
    if channel.dtype.kind not in "buif":
        raise GuideError(f"The guide must hold real numbers, got dtype {channel.dtype}.")
    channel = channel.astype(np.float64)
    is_whole = not clipped_pixels(channel)
    finite = channel if is_whole else channel[np.isfinite(channel)]
    if not finite.size:
        raise GuideError("The guide must hold numbers, but every value of it is NaN or infinite. Choose another.")
    low, high = _range_in_line(finite)
    if low == high:
        return None
    if not is_whole:
        channel = np.nan_to_num(channel, nan=low, posinf=high, neginf=low)
    unit = ((channel - low) / (high - low)).clip(0, 1).astype(np.float32)
    if shape != image_shape:
        unit = average_areas(unit[None], shape)[0]
    return np.ascontiguousarray(unit)


def guide_for(channel: NDArray[Any], shape: tuple[int, int], weight: float | None = None) -> Guide | None:
    """Bring a channel to the shape of an image of which it may show another level.

    Parameters
    ----------
    channel : ndarray
        ``[H, W]`` real.
    shape : tuple of int
        Of the image.
    weight : float, optional
        Of the guide.

    Returns
    -------
    Guide or None
        None for a channel that is constant, which guides nothing.

    Raises
    ------
    GuideError
        As :func:`as_guide`.
    """
    if channel.shape == shape:
        return Guide(channel, weight)
    values = as_guide(channel, (channel.shape[0], channel.shape[1]), shape)
    return None if values is None else Guide(values, weight, clipped_pixels(channel))


def _range_in_line(channel: NDArray[np.float64]) -> tuple[float, float]:
    """Return the lowest and highest value of a guide that are not out of line."""
    low, high = float(channel.min()), float(channel.max())
    bottom, top = np.percentile(channel, (0.1, 99.9))
    if bottom == top:  # most of it is one value: what differs is the object, however small
        return low, high
    spare = (top - bottom) / 2
    return max(low, float(bottom - spare)), min(high, float(top + spare))


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
        For an array of another shape, of a dtype that is not real, or without a finite value.
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
    clipped = 0
    if guide.by_name:
        values = as_guide(IMAGE_GUIDES[guide.source].compute(image), working, working)
    else:
        values, clipped = as_guide(guide.source, shape, working), guide.clipped + clipped_pixels(guide.source)
    if values is None:
        return None
    return GuideChannel(guide.source if guide.by_name else "given", values, guide.strength, not guide.by_name, clipped)


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
