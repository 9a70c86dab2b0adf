"""What the engine sees of image layers: one plane or a part of it, captured on the main thread, read on the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2.errors import GuideError, ImageError
from napari_m2n2v2.guides.channel import as_guide
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["BIT_DEPTHS", "Channel", "GuidePlane", "merge"]

_MOST_CHANNELS = 3


_RENDERINGS = {"as shown, equalised": "equalised", "as shown, three scales": "scales"}


BIT_DEPTHS = ("as shown", "minimum to maximum", "percentiles 1 to 99.8", *_RENDERINGS)
"""How values become 8 bit: by the layer's contrast limits, by the range of the plane, or by its percentiles; and how
one channel is rendered, where not linearly (:func:`~napari_m2n2v2.images.rendering.as_rgb`)."""


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

    def seen(self, bit_depth: str) -> NDArray[np.uint8]:
        """Render in grey or RGB: ``[H, W, 3]`` uint8. RGB is taken as it is, whatever the bit depth."""
        pixels = self.stack.read(self.index, self.level, self.region.rows, self.region.cols)
        if self.stack.rgb or not np.isfinite(pixels).all():  # as_rgb says what is wrong with pixels not finite
            return as_rgb(pixels)
        if bit_depth == BIT_DEPTHS[0] or bit_depth in _RENDERINGS:
            return as_rgb(pixels, self.contrast_limits, _RENDERINGS.get(bit_depth, "linear"))
        low, high = np.percentile(pixels, (0, 100) if bit_depth == BIT_DEPTHS[1] else (1, 99.8))
        return as_rgb(pixels, (float(low), float(high)))


def merge(channels: Sequence[Channel], bit_depth: str = BIT_DEPTHS[0]) -> NDArray[np.uint8]:
    """Read and render one layer in grey or RGB; several as they are seen together: ``[H, W, 3]`` uint8.

    Several are added up, each with its colormap, contrast, gamma and opacity, and rendered linearly.

    Raises
    ------
    ImageError
        For more than three channels, or pixels that are not finite.
    """
    if len(channels) == 1:
        return channels[0].seen(bit_depth)
    if len(channels) > _MOST_CHANNELS:
        raise ImageError(
            f"{len(channels)} visible channels: expected {_MOST_CHANNELS} at most, because a backbone sees three "
            "colours. Hide the others."
        )
    seen: list[NDArray[Any]] = []
    for channel in channels:
        grey = channel.seen(BIT_DEPTHS[0] if bit_depth in _RENDERINGS else bit_depth).astype(np.float32) / 255
        if not channel.stack.rgb:
            grey = channel.colormap.map(grey[..., 0].ravel() ** channel.gamma)[:, :3].reshape(grey.shape)
        seen.append(channel.opacity * grey)
    merged: NDArray[np.uint8] = np.rint(np.sum(seen, axis=0).clip(0, 1) * 255).astype(np.uint8)
    return merged


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

    def read(self) -> NDArray[Any]:
        """Read it, at the level it was found at."""
        return self.stack.read(self.index, self.level, self.region.rows, self.region.cols)

    def read_for(self, shape: tuple[int, int]) -> NDArray[Any] | None:
        """Read it for an image of this shape, which may be another level of the same plane."""
        plane = self.read()
        return plane if plane.shape == shape else as_guide(plane, (plane.shape[0], plane.shape[1]), shape)
