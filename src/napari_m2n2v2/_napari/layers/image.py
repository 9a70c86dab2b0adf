"""What the engine sees of image layers: one plane or a part of it, captured on the main thread, read on the worker."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2.errors import GuideError, ImageError
from napari_m2n2v2.guides.channel import guide_for
from napari_m2n2v2.guides.guide import Guide
from napari_m2n2v2.images.rendering import as_rgb, clipped_pixels, finite_range
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["BIT_DEPTHS", "Channel", "GuidePlane", "Seen", "merge"]

_MOST_CHANNELS = 3


_RENDERINGS = {"as shown, equalised": "equalised", "as shown, three scales": "scales"}


BIT_DEPTHS = ("as shown", "minimum to maximum", "percentiles 1 to 99.8", *_RENDERINGS)
"""How values become 8 bit: by the layer's contrast limits, by the range of the plane, or by its percentiles; and how
one channel is rendered, where not linearly (:func:`~napari_m2n2v2.images.rendering.as_rgb`)."""


class Seen(NamedTuple):
    """What a backbone is shown, ``[H, W, 3]`` uint8, and how many pixels were NaN or infinite before."""

    rgb: NDArray[np.uint8]
    clipped: int


_MOST_BYTES = 1 << 24  # that a look at pixels in memory may take: some milliseconds


def _fingerprint(stack: Stack, index: Index, region: Region) -> int | None:
    """Return what tells pixels that were changed in place, by every n-th row where they are many."""
    if not isinstance(stack.levels[0], np.ndarray):
        return None
    pixels = stack.read(index, 0, region.rows, region.cols)
    every = max(-(-pixels.nbytes // _MOST_BYTES), 1)
    return zlib.crc32(np.ascontiguousarray(pixels[::every]).tobytes())


@dataclass(frozen=True, eq=False)
class Channel:
    """What a layer shows of a part of one plane."""

    stack: Stack
    index: Index
    region: Region
    level: int  # of a pyramid: the smallest that the working resolution asks for
    contrast_limits: tuple[float, float]
    gamma: float
    opacity: float
    colormap: Any

    @classmethod
    def of(cls, layer: Image, part: PartKey, working_side: int = FeatureParameters().working_side) -> Channel:
        """Capture a layer.

        Raises
        ------
        ImageError
            If it has no such plane.
        """
        stack = stack_of(layer, part.plane.axes)
        low, high = (0.0, 255.0) if layer.rgb else layer.contrast_limits
        return cls(
            stack,
            stack.check(part.plane.index),
            part.region,
            stack.level_for(working_side, part.region.shape),
            (float(low), float(high)),
            layer.gamma,
            layer.opacity,
            layer.colormap,
        )

    def fingerprint(self) -> int | None:
        """Return what tells pixels that were changed in place from those before; None where they are not in memory."""
        return _fingerprint(self.stack, self.index, self.region)

    def seen(self, bit_depth: str) -> Seen:
        """Read and render in grey or RGB. RGB is taken as it is, whatever the bit depth."""
        pixels = self.stack.read(self.index, self.level, self.region.rows, self.region.cols)
        return Seen(self._rendered(pixels, bit_depth), clipped_pixels(pixels))

    def _rendered(self, pixels: NDArray[Any], bit_depth: str) -> NDArray[np.uint8]:
        if self.stack.rgb:
            return as_rgb(pixels)
        if bit_depth == BIT_DEPTHS[0] or bit_depth in _RENDERINGS:
            # napari sets limits that are infinite by itself, where a pixel is.
            limits = self.contrast_limits if np.isfinite(self.contrast_limits).all() else finite_range(pixels)
            return as_rgb(pixels, limits, _RENDERINGS.get(bit_depth, "linear"))
        return as_rgb(pixels, finite_range(pixels, (0, 100) if bit_depth == BIT_DEPTHS[1] else (1, 99.8)))


def merge(channels: Sequence[Channel], bit_depth: str = BIT_DEPTHS[0]) -> Seen:
    """Read and render one layer in grey or RGB; several as they are seen together.

    Several are added up, each with its colormap, contrast, gamma and opacity, and rendered linearly.

    Raises
    ------
    ImageError
        For more than three channels, or one without a finite pixel.
    """
    if len(channels) == 1:
        return channels[0].seen(bit_depth)
    if len(channels) > _MOST_CHANNELS:
        raise ImageError(
            f"{len(channels)} visible channels: expected {_MOST_CHANNELS} at most, because a backbone sees three "
            "colours. Hide the others."
        )
    seen: list[NDArray[Any]] = []
    clipped = 0
    for channel in channels:
        rgb, bad = channel.seen(BIT_DEPTHS[0] if bit_depth in _RENDERINGS else bit_depth)
        grey, clipped = rgb.astype(np.float32) / 255, clipped + bad
        if not channel.stack.rgb:
            grey = channel.colormap.map(grey[..., 0].ravel() ** channel.gamma)[:, :3].reshape(grey.shape)
        seen.append(channel.opacity * grey)
    merged: NDArray[np.uint8] = np.rint(np.sum(seen, axis=0).clip(0, 1) * 255).astype(np.uint8)
    return Seen(merged, clipped)


@dataclass(frozen=True, eq=False)
class GuidePlane:
    """A part of one plane of a guide layer."""

    stack: Stack
    index: Index
    region: Region
    level: int

    @classmethod
    def of(cls, guide: Image, image: Image, part: PartKey, working_side: int) -> GuidePlane:
        """Find the plane of a guide layer that belongs to a plane of an image.

        Parameters
        ----------
        guide : Image layer
            Grey, of the image's shape or of its last axes, or one plane for all.
        image : Image layer
            Whose plane it is.
        part : PartKey
            Which part of which plane.
        working_side : int
            That a level of a pyramid must have.

        Raises
        ------
        GuideError
            If the guide has another shape or colour.
        """
        key, region = part.plane, part.region
        seen, own = stack_of(image, key.axes), stack_of(guide)
        missing = len(seen.shape) - len(own.shape)
        if not own.rgb and missing >= 0 and own.shape == seen.shape[missing:] and min(key.axes) >= missing:
            own = stack_of(guide, (key.axes[0] - missing, key.axes[1] - missing))
            return cls(own, own.check(key.index[missing:]), region, own.level_for(working_side, region.shape))
        if not own.rgb and own.shape == seen.plane_shape:
            return cls(own, (), region, own.level_for(working_side, region.shape))
        raise GuideError(
            f"The guide must be one grey channel registered with the image, of shape {seen.shape} or "
            f"{seen.plane_shape}, got {own.shape}{' in colour' if own.rgb else ''}."
        )

    def fingerprint(self) -> int | None:
        """Return what tells values that were changed in place from those before; None where they are not in memory."""
        return _fingerprint(self.stack, self.index, self.region)

    def read(self) -> NDArray[Any]:
        """Read it, at the level it was found at."""
        return self.stack.read(self.index, self.level, self.region.rows, self.region.cols)

    def read_for(self, shape: tuple[int, int], weight: float) -> Guide | None:
        """Read it for an image of this shape, which may be another level of the same plane; None if it is constant."""
        return guide_for(self.read(), shape, weight)
