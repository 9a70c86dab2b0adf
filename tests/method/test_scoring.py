"""Scores against brute force: every candidate segment is formed and measured by itself."""

import numpy as np
import pytest
from scipy.ndimage import sobel

from napari_m2n2v2.method.scoring import (
    candidate_thresholds,
    first_maximum,
    prior_threshold,
    score_curve,
    score_factors,
)


def maps(seed, shape=(6, 6), levels=None):
    values = np.random.default_rng(seed).random(shape).astype(np.float32)
    if levels:
        values = (np.floor(values * levels) / levels).astype(np.float32)
    return values / values.max()


def border_of(segment):
    grown = np.zeros_like(segment)
    grown[1:] |= segment[:-1]
    grown[:-1] |= segment[1:]
    grown[:, 1:] |= segment[:, :-1]
    grown[:, :-1] |= segment[:, 1:]
    return grown & ~segment


def brute_force(values, same, opposite, prior=None, below=None):
    """The product of Eq. 6 for each candidate, from its own segment. scipy's 'mirror' is reflect padding."""
    m = values.astype(np.float64)
    magnitude = np.hypot(sobel(m, axis=0, mode="mirror"), sobel(m, axis=1, mode="mirror"))
    steps = np.floor(magnitude / magnitude.max() * 1024)
    order = np.argsort(values.ravel(), kind="stable")
    scores = []
    for k in range(values.size - 1):
        threshold = values.ravel()[order[k]]
        segment = np.zeros(values.size, dtype=bool)
        segment[order[: k + 1]] = True
        score = steps[border_of(segment.reshape(values.shape))].mean()
        score *= np.mean([values[p] <= threshold for p in same])
        score *= threshold < min([values.max(), *(values[p] for p in opposite)])
        if prior is not None:
            score *= k / (values.size - 2) < prior
        if below is not None:
            score *= threshold < below
        scores.append(score)
    return np.array(scores)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("levels", [None, 5])
def test_every_candidate_equals_brute_force(seed, levels):
    values = maps(seed, levels=levels)
    same, opposite = [(2, 3), (0, 5), (4, 4)], [(5, 0)]
    candidates = candidate_thresholds(values)

    def at(pixels):
        return np.array([values[p] for p in pixels], dtype=np.float32)

    for named in ({}, {"prior": 0.4}, {"below": 0.6}):
        expected = brute_force(values, same, opposite, **named)
        factors = score_factors(candidates, at(same), at(opposite), **named)
        got = score_curve(candidates, factors)
        assert first_maximum(candidates, factors) == got.argmax()
        # The quantised gradient may differ by one step where float32 and float64 round apart.
        np.testing.assert_allclose(got, expected, atol=1.0)
        assert (got == 0).tolist() == (expected == 0).tolist()


def test_factors_can_be_switched_off_one_by_one():
    values = maps(1)
    candidates = candidate_thresholds(values)
    same, opposite = values[[2, 4], [3, 4]], values[[5], [0]]
    off = {"edge": False, "positive": False, "negative": False}

    def curve(**named):
        factors = score_factors(candidates, same, opposite, **named)
        found = score_curve(candidates, factors)
        assert first_maximum(candidates, factors) == found.argmax()
        return found

    alone = [curve(**{**off, name: True}) for name in off]
    np.testing.assert_allclose(np.prod(alone, axis=0), curve(), rtol=1e-6)
    np.testing.assert_array_equal(curve(**off), np.ones(values.size - 1))
    for limit in ({"below": 0.0}, {"prior": 0.01}, {"below": 0.5, "prior": 0.3}):
        curve(**limit)


def test_a_flat_map_scores_zero_everywhere_and_never_nan():
    flat = np.zeros((4, 5), dtype=np.float32)
    candidates = candidate_thresholds(flat)
    factors = score_factors(candidates, flat[:1, 0], flat[:0, 0])
    assert score_curve(candidates, factors).tolist() == [0] * 19
    assert first_maximum(candidates, factors) == 0


@pytest.mark.parametrize("sigma", [0.01, 0.3, 0.4, 1.0])
def test_the_priors_threshold_is_where_its_score_ends(sigma):
    values = maps(4, levels=5)
    candidates = candidate_thresholds(values)
    same, none = values[[2], [3]], values[:0, 0]
    by_count = score_curve(candidates, score_factors(candidates, same, none, prior=sigma))
    below = prior_threshold(candidates, sigma)
    by_threshold = score_curve(candidates, score_factors(candidates, same, none, below=below))
    ends = candidates.values < below  # candidates of one value are cut together
    np.testing.assert_array_equal(by_threshold[ends], by_count[ends])
    assert not by_threshold[~ends].any()
