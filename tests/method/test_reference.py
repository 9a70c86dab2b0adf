"""M2N2 mode against outputs of the published program, stage by stage and mask by mask."""

import numpy as np
import pytest
import torch

from napari_m2n2v2 import Click, ImageFeatures, SegmentationParameters, Session
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.method.flood_fill import flood_fill
from napari_m2n2v2.method.markov import markov_map, start_state

NAMES = ["davis345-100", "davis345-250", "grabcut-banana1", "grabcut-elefant", "grabcut-person7", "grabcut-sheep"]


class Reference:
    def __init__(self, path):
        stored = np.load(path)
        self.__dict__.update({key: stored[key] for key in stored.files})
        shape = self.image.shape[:2]
        self.truth = np.unpackbits(self.truth)[: self.truth.size * 8][: shape[0] * shape[1]].reshape(shape).astype(bool)
        self.masks = np.unpackbits(self.masks)[: 10 * self.truth.size].reshape(10, *shape).astype(bool)
        self.grid_shape = tuple(int(side) for side in self.grid)
        self.features = ImageFeatures.from_attention(self.image, self.attention, self.grid_shape, device="cpu")

    def session(self):
        return Session(self.features, SegmentationParameters.m2n2())

    def click(self, k):
        row, col, foreground = (int(value) for value in self.clicks[k])
        return Click(row, col, bool(foreground))


@pytest.fixture(scope="module", params=NAMES)
def reference(request, shared):
    return Reference(shared / "reference" / f"{request.param}.npz")


def test_transition_matrix(reference):
    np.testing.assert_allclose(reference.features.transition[:50], reference.transition, rtol=1e-4, atol=1e-12)


def test_start_state_and_markov_map(reference):
    row, col, _ = reference.clicks[0]
    start = start_state(row, col, reference.image.shape[:2], reference.grid_shape)
    np.testing.assert_allclose(start, reference.start_state, atol=1e-3)
    steps = markov_map(reference.features.transition, start, 0.3, 1000)
    # The published chain runs in other rounding: the last cells to be reached differ most, in units of their steps.
    np.testing.assert_allclose(steps, reference.markov_map, atol=1e-3, rtol=1e-4)


def test_upsampling(reference):
    operator = reference.features.upsampling_operator(guided=False)
    got = operator(torch.from_numpy(reference.markov_map)).numpy()
    np.testing.assert_allclose(got, reference.upsampled, atol=5e-4)


def test_flood_fill(reference):
    values = reference.upsampled / reference.upsampled.max()
    got = flood_fill(values, tuple(int(v) for v in reference.clicks[0, :2]))
    np.testing.assert_allclose(got, reference.flood_fill, atol=2e-3)


def test_thresholds_and_masks_after_each_click(reference):
    session = reference.session()
    for k in range(10):
        result = session.click(reference.click(k))
        assert intersection_over_union(result.mask, reference.masks[k]) >= 0.999
        np.testing.assert_allclose(result.thresholds, reference.lambdas[k, : k + 1], atol=1e-3)


def test_the_simulated_user_clicks_where_theirs_did(reference):
    mask = np.zeros_like(reference.truth)
    for k in range(10):
        assert next_click_union(mask, reference.truth) == reference.click(k)
        mask = reference.masks[k]
