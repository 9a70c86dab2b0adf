"""What the examples have in common, and a part of a plane as it looks to somebody who searches for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_m2n2v2.similar.basins import Sizes
from napari_m2n2v2.similar.logistic import Separation
from napari_m2n2v2.similar.pixels import Cues, Floats, lab_of, pixel_features, smoothed
from napari_m2n2v2.similar.plane import Part, Plane

__all__ = ["Learned", "Odds", "Seen", "look_at"]

_SHARPEST = 0.5  # pixels
_SMOOTHED = 0.05  # radii


@dataclass(frozen=True, eq=False)
class Learned:
    """What the examples have in common.

    Parameters
    ----------
    radius, area : float
        Of the examples: root of mean area / pi, and mean area in pixels.
    sizes : Sizes
        Their distribution.
    compact, contrast, look : float
        Means of their compactness, of their contrast along ``axis``, and of how likely their pixels are inside.
    inside : Separation
        Log-odds of pixel features.
    axis : Separation
        The same of colour alone: what outlines are cut along.
    level : float
        Where between the surroundings (0) and the core (1).
    colour : bool
        Whether colour counts, or lightness alone.
    cues : str
        See :func:`~napari_m2n2v2.similar.pixels.pixel_features`.
    """

    radius: float
    area: float
    sizes: Sizes
    compact: float
    contrast: float
    look: float
    inside: Separation
    axis: Separation
    level: float
    colour: bool
    cues: Cues

    def odds(self, seen: Seen) -> Odds:
        """Tell where objects are likely to be in a part."""
        return Odds.of(seen, self.inside, self.axis, self.cues)


@dataclass(frozen=True, eq=False)
class Seen:
    """A part of a plane as it looks.

    Parameters
    ----------
    part : Part
        Which.
    features, lab : ndarray
        float32 ``[F, h, w]`` and, slightly smoothed, ``[C, h, w]``.
    """

    part: Part
    features: Floats
    lab: Floats


def look_at(plane: Plane, part: Part, radius: float, colour: bool, cues: Cues) -> Seen:
    """Compute how a part of a plane looks to somebody in search of objects of a radius."""
    lab = lab_of(plane.rgb(part), colour)
    sharp = max(_SHARPEST, _SMOOTHED * radius)
    return Seen(part, pixel_features(lab, radius, cues), np.stack([smoothed(channel, sharp) for channel in lab]))


@dataclass(frozen=True, eq=False)
class Odds:
    """A part of a plane as it looks to somebody who knows what to look for.

    Parameters
    ----------
    inside : ndarray
        float32 ``[h, w]``: log-odds that a pixel is inside an object.
    values : ndarray
        float32 ``[h, w]``: brightness along the axis of colour, which outlines are cut by; the log-odds again where
        colour does not count.
    """

    inside: Floats
    values: Floats

    @classmethod
    def of(cls, seen: Seen, inside: Separation, axis: Separation, cues: Cues) -> Odds:
        """Tell where objects are likely to be in a part; see :class:`Learned` for what is given."""
        odds = inside.of(seen.features)
        return cls(odds, odds if cues == "texture" else axis.of(seen.lab))
