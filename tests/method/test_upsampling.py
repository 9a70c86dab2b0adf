import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from skimage.data import coffee
from torch.nn.functional import interpolate

from napari_m2n2v2.errors import Cancelled
from napari_m2n2v2.method.operator_compiled import _exp2_of_minus
from napari_m2n2v2.method.upsampling import build_upsampling_operator
from napari_m2n2v2.method.window import Axis


def dense_filter(low, guide, sigma_spatial, sigma_range):
    """The published two-step filter, one pixel of the window at a time, in float64."""
    channels, height, width = guide.shape
    bilinear = interpolate(torch.from_numpy(low)[None, None].double(), (height, width), mode="bilinear")[0, 0].numpy()
    step_r, step_c = height / low.shape[0] * sigma_spatial, width / low.shape[1] * sigma_spatial
    out = np.zeros((height, width))
    for r, c in np.ndindex(height, width):
        total = weight_sum = 0.0
        for rr, cc in np.ndindex(height, width):
            far = ((rr - r) / step_r) ** 2 + ((cc - c) / step_c) ** 2
            if far > 9:
                continue
            unlike = sum((guide[k, rr, cc] - guide[k, r, c]) ** 2 for k in range(channels)) / sigma_range**2
            weight = math.exp(-0.5 * (far + unlike))
            total += weight * bilinear[rr, cc]
            weight_sum += weight
        out[r, c] = total / weight_sum
    return out


@pytest.mark.parametrize(
    ("shape", "grid"), [((18, 26), (4, 6)), ((25, 14), (5, 3)), ((9, 9), (9, 9)), ((8, 6), (12, 9))]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_equals_the_dense_filter(shape, grid, channels):
    rng = np.random.default_rng(1)
    guide = rng.random((channels, *shape)).astype(np.float32)
    low = rng.random(grid).astype(np.float32) * 10
    got = build_upsampling_operator(guide, grid, 1.0, 0.3)(torch.from_numpy(low)).numpy()
    np.testing.assert_allclose(got, dense_filter(low, guide, 1.0, 0.3), atol=2e-4)


def test_the_product_for_devices_is_the_same():
    rng = np.random.default_rng(4)
    operator = build_upsampling_operator(rng.random((3, 150, 61)).astype(np.float32), (12, 5), 1.0, 0.2)
    low = torch.from_numpy(rng.random((12, 5)).astype(np.float32) * 10)
    for _ in range(2):
        torch.testing.assert_close(operator.apply_in_torch(low), operator(low), atol=1e-5, rtol=1e-5)


def test_weights_of_sixteen_bits_sum_to_one():
    rng = np.random.default_rng(5)
    operator = build_upsampling_operator(rng.random((3, 40, 50)).astype(np.float32), (8, 10), 1.0, 0.05)
    assert operator.weights.dtype == np.uint16
    sums = operator.weights.sum(axis=(1, 2), dtype=np.int64) * operator.unit
    np.testing.assert_allclose(sums, 1, rtol=1e-6)
    ones = operator(torch.full((8, 10), 3.0))
    torch.testing.assert_close(ones, torch.full((40, 50), 3.0), atol=1e-5, rtol=0)


def test_a_flat_guide_makes_it_a_plain_gaussian():
    low = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    guide = np.full((3, 60, 80), 0.5, dtype=np.float32)
    got = build_upsampling_operator(guide, (6, 8), 1.0, 0.1)(low).numpy()
    y, x = np.mgrid[-30:31, -30:31] / 10
    kernel = np.exp(-0.5 * (y**2 + x**2)) * (y**2 + x**2 <= 9)
    bilinear = interpolate(low[None, None], (60, 80), mode="bilinear")[0, 0].numpy()
    plain = correlate(bilinear, kernel, mode="constant") / correlate(np.ones((60, 80)), kernel, mode="constant")
    np.testing.assert_allclose(got, plain, atol=1e-4)


def test_a_constant_fourth_channel_changes_not_one_bit():
    rng = np.random.default_rng(2)
    rgb = rng.random((3, 20, 30)).astype(np.float32)
    constant = np.full((1, 20, 30), 0.7, dtype=np.float32)
    plain = build_upsampling_operator(rgb, (5, 7), 1.0, 0.1)
    guided = build_upsampling_operator(np.concatenate([rgb, constant]), (5, 7), 1.0, 0.1)
    np.testing.assert_array_equal(plain.weights, guided.weights)


def test_the_guide_stops_the_blur_at_an_edge():
    rgb = np.full((3, 24, 24), 0.5, dtype=np.float32)
    depth = np.zeros((1, 24, 24), dtype=np.float32)
    depth[:, :, 12:] = 1
    low = torch.zeros(6, 6)
    low[:, 3:] = 1
    plain = build_upsampling_operator(rgb, (6, 6), 1.0, 0.1)(low)
    guided = build_upsampling_operator(np.concatenate([rgb, depth]), (6, 6), 1.0, 0.1)(low)
    assert guided[:, 12].min() - guided[:, 11].max() > 5 * (plain[:, 12].min() - plain[:, 11].max())


class TestSampledWindow:
    """Issue 16, line 26: a coarser grid costs no more, with a stated error."""

    def dense_and_sampled(self, monkeypatch, guide, grid):
        sampled = build_upsampling_operator(guide, grid, 1.0, 0.1)
        monkeypatch.setattr("napari_m2n2v2.method.window._DENSE", 1e9)
        return build_upsampling_operator(guide, grid, 1.0, 0.1), sampled

    def test_26_cells_up_to_those_of_wide_images_at_grid_64_are_dense(self, monkeypatch):
        guide = np.random.default_rng(6).random((3, 62, 94)).astype(np.float32)
        dense, sampled = self.dense_and_sampled(monkeypatch, guide, (2, 3))  # cells of 31 pixels
        np.testing.assert_array_equal(dense.weights, sampled.weights)
        np.testing.assert_array_equal(dense.unit, sampled.unit)

    @pytest.mark.parametrize("grid", [(4, 4), (2, 3), (2, 2)])
    def test_26_the_error_on_a_photo_is_what_the_docs_say(self, monkeypatch, grid):
        guide = np.moveaxis(coffee()[:260:2, :260:2].astype(np.float32) / 255, -1, 0)
        guide = np.ascontiguousarray(guide)
        low = torch.rand(grid, generator=torch.Generator().manual_seed(0))
        dense, sampled = (made(low).numpy() for made in self.dense_and_sampled(monkeypatch, guide, grid))
        error = np.abs(dense - sampled)
        assert error.any() and error.mean() < 0.005 and np.quantile(error, 0.99) < 0.03
        np.testing.assert_allclose(sampled.max(), dense.max(), atol=0.03)

    def test_26_the_number_of_samples_is_bounded_whatever_the_grid(self):
        for grid, pixels in ((1, 500), (4, 1024), (16, 1024), (31, 1024), (64, 1024), (256, 1024)):
            axis = Axis.of(pixels, grid, 1.0)
            assert axis.every(0).radius <= 96 and (axis.stride == 1 or axis.every(0).sigma >= 16)

    def test_26_thin_images_and_progress(self):
        shares = []
        guide = np.random.default_rng(7).random((3, 2, 300)).astype(np.float32)
        operator = build_upsampling_operator(guide, (1, 3), 1.0, 0.1, shares.append)
        ones = operator(torch.full((1, 3), 3.0))
        torch.testing.assert_close(ones, torch.full((2, 300), 3.0), atol=1e-5, rtol=0)
        assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 2


def test_building_reports_progress_and_can_be_stopped():
    guide = np.zeros((3, 64, 32), dtype=np.float32)
    shares = []
    build_upsampling_operator(guide, (8, 4), 1.0, 0.1, shares.append)
    assert shares == sorted(shares) and shares[-1] == 1

    def stop(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        build_upsampling_operator(guide, (8, 4), 1.0, 0.1, stop)


def test_powers_are_exact_to_rounding_and_never_denormal():
    x = np.concatenate([np.linspace(0, 100, 20001), [100.5, 300, 1e30]]).astype(np.float32)
    got = np.array([_exp2_of_minus(value) for value in x])
    np.testing.assert_allclose(got, np.exp2(-np.minimum(x, 100).astype(np.float64)), rtol=3e-7)
    # What the least of them adds to a cell: it is at the window's rim, and 1/64 of it falls on the cell.
    assert got.min() * math.exp(-4.5) / 64 > np.finfo(np.float32).tiny
