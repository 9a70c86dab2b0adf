import numpy as np
import pytest

from napari_m2n2v2 import (
    Click,
    FeatureParameters,
    Guide,
    GuideError,
    ImageError,
    ImageFeatures,
    SegmentationParameters,
    Session,
    compute_features,
)
from napari_m2n2v2.guides.channel import as_guide, channels_of
from napari_m2n2v2.guides.choice import choose, separation
from napari_m2n2v2.guides.from_image import IMAGE_GUIDES, lightness
from napari_m2n2v2.guides.guide import as_guides
from napari_m2n2v2.session.diagnostics import margin, markov_map_of

COARSE = FeatureParameters(grid=8)
CLICKS = [Click(16, 16), Click(40, 10, False)]


def features_of(image, guide):
    return compute_features(image, "appearance", guide, "cpu", parameters=COARSE)


def mask_of(image, guide):
    return Session(features_of(image, guide)).replay(CLICKS).mask


def agreement(one, other):
    return (one & other).sum() / (one | other).sum()


class TestImageGuides:
    @pytest.mark.parametrize("name", IMAGE_GUIDES)
    def test_they_are_in_range_and_given_by_name(self, image, name):
        expected = IMAGE_GUIDES[name].compute(image)
        assert expected.shape == image.shape[:2] and expected.dtype == np.float32
        assert expected.min() >= 0 and expected.max() <= 1 and np.ptp(expected) > 0.5
        features = features_of(image, name)
        assert features.guide_from == name and features.guides[0].weight == IMAGE_GUIDES[name].weight
        np.testing.assert_allclose(features.guide, as_guide(expected, expected.shape, expected.shape), atol=1e-6)

    @pytest.mark.parametrize("name", IMAGE_GUIDES)
    def test_of_a_blank_image_there_is_none(self, name):
        blank = np.full((48, 64, 3), 90, np.uint8)
        assert channels_of(as_guides(name), blank, (48, 64)) == ((), None)
        with pytest.raises(ImageError, match="nothing to tell apart"):
            features_of(blank, name)

    def test_lightness_evens_out_noise_and_specks(self, image):
        clean = lightness(image)
        rng = np.random.default_rng(0)
        noisy = np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
        assert np.abs(lightness(noisy) - clean).mean() < 0.05
        specks = image.copy()
        for row, col in rng.integers(4, 44, (3, 2)):
            specks[row : row + 3, col : col + 3] = rng.choice([image.min(), image.max()])
        assert np.abs(lightness(specks) - clean).mean() < 0.05

    def test_stain_finds_what_is_stained(self):
        from skimage.color import hed2rgb

        amounts = np.zeros((60, 60, 3))
        amounts[20:40, 20:40, 0] = 0.3  # haematoxylin
        amounts[..., 1] = np.linspace(0, 0.02, 60)  # a little eosin
        image = (255 * hed2rgb(amounts).clip(0, 1)).astype(np.uint8)
        found = IMAGE_GUIDES["stain"].compute(image)
        assert found[25:35, 25:35].min() > found[:15].max() + 0.5

    def test_texture_tells_grain_from_flat_of_the_same_lightness(self):
        rng = np.random.default_rng(0)
        image = np.full((80, 80, 3), 128.0)
        image[20:60, 20:60] += rng.choice([-40, 40], (40, 40))[..., None]
        found = IMAGE_GUIDES["texture"].compute(image.astype(np.uint8))
        assert found[30:50, 30:50].min() > found[:8].max() + 0.5

    def test_ridges_are_on_lines_dark_or_light(self):
        image = np.full((80, 80, 3), 128, np.uint8)
        image[19:22], image[:, 59:62] = 60, 200
        found = IMAGE_GUIDES["ridges"].compute(image)
        assert found[20, 30] > 0.5 and found[50, 60] > 0.5 and found[50, 20] < 0.1

    def test_dark_objects_are_guided_as_bright_ones_are(self, image):
        assert agreement(mask_of(image, "lightness"), mask_of(255 - image, "lightness")) > 0.9

    def test_they_guide_the_flood_fill_and_leave_upsampling_as_it_is(self, image):
        plain, guided = features_of(image, None), features_of(image, "lightness")
        one, other = (features.upsampling_operator(guided=True) for features in (plain, guided))
        np.testing.assert_array_equal(one.weights, other.weights)
        flood = [Session(features, SegmentationParameters.paper()).replay(CLICKS).mask for features in (guided, plain)]
        assert not np.array_equal(*flood)


class TestSeveral:
    def test_names_with_weights(self):
        guides = as_guides("lightness:3+stain")
        assert [(guide.source, guide.strength) for guide in guides] == [("lightness", 3), ("stain", 2)]

    def test_channels_names_and_weights_at_once(self, image):
        ramp = np.linspace(0, 1, image[..., 0].size).reshape(image.shape[:2])
        features = features_of(image, [Guide(ramp, 0.5), "lightness"])
        assert features.guide_from == "given, lightness"
        assert features.flood_guide.shape == (2, *image.shape[:2])
        np.testing.assert_allclose(features.flood_guide[0], 0.5 * ramp, atol=1e-6)
        expected = (0.5 * features.guides[0].values + 2 * features.guides[1].values) / 2.5
        np.testing.assert_allclose(features.guide, expected, atol=1e-6)

    def test_a_constant_one_changes_nothing(self, image):
        ramp = np.linspace(0, 1, image[..., 0].size).reshape(image.shape[:2])
        np.testing.assert_array_equal(mask_of(image, [ramp, np.full(ramp.shape, 7)]), mask_of(image, ramp))

    def test_a_channel_twice_is_one_of_more_weight(self, image):
        ramp = np.linspace(0, 1, image[..., 0].size).reshape(image.shape[:2])
        twice, heavier = features_of(image, [ramp, ramp]), features_of(image, Guide(ramp, 2**0.5))
        masks = [Session(features).replay(CLICKS).mask for features in (twice, heavier)]
        assert agreement(*masks) > 0.98

    def test_a_nested_list_is_one_channel(self, image):
        ramp = np.tile(np.arange(image.shape[1]), (len(image), 1))
        np.testing.assert_array_equal(features_of(image, ramp.tolist()).guide, features_of(image, ramp).guide)

    @pytest.mark.parametrize(
        ("guide", "said"),
        [
            ("lightness+", "joined by"),
            ("auto+auto", "auto"),
            (["depth-anything-v2-small", "marigold-lcm"], "one depth backbone"),
        ],
    )
    def test_what_cannot_be_read(self, guide, said):
        with pytest.raises(GuideError, match=said):
            as_guides(guide)

    @pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
    def test_weights_are_positive(self, weight):
        with pytest.raises(GuideError, match="above 0"):
            Guide("lightness", weight)

    def test_depth_needs_the_backbone(self, image):
        with pytest.raises(GuideError, match="compute_features"):
            features_of(image, None).with_guide("depth-anything-v2-small")


class TestRange:
    def test_ordinary_values_are_min_max(self):
        values = np.random.default_rng(0).normal(size=(50, 60))
        expected = (values - values.min()) / np.ptp(values)
        np.testing.assert_allclose(as_guide(values, (50, 60), (50, 60)), expected, atol=1e-6)

    @pytest.mark.parametrize("dead", [0, 65535])
    def test_a_dead_pixel_does_not_take_the_range(self, dead):
        values = np.tile(np.linspace(2000, 3000, 100), (80, 1))
        clean = as_guide(values, values.shape, values.shape)
        values[5, 50] = dead
        got = as_guide(values, values.shape, values.shape)
        rest = np.ones(values.shape, bool)
        rest[5, 50] = False
        assert np.ptp(got[rest]) > 0.6 and np.corrcoef(got[rest], clean[rest])[0, 1] > 0.999

    def test_a_tiny_object_on_nothing_keeps_its_contrast(self):
        values = np.zeros((200, 200))
        values[10:14, 10:14] = 1
        guide = as_guide(values, values.shape, values.shape)
        assert set(np.unique(guide)) == {0, 1}


class TestAuto:
    """Each object's clicks choose between guides."""

    def test_the_options_of_an_image(self, image):
        features = features_of(image, "auto")
        assert [one.guides_named for one in features.options] == ["lightness x 0.5", "lightness x 2", "no guide"]
        assert all(one.transition is features.transition for one in features.options)
        operators = {id(one.upsampling_operator(guided=True)) for one in features.options}
        assert len(operators) == 1, "one operator serves all"

    def test_what_is_given_is_tried_first(self, image):
        ramp = np.linspace(0, 1, image[..., 0].size).reshape(image.shape[:2])
        names = [one.guides_named for one in features_of(image, [ramp, "auto"]).options]
        assert names == ["given x 1", "lightness x 0.5", "lightness x 2", "no guide"]

    def test_each_option_gives_what_it_gives_alone(self, image):
        clicks = [Click(16, 16), Click(40, 10, False), Click(18, 20), Click(10, 50, False)]
        result = Session(features_of(image, "auto")).replay(clicks)
        chosen = result.guides[1]
        alone = {"lightness x 0.5": "lightness:0.5", "lightness x 2": "lightness:2", "no guide": None}[chosen.guides]
        np.testing.assert_array_equal(result.mask, Session(features_of(image, alone)).replay(clicks).mask)

    def test_clicks_that_only_lightness_can_part_choose_it(self):
        image = np.full((64, 64, 3), 120, np.uint8)
        image[20:44, 8:28] = 180  # two alike objects, side by side ...
        image[20:44, 36:56] = 60  # ... but for their lightness
        # Attention sees nothing here.
        features = ImageFeatures.from_attention(image, np.full((64, 64), 1 / 64), (8, 8), "auto")
        clicks = [Click(30, 12), Click(30, 48, False), Click(40, 24), Click(24, 40, False)]
        choice = Session(features).replay(clicks).guides[1]
        assert choice.guides.startswith("lightness") and "100%" in choice.because

    def test_every_object_has_its_own_choice_and_undo_brings_it_back(self, image):
        session = Session(features_of(image, "auto"))
        before = session.replay([*CLICKS, Click(30, 30, True, 2)])
        assert set(before.guides) == {1, 2}
        session.click(Click(12, 12))
        assert session.undo() is before

    def test_diagnostics_look_at_the_choice(self, image):
        session = Session(features_of(image, "auto"))
        session.replay([Click(16, 16), Click(40, 10, False), Click(18, 20), Click(10, 50, False)])
        option = features_of(image, "auto").options[session.result.guides[1].option]
        alone = Session(option)
        alone.replay(session.clicks)
        np.testing.assert_array_equal(markov_map_of(session, 2), markov_map_of(alone, 2))
        np.testing.assert_array_equal(margin(session, 1), margin(alone, 1))

    def test_a_blank_image_has_nothing_to_choose_from(self):
        assert channels_of(as_guides("auto"), np.full((48, 64, 3), 90, np.uint8), (48, 64)) == ((), ())


class TestSeparation:
    def test_by_hand(self):
        foreground = [True, True, False, False]
        distances = np.array([[0, 1, 2, 3], [1, 0, 0.5, 3], [3, 3, 0, 1], [1, 2, 2, 0]], np.float32)
        # Click 0: its like at 1, before 2 and 3. Click 1: 1 is after 0.5, before 3. Click 2: 1 before 3 and 3.
        # Click 3: 2 is after 1 and ties with 2.
        assert separation(distances, foreground) == pytest.approx((1 + 0.5 + 1 + 0) / 4)

    @pytest.mark.parametrize("foreground", [[True], [True, True], [True, False]])
    def test_too_few_clicks_to_tell(self, foreground):
        assert separation(np.zeros((len(foreground),) * 2, np.float32), foreground) is None

    def test_the_best_is_chosen_the_first_of_equals(self):
        names = ["a", "b", "c"]
        assert choose([None, None, None], names).option == 0
        assert choose([0.5, 0.8, 0.8], names).option == 1
        assert choose([0.8, 0.8, 0.8], names).option == 0
        assert "b 80%" in choose([0.5, 0.8, 0.8], names).because
