"""Objects carried from plane to plane: followed until they end, corrected, bounded."""

import numpy as np
import pytest

from napari_m2n2v2 import Cancelled, FeatureParameters, ImageError, ParameterError, Session, compute_features
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.parameters import PropagationParameters
from napari_m2n2v2.propagation.propagate import PropagatedPlane, Walk, for_review, propagate
from tests.propagation.drawn_stacks import BALL, BLUE, RED, SIZE, ball, disc, drawn, overlap


class Planes:
    """Features of every plane of a volume, and which were asked for."""

    def __init__(self, volume):
        self.stack = Stack.of(volume, rgb=True)
        self.asked = []

    def __call__(self, index):
        self.asked.append(index)
        return compute_features(
            self.stack.read(index), "appearance", device="cpu", parameters=FeatureParameters(grid=12)
        )

    def walk(self, start, last, step=1):
        return Walk.along(self.stack, (start,), last, step=step)


DRIFT = drawn([[(disc(18 + z, 14 + 3 * z, 9), RED)] for z in range(8)])


@pytest.mark.parametrize("last", [0, 10])
def test_a_ball_is_followed_both_ways_until_it_ends(last):
    planes = Planes(BALL)
    found = list(propagate(planes, planes.walk(5, last), ball(5).astype(int)))
    for plane in found[:-1]:
        assert overlap(plane.labels == 1, ball(plane.index[0])) > 0.75
        assert plane.labels.dtype == np.int32 and not plane.ended and 0 <= plane.doubt <= 1
    away = abs(found[-1].index[0] - 5)
    assert away in (3, 4)  # the radius is 9 three planes away, and nothing is left four planes away
    assert "It" in found[-1].ended[1] and not found[-1].labels.any() and found[-1].clicks == ()


def test_a_drifting_disc_is_followed():
    planes = Planes(DRIFT)
    found = list(propagate(planes, planes.walk(0, 7), disc(18, 14, 9).astype(int)))
    assert [plane.index for plane in found] == [(z,) for z in range(1, 8)]
    for z, plane in enumerate(found, start=1):
        assert overlap(plane.labels == 1, disc(18 + z, 14 + 3 * z, 9)) > 0.75


def test_a_cylinder_ends_where_it_ends():
    planes = Planes(drawn([[(disc(24, 30, 10), RED)] * (z < 4) for z in range(8)]))
    found = list(propagate(planes, planes.walk(0, 7), disc(24, 30, 10).astype(int)))
    assert [plane.index for plane in found] == [(1,), (2,), (3,), (4,)]
    assert found[-1].ended[1].startswith("It ends: 0% of where it was still looks like it")
    assert planes.asked == [(z,) for z in range(5)]


def branches(z):
    return disc(24 - 2 * z, 30, 8) | disc(24 + 2 * z, 30, 8)


def test_both_branches_of_an_object_that_splits_are_followed():
    planes = Planes(drawn([[(branches(z), RED)] for z in range(8)]))
    found = list(propagate(planes, planes.walk(0, 7), branches(0).astype(int)))
    assert len(found) == 7
    for z, plane in enumerate(found, start=1):
        assert overlap(plane.labels == 1, branches(z)) > 0.7


def test_two_objects_keep_their_ids_and_end_by_themselves():
    red, blue = disc(15, 16, 9), disc(30, 46, 10)
    planes = Planes(drawn([[(red, RED)] * (z < 3) + [(blue, BLUE)] for z in range(6)]))
    found = list(propagate(planes, planes.walk(0, 5), red * 7 + blue * 3))
    assert [sorted(plane.doubts) for plane in found] == [[3, 7], [3, 7], [3], [3], [3]]
    assert [sorted(plane.ended) for plane in found] == [[], [], [7], [], []]
    for plane in found:
        assert overlap(plane.labels == 3, blue) > 0.75
        assert set(np.unique(plane.labels)) == {0, *plane.doubts} == {0, *(c.object_id for c in plane.clicks)}
    assert overlap(found[1].labels == 7, red) > 0.75


@pytest.mark.parametrize("colour", [RED, BLUE])
def test_what_appears_beside_is_not_taken_in(colour):
    old, new = disc(24, 16, 10), disc(24, 46, 12)
    planes = Planes(drawn([[(old, RED)] + [(new, colour)] * (z > 1) for z in range(5)]))
    for plane in propagate(planes, planes.walk(0, 4), old.astype(int)):
        assert overlap(plane.labels == 1, old) > 0.75
        assert not (plane.labels[new] > 0).any()


def test_an_object_replaced_by_another_in_its_place_ends():
    place = disc(24, 30, 11)
    planes = Planes(drawn([[(place, RED if z < 2 else BLUE)] for z in range(4)]))
    found = list(propagate(planes, planes.walk(0, 3), place.astype(int)))
    assert [bool(plane.ended) for plane in found] == [False, True]


def test_a_plane_is_nothing_but_its_clicks_and_always_the_same():
    planes = Planes(DRIFT)
    start = disc(18, 14, 9).astype(int)
    first, second = (list(propagate(planes, planes.walk(0, 3), start)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.clicks == other.clicks and one.doubts == other.doubts
        assert one.labels.tobytes() == other.labels.tobytes()
        assert Session(planes(one.index)).replay(one.clicks).labels.tobytes() == one.labels.tobytes()


def test_nothing_is_read_before_it_is_asked_for():
    planes = Planes(DRIFT)
    found = propagate(planes, planes.walk(0, 7), disc(18, 14, 9).astype(int))
    assert planes.asked == [(0,)]
    next(found)
    next(found)
    found.close()
    assert planes.asked == [(0,), (1,), (2,)]


def test_cancelled_within_a_plane_from_the_progress():
    told = []

    def progress(share, stage):
        told.append((share, stage))
        if share >= 2 / 7:
            raise Cancelled

    planes = Planes(DRIFT)
    found = propagate(planes, planes.walk(0, 7), disc(18, 14, 9).astype(int), progress=progress)
    assert [next(found).index, next(found).index] == [(1,), (2,)]
    with pytest.raises(Cancelled):
        next(found)
    assert told[0] == (0.0, "propagation") and [share for share, _ in told] == sorted(share for share, _ in told)


def test_a_correction_changes_what_follows_and_nothing_before():
    red, blue = disc(24, 16, 9), disc(24, 44, 9)
    planes = Planes(drawn([[(red, RED), (blue, BLUE)] for _ in range(6)]))
    walk = planes.walk(0, 5)
    before = {plane.index: plane for plane in propagate(planes, walk, red.astype(int))}
    corrected = Session(planes((2,))).replay(
        next(propagate(planes, planes.walk(3, 2), blue.astype(int))).clicks  # the user wants the other one from here
    )
    del planes.asked[:]
    again = list(propagate(planes, walk.after((2,)), corrected.labels))
    assert planes.asked == [(2,), (3,), (4,), (5,)] and [plane.index for plane in again] == [(3,), (4,), (5,)]
    for plane in again:
        assert overlap(plane.labels == 1, blue) > 0.75 and overlap(before[plane.index].labels == 1, red) > 0.75


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"least_area": 600}, "pixels are left of"),
        ({"most_jump": 1.2}, "pixels, more than 1.2 times"),
        ({"most_doubt": 0.0}, "in doubt, the limit is 0%"),
        ({"least_match": 1.0}, "still looks like it, 100% are needed"),
    ],
)
def test_every_limit_says_why(limits, said):
    planes = Planes(BALL)
    found = list(
        propagate(planes, planes.walk(5, 10), ball(5).astype(int), propagation=PropagationParameters(**limits))
    )
    assert said in found[-1].ended[1]
    assert len(found) < 4


def test_an_object_that_stops_leaves_no_clicks_and_no_label():
    place, grown = disc(24, 14, 6), disc(24, 18, 13)
    other = disc(24, 50, 9)
    planes = Planes(drawn([[(mask, RED), (other, BLUE)] for mask in (place, grown)]))
    (plane,) = propagate(
        planes, planes.walk(0, 1), place * 2 + other * 1, propagation=PropagationParameters(most_jump=2)
    )
    assert "grew" in plane.ended[2] and set(plane.doubts) == {1}
    assert {click.object_id for click in plane.clicks} == {1} and set(np.unique(plane.labels)) == {0, 1}


def test_growing_is_a_jump_too():
    planes = Planes(drawn([[(disc(24, 30, radius), RED)] for radius in (8, 18)]))
    (plane,) = propagate(
        planes, planes.walk(0, 1), disc(24, 30, 8).astype(int), propagation=PropagationParameters(most_jump=2)
    )
    assert "grew from 193 to" in plane.ended[1]


def test_planes_that_are_worked_on_at_a_lower_resolution():
    parameters = FeatureParameters(grid=12, working_side=24)
    stack = Stack.of(DRIFT, rgb=True)

    def features_of(index):
        return compute_features(stack.read(index), "appearance", device="cpu", parameters=parameters)

    for plane in propagate(features_of, Walk.along(stack, (0,), 3), disc(18, 14, 9).astype(int)):
        z = plane.index[0]
        assert plane.labels.shape == SIZE and overlap(plane.labels == 1, disc(18 + z, 14 + 3 * z, 9)) > 0.6


def test_an_object_that_fills_its_plane():
    planes = Planes(drawn([[(np.ones(SIZE, dtype=bool), RED)]] * 2))
    (plane,) = propagate(planes, planes.walk(0, 1), np.ones(SIZE, dtype=int))
    assert (plane.labels == 1).mean() > 0.9 or plane.ended


def test_most_doubtful_first():
    empty = np.zeros(SIZE, np.int32)
    planes = [PropagatedPlane((z,), (), empty, {1: d} if d else {}, {}) for z, d in enumerate([0.2, 0.7, 0.0, 0.7])]
    assert [plane.index for plane in for_review(planes)] == [(1,), (3,), (0,), (2,)]


def test_walks():
    stack = Stack.of(np.zeros((3, 6, 8, 9)))
    assert Walk.along(stack, (1, 2), 5, axis=1).planes == ((1, 3), (1, 4), (1, 5))
    assert Walk.along(stack, (1, 2), 0, axis=1).planes == ((1, 1), (1, 0))
    assert Walk.along(stack, (1, 2), 2, axis=0).planes == ((2, 2),)
    assert Walk.along(stack, (0, 0), 5, axis=1, step=2).planes == ((0, 2), (0, 4))
    assert Walk.along(stack, (1, 2), 2, axis=1).planes == ()
    walk = Walk.along(stack, (1, 5), 0, axis=1)
    assert walk.after((1, 2)) == Walk((1, 2), ((1, 1), (1, 0)))
    assert walk.after((1, 5)) is walk and walk.after((1, 0)).planes == ()


@pytest.mark.parametrize(
    ("start", "last", "options", "error", "said"),
    [
        ((1, 6), 0, {"axis": 1}, ImageError, "no plane"),
        ((1, 2), 6, {"axis": 1}, ImageError, "no plane"),
        ((1, 2), 3, {"axis": 2}, ParameterError, "axis from 0 to 1"),
        ((1, 2), 3, {"axis": 1, "step": 0}, ParameterError, "step of 1 or more"),
    ],
)
def test_walks_that_lead_nowhere(start, last, options, error, said):
    with pytest.raises(error, match=said):
        Walk.along(Stack.of(np.zeros((3, 6, 8, 9))), start, last, **options)


def test_a_plane_off_the_way_cannot_be_corrected():
    with pytest.raises(ImageError, match=r"\(7,\) is not on the way"):
        Walk((0,), ((1,), (2,))).after((7,))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros(SIZE, int), "nothing to carry"),
        (np.ones(SIZE), "integers"),
        (np.ones((4, 4), int), "shape"),
    ],
)
def test_labels_that_cannot_be_carried(labels, said):
    planes = Planes(DRIFT)
    with pytest.raises(ImageError, match=said):
        propagate(planes, planes.walk(0, 7), labels)


def test_planes_of_different_size():
    whole = Planes(DRIFT)

    def features_of(index):
        image = DRIFT[index] if index == (0,) else DRIFT[index][:40]
        return compute_features(image, "appearance", device="cpu", parameters=FeatureParameters(grid=12))

    with pytest.raises(ImageError, match="worked on at"):
        next(propagate(features_of, whole.walk(0, 7), disc(18, 14, 9).astype(int)))


@pytest.mark.parametrize(
    "bad",
    [
        {"most_clicks": 0}, {"band": -1}, {"most_change": 0}, {"most_unlike": 0}, {"least_match": 2},
        {"least_area": 0}, {"most_jump": 0.5}, {"most_doubt": 1.5},
    ],
)  # fmt: skip
def test_parameters_out_of_range(bad):
    with pytest.raises(ParameterError, match=next(iter(bad))):
        PropagationParameters(**bad)
