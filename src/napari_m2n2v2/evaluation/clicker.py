"""The simulated user of section 4: where the next click goes. The rules give different numbers, so name the rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.images.deepest import depth_of
from napari_m2n2v2.prompts import Prompt

__all__ = ["RULES", "next_click_random", "next_click_split", "next_click_union"]

Mask = NDArray[np.bool_]


def next_click_union(
    mask: Mask,
    truth: Mask,
    ignore: Mask | None = None,
    clicks: Sequence[Prompt] = (),
    rng: np.random.Generator | None = None,
) -> Click | None:
    """Click the deepest point of everything that is wrong, M2N2's rule "union".

    Parameters
    ----------
    mask, truth : ndarray
        bool ``[H, W]``.
    ignore : ndarray, optional
        bool ``[H, W]``; pixels that are neither wrong nor right.
    clicks : sequence of Prompt
        Those placed so far; without effect in this rule.
    rng : numpy.random.Generator, optional
        Without effect in this rule.

    Returns
    -------
    Click or None
        With the class the truth has there; the first in row-major order on ties; None when nothing is wrong.

    Notes
    -----
    False positives and false negatives share one Euclidean distance transform, and outside the image counts as right.
    """
    wrong = _wrong(mask, truth, ignore)
    return _deepest(depth_of(wrong), truth) if wrong.any() else None


def next_click_split(
    mask: Mask,
    truth: Mask,
    ignore: Mask | None = None,
    clicks: Sequence[Prompt] = (),
    rng: np.random.Generator | None = None,
) -> Click | None:
    """Click the deepest point of the misses or of the false alarms, whichever is deeper: the rule of RITM, "split".

    Never the same pixel twice; a false alarm wins a tie. Parameters and result as for :func:`next_click_union`.
    """
    wrong = _wrong(mask, truth, ignore)
    missed, false_alarm = depth_of(wrong & truth), depth_of(wrong & ~truth)
    for click in clicks:
        missed[round(click.row), round(click.col)] = false_alarm[round(click.row), round(click.col)] = 0
    if not (missed.any() or false_alarm.any()):
        return None
    return _deepest(missed if missed.max() > false_alarm.max() else false_alarm, truth)


def next_click_random(
    mask: Mask,
    truth: Mask,
    ignore: Mask | None = None,
    clicks: Sequence[Prompt] = (),
    rng: np.random.Generator | None = None,
) -> Click | None:
    """Click any wrong pixel, all with the same chance (section 11). Parameters as for :func:`next_click_union`."""
    places = np.argwhere(_wrong(mask, truth, ignore))
    if not len(places):
        return None
    row, col = places[(rng or np.random.default_rng()).integers(len(places))]
    return Click(int(row), int(col), foreground=bool(truth[row, col]))


RULES: dict[str, Callable[..., Click | None]] = {
    "union": next_click_union,
    "split": next_click_split,
    "random": next_click_random,
}
"""Every rule by name."""


def _wrong(mask: Mask, truth: Mask, ignore: Mask | None) -> Mask:
    wrong: Mask = mask != truth
    if ignore is not None:
        wrong &= ~ignore
    return wrong


def _deepest(depth: NDArray[np.float64], truth: Mask) -> Click:
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return Click(int(row), int(col), foreground=bool(truth[row, col]))
