"""Which threshold ``lambda`` of a click's map is best: candidates and factors of the score (section 3.4, Eqs. 4-7).

What depends on the map alone is computed once per click position (:class:`CandidateThresholds`); what depends on the
other clicks is one pass over the candidates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.method.flood_fill import stable_order
from napari_m2n2v2.method.kernel import kernel

__all__ = [
    "EDGE_STEPS",
    "CandidateThresholds",
    "ScoreFactors",
    "candidate_thresholds",
    "first_maximum",
    "prior_threshold",
    "score_curve",
    "score_factors",
]

Floats = NDArray[np.float32]


EDGE_STEPS = 1024
"""In how many whole steps an edge is measured: their sums are exact."""


_NO_LIMIT = math.inf


_RUN = 256  # candidates


@dataclass(frozen=True)
class CandidateThresholds:
    """Every candidate threshold of one map, with its edge score.

    Parameters
    ----------
    values : ndarray
        ``[K]`` float32, each pixel's value in sorted order but the last's; candidate k's segment is the first k + 1
        pixels. Ties are in row-major order.
    edge : ndarray
        ``s_edge [K]`` float32: mean quantised Sobel magnitude over the segment's outer border, in ``[0, 1024]``.
    maximum : float
        Largest value of the map.
    """

    values: Floats
    edge: Floats
    maximum: float

    @cached_property
    def highest_edges(self) -> Floats:
        """The highest edge score of each run of candidates, float32: all that most searches look at."""
        highest: Floats = _highest_of_runs(self.edge)
        return highest

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.values.nbytes + self.edge.nbytes


def candidate_thresholds(markov_map: Floats) -> CandidateThresholds:
    """List the candidates of a map and score how well each one's border follows the map's edges (``s_edge``, Eq. 6).

    Parameters
    ----------
    markov_map : ndarray
        ``M_i [H, W]`` float32 in ``[0, 1]``, at least 2 x 2 pixels.
    """
    order = stable_order(markov_map)
    values = markov_map.ravel()[order]
    edge = _mean_border_value(_quantised_sobel(markov_map).ravel(), order, markov_map.shape[1])
    return CandidateThresholds(values[:-1].copy(), edge, float(values[-1]))


def _quantised_sobel(markov_map: Floats) -> NDArray[np.int32]:
    """Sobel magnitude (3 x 3, reflect-padded) in whole steps of 1/1024 of its maximum; integers keep sums exact."""
    m = np.pad(markov_map, 1, mode="reflect")
    down = m[2:] - m[:-2]
    across = m[:, 2:] - m[:, :-2]
    by_row = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    by_col = across[:-2] + 2 * across[1:-1] + across[2:]
    magnitude = np.sqrt(by_row * by_row + by_col * by_col)
    top = magnitude.max()
    if top == 0:
        return np.zeros(markov_map.shape, dtype=np.int32)
    steps: NDArray[np.int32] = ((magnitude / top) * np.float32(EDGE_STEPS)).astype(np.int32)
    return steps


@kernel()
def _mean_border_value(value: NDArray[np.int32], order: NDArray[np.int32], width: int) -> Floats:
    size = order.size
    out = np.empty(size - 1, dtype=np.float32)
    state = np.zeros(size, dtype=np.uint8)  # 0 outside, 1 on the outer border, 2 in the segment
    total, length = np.int64(0), np.int64(0)
    for k in range(size - 1):
        q = order[k]
        if state[q] == 1:
            total -= value[q]
            length -= 1
        state[q] = 2
        col = q % width
        for side in range(4):
            if side == 0:
                neighbour, exists = q - width, q >= width
            elif side == 1:
                neighbour, exists = q + width, q + width < size
            elif side == 2:
                neighbour, exists = q - 1, col > 0
            else:
                neighbour, exists = q + 1, col < width - 1
            if exists and state[neighbour] == 0:
                state[neighbour] = 1
                total += value[neighbour]
                length += 1
        out[k] = np.float32(total) / np.float32(length)
    return out


@dataclass(frozen=True, eq=False)
class ScoreFactors:
    """Everything in the score but ``s_edge``: constant over a few spans of candidates (Eq. 6).

    Parameters
    ----------
    stops : ndarray
        ``[S + 1]`` int64, rising: span s holds candidates ``stops[s]`` to ``stops[s + 1] - 1``; those after the last
        score 0.
    values : ndarray
        ``[S]`` float32, the product of the other factors in each span.
    edge : bool
        Whether ``s_edge`` takes part.
    """

    stops: NDArray[np.int64]
    values: Floats
    edge: bool


def score_factors(
    candidates: CandidateThresholds,
    same: Floats,
    opposite: Floats,
    *,
    edge: bool = True,
    positive: bool = True,
    negative: bool = True,
    prior: float = 1.0,
    below: float = _NO_LIMIT,
) -> ScoreFactors:
    """Find what the clicks and the limits make of each candidate threshold (Eq. 6).

    Parameters
    ----------
    candidates : CandidateThresholds
        Of ``M_i``.
    same, opposite : ndarray
        float32 values of ``M_i`` at the clicks of click i's class (itself included) and of the other. Of
        a prompt that marks no pixel there may be none; then ``s_pos`` takes no part.
    edge, positive, negative : bool
        Whether ``s_edge``, ``s_pos`` and ``s_neg`` take part.
    prior : float
        ``sigma_prior`` of Eq. 7; 1 leaves ``s_prior`` out.
    below : float
        Thresholds from here on have ``s_adaptive = 0`` (Eq. 8), see :func:`largest_threshold`.
    """
    values = candidates.values
    end = len(values)
    if negative:
        below = min(below, candidates.maximum, float(opposite.min(initial=np.inf)))
    if prior < 1:
        end = min(end, _prior_count(len(values), prior))
    if below < _NO_LIMIT:
        end = min(end, int(values.searchsorted(np.float32(below), side="left")))
    if not (positive and same.size):
        return ScoreFactors(np.array([0, end]), np.ones(1, dtype=np.float32), edge)
    included = values.searchsorted(np.sort(same), side="left")
    share = np.arange(len(included) + 1, dtype=np.float32) / np.float32(len(included))
    return ScoreFactors(np.concatenate([[0], included, [end]]).clip(max=end), share, edge)


def score_curve(candidates: CandidateThresholds, factors: ScoreFactors) -> Floats:
    """Score every candidate threshold of a click's map: the product of Eq. 6.

    Returns
    -------
    ndarray
        ``[K]`` float32, in the order of ``candidates.values``.
    """
    score = np.zeros_like(candidates.values)
    for begin, end, factor in zip(factors.stops[:-1], factors.stops[1:], factors.values, strict=True):
        score[begin:end] = candidates.edge[begin:end] * factor if factors.edge else factor
    return score


def first_maximum(candidates: CandidateThresholds, factors: ScoreFactors) -> int:
    """Return the index of the best candidate: the *first* maximum of :func:`score_curve`, which is not formed (Eq. 5).

    When every score is zero it is 0: the click claims next to nothing.
    """
    return int(_first_maximum(candidates.edge, candidates.highest_edges, factors.stops, factors.values, factors.edge))


@kernel()
def _highest_of_runs(edge: Floats) -> Floats:
    highest = np.zeros((edge.size + _RUN - 1) // _RUN, dtype=np.float32)
    for run in range(highest.size):
        for k in range(run * _RUN, min((run + 1) * _RUN, edge.size)):
            if edge[k] > highest[run]:
                highest[run] = edge[k]
    return highest


@kernel()
def _first_maximum(edge: Floats, highest: Floats, stops: NDArray[np.int64], values: Floats, use_edge: bool) -> int:
    best, where = np.float32(0.0), 0
    for span in range(values.size):
        factor = values[span]
        k, stop = stops[span], stops[span + 1]
        while k < stop:
            run = k // _RUN
            end = min(stop, (run + 1) * _RUN)
            # Rounding keeps the order, so where the highest would not be more, none would.
            if (highest[run] * factor if use_edge else factor) > best:
                for m in range(k, end):
                    score = edge[m] * factor if use_edge else factor
                    if score > best:
                        best, where = score, m
            k = end
    return where


def prior_threshold(candidates: CandidateThresholds, sigma_prior: float) -> float:
    """Return the threshold from which a segment is ``sigma_prior`` of the image or more (Eq. 7); may be infinite."""
    count = _prior_count(len(candidates.values), sigma_prior)
    return float(candidates.values[count]) if count < len(candidates.values) else _NO_LIMIT


def _prior_count(count: int, prior: float) -> int:
    """How many candidates k have ``k / (count - 1) < prior``: segments under that share of the image (Eq. 7)."""
    return math.ceil(prior * (count - 1)) if count > 1 else count
