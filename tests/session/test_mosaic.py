"""Tiles of one plane join: the masks depend on clicks and their tiles alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import (
    Click,
    FeatureParameters,
    Mosaic,
    Region,
    RegionClick,
    SegmentationParameters,
    Session,
    Stack,
    region_features,
)
from napari_m2n2v2.errors import Cancelled, ImageError
from napari_m2n2v2.images.masks import masks_of
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.doubt import doubt_of
from tests.session.large_plane import BAR, IMAGE, LEFT, MIDDLE, NAMED, SHAPE, SIDE, STACK, WHOLE


@pytest.fixture(scope="module")
def features():
    return {region: region_features(STACK, (), region, **NAMED) for region in (LEFT, MIDDLE, WHOLE)}


def mosaic(features, *regions, **named):
    made = Mosaic(SHAPE, **named)
    for region in regions or features:
        made.put(region, features[region])
    return made


def everything(made):
    return made.labels_in(slice(0, SHAPE[0]), slice(0, SHAPE[1]))


class TestJoining:
    def test_one_region_alone_is_its_session(self, features):
        made = mosaic(features, LEFT)
        clicks = [Click(82, 60), Click(60, 60, False), Click(86, 82)]
        (changed,) = made.replay([RegionClick(LEFT, click) for click in clicks])
        assert changed.overlap(LEFT) == (changed.rows, changed.cols)
        expected = Session(features[LEFT]).replay(LEFT.into(click) for click in clicks).labels
        np.testing.assert_array_equal(made.labels_in(LEFT.rows, LEFT.cols), expected)
        labels = everything(made)
        assert labels.sum() == expected.sum() and expected.any()

    def test_a_click_where_two_overlap_is_known_to_both(self, features):
        made = mosaic(features, LEFT, MIDDLE)
        _, cols = LEFT.overlap(MIDDLE)
        shared = Click(82, (cols.start + cols.stop) // 2)
        made.replay([RegionClick(LEFT, Click(82, LEFT.left + 4)), RegionClick(MIDDLE, shared)])
        assert made.session(LEFT).clicks == (LEFT.into(Click(82, LEFT.left + 4)), LEFT.into(shared))
        assert made.session(MIDDLE).clicks == (MIDDLE.into(shared),)

    def test_no_step_where_an_object_goes_from_one_region_to_the_next(self, features):
        made = mosaic(features, LEFT, MIDDLE)
        made.replay([RegionClick(LEFT, Click(82, 50)), RegionClick(MIDDLE, Click(82, 112))])
        labels, both = everything(made), LEFT.overlap(MIDDLE)
        jumps = np.count_nonzero(labels[:, 1:] != labels[:, :-1], axis=0)
        inner = slice(LEFT.left + 8, MIDDLE.cols.stop - 8)
        assert jumps[inner].max() <= 4  # of a bar 24 pixels high
        seen, truth = labels[both] == 1, BAR[both]
        assert (seen & truth).sum() / (seen | truth).sum() > 0.9

    def test_the_masks_depend_on_clicks_and_their_regions_alone(self, features):
        a, b = RegionClick(LEFT, Click(82, 50)), RegionClick(MIDDLE, Click(82, 112))
        c, d = RegionClick(MIDDLE, Click(60, 90, False)), RegionClick(MIDDLE, Click(54, 135, True, 2))
        made = mosaic(features)
        states = []
        for placed in ([a], [a, b], [a, b, c], [a, b, c, d]):
            made.replay(placed)
            states.append(everything(made))
        assert len({state.tobytes() for state in states}) >= 3
        for n in (2, 0, 3, 1):  # undo and redo
            made.replay([a, b, c, d][: n + 1])
            np.testing.assert_array_equal(everything(made), states[n])
        other = mosaic(features)
        other.replay([a, b, c, d])
        np.testing.assert_array_equal(everything(other), states[3])
        made.replay([])
        assert not everything(made).any() and made.regions == ()

    def test_what_is_said_to_have_changed_is_all_that_did(self, features):
        made = mosaic(features)
        placed, before = [], everything(made)
        for region, click in (
            (WHOLE, Click(82, 100)), (LEFT, Click(82, 50)), (MIDDLE, Click(82, 112)), (MIDDLE, Click(60, 120, False)),
        ):  # fmt: skip
            placed.append(RegionClick(region, click))
            written = before.copy()
            for changed in made.replay(placed):
                written[changed.rows, changed.cols] = made.labels_in(changed.rows, changed.cols)
            before = everything(made)
            np.testing.assert_array_equal(written, before)
        assert made.replay(placed) == []

    @settings(max_examples=40, deadline=None)
    @given(data=st.data(), compete=st.booleans(), start=st.booleans())
    def test_whatever_is_clicked_taken_back_and_let_go_what_was_written_is_right(self, features, data, compete, start):
        """Clicks and masks to start from come and go; features are let go and found again; boxes told are written."""
        given = np.zeros(SHAPE, dtype=np.int32)
        given[20:50, 120:150] = 3 if start else 0
        made, placed, written = Mosaic(SHAPE, start=given, compete=compete), [], given.copy()
        begun = masks_of(given)
        for _ in range(data.draw(st.integers(1, 6))):
            kind = data.draw(st.sampled_from(["click", "take back", "start"]))
            if kind == "start":
                row, col = data.draw(st.integers(0, 130)), data.draw(st.integers(0, 290))
                sides = data.draw(st.integers(0, 30)), data.draw(st.integers(1, 30))
                begun = {**begun, data.draw(st.integers(1, 3)): Boxed(row, col, np.ones(sides, bool))}
            elif placed and kind == "take back":
                del placed[data.draw(st.integers(0, len(placed) - 1))]
            else:
                region = data.draw(st.sampled_from([WHOLE, LEFT, MIDDLE]))
                row = data.draw(st.integers(region.top, region.rows.stop - 1))
                col = data.draw(st.integers(region.left, region.cols.stop - 1))
                click = Click(row, col, data.draw(st.booleans()), data.draw(st.integers(1, 3)))
                placed.append(RegionClick(region, click))
            for region in data.draw(st.lists(st.sampled_from([WHOLE, LEFT, MIDDLE]), unique=True)):
                made.drop(region)
            boxes = made.replay(placed, partly=True, starts=begun)
            while lacking := made.lacking(placed):
                made.put(lacking[0], features[lacking[0]])
                boxes += made.replay(placed, partly=True)
            for box in boxes:
                written[box.rows, box.cols] = made.labels_in(box.rows, box.cols)
            fresh = Mosaic(SHAPE, compete=compete)
            for region in features:
                fresh.put(region, features[region])
            copies = {i: Boxed.of(mask.within((0, SHAPE[0], 0, SHAPE[1]))) for i, mask in begun.items()}
            fresh.replay(placed, starts=copies)
            np.testing.assert_array_equal(written, everything(fresh))

    def test_a_start_that_a_coarse_region_takes_away_is_gone_to_its_last_pixel(self, features):
        """One that working pixels do not cover whole: five columns, where four are worked on as one."""
        begun, written = {1: Boxed(0, 0, np.ones((1, 5), bool))}, np.zeros(SHAPE, np.int32)
        made = mosaic(features)
        for placed in ([], [RegionClick(WHOLE, Click(0, 0, False))], []):
            for changed in made.replay(placed, starts=begun):
                written[changed.rows, changed.cols] = made.labels_in(changed.rows, changed.cols)
            np.testing.assert_array_equal(written, everything(made))
            assert written.any() == (not placed)

    def test_work_that_was_stopped_is_told_of_the_next_time(self, features):
        made = mosaic(features)
        placed = [RegionClick(WHOLE, Click(82, 100)), RegionClick(LEFT, Click(60, 50, False))]

        def stop(share, stage):
            if share > 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            made.replay(placed, stop)
        written = np.zeros(SHAPE, dtype=np.int32)
        for changed in made.replay(placed):
            written[changed.rows, changed.cols] = made.labels_in(changed.rows, changed.cols)
        fresh = mosaic(features)
        fresh.replay(placed)
        np.testing.assert_array_equal(written, everything(fresh))

    def test_a_fine_region_corrects_the_whole_and_leaves_the_rest(self, features):
        made = mosaic(features)
        first = RegionClick(WHOLE, Click(82, 200))
        made.replay([first])
        coarse = everything(made)
        assert (coarse[BAR] == 1).mean() > 0.5 and coarse[82, 60] == 1
        made.replay([first, RegionClick(LEFT, Click(82, 60, False))])
        fine = everything(made)
        assert fine[82, 60] == 0
        outside = np.ones(SHAPE, dtype=bool)
        outside[LEFT.rows, LEFT.cols] = False
        np.testing.assert_array_equal(fine[outside], coarse[outside])
        made.replay([first])
        np.testing.assert_array_equal(everything(made), coarse)

    def test_labels_from_before_stay_where_no_click_reaches(self, features):
        start = np.zeros(SHAPE, dtype=np.int32)
        start[20:50, 120:150] = 7
        made = Mosaic(SHAPE, start=start)
        np.testing.assert_array_equal(everything(made), start)
        made.put(LEFT, features[LEFT])
        made.replay([RegionClick(LEFT, Click(82, 60))])
        labels = everything(made)
        assert (labels[22:48, 122:148] == 7).all() and labels[82, 60] == 1

    def test_objects_compete_or_the_last_lies_on_top(self, features):
        placed = [RegionClick(LEFT, Click(82, 50, True, 2)), RegionClick(MIDDLE, Click(82, 112, True, 1))]
        for compete in (True, False):
            made = mosaic(features, compete=compete)
            made.replay(placed)
            labels = everything(made)
            assert labels[82, 50] == 2 and labels[82, 112] == 1
            if not compete:  # the later one is what it is alone
                alone = mosaic(features, MIDDLE)
                alone.replay(placed[1:])
                np.testing.assert_array_equal(labels == 1, everything(alone) == 1)

    def test_features_that_went_are_missed_only_where_they_are_needed(self, features):
        made, apart = mosaic(features), Region(0, 256, 64, 64)
        placed = [RegionClick(LEFT, Click(82, LEFT.left + 4))]
        made.replay(placed)
        made.drop(LEFT)
        assert made.lacking(placed) == [] and made.replay(placed) == []
        assert made.lacking([*placed, RegionClick(apart, Click(30, 280))]) == [apart]
        further = [*placed, RegionClick(MIDDLE, Click(82, MIDDLE.cols.stop - 4))]
        assert made.lacking(further) == [LEFT]  # to be joined with
        with pytest.raises(ImageError, match="put"):
            made.replay(further)
        made.put(LEFT, features[LEFT])
        made.replay(further)
        fresh = mosaic(features)
        fresh.replay(further)
        np.testing.assert_array_equal(everything(made), everything(fresh))
        made.drop(LEFT)  # whose labels stay now
        assert made.lacking(further) == []
        np.testing.assert_array_equal(everything(made), everything(fresh))

    def test_what_can_be_solved_is_and_the_rest_when_it_can(self, features):
        made = mosaic(features, LEFT)
        placed = [RegionClick(LEFT, Click(82, 50)), RegionClick(MIDDLE, Click(82, 112))]
        first = made.replay(placed, partly=True)
        assert made.lacking(placed) == [MIDDLE] and everything(made)[82, 50] == 1
        written = np.zeros(SHAPE, dtype=np.int32)
        made.put(MIDDLE, features[MIDDLE])
        for changed in (*first, *made.replay(placed, partly=True)):
            written[changed.rows, changed.cols] = made.labels_in(changed.rows, changed.cols)
        fresh = mosaic(features)
        fresh.replay(placed)
        np.testing.assert_array_equal(written, everything(fresh))

    def test_a_finer_region_is_solved_anew_only_when_what_it_starts_from_changed(self, features):
        made = mosaic(features)
        placed = [RegionClick(WHOLE, Click(82, 200)), RegionClick(LEFT, Click(60, 60, False))]
        made.replay(placed)
        made.drop(LEFT)
        far = [placed[0], RegionClick(WHOLE, Click(30, 135, True, 2)), placed[1]]
        made.replay(far)
        assert made.lacking(far) == []
        near = [RegionClick(WHOLE, Click(82, 60, False)), *placed]
        made.replay(near, partly=True)
        assert made.lacking(near) == [LEFT]

    def test_a_replay_that_was_stopped_forgets_nothing(self, features):
        made = mosaic(features)
        corrected = RegionClick(LEFT, Click(60, 60, False))
        made.replay([RegionClick(WHOLE, Click(82, 200)), corrected])
        moved = [RegionClick(WHOLE, Click(35, 135)), corrected]

        def stop(share, stage):
            if share == 0.5 and stage == "clicks":
                raise Cancelled

        with pytest.raises(Cancelled):
            made.replay(moved, stop)
        made.replay(moved)
        fresh = mosaic(features)
        fresh.replay(moved)
        np.testing.assert_array_equal(everything(made), everything(fresh))

    def test_labels_of_a_region_that_was_let_go_stay_until_it_is_back(self, features):
        made = mosaic(features)
        placed = [RegionClick(LEFT, Click(82, 60))]
        made.replay(placed)
        made.drop(LEFT)
        overlap = MIDDLE.left, LEFT.cols.stop
        before = everything(made)[:, slice(*overlap)]
        assert before.any()
        placed.append(RegionClick(MIDDLE, Click(60, MIDDLE.cols.stop - 3, False)))
        made.replay(placed, partly=True)
        np.testing.assert_array_equal(everything(made)[:, slice(*overlap)], before)
        placed.append(RegionClick(WHOLE, Click(10, 300, False, 2)))
        made.replay(placed, partly=True)
        assert made.lacking(placed) == [LEFT]  # still
        made.put(LEFT, features[LEFT])
        made.replay(placed)
        fresh = mosaic(features)
        fresh.replay(placed)
        np.testing.assert_array_equal(everything(made), everything(fresh))

    def test_a_first_click_keeps_to_a_share_of_a_part_and_not_of_all_of_a_plane(self, features):
        made = mosaic(features)
        made.parameters = SegmentationParameters.paper()
        made.replay([RegionClick(LEFT, Click(60, 60)), RegionClick(WHOLE, Click(10, 300, True, 2))])
        own = {region: made.session(region).parameters for region in (LEFT, WHOLE)}
        assert own[LEFT] == replace(own[WHOLE], prior_at_start=True) and not own[WHOLE].prior_at_start
        assert (everything(made) == 1).sum() <= 0.4 * 64 * 64

    def test_no_state_but_the_present_is_held(self, features):
        made = mosaic(features, LEFT)
        for col in range(40, 70):
            made.replay([RegionClick(LEFT, Click(82, col))])
        assert not made.session(LEFT).can_undo

    def test_other_features_of_a_region_count(self, features):
        made = mosaic(features, LEFT)
        placed = [RegionClick(LEFT, Click(82, 50))]
        made.replay(placed)
        coarser = FeatureParameters(grid=6, working_side=SIDE)
        other = region_features(STACK, (), LEFT, **{**NAMED, "parameters": coarser})
        before = made.result(LEFT)
        made.put(LEFT, other)
        made.replay(placed)
        assert made.result(LEFT) is not before
        fresh = mosaic({LEFT: other})
        fresh.replay(placed)
        np.testing.assert_array_equal(everything(made), everything(fresh))
        assert made.session(LEFT).features is other

    @pytest.mark.parametrize("compete", [True, False])
    def test_a_plane_that_fits_is_its_session_bit_for_bit(self, compete):
        image = IMAGE[40:104, 100:164]
        whole = Region.whole(image.shape[:2], SIDE)
        features = region_features(Stack.of(image, rgb=True), (), whole, **NAMED)
        start = np.zeros(image.shape[:2], dtype=np.int32)
        start[:9, 20:50] = 4
        clicks = [
            Click(42, 30), Click(42, 50, True, 2), Click(20, 10, False), Click(42, 44, False, 1),
            Click(3, 30, False, 4), Click(5, 60, True, 3), Click(42, 20, False, 2),
        ]  # fmt: skip
        made = Mosaic(image.shape[:2], start=start, compete=compete)
        made.put(whole, features)
        written, session = start.copy(), Session(features, start=start, compete=compete)
        for n in range(1, len(clicks) + 1):
            for changed in made.replay([RegionClick(whole, click) for click in clicks[:n]]):
                written[changed.rows, changed.cols] = made.labels_in(changed.rows, changed.cols)
            session.replay(clicks[:n])
            np.testing.assert_array_equal(written, session.result.labels)
        for i, doubt in made.doubts.items():
            assert doubt == pytest.approx(doubt_of(features.image, session.result.objects[i])[0])
        assert sorted(made.doubts) == [1, 2, 3, 4]

    def test_features_of_another_shape_are_refused(self, features):
        with pytest.raises(ImageError, match="not of a region"):
            Mosaic(SHAPE).put(LEFT, features[WHOLE])
