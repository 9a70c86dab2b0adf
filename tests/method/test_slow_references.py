"""The slow references that benchmarks compare with give the numbers of the fast stages."""

import numpy as np
import pytest
import torch

from napari_m2n2v2.backbones.self_attention import add_attention_
from napari_m2n2v2.method.attention import adjust_temperature_, make_doubly_stochastic_, normalise_rows_
from napari_m2n2v2.method.flood_fill import flood_fill
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.nearest_neighbour import nearest_click, truncate
from napari_m2n2v2.method.scoring import candidate_thresholds
from napari_m2n2v2.method.upsampling import build_upsampling_operator
from tests import slow_references as slow


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_attention_of_blocks_is_the_weighted_mean_of_their_heads(rng):
    """Eq. 1: queries and keys of two blocks of three heads, one extra token in front."""
    query, key = (torch.from_numpy(rng.normal(size=(2, 3, 21, 5))).float() for _ in range(2))
    got, weights = torch.zeros(20, 20), (0.25, 0.75)
    for i, weight in enumerate(weights):
        add_attention_(got, query[i], key[i], 5**-0.5, weight, lambda share: None, skip=1)
    softmaxes = torch.softmax(query.double() @ key.double().transpose(2, 3) * 5**-0.5, dim=-1)[..., 1:, 1:]
    np.testing.assert_allclose(normalise_rows_(got), slow.aggregate(softmaxes, weights), atol=1e-6)


def test_transition_matrix(features, rng):
    attention = torch.softmax(torch.from_numpy(rng.normal(size=(30, 30))), dim=1).float()
    expected = slow.transition_matrix(attention)
    got = make_doubly_stochastic_(adjust_temperature_(attention.clone(), 0.65), 200, 1e-6)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_markov_map(features):
    start = start_state(20, 30, features.image.shape[:2], features.grid_shape, torch.device("cpu"))
    got = markov_map(features.transition, start, 0.3, 1000)
    np.testing.assert_allclose(got, slow.markov_map(features.transition, start), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [3, 4])
def test_upsampling(rng, channels):
    guide = rng.random((channels, 40, 55)).astype(np.float32)
    low = rng.random((6, 8)).astype(np.float32) * 10
    got = build_upsampling_operator(guide, (6, 8), 1.0, 0.1)(torch.from_numpy(low)).numpy()
    np.testing.assert_allclose(got, slow.upsample(low, guide), atol=3e-4)


def test_flood_fill(rng):
    values = rng.random((30, 41)).astype(np.float32)
    np.testing.assert_array_equal(flood_fill(values, (3, 7)), slow.flood_fill(values, (3, 7)))


def test_edge_scores(rng):
    values = rng.random((12, 17)).astype(np.float32)
    np.testing.assert_allclose(candidate_thresholds(values).edge, slow.edge_scores(values), atol=1.0)


def test_nearest_neighbour(rng):
    maps = list(rng.random((4, 20, 31)).astype(np.float32))
    thresholds, labels = [0.3, 0.6, 0.2, 0.5], [True, False, False, True]
    got = truncate(*nearest_click(maps, thresholds), labels, [(0, 0)] * 4)
    expected = slow.nearest_neighbour(maps, thresholds, labels)
    expected[0, 0] = labels[-1]  # the later of clicks on one pixel pins it
    np.testing.assert_array_equal(got, expected)
