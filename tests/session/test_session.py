import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import Click, ClickError, SegmentationParameters, Session
from napari_m2n2v2.session.click_map import click_map
from napari_m2n2v2.session.seed import Seed
from napari_m2n2v2.session.segmentation import Segmentation, advance

DISC, GROUND, SQUARE, CORNER = Click(16, 16), Click(5, 50, False), Click(33, 48), Click(46, 2, False)


def bits(result):
    return result.mask.tobytes(), result.labels.tobytes(), result.thresholds


def one_by_one(features, clicks, parameters=None):
    session = Session(features, parameters)
    for click in clicks:
        session.click(click)
    return session.result


def without_cache(features, clicks, parameters=None):
    """The same by the pure functions alone, every Markov-map computed anew."""
    parameters = parameters or SegmentationParameters()
    found = Segmentation.begin(np.zeros(features.shape, dtype=bool), features.shape)
    for click in clicks:
        found = advance(found, click, features, parameters, lambda pixel: click_map(features, pixel, parameters))
    return found


def test_a_click_on_the_disc_finds_the_disc(features, image):
    mask = Session(features).click(DISC).mask
    red = image[..., 0] > 120
    assert mask.dtype == bool and mask.shape == image.shape[:2]
    assert np.count_nonzero(mask & red) / np.count_nonzero(mask | red) > 0.8


def test_result_of_no_clicks_is_empty(features):
    result = Session(features).result
    assert not result.mask.any() and result.thresholds == () and result.labels.dtype == np.int32


@pytest.mark.parametrize("parameters", [None, SegmentationParameters.m2n2()])
def test_replay_equals_clicking_equals_the_pure_functions(features, parameters):
    clicks = [DISC, GROUND, SQUARE, CORNER]
    expected = bits(one_by_one(features, clicks, parameters))
    assert bits(Session(features, parameters).replay(clicks)) == expected
    assert without_cache(features, clicks, parameters).mask.tobytes() == expected[0]


@pytest.mark.parametrize("parameters", [SegmentationParameters(), SegmentationParameters.paper()])
def test_a_moved_click_among_many_gives_what_the_pure_functions_give(features, parameters):
    """What is kept from one click to the next must not be what was true before the move, or of other clicks."""
    places = [(16, 16), (5, 50), (33, 48), (46, 2), (20, 22), (30, 30), (40, 55)]
    session = Session(features, parameters)
    session.replay(Click(*place, n % 2 == 0) for n, place in enumerate(places))
    for result in (session.move(2, 10, 12), session.flip(4), session.move(2, *places[2]), session.delete(0)):
        assert result.mask.tobytes() == without_cache(features, result.clicks, parameters).mask.tobytes()


def test_a_session_that_is_let_go_holds_nothing_until_the_garbage_collector_comes(features):
    session = Session(features)
    session.replay([Click(16, 16), Click(35, 48, object_id=2)])
    gone = weakref.ref(session)
    gc.disable()
    try:
        del session
        assert gone() is None
    finally:
        gc.enable()


def test_order_matters_and_is_kept(features):
    assert Session(features).replay([GROUND, DISC]).clicks == (GROUND, DISC)


def test_undo_and_redo_return_the_very_results(features):
    session = Session(features)
    results = [session.result, session.click(DISC), session.click(GROUND), session.flip(1), session.move(0, 20, 14)]
    results += [session.delete(0), session.reset()]
    for expected in reversed(results[:-1]):
        assert session.undo() is expected
    assert session.undo() is results[0] and not session.can_undo
    for expected in results[1:]:
        assert session.redo() is expected
    assert session.redo() is results[-1] and not session.can_redo


def test_a_new_change_drops_what_was_undone(features):
    session = Session(features)
    session.click(DISC)
    session.undo()
    session.click(SQUARE)
    assert not session.can_redo and session.clicks == (SQUARE,)


@pytest.mark.parametrize("change", [lambda s: s.move(1, 40.0, 60.0), lambda s: s.flip(1), lambda s: s.delete(1)])
def test_a_changed_click_needs_at_most_one_new_markov_map(features, change, monkeypatch):
    from napari_m2n2v2.session import click_maps as module

    computed = []
    real = module.click_map
    monkeypatch.setattr(module, "click_map", lambda *arguments: computed.append(arguments[1]) or real(*arguments))
    session = Session(features)
    session.replay([DISC, GROUND, SQUARE, CORNER])
    del computed[:]
    result = change(session)
    assert len(computed) <= 1
    assert bits(result) == bits(Session(features).replay(result.clicks))


def test_maps_dropped_for_memory_are_computed_again_the_same(features, monkeypatch):
    from napari_m2n2v2.session import solver as module

    monkeypatch.setattr(module, "_MAP_BYTES", 1)
    assert bits(one_by_one(features, [DISC, GROUND, SQUARE])) == bits(Session(features).replay([DISC, GROUND, SQUARE]))


places = st.tuples(st.integers(0, 47), st.integers(0, 63), st.booleans(), st.integers(1, 3))


@given(
    st.lists(places, max_size=6), st.lists(st.tuples(st.sampled_from("mfdaur"), st.integers(0, 9), places), max_size=8)
)
@settings(max_examples=25, deadline=None)
def test_any_history_gives_what_a_fresh_replay_gives(features, start, changes):
    session = Session(features)
    session.replay(Click(*place) for place in start)
    for what, index, place in changes:
        count = len(session.clicks)
        if what == "a" or (not count and what in "mfd"):
            session.click(Click(*place))
        elif what == "m":
            session.move(index % count, *place[:2])
        elif what == "f":
            session.flip(index % count)
        elif what == "d":
            session.delete(index % count)
        else:
            {"u": session.undo, "r": session.redo}[what]()
        assert bits(session.result) == bits(Session(features).replay(session.clicks))


def test_objects_never_overlap_and_their_order_does_not_matter(features):
    a = [Click(16, 16), Click(33, 48, False)]
    b = [Click(14, 20, object_id=2), Click(5, 50, False, object_id=2)]
    labels = Session(features).replay([*a, *b]).labels
    np.testing.assert_array_equal(Session(features).replay([*b, *a]).labels, labels)
    np.testing.assert_array_equal(Session(features).replay([a[0], b[0], a[1], b[1]]).labels, labels)
    alone = {i: Session(features).replay([c for c in [*a, *b] if c.object_id == i]).mask for i in (1, 2)}
    assert (alone[1] & alone[2]).any(), "the objects must compete for this to test anything"
    assert set(np.unique(labels)) == {0, 1, 2}
    np.testing.assert_array_equal(labels > 0, alone[1] | alone[2])
    assert alone[1][labels == 1].all() and alone[2][labels == 2].all()


def test_a_background_click_takes_nothing_from_another_object(features):
    disc = Session(features).replay([DISC])
    both = Session(features).replay([DISC, Click(33, 48, object_id=2), Click(15, 15, False, object_id=2)])
    np.testing.assert_array_equal(both.labels == 1, disc.mask)


def test_two_clicks_on_one_pixel_the_later_counts(features):
    assert not Session(features).replay([DISC, Click(16, 16, False)]).mask[16, 16]
    assert Session(features).replay([Click(16, 16, False), DISC]).mask[16, 16]


@pytest.mark.parametrize("corner", [(0, 0), (0, 63), (47, 0), (47, 63)])
def test_border_clicks_work(features, corner):
    assert Session(features).click(Click(*corner)).mask[corner]


@pytest.mark.parametrize("row, col", [(-1, 5), (48, 5), (5, 64), (float("nan"), 5), (5, float("inf"))])
def test_a_click_outside_raises_and_changes_nothing(features, row, col):
    session = Session(features)
    before = session.click(DISC)
    with pytest.raises(ClickError):
        session.click(Click(row, col))
    assert session.result is before


def test_swapped_row_and_col_is_told():
    with pytest.raises(ClickError, match=r"row, col.*not \(x, y\)"):
        Click(60, 10).pixel((48, 64))


def test_there_is_no_such_click(features):
    with pytest.raises(ClickError, match="no click 3"):
        Session(features).flip(3)


def test_guide_changes_the_mask_only_through_its_switches(features, guided_features):
    clicks = [DISC, GROUND]
    off = SegmentationParameters(guided_upsampling=False, guided_flood_fill=False)
    plain = bits(Session(features).replay(clicks))
    assert bits(Session(guided_features, off).replay(clicks)) == plain
    switches = [{}, {"guided_flood_fill": False}, {"guided_upsampling": False}]
    maps = [click_map(guided_features, Seed(((16, 16),)), SegmentationParameters(**named)).values for named in switches]
    maps.append(click_map(features, Seed(((16, 16),)), SegmentationParameters()).values)
    assert len({values.tobytes() for values in maps}) == 4


def test_a_constant_guide_is_exactly_no_guide(features, image):
    from napari_m2n2v2 import FeatureParameters, compute_features

    constant = compute_features(
        image, "appearance", np.full(image.shape[:2], 9), device="cpu", parameters=FeatureParameters(grid=12)
    )
    clicks = [DISC, GROUND, SQUARE]
    assert bits(Session(constant).replay(clicks)) == bits(Session(features).replay(clicks))


def test_adaptive_size_keeps_a_correction_near_the_border_small(features):
    parameters = SegmentationParameters(sigma_adaptive=1.0)
    session = Session(features, parameters)
    before = session.click(DISC).mask
    row = np.flatnonzero(before[:, 16])[-1] + 2
    after = session.click(Click(int(row), 16)).mask
    assert abs(int(after.sum()) - int(before.sum())) <= np.pi * 4 + 1


def test_click_on_its_own_class_only_pins(features):
    session = Session(features)
    before = session.click(DISC).mask
    np.testing.assert_array_equal(session.click(Click(17, 15)).mask, before)


def test_a_first_click_may_be_kept_to_a_share_of_the_image(features):
    share = 0.05
    free, kept = (
        Session(features, SegmentationParameters(prior_at_start=prior, sigma_prior=share)) for prior in (False, True)
    )
    places = [Click(4, 60), Click(24, 32), Click(44, 4)]
    areas = [[session.replay([click]).mask.mean() for click in places] for session in (free, kept)]
    assert max(areas[0]) > share and max(areas[1]) <= share + 1e-3
    # A click beside what is there is limited by Eq. 8, not by the share.
    pair = [Click(16, 16), Click(18, 18)]
    assert kept.replay(pair).objects[1].ceilings[1] != kept.replay(pair[:1]).objects[1].ceilings[0]
