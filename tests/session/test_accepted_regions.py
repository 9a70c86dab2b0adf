"""Accepted objects of a plane that is worked on in regions keep their pixels, whatever regions come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import Click, Mosaic, RegionClick, Session, region_features
from tests.session.large_plane import LEFT, MIDDLE, NAMED, SHAPE, STACK, WHOLE

ALL = (LEFT, MIDDLE, WHOLE)


@pytest.fixture(scope="module")
def features():
    return {region: region_features(STACK, (), region, **NAMED) for region in ALL}


def mosaic(features, regions=ALL):
    made = Mosaic(SHAPE)
    for region in regions:
        made.put(region, features[region])
    return made


def everything(made):
    return made.labels_in(slice(0, SHAPE[0]), slice(0, SHAPE[1]))


def test_a_region_that_comes_later_changes_nothing_of_it(features):
    made = mosaic(features)
    placed = [RegionClick(LEFT, Click(82, 80))]
    made.replay(placed)
    kept = {1: made.pixels_of(1)}
    before = everything(made) == 1
    beside = RegionClick(MIDDLE, Click(82, MIDDLE.left + MIDDLE.width - 6, object_id=2))
    assert not before[int(beside.click.row), int(beside.click.col)]
    made.replay([*placed, beside])
    assert (before != (everything(made) == 1)).any(), "it must change if it is not accepted for this to test anything"
    made.replay([*placed, beside], accepted=kept)
    np.testing.assert_array_equal(everything(made) == 1, before)
    assert (everything(made) == 2).any()


def test_accepting_alone_asks_for_no_features(features):
    made = mosaic(features)
    placed = [RegionClick(LEFT, Click(82, 80)), RegionClick(WHOLE, Click(35, 135, object_id=2))]
    made.replay(placed)
    before, kept = everything(made), {1: made.pixels_of(1)}
    for region in ALL:
        made.drop(region)
    made.replay(placed, accepted=kept)
    np.testing.assert_array_equal(everything(made), before)


def test_a_plane_of_one_region_is_its_session(features):
    region = LEFT
    clicks = [Click(82, 60), Click(82, 76, object_id=2)]
    session = Session(features[region])
    session.click(region.into(clicks[0]))
    session.accept(1)
    expected = session.click(region.into(clicks[1])).labels
    made = mosaic(features, [region])
    made.replay([RegionClick(region, clicks[0])])
    made.replay([RegionClick(region, click) for click in clicks], accepted={1: made.pixels_of(1)})
    np.testing.assert_array_equal(made.labels_in(region.rows, region.cols), expected)


def test_what_is_not_said_stays_accepted_until_its_clicks_change(features):
    made = mosaic(features)
    one, two = RegionClick(LEFT, Click(82, 80)), RegionClick(MIDDLE, Click(82, MIDDLE.left + 50, object_id=2))
    made.replay([one])
    made.replay([one], accepted={1: made.pixels_of(1)})
    before = everything(made) == 1
    made.replay([one, two])
    np.testing.assert_array_equal(everything(made) == 1, before)
    made.replay([one, two, RegionClick(LEFT, Click(82, 90))])
    fresh = mosaic(features)
    fresh.replay([one, two, RegionClick(LEFT, Click(82, 90))])
    np.testing.assert_array_equal(everything(made), everything(fresh))


def click_in(region, row, col, foreground, object_id):
    return RegionClick(region, Click(region.top + row % region.height, region.left + col % region.width,
                                     foreground, object_id))  # fmt: skip


CLICKS = st.builds(
    click_in, st.sampled_from(ALL), st.integers(0, 159), st.integers(0, 319), st.booleans(), st.integers(1, 3)
)


def is_contested(pixels, placed, i):
    at = [p.click.pixel(SHAPE) for p in placed if p.click.foreground and p.click.object_id != i]
    return any(pixels.within((row, row + 1, col, col + 1)).any() for row, col in at)


@given(st.lists(st.tuples(st.sampled_from("ccckd"), CLICKS), min_size=3, max_size=9))
@settings(max_examples=6, deadline=None)
def test_any_history_gives_what_a_fresh_mosaic_gives_and_masks_stay_put(features, changes):
    made, placed, kept = mosaic(features), [], {}
    for what, click in changes:
        i, before = click.click.object_id, everything(made)
        if what == "k" and any(p.click.object_id == i for p in placed):
            kept = {i: made.pixels_of(i), **kept}
        elif what == "d" and placed:
            gone = placed.pop(int(click.click.row) % len(placed))
            kept.pop(gone.click.object_id, None)
        else:
            placed = [*placed, click]
            kept.pop(i, None)
        made.replay(placed, accepted=kept)
        now, fresh = everything(made), mosaic(features)
        fresh.replay(placed, accepted=kept)
        np.testing.assert_array_equal(now, everything(fresh))
        for i, pixels in kept.items():
            if not is_contested(pixels, placed, i):
                np.testing.assert_array_equal(now == i, pixels.within((0, SHAPE[0], 0, SHAPE[1])))
                assert what != "k" or (before == i).sum() == (now == i).sum()
