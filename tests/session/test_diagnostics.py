import numpy as np
import pytest
from scipy.ndimage import label

from napari_m2n2v2 import Click, ClickError, SegmentationParameters, Session
from napari_m2n2v2.method.refinement import near_outline
from napari_m2n2v2.session.diagnostics import (
    attention_from,
    guide_seen,
    margin,
    markov_map_of,
    owner,
    score_curve_of,
    suggest_click,
)

ALONE = SegmentationParameters(refinement=False, least_disc=False)
CLICKS = (Click(16, 16), Click(5, 50, False), Click(33, 48, object_id=2))


@pytest.fixture
def session(features):
    session = Session(features)
    session.replay(CLICKS)
    return session


def test_the_chosen_threshold_is_the_first_maximum_of_the_curve(session):
    for index in range(3):
        curve = score_curve_of(session, index)
        assert curve.chosen == curve.thresholds[np.argmax(curve.scores)] == session.result.thresholds[index]
        assert (np.diff(curve.thresholds) >= 0).all()


def test_the_map_is_zero_at_its_click_and_one_at_most(session):
    values = markov_map_of(session, 0)
    assert values[16, 16] == 0 and values.max() == 1 and values.shape == session.features.shape


def test_attention_is_strongest_near_its_click(session):
    attended = attention_from(session, 0)
    assert attended.max() == 1 and attended[16, 16] > 10 * attended[40, 60]


def test_the_sign_of_the_margin_is_the_mask_of_the_clicks_alone(features):
    session = Session(features, ALONE)
    session.replay(CLICKS)
    margins = margin(session, 1)
    mask = session.result.objects[1].mask
    assert np.abs(margins).max() <= 1
    disagree = (margins > 0) != mask
    assert np.count_nonzero(disagree) <= 2  # ties and pinned pixels
    assert margins[16, 16] == pytest.approx(1, abs=1e-4)


def test_owners_agree_with_the_mask_of_a_single_object(features):
    session = Session(features, ALONE)
    session.replay(CLICKS[:2])
    owners = owner(session)
    assert set(np.unique(owners)) <= {0, 1, 2} and owners[16, 16] == 1 and owners[5, 50] == 2
    np.testing.assert_array_equal(owners == 1, session.result.mask)


def test_owner_of_nothing(features):
    assert not owner(Session(features)).any()


def test_a_click_is_suggested_inside_the_largest_doubt(session):
    margins = margin(session, 1)
    place = suggest_click(margins)
    regions, _ = label(np.abs(margins) < 0.2)
    sizes = np.bincount(regions.ravel())[1:]
    assert regions[place] == np.argmax(sizes) + 1
    assert suggest_click(np.ones((5, 5), np.float32)) is None


def test_guide_is_shown_as_the_engine_sees_it(session, guided_features):
    assert guide_seen(session) is None
    assert guide_seen(Session(guided_features)).max() == 1


def test_what_does_not_exist_is_told(session):
    for call in (lambda: markov_map_of(session, 3), lambda: margin(session, 9), lambda: attention_from(session, -1)):
        with pytest.raises(ClickError):
            call()


def test_a_threshold_of_ones_own_is_used_and_larger_reaches_farther(features):
    areas = []
    for threshold in (0.0, 0.2, 0.5, 1.0):
        result = Session(features).click(Click(16, 16, threshold=threshold))
        assert result.thresholds == (threshold,)
        areas.append(np.count_nonzero(result.mask))
    assert areas == sorted(areas) and areas[0] < 10 and areas[-1] == features.shape[0] * features.shape[1]


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(ClickError, match="between 0 and 1"):
        Click(1, 1, threshold=threshold)


class TestStartingFromLabels:
    @pytest.fixture
    def start(self, features):
        start = np.zeros(features.shape, np.uint16)
        start[20:40, 30:55] = 4
        return start

    def test_without_clicks_they_are_the_result(self, features, start):
        np.testing.assert_array_equal(Session(features, start=start).result.labels, start)

    def test_a_correction_changes_them_only_where_clicks_reach(self, features, start):
        result = Session(features, start=start).click(Click(21, 31, False, object_id=4))
        assert result.labels[21, 31] == 0
        gained = (result.labels != start) & (start == 0)
        band = near_outline(start > 0, SegmentationParameters().refinement_band * features.cell)
        assert not (gained & ~band).any() and result.labels[30, 45] == 4
        rough = Session(features, ALONE, start=start).click(Click(21, 31, False, object_id=4))
        assert not ((rough.labels != start) & (start == 0)).any()

    def test_an_empty_start_is_exactly_the_paper(self, features):
        empty = np.zeros(features.shape, np.int32)
        plain, begun = Session(features).replay(CLICKS), Session(features, start=empty).replay(CLICKS)
        np.testing.assert_array_equal(plain.labels, begun.labels)
        assert plain.thresholds == begun.thresholds

    def test_another_object_competes_with_them(self, features, start):
        result = Session(features, start=start).click(Click(33, 48, object_id=1))
        assert set(np.unique(result.labels)) == {0, 1, 4} and result.labels[33, 48] == 1

    def test_labels_that_do_not_fit_are_refused(self, features):
        from napari_m2n2v2 import ImageError

        for wrong in (np.zeros((3, 3), int), np.zeros(features.shape)):
            with pytest.raises(ImageError, match="labels to start from"):
                Session(features, start=wrong)


def test_preview_is_what_the_click_gives_and_changes_nothing(session):
    before = session.result
    labels = session.preview(Click(40, 10))
    assert session.result is before and not session.can_redo
    np.testing.assert_array_equal(labels, session.click(Click(40, 10)).labels)
