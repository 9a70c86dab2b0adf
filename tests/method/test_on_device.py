"""Steps as tensor operations, on CPU tensors, against the compiled ones: a GPU runs the same on another device."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import coffee
from skimage.transform import resize

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.method.contrast import pixel_contrast
from napari_m2n2v2.method.flood_fill import stable_order
from napari_m2n2v2.method.on_device import stable_order as order_on_device
from napari_m2n2v2.method.steps import COMPILED, steps_in_torch, steps_on
from napari_m2n2v2.method.upsampling import build_upsampling_operator
from napari_m2n2v2.session import click_map

CPU = torch.device("cpu")
IN_TORCH = steps_in_torch(CPU)


@st.composite
def maps(draw):
    """Float32 maps in [0, 1], some with many equal values, zeros of both signs among them."""
    shape = draw(st.integers(2, 24)), draw(st.integers(2, 24))
    levels = draw(st.sampled_from([1, 2, 7, 10**6]))
    values = np.random.default_rng(draw(st.integers(0, 2**32))).integers(0, levels + 1, shape) / np.float32(levels)
    values = values.astype(np.float32)
    values[values == 0] *= draw(st.sampled_from([1.0, -1.0]))
    return values


@given(maps())
def test_the_order_is_the_same(values):
    np.testing.assert_array_equal(order_on_device(torch.from_numpy(values)), stable_order(values))


@given(maps())
def test_candidates_are_the_same_to_the_last_bit(values):
    got, expected = IN_TORCH.candidate_thresholds(values), COMPILED.candidate_thresholds(values)
    np.testing.assert_array_equal(got.edge, expected.edge)
    np.testing.assert_array_equal(got.values, expected.values)
    assert got.maximum == expected.maximum and got.edge.dtype == got.values.dtype == np.float32


@given(maps())
def test_contrast_is_the_same_to_the_last_bit(values):
    image = np.random.default_rng(values.size).integers(0, 256, (*values.shape, 3), dtype=np.uint8)
    contrast = pixel_contrast(image, 0.5)
    expected = COMPILED.contrast_across(contrast, values)
    np.testing.assert_array_equal(IN_TORCH.contrast_across(contrast, values), expected)


@pytest.mark.parametrize("reach", ["connected", "thin", "similar"])
@given(values=maps(), guides=st.integers(0, 2))
@settings(max_examples=30)
def test_flood_fill_is_the_same_to_one_rounding_of_its_costs(reach, values, guides):
    guide = np.random.default_rng(7).random((guides, *values.shape)).astype(np.float32) if guides else None
    pixel = values.shape[0] // 2, values.shape[1] - 1
    pixels = pixel if values.size % 2 else [pixel, (0, 0), (1, 1)]
    got, expected = (steps.flood_fill(torch.from_numpy(values), pixels, guide, reach) for steps in (IN_TORCH, COMPILED))
    np.testing.assert_allclose(got, expected, rtol=3e-7 if guides else 0)


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((40, 54), (5, 7)),
        ((25, 14), (5, 3)),
        ((9, 9), (9, 9)),
        ((8, 6), (12, 9)),
        ((70, 3), (2, 1)),
        ((150, 130), (2, 2)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_operator_is_the_same_to_one_step_of_its_weights(shape, grid, channels):
    rng = np.random.default_rng(2)
    guide = rng.random((channels, *shape)).astype(np.float32)
    shares = []
    expected = build_upsampling_operator(guide, grid, 1.0, 0.2)
    got = build_upsampling_operator(guide, grid, 1.0, 0.2, shares.append, dense=IN_TORCH.build_dense)
    assert got.weights.dtype == np.uint16 and got.weights.shape == expected.weights.shape
    off = np.abs(got.weights.astype(np.int32) - expected.weights)
    assert off.max() <= 1 and off.mean() < 0.1
    np.testing.assert_allclose(got.unit, expected.unit, rtol=1e-4)
    assert shares == sorted(shares) and shares[-1] == 1
    low = torch.from_numpy(rng.random(grid).astype(np.float32))
    torch.testing.assert_close(got(low), expected(low), atol=2e-5, rtol=0)


def test_masks_are_the_same(monkeypatch):
    photo = (resize(coffee(), (96, 144), anti_aliasing=True) * 255).round().astype(np.uint8)
    features = compute_features(photo, "appearance", "lightness", device="cpu", parameters=FeatureParameters(grid=24))
    clicks = [Click(40, 60), Click(10, 130, foreground=False), Click(80, 30)]
    expected = [Session(features).replay(clicks[:n]).mask for n in (1, 2, 3)]
    used = []
    monkeypatch.setattr(click_map, "steps_on", lambda device: used.append(device) or IN_TORCH)
    got = [Session(features).replay(clicks[:n]).mask for n in (1, 2, 3)]
    assert used and all(np.array_equal(*pair) for pair in zip(got, expected, strict=True))


def test_only_cuda_runs_them():
    assert steps_on(CPU) is COMPILED and steps_on(torch.device("mps")) is COMPILED
    assert steps_on(torch.device("cuda")) is not COMPILED
