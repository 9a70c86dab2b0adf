"""Where to click in a plane, given an object in the plane beside it: a user who knows that plane and compares.

Not in the paper. The object of the plane before is what is *expected* here, but for a band around its outline, where
planes differ, and for what the image itself says has changed. The deepest point of whatever contradicts the expectation
is clicked, again and again, as the simulated user of the evaluation does with the truth. So a carried plane is nothing
but clicks: it can be saved, corrected and undone like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from napari_m2n2v2.images.deepest import depth_of
from napari_m2n2v2.parameters import PropagationParameters

__all__ = ["Appearance", "Expectation", "deepest_contradiction", "doubt_of_carried", "expect", "smoothed"]

Floats = NDArray[np.float32]


Mask = NDArray[np.bool_]


_SIGMA = 1.5  # pixels: noise of a single pixel is no change


_LEAST_SPREAD = 5.0  # of 255 grey levels: an object drawn in one colour still has noise in the next plane


_LEAST_DEPTH = 1.5  # pixels: thinner contradictions are the outline's own jaggedness


@dataclass(frozen=True, eq=False)
class Appearance:
    """How an object looks in the plane where it was segmented, which every later plane is compared with.

    Parameters
    ----------
    colour : ndarray
        ``[3]`` float32, its mean of 0 to 255, away from its outline.
    spread : float
        Standard deviation of the colour there (root mean square over channels), at least 5.
    """

    colour: Floats
    spread: float

    @classmethod
    def of(cls, smooth: Floats, mask: Mask, band: float) -> Appearance:
        """Measure a mask ``[H', W']`` that is not empty in what :func:`smoothed` returned."""
        inside = depth_of(mask)
        seen = smooth[inside > min(band, inside.max() / 2)]
        return cls(seen.mean(axis=0), float(np.sqrt(seen.var(axis=0).mean())) + _LEAST_SPREAD)


@dataclass(frozen=True, eq=False)
class Expectation:
    """What a plane should look like.

    Parameters
    ----------
    wanted : ndarray
        bool ``[H', W']``, where the object is expected.
    known : ndarray
        bool ``[H', W']``, where anything is expected at all.
    match : float
        Share of the object's previous interior that is wanted and known.
    """

    wanted: Mask
    known: Mask
    match: float

    def without(self, closed: Mask) -> Expectation:
        """Expect nothing where accepted objects are, which keep their pixels: no click is placed on them."""
        return replace(self, wanted=self.wanted & ~closed, known=self.known & ~closed) if closed.any() else self


def smoothed(image: NDArray[np.uint8]) -> Floats:
    """Return an image ``[H', W', 3]`` uint8 as float32, smoothed, to compare planes pixel by pixel."""
    smooth: Floats = gaussian_filter(image.astype(np.float32), (_SIGMA, _SIGMA, 0))
    return smooth


def expect(
    mask: Mask, before: Floats, here: Floats, appearance: Appearance, parameters: PropagationParameters
) -> Expectation:
    """Work out what the object's mask in one plane lets expect of the next.

    Parameters
    ----------
    mask : ndarray
        bool ``[H', W']``, not empty, in the plane before.
    before, here : ndarray
        ``[H', W', 3]`` float32, both planes, see :func:`smoothed`.
    appearance : Appearance
        Of the object where it started.
    parameters : PropagationParameters
        Its ``band``, ``most_change`` and ``most_unlike`` are used.
    """
    inside, outside = depth_of(mask), distance_transform_edt(~mask)
    band = min(parameters.band, inside.max() / 2)
    clear = (inside > band) | (outside > band)
    unlike = _distance(here, appearance.colour) > parameters.most_unlike * appearance.spread
    same = _distance(here, before) <= parameters.most_change * appearance.spread
    gone = mask & unlike
    wanted = mask & ~gone
    known = clear & (same | gone)
    interior = int((inside > band).sum())
    return Expectation(wanted, known, int((wanted & known).sum()) / max(interior, 1))


def deepest_contradiction(mask: Mask, expectation: Expectation) -> tuple[int, int] | None:
    """Return the deepest pixel that contradicts the expectation, (row, col), the first in row-major order on ties.

    None where no contradiction is worth a click; for an empty mask any is.
    """
    depth = depth_of((mask != expectation.wanted) & expectation.known)
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    least = _LEAST_DEPTH if mask.any() else 1.0
    return (int(row), int(col)) if depth[row, col] >= least else None


def doubt_of_carried(
    mask: Mask,
    before: Mask,
    here: Floats,
    expectation: Expectation,
    appearance: Appearance,
    parameters: PropagationParameters,
) -> float:
    """Return how doubtful it is that a mask is the object still, from 0 to 1: 1 less the product of three agreements.

    Where it is: the Dice coefficient with its mask in the plane before. How it looks: how far its mean colour, away
    from its outline, is from the object's in the plane it started from, of ``most_unlike`` spreads. What was expected:
    the share of it that contradicts the expectation in spite of all clicks.

    Parameters
    ----------
    mask, before : ndarray
        bool ``[H', W']``, in this plane and in the one before, the latter not empty.
    here : ndarray
        ``[H', W', 3]`` float32, this plane, see :func:`smoothed`.
    expectation : Expectation
        Of this plane.
    appearance : Appearance
        Of the object where it started.
    parameters : PropagationParameters
        Its ``band`` and ``most_unlike`` are used.
    """
    area = int(mask.sum())
    if not area:
        return 1.0
    overlap = 2 * int((mask & before).sum()) / (area + int(before.sum()))
    drift = float(_distance(Appearance.of(here, mask, parameters.band).colour, appearance.colour)) / appearance.spread
    alike = max(0.0, 1 - drift / parameters.most_unlike)
    unsettled = int(((mask != expectation.wanted) & expectation.known).sum()) / area
    return 1 - overlap * alike * max(0.0, 1 - unsettled)


def _distance(image: Floats, other: Floats) -> Floats:
    """Root mean square difference over the channels."""
    distance: Floats = np.sqrt(((image - other) ** 2).mean(axis=-1))
    return distance
