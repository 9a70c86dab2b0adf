"""Planes too large for the working resolution: which tile a click goes to, and what is read of it."""

import math

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import (
    Click,
    FeatureParameters,
    Region,
    RegionClick,
    Stack,
    compute_features,
    region_features,
    region_of_view,
)
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images.resampling import working_shape
from napari_m2n2v2.images.tile import fits_whole, has_parts
from tests.session.large_plane import LEFT, NAMED, SHAPE, SIDE, view_at


class TestChoosing:
    @settings(max_examples=300, deadline=None)
    @given(
        st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
        *[st.floats(-500, 5500)] * 2, *[st.floats(1, 6000)] * 2, *[st.floats(0, 1)] * 2,
    )  # fmt: skip
    def test_a_region_is_in_the_plane_holds_the_click_and_is_as_fine_as_the_view(
        self, shape, top, left, height, width, down, across
    ):
        at = down * (shape[0] - 1), across * (shape[1] - 1)
        found = region_of_view(shape, (top, left, top + height, left + width), 256, at=at)
        assert found.holds(*at)
        assert found.top >= 0 and found.rows.stop <= shape[0] and found.left >= 0 and found.cols.stop <= shape[1]
        shortest = min(found.shape)
        assert shortest <= 256 * found.step and (shortest == 256 * found.step or shortest in shape)
        assert found.step == 1 or 256 * found.step < 2 * min(height, width)

    def test_a_view_that_is_hardly_moved_gives_the_same_region(self):
        found = {region_of_view((9000, 9000), view_at(4096 + n, 3072 + n, 300)) for n in range(-120, 120)}
        assert len(found) == 1
        region = found.pop()
        assert region.shape == (1024, 1024) and region.step == 1 and (region.top % 256, region.left % 256) == (0, 0)

    def test_a_known_region_is_taken_for_a_click_that_it_holds_alone(self):
        known = Region(0, 0, 64, 64)
        at = 63.7, 30.0  # of the view's last pixel, which reaches half a pixel further than the region's
        found = region_of_view(SHAPE, (10.0, 10.0, 64.0, 60.0), SIDE, at=at, known=[known])
        assert found.holds(*at) and found != known

    def test_a_known_region_that_holds_the_view_is_taken(self):
        view = view_at(4000, 3000, 300)
        known = Region(3600, 2600, 1024, 1024)
        assert region_of_view((9000, 9000), view, known=[known]) == known
        assert region_of_view((9000, 9000), view_at(4600, 3000, 300), known=[known]) != known
        assert region_of_view((9000, 9000), view, known=[Region(3600, 2600, 1024, 1024, 2)]).step == 1

    def test_seeing_all_is_all_of_it_coarse_and_zooming_in_is_finer(self):
        shape = 4096, 6000
        steps = [region_of_view(shape, view_at(2000, 3000, half)).step for half in (100, 500, 700, 1500, 3000)]
        assert steps == [1, 1, 2, 4, 4]
        assert region_of_view(shape, (-200, -100, 4300, 6200)) == Region.whole(shape) == Region(0, 0, *shape, 4)
        assert region_of_view((900, 5000), view_at(400, 700, 200)).shape == (900, 1024)

    def test_a_click_beyond_the_view_is_the_middle_of_its_own(self):
        far = region_of_view((9000, 9000), view_at(500, 500, 200), at=(6000, 7000))
        assert far == region_of_view((9000, 9000), view_at(6000, 7000, 200))
        with pytest.raises(ClickError, match="outside the image"):
            region_of_view((9000, 9000), view_at(500, 500), at=(9000, 0))

    @settings(max_examples=200, deadline=None)
    @given(st.integers(1, 2500), st.integers(1, 60_000), st.floats(0, 1), st.booleans())
    def test_18_a_part_of_a_long_strip_is_bounded_by_pixels(self, short, long, along, upright):
        shape, at = ((long, short), (along * (long - 1), 0)) if upright else ((short, long), (0, along * (long - 1)))
        found = region_of_view(shape, (0, 0, *shape), 256, at=at)
        assert found.holds(*at)
        if found != Region.whole(shape, 256):
            assert math.prod(working_shape(found.shape, 256)) <= 3 * 256**2 + 256

    @pytest.mark.parametrize("shape", [(1100, 40000), (40000, 1100), (100, 400_000), (3000, 90_000)])
    def test_18_clicks_beside_each_other_in_a_strip_share_a_part_and_those_far_away_do_not(self, shape):
        view = (0, 0, *shape)
        places = [(row, col) if shape[1] > shape[0] else (col, row) for row, col in ((40, 9000), (50, 9100), (40, 90))]
        first = region_of_view(shape, view, at=places[0])
        assert region_of_view(shape, view, at=places[1], known=[first]) == first != Region.whole(shape)
        assert first.holds(*places[2]) == (min(shape) == 100)
        assert region_of_view(shape, view).shape == first.shape

    def test_18_a_strip_that_is_too_much_at_once_is_told_of_parts(self):
        strip = np.zeros((1100, 40000), np.uint8)
        strip[::7] = 200
        with pytest.raises(ImageError, match=r"1100 x 40000.*the field of view.*region_of_view"):
            compute_features(strip, **NAMED | {"parameters": FeatureParameters()})
        assert not fits_whole(strip.shape) and fits_whole((1024, 16384))

    @settings(max_examples=200, deadline=None)
    @given(st.tuples(st.integers(1, 3000), st.integers(1, 3000)), *[st.floats(0, 1)] * 2, st.floats(1, 900))
    def test_a_plane_has_parts_or_is_always_seen_as_a_whole(self, shape, down, across, size):
        top, left = down * shape[0], across * shape[1]
        found = region_of_view(shape, (top, left, top + size, left + size), 256)
        assert has_parts(shape, 256) or found == Region.whole(shape, 256)

    def test_clicks_go_in_and_out(self):
        click = Click(90.25, 70.5, False, 3, 0.5)
        assert LEFT.into(click) == Click(90.25 - LEFT.top, 70.5 - LEFT.left, False, 3, 0.5)
        assert LEFT.out_of(LEFT.into(click)) == click
        with pytest.raises(ClickError, match="outside its region"):
            RegionClick(LEFT, Click(0, 0))


class TestReading:
    def test_only_the_blocks_under_the_region_are_read(self):
        read = []

        def block(block_info=None):
            read.append(block_info[None]["chunk-location"])
            return np.arange(64000).reshape(1, 256, 250).astype(np.uint8)

        meta = np.zeros((0, 0, 0), np.uint8)
        huge = da.map_blocks(block, chunks=((1,) * 3, (256,) * 16, (250,) * 24), dtype=np.uint8, meta=meta)
        stack = Stack.of(huge)  # 3 x 4096 x 6000
        region = region_of_view(stack.plane_shape, view_at(1000, 2000, 300))
        assert region_features(stack, (1,), region, **NAMED).shape == region.shape == (1024, 1024)
        rows = range(region.top // 256, -(-region.rows.stop // 256))
        cols = range(region.left // 250, -(-region.cols.stop // 250))
        assert sorted(read) == [(1, row, col) for row in rows for col in cols] and len(read) <= 30

    @pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
    def test_a_part_is_what_numpy_says(self, axes):
        plane = np.arange(60 * 84).reshape(60, 84)
        stack = Stack.of(plane, plane_axes=axes)
        seen = plane if axes == (0, 1) else plane.T
        np.testing.assert_array_equal(stack.read((), 0, slice(5, 20), slice(11, 50)), seen[5:20, 11:50])

    def test_of_a_pyramid_the_level_that_fits_the_region(self):
        full = np.arange(800 * 1200, dtype=np.int64).reshape(800, 1200)
        stack = Stack.of([full, full[::2, ::2], full[::4, ::4]], multiscale=True)
        assert [stack.level_for(100, part) for part in ((100, 100), (200, 300), (400, 400), (399, 500))] == [0, 1, 2, 1]
        np.testing.assert_array_equal(stack.read((), 1, slice(100, 201), slice(50, 150)), full[100:201:2, 50:150:2])
        coarse = region_features(
            Stack.of([full.astype(np.uint8), full[::4, ::4].astype(np.uint8)], multiscale=True),
            (), Region(100, 100, 400, 400, 4), **{**NAMED, "parameters": FeatureParameters(grid=8, working_side=100)},
        )  # fmt: skip
        assert coarse.shape == (400, 400) and coarse.image.shape[:2] == (100, 100)
