"""Telling pixels of objects from those around them: regularised logistic regression, solved by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_m2n2v2.similar.pixels import Floats

__all__ = ["Separation", "separate"]

_CLASS_WEIGHT = 200.0  # of all pixels of a class together: more pixels are no more evidence
_STIFFNESS = 20.0
_ROUNDS = 3
_LEAST_KEPT = 0.1
_NEWTON_STEPS, _LONGEST_STEP, _SMALL_STEP = 30, 5.0, 1e-6


@dataclass(frozen=True, eq=False)
class Separation:
    """A linear log-odds of "inside an object".

    Parameters
    ----------
    weights : ndarray
        ``[F]`` float64, of the features as they are.
    bias : float
        Log-odds of features that are all 0.
    """

    weights: NDArray[np.float64]
    bias: float

    def of(self, features: NDArray[Any]) -> Floats:
        """Return the log-odds of ``[F, ...]`` features, float32 ``[...]``."""
        found = np.tensordot(self.weights.astype(np.float32), features, 1)
        return np.asarray(found + np.float32(self.bias), dtype=np.float32)


def separate(
    inside: NDArray[Any],
    around: NDArray[Any],
    never: NDArray[Any],
    mean: NDArray[Any],
    deviation: NDArray[Any],
) -> Separation:
    """Learn to tell the inside of objects from what lies around them.

    Parameters
    ----------
    inside, around, never : ndarray
        ``[n, F]`` features of pixels: of the examples; of rings around them, where other objects may lie, so that what
        looks like the inside is dropped, twice; and of what is known to be no such object. The last may be empty.
    mean, deviation : ndarray
        ``[F]``, to standardise by, so that all features are regularised alike.
    """
    inside, around, never = ((one - mean) / deviation for one in (inside, around, never))
    kept = np.ones(len(around), dtype=bool)
    for _ in range(_ROUNDS):
        weights = _solve(inside, around[kept], never)
        unlike = around @ weights[:-1] + weights[-1] < 0
        if np.count_nonzero(unlike) < _LEAST_KEPT * len(around):
            break
        kept = unlike
    scaled = weights[:-1] / deviation
    return Separation(scaled, float(weights[-1] - scaled @ mean))


def _solve(inside: NDArray[np.float64], around: NDArray[np.float64], never: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights and, last, the bias, which is not regularised."""
    outside = [part for part in (around, never) if len(part)]
    x = np.concatenate([inside, *outside])
    x = np.column_stack([x, np.ones(len(x))])
    share = _CLASS_WEIGHT / max(len(outside), 1)
    each = [_CLASS_WEIGHT / len(inside)] * len(inside) + [share / len(part) for part in outside for _ in part]
    weight, target = np.array(each), np.arange(len(x)) < len(inside)
    regular = np.full(x.shape[1], _STIFFNESS)
    regular[-1] = 1e-6
    found = np.zeros(x.shape[1])
    for _ in range(_NEWTON_STEPS):
        likely = expit(x @ found)
        gradient = x.T @ (weight * (likely - target)) + regular * found
        hessian = (x * (weight * likely * (1 - likely) + 1e-12)[:, None]).T @ x + np.diag(regular)
        step = np.linalg.solve(hessian, gradient)
        longest = np.abs(step).max()
        found -= step * min(1.0, _LONGEST_STEP / max(longest, 1e-12))
        if longest < _SMALL_STEP:
            break
    return found
