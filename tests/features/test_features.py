from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_m2n2v2 import (
    AttentionError,
    Cancelled,
    Click,
    DeviceError,
    FeatureParameters,
    GuideError,
    ImageError,
    ImageFeatures,
    ParameterError,
    SegmentationParameters,
    Session,
    compute_features,
)
from napari_m2n2v2.backbones.run import grid_for
from napari_m2n2v2.guides.channel import as_guide
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.images.resampling import resize_rgb, working_shape
from napari_m2n2v2.parameters import RENDERINGS

COARSE = FeatureParameters(grid=8)


def test_uint8_rgb_is_taken_as_it_is(image):
    np.testing.assert_array_equal(as_rgb(image), image)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[0, 4095], [2048, 1024]], np.uint16), [[0, 255], [128, 64]]),
        (np.array([[-1.0, 1.0], [0.0, 0.5]]), [[0, 255], [128, 191]]),
        (np.array([[False, True], [True, False]]), [[0, 255], [255, 0]]),
        (np.full((2, 2), 3.5), [[0, 0], [0, 0]]),
        (np.array([[-5, 5], [0, 5]], np.int64), [[0, 255], [128, 255]]),
    ],
    ids=["12 bit", "negative float", "bool", "constant", "signed"],
)
def test_scalar_images_are_stretched(pixels, expected):
    got = as_rgb(pixels)
    assert got.shape == (2, 2, 3) and got.dtype == np.uint8
    np.testing.assert_array_equal(got[..., 0], expected)
    np.testing.assert_array_equal(got[..., 0], got[..., 2])


def test_contrast_limits_clip():
    got = as_rgb(np.array([[0, 100], [200, 300]]), contrast_limits=(100, 200))
    np.testing.assert_array_equal(got[..., 1], [[0, 0], [255, 255]])


def test_alpha_is_left_out_and_float_rgb_is_from_0_to_1():
    rgba = np.ones((3, 4, 4)) * [0.0, 0.5, 2.0, 0.3]
    np.testing.assert_array_equal(as_rgb(rgba)[0, 0], [0, 128, 255])


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((0, 5)), "2 x 2"),
        (np.zeros((1, 1)), "2 x 2"),
        (np.zeros((3, 8, 8)), r"shape \(3, 8, 8\)"),
        (np.zeros((8, 8, 2)), "RGB"),
        (np.zeros(8), "2-D"),
        (np.zeros((4, 8, 8, 3)), "plane"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.full((4, 4), np.inf), "infinite"),
        (np.zeros((4, 4), complex), "dtype"),
        (np.full((4, 4), "a"), "dtype"),
    ],
)
def test_images_that_cannot_be_used_say_why(pixels, message):
    with pytest.raises(ImageError, match=message):
        compute_features(pixels, "appearance")


@pytest.mark.parametrize(
    "guide",
    [np.zeros((5, 5)), np.zeros((48, 64, 3)), np.full((48, 64), np.nan), np.zeros((48, 64), complex)],
    ids=["shape", "channels", "NaN", "complex"],
)
def test_guides_that_do_not_fit_say_why(image, guide):
    with pytest.raises(GuideError):
        compute_features(image, "appearance", guide, parameters=COARSE)


def test_a_guide_is_brought_to_0_to_1_and_a_constant_one_is_none():
    guide = np.linspace(-3, 9, 20).reshape(4, 5)
    np.testing.assert_allclose(as_guide(guide, (4, 5), (4, 5)), (guide + 3) / 12, rtol=1e-6)
    assert as_guide(np.full((4, 5), 2), (4, 5), (4, 5)) is None


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [((480, 854), 1024, (480, 854)), ((2048, 4096), 1024, (1024, 2048)), ((90, 30), 15, (45, 15))],
)
def test_working_shape_bounds_the_shortest_side(shape, side, expected):
    assert working_shape(shape, side) == expected


def test_reducing_averages_areas():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = 200
    image[0, 0] = 0
    np.testing.assert_array_equal(resize_rgb(image, (2, 2))[..., 0], [[150, 0], [0, 0]])


def test_a_large_image_is_worked_on_small_and_clicks_and_mask_keep_its_pixels(image):
    large = image.repeat(3, axis=0).repeat(3, axis=1)
    small = compute_features(image, "appearance", device="cpu", parameters=COARSE)
    reduced = compute_features(large, "appearance", device="cpu", parameters=FeatureParameters(grid=8, working_side=48))
    np.testing.assert_array_equal(reduced.image, image)
    mask = Session(reduced).click(Click(3 * 16 + 1, 3 * 16 + 2)).mask
    assert mask.shape == (144, 192)
    np.testing.assert_array_equal(mask, Session(small).click(Click(16, 16)).mask.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize(
    ("shape", "expected"), [((100, 100), (64, 64)), ((480, 854), (48, 85)), ((10, 1000), (6, 640))]
)
def test_grid_follows_the_aspect_ratio(shape, expected):
    assert grid_for(shape, 64) == expected


def test_own_attention_is_copied_and_checked(image):
    attention = torch.full((12, 12), 1 / 12)
    features = ImageFeatures.from_attention(image, attention, (3, 4), device="cpu")
    assert features.grid_shape == (3, 4) and features.transition.data_ptr() != attention.data_ptr()
    assert (attention == 1 / 12).all()
    for wrong in (torch.full((12, 12), 0.5), torch.full((12, 11), 1 / 11), np.eye(12) * np.nan):
        with pytest.raises(AttentionError):
            ImageFeatures.from_attention(image, wrong, (3, 4), device="cpu")


def test_uniform_attention_gives_a_mask_and_no_nan(image):
    """Every cell is reached at once: a map without any structure."""
    features = ImageFeatures.from_attention(image, np.full((12, 12), 1 / 12), (3, 4), device="cpu")
    mask = Session(features).click(Click(10, 10)).mask
    assert mask[10, 10] and torch.isfinite(features.transition).all()


def test_progress_goes_up_to_one_and_names_the_stages(image):
    seen = []
    compute_features(image, "appearance", device="cpu", parameters=COARSE, progress=lambda *p: seen.append(p))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares) and shares[-1] == 1 and all(stage for _, stage in seen)


def test_cancelling_from_progress_stops(image):
    def stop(share, stage):
        if stage == "doubly stochastic":
            raise Cancelled

    with pytest.raises(Cancelled):
        compute_features(image, "appearance", device="cpu", parameters=COARSE, progress=stop)


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "nonsense"])
def test_devices_that_are_not_here_are_told(image, device):
    with pytest.raises(DeviceError):
        compute_features(image, "appearance", device=device, parameters=COARSE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_the_cpus_mask(image):
    masks = [
        Session(compute_features(image, "appearance", device=device, parameters=COARSE)).click(Click(16, 16)).mask
        for device in ("cpu", "cuda")
    ]
    assert np.count_nonzero(masks[0] != masks[1]) <= 0.005 * masks[0].size


def test_features_describe_themselves(features, image):
    assert features.nbytes > features.transition.nbytes + image.nbytes
    assert len(features.image_hash) == 64 and features.backbone == "appearance"


@pytest.mark.parametrize(
    "make",
    [
        lambda: FeatureParameters(grid=1),
        lambda: FeatureParameters(temperature=0),
        lambda: FeatureParameters(sigma_range=-1),
        lambda: SegmentationParameters(tau=1),
        lambda: SegmentationParameters(sigma_adaptive=0),
        lambda: SegmentationParameters(sigma_prior=2),
        lambda: SegmentationParameters(max_iterations=0),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(ParameterError, match="must be"):
        make()


def test_another_guide_gives_what_computing_anew_gives(image):
    guide = np.tile(np.linspace(0, 1, 64), (48, 1))
    parameters = FeatureParameters(grid=8)
    whole = compute_features(image, "appearance", guide, parameters=parameters)
    plain = compute_features(image, "appearance", parameters=parameters)
    changed = plain.with_guide(guide)
    assert plain.guide is None and changed.transition is plain.transition
    clicks = [Click(20, 20), Click(5, 50, False)]
    np.testing.assert_array_equal(Session(changed).replay(clicks).mask, Session(whole).replay(clicks).mask)
    back = changed.with_guide(None)
    np.testing.assert_array_equal(Session(back).replay(clicks).mask, Session(plain).replay(clicks).mask)
    assert back.upsampling_operator(guided=True) is plain.upsampling_operator(guided=True)
    by_name = plain.with_guide("lightness")
    whole = compute_features(image, "appearance", "lightness", parameters=parameters)
    np.testing.assert_array_equal(by_name.guide, whole.guide)
    assert by_name.guide_from == "lightness"
    with pytest.raises(GuideError):
        plain.with_guide(np.zeros((3, 3)))


class TestRendering:
    """What a backbone is shown of one channel."""

    def test_linear_is_the_default_and_colour_stays(self, image):
        grey = image[..., 0]
        np.testing.assert_array_equal(as_rgb(grey, rendering="linear"), as_rgb(grey))
        for rendering in RENDERINGS:
            np.testing.assert_array_equal(as_rgb(image, rendering=rendering), image)

    @pytest.mark.parametrize("rendering", RENDERINGS)
    def test_few_values_of_many_bits_keep_their_contrast(self, rendering):
        steps = np.tile(np.linspace(200, 232, 64), (48, 1)).astype(np.uint16)
        seen = as_rgb(steps, rendering=rendering)
        assert seen.shape == (48, 64, 3) and seen.dtype == np.uint8
        assert len(np.unique(seen[..., 0])) >= 33, "33 values that 8 bits of 16 would join"

    def test_percentiles_overlook_a_hot_pixel(self):
        steps = np.tile(np.linspace(200, 232, 64), (48, 1)).astype(np.uint16)
        steps[3, 3] = 65535
        assert len(np.unique(as_rgb(steps)[..., 0])) < 4
        assert len(np.unique(as_rgb(steps, rendering="percentiles")[..., 0])) > 30

    def test_scales_are_colours_and_equalised_is_spread(self, image):
        grey = image[..., 0]
        scales = as_rgb(grey, rendering="scales")
        assert scales[..., 2].std() < scales[..., 1].std() < scales[..., 0].std()
        dim = (grey // 8).astype(np.uint8)
        assert as_rgb(dim, (0, 255), "equalised").std() > as_rgb(dim, (0, 255)).std()

    def test_limits_count_and_a_constant_is_black(self):
        pixels = np.tile(np.arange(64.0), (48, 1))
        for rendering in RENDERINGS:
            assert as_rgb(np.full((9, 9), 7.0), rendering=rendering).max() == 0
        np.testing.assert_array_equal(as_rgb(pixels, (10, 50), "percentiles"), as_rgb(pixels, (10, 50)))

    def test_it_is_a_parameter_of_features(self, image):
        parameters = FeatureParameters(grid=8, rendering="scales")
        features = compute_features(image[..., 0], "appearance", device="cpu", parameters=parameters)
        assert np.ptp(features.image, axis=2).max() > 0
        with pytest.raises(ParameterError, match="rendering"):
            FeatureParameters(rendering="sepia")


def test_features_with_long_chains_keep_the_directions_that_last(image):
    """At a grid of some thousand cells, by `appearance`; their memory counts, and clicks give the same mask."""
    grid = FeatureParameters(grid=48)
    fine = compute_features(resize_rgb(image, (96, 128)), "appearance", device="cpu", parameters=grid)
    whole = replace(fine, low_rank=None)
    assert fine.low_rank is not None
    assert fine.nbytes == whole.nbytes + fine.low_rank.nbytes
    got, expected = (Session(features).click(Click(32, 32)).mask for features in (fine, whole))
    assert np.count_nonzero(got & expected) >= 0.999 * np.count_nonzero(got | expected) > 0
    own = ImageFeatures.from_attention(fine.image, fine.transition, fine.grid_shape, device="cpu")
    assert own.low_rank is None, "only of backbones whose chains are long"
