"""Scribbles in a session: a click with many pixels, and nothing else where it has one."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import (
    Click,
    ClickError,
    Mosaic,
    Region,
    RegionClick,
    Scribble,
    SegmentationParameters,
    Session,
    load_session,
    region_features,
    save_session,
)
from napari_m2n2v2.method.flood_fill import flood_fill
from napari_m2n2v2.method.markov import start_state, start_state_over
from napari_m2n2v2.session.diagnostics import markov_map_of, score_curve_of
from tests.session.large_plane import BAR, IMAGE, NAMED, SHAPE, STACK

DISC = Scribble([(12, 12), (20, 18)])
GROUND = Scribble([(3, 30), (3, 60)], foreground=False)
SQUARE = Scribble([(28, 42), (40, 54)], object_id=2)


def as_scribble(click):
    return Scribble([(click.row, click.col)], click.foreground, click.object_id, click.threshold)


def everything(result):
    """Of a session's result, but for the prompts."""
    told = [
        {f.name: getattr(found, f.name) for f in fields(found) if f.name in (
            "thresholds", "ceilings", "discarded", "pixel_radii", "effects",
        )}
        for found in result.objects.values()
    ]  # fmt: skip
    return result.labels.tobytes(), result.thresholds, result.effects, told


places = st.tuples(
    st.integers(0, 47), st.integers(0, 63), st.booleans(), st.integers(1, 2), st.sampled_from([None, None, 0.2])
)


@pytest.mark.parametrize("parameters", [None, SegmentationParameters.paper(), SegmentationParameters.m2n2()])
@pytest.mark.parametrize("kind", ["features", "guided_features"])
@settings(max_examples=8, deadline=None)
@given(st.lists(places, min_size=1, max_size=5))
def test_with_one_pixel_it_is_a_click_bit_for_bit(request, kind, parameters, told):
    features = request.getfixturevalue(kind)
    clicks = [Click(*one) for one in told]
    expected = Session(features, parameters).replay(clicks)
    assert everything(Session(features, parameters).replay(map(as_scribble, clicks))) == everything(expected)


def test_its_map_is_zero_at_all_its_pixels(features):
    session = Session(features)
    session.replay([GROUND])
    values = markov_map_of(session, 0)
    assert not values[tuple(np.transpose(GROUND.marked))].any() and (values > 0).any()
    assert score_curve_of(session, 0).chosen == session.result.thresholds[0]


def test_its_start_state_has_every_cell_that_its_pixels_have(features):
    shape, grid = features.shape, features.grid_shape
    states = np.stack([start_state(*pixel, shape, grid) for pixel in DISC.marked])
    np.testing.assert_array_equal(start_state_over(DISC.marked, shape, grid), states.max(axis=0))


def test_water_comes_from_all_its_pixels_and_each_costs_nothing():
    values = np.array([[0.1, 0.9, 0.2, 0.9, 0.5]], dtype=np.float32)
    guide = np.array([[[0.0, 0.0, 0.0, 0.0, 0.3]]], dtype=np.float32)
    both = ((0, 0), (0, 4))
    np.testing.assert_allclose(flood_fill(values, both), [[0, 0.4, 0.4, 0.4, 0]], atol=1e-6)
    np.testing.assert_allclose(flood_fill(values, both, guide), [[0, 0.4, 0.4, 0.4, 0]], atol=1e-6)
    between = np.array([[0.1, 0.2, 0.4, 0.5]], dtype=np.float32)
    np.testing.assert_allclose(flood_fill(between, ((0, 0), (0, 3))), [[0, 0.03, 0.09, 0]], atol=1e-6)
    np.testing.assert_allclose(flood_fill(values, (0, 0)), [[0, 0.8, 0.8, 0.8, 0.8]], atol=1e-6)


def test_its_pixels_are_of_its_class_and_the_later_of_two_counts(features):
    session = Session(features)
    mask = session.replay([DISC, GROUND]).mask
    assert mask[tuple(np.transpose(DISC.marked))].all() and not mask[tuple(np.transpose(GROUND.marked))].any()
    across = Scribble([(20, 10), (12, 20)], foreground=False)
    mask = session.replay([DISC, across]).mask
    assert not mask[tuple(np.transpose(across.marked))].any()


def test_scores_see_all_its_pixels(features):
    """No threshold of the disc may reach half of the ground's scribble."""
    session = Session(features, SegmentationParameters.paper())
    result = session.replay([DISC, Scribble([(3, 3), (3, 60), (45, 30)], foreground=False)])
    at_ground = markov_map_of(session, 0)[tuple(np.transpose(result.clicks[1].marked))]
    assert result.thresholds[0] < np.median(at_ground)


def test_its_radius_is_that_of_its_deepest_pixel(features):
    found = Session(features).replay([Click(16, 16), GROUND]).objects[1]
    assert len(found.pixel_radii[1]) == len(GROUND.marked) and found.radii[1] == max(found.pixel_radii[1])


def test_a_scribble_outside_the_image_is_refused_and_changes_nothing(features):
    session = Session(features)
    session.click(DISC)
    with pytest.raises(ClickError, match="outside the image"):
        session.click(Scribble([(100, 5), (120, 5)]))
    assert session.clicks == (DISC,)


def test_files_with_scribbles_are_of_version_four_and_replay_bit_for_bit(features, tmp_path):
    session = Session(features)
    session.replay([DISC, Click(33, 48, object_id=2), Scribble([(4.25, 30)], False, 1, 0.25), SQUARE])
    save_session(tmp_path / "s.json", session)
    loaded = load_session(tmp_path / "s.json")
    assert '"format_version": 4' in (tmp_path / "s.json").read_text() and loaded.clicks == session.clicks
    again, differences = loaded.replay(features)
    assert differences == [] and again.result.labels.tobytes() == session.result.labels.tobytes()
    save_session(tmp_path / "again.json", loaded)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "s.json").read_bytes()


def test_a_scribble_of_one_object_on_an_accepted_one_is_on_purpose(features):
    session = Session(features)
    session.replay([Click(16, 16), Click(40, 50, object_id=2)])
    session.accept(1)
    other = Scribble([(45, 10), (16, 16)], object_id=2)
    assert session.click(other).accepted.keys() == {1}
    assert 1 not in session._solver._masks.closed_to(2, [1])


def test_where_parts_of_a_plane_overlap_each_takes_what_lies_in_it():
    left, right = Region(48, 0, 64, 192), Region(48, 128, 64, 192)
    mosaic = Mosaic(SHAPE)
    for region in (left, right):
        mosaic.put(region, region_features(STACK, (), region, **NAMED))
    along = Scribble([(82, 40), (82, 280)])
    mosaic.replay([RegionClick(left, along), RegionClick(right, Click(100, 250, False))])
    for region in (left, right):
        assert mosaic.solved[region][0] == along
    found = mosaic.labels_in(slice(0, IMAGE.shape[0]), slice(0, IMAGE.shape[1])) == 1
    assert found[82, 40:280].all()
    assert np.count_nonzero(found & BAR) / np.count_nonzero(found | BAR) > 0.6


changes = st.tuples(st.sampled_from("mfdaur"), st.integers(0, 9), st.lists(places, min_size=1, max_size=3))


def prompt_of(told):
    """A click, or a scribble through several places."""
    row, col, *rest = told[0]
    return Click(row, col, *rest) if len(told) == 1 else Scribble([one[:2] for one in told], *rest)


@settings(max_examples=15, deadline=None)
@given(st.lists(changes, max_size=8))
def test_any_history_gives_what_a_fresh_replay_gives(features, history):
    session = Session(features)
    for what, index, told in history:
        count = len(session.clicks)
        if what == "a" or (not count and what in "mfd"):
            session.click(prompt_of(told))
        elif what == "m":
            session.move(index % count, *told[0][:2])
        elif what == "f":
            session.flip(index % count)
        elif what == "d":
            session.delete(index % count)
        else:
            {"u": session.undo, "r": session.redo}[what]()
        fresh = Session(features).replay(session.clicks)
        assert everything(session.result) == everything(fresh)
