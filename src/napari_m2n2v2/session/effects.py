"""What each click changed, or why it did not: data for those who show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.prompts import Prompt

__all__ = ["Effect", "Why", "effect_in_words", "effect_of"]

Why = Literal["changed", "already so", "nearer to a click", "too large a change", "another object"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one click did to the mask of its object when it was placed.

    Parameters
    ----------
    changed : int
        How many working pixels have another class than before.
    claimed : int
        How many of them took the click's class, its own pixel included.
    why : str
        "changed"; or why it claims no more than its own pixel: the mask there was "already so", what is around it is
        "nearer to a click" of the other class, or any threshold of its map were "too large a change" (Eq. 8). Or what
        it claims belongs to "another object" that is nearer or on top.
    rival : int or None
        Index of that click among the clicks of the object, or id of that object.
    took_from : tuple of int
        Ids of the other objects, accepted or in work, that the click's own pixel was taken from.
    """

    changed: int
    claimed: int
    why: Why = "changed"
    rival: int | None = None
    took_from: tuple[int, ...] = ()

    @property
    def acted(self) -> bool:
        """Whether the click changed more than its own pixel."""
        return self.why == "changed"


def effect_of(
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    seed: Sequence[tuple[int, int]],
    foreground: bool,
    owner: NDArray[np.int32],
    distance: NDArray[np.float32],
) -> Effect:
    """Tell what a click did.

    Parameters
    ----------
    before, after : ndarray
        bool ``[H', W']``: ``Y_{i-1}`` and ``Y_i``.
    seed : sequence of tuple of int
        The pixels of the prompt, (row, col); of a click it is one, of a box none.
    foreground : bool
        Its class.
    owner, distance : ndarray
        ``[H', W']`` each pixel's nearest click after it, and how far that is (Eq. 11).
    """
    differs = before != after
    changed = int(np.count_nonzero(differs))
    claimed = int(np.count_nonzero(differs & (after == foreground)))
    if claimed > len(seed):
        return Effect(changed, claimed)
    if all(before[pixel] == foreground for pixel in seed):
        return Effect(changed, claimed, "already so") if changed <= 1 else Effect(changed, claimed)
    around = _around(seed, after.shape)
    rivals = owner[around][(after[around] != foreground) & (distance[around] <= 1)]
    if rivals.size:
        return Effect(changed, claimed, "nearer to a click", int(np.bincount(rivals).argmax()))
    return Effect(changed, claimed, "too large a change")


def _around(seed: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the pixels of a seed and their neighbours to all sides, bool ``[H, W]``."""
    near = np.zeros(shape, dtype=bool)
    for row, col in seed:
        near[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2] = True
    return near


def effect_in_words(n: int, clicks: Sequence[Prompt], effect: Effect, scale: float = 1.0) -> str:
    """Say what a click did: "+120 px", "nothing: nearer to click 4".

    Parameters
    ----------
    n : int
        Its index among ``clicks``, which are of any objects; words count from 1.
    clicks : sequence of Click
        All of them, in order.
    effect : Effect
        Of the click.
    scale : float
        Pixels of the image for each working pixel.
    """
    click = clicks[n]
    if effect.acted:
        others = f", taken from object {' and '.join(map(str, effect.took_from))}" if effect.took_from else ""
        return f"{'+' if click.foreground else '−'}{effect.claimed * scale:.0f} px{others}"  # noqa: RUF001 (a minus sign)
    if effect.why == "nearer to a click":
        of_object = [number for number, other in enumerate(clicks, start=1) if other.object_id == click.object_id]
        return f"nothing: nearer to click {of_object[effect.rival or 0]}"
    return {
        "already so": "nothing: it was so already",
        "too large a change": "nothing: what it stands for is too large; click nearer to the outline",
        "another object": f"nothing: that is object {effect.rival}",
    }[effect.why]
