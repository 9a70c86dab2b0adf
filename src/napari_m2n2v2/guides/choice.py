"""Which guides suit an object, told by its own clicks: ``guide="auto"``. ``docs/guidance.md`` has the measurements.

A guide that suits an object parts its clicks: seen from a click, those of its own class are nearer than those of the
other. That needs no labels but the clicks, and no model; what was tried without clicks did not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["GuideChoice", "choose", "separation"]


@dataclass(frozen=True)
class GuideChoice:
    """Which guides an object is solved with.

    Parameters
    ----------
    option : int
        Index in :attr:`~napari_m2n2v2.ImageFeatures.options`.
    guides : str
        Their names and weights, "no guide" for none.
    because : str
        Why, in words.
    """

    option: int
    guides: str
    because: str


def separation(distances: NDArray[np.float32], foreground: Sequence[bool]) -> float | None:
    """Return how well the clicks' maps part the classes: 1 if every click has its own class nearest, 0.5 by chance.

    The mean, over clicks, of the share of (own class, other class) pairs of further clicks in which the own one is
    nearer (ties count as not).

    Parameters
    ----------
    distances : ndarray
        ``[N, N]`` float32, ``M_i`` of row i at click j.
    foreground : sequence of bool
        ``y_i`` of each click.

    Returns
    -------
    float or None
        None while no click has both a further one of its class and one of the other.
    """
    labels = np.asarray(foreground, dtype=bool)
    shares = []
    for i, label in enumerate(labels):
        own = labels == label
        own[i] = False
        other = labels != label
        if own.any() and other.any():
            shares.append(float((distances[i][own][:, None] < distances[i][other][None, :]).mean()))
    return float(np.mean(shares)) if shares else None


def choose(separations: Sequence[float | None], names: Sequence[str]) -> GuideChoice:
    """Choose the option that parts the clicks best, the first of equally good ones.

    Parameters
    ----------
    separations : sequence of float or None
        Of each option, in order; None where the clicks cannot tell yet.
    names : sequence of str
        Of the options.
    """
    known = [value for value in separations if value is not None]
    if len(names) == 1:
        return GuideChoice(0, names[0], "as asked")
    if len(known) < len(names):
        return GuideChoice(0, names[0], "the first choice, until there are clicks of both classes, and two of one")
    best = int(np.argmax(known))
    said = "; ".join(f"{name} {value:.0%}" for name, value in zip(names, known, strict=True))
    return GuideChoice(best, names[best], f"parts the clicks of the two classes best ({said})")
