import dask.array as da
import numpy as np
import pytest

from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.stack import Stack, nearest_first

VOLUME = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


@pytest.mark.parametrize("axes", [(2, 3), (3, 2), (0, 3), (1, 0), (-2, -1)])
def test_a_plane_is_what_numpy_says(axes):
    stack = Stack.of(VOLUME, plane_axes=axes)
    rows, cols = (axis % 4 for axis in axes)
    for index in stack:
        position = stack.join(index, 1, 1)
        assert stack.read(index)[1, 1] == VOLUME[tuple(int(p) for p in position)]
        assert stack.split(position) == (index, (1.0, 1.0))
        assert stack.read(index).shape == (VOLUME.shape[rows], VOLUME.shape[cols])
    assert len(stack) == len(list(stack)) == VOLUME.size // (VOLUME.shape[rows] * VOLUME.shape[cols])


def test_colour_stays_last():
    stack = Stack.of(np.zeros((6, 8, 9, 3), np.uint8), plane_axes=(1, 0), rgb=True)
    assert stack.read((2,)).shape == (8, 6, 3)
    assert stack.index_shape == (9,)


def test_a_single_plane_has_one_index():
    stack = Stack.of(np.zeros((8, 9)))
    assert list(stack) == [()]
    assert len(stack) == 1
    assert stack.read(()).shape == (8, 9)


def test_a_point_between_planes_is_rounded_not_truncated():
    stack = Stack.of(np.zeros((5, 8, 9)))
    assert [stack.split((z, 1.0, 2.0))[0] for z in (0.5, 1.49, 2.6, -0.4, 3.5)] == [(1,), (1,), (3,), (0,), (4,)]


def test_only_the_chunks_of_the_plane_are_read():
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.zeros((1, 8, 9), np.uint8)

    data = da.map_blocks(block, chunks=((1,) * 5, (8,), (9,)), dtype=np.uint8, meta=np.zeros((0, 0, 0), np.uint8))
    assert Stack.of(data).read((3,)).shape == (8, 9)
    assert read == [(3, 0, 0)]


def test_the_level_that_fits_the_working_side():
    levels = [np.zeros((4, side, 2 * side)) for side in (4096, 2048, 1024, 512)]
    stack = Stack.of(levels, multiscale=True)
    assert [stack.level_for(side) for side in (5000, 4096, 1500, 1024, 600, 100)] == [0, 0, 1, 2, 2, 3]
    assert stack.read((3,), 2).shape == (1024, 2048)
    assert stack.plane_shape == (4096, 8192)


def test_levels_with_fewer_planes_are_of_other_planes_and_left_out():
    base = np.arange(8)[:, None, None] * np.ones((8, 12, 12))
    stack = Stack.of([base, base[::2, ::2, ::2], base[:, ::4, ::4]], multiscale=True)
    assert [level.shape for level in stack.levels] == [(8, 12, 12), (8, 3, 3)]
    assert [stack.read((z,), stack.level_for(3))[0, 0] for z in range(8)] == list(range(8))
    across = Stack.of([base, base[::2, ::2, :]], plane_axes=(0, 1), multiscale=True)
    assert len(across.levels) == 2  # of the planes that go through all slices it has every one


def test_levels_of_another_kind_are_refused():
    with pytest.raises(ImageError, match=r"levels of one pyramid, got shapes \(4, 8, 8\) and \(4, 4\)"):
        Stack.of([np.zeros((4, 8, 8)), np.zeros((4, 4))], multiscale=True)


def test_nearest_first():
    stack = Stack.of(np.zeros((2, 4, 8, 9)))
    order = nearest_first(stack, (1, 1))
    assert order[:4] == [(1, 1), (0, 1), (1, 0), (1, 2)]
    assert sorted(order) == list(stack)


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((5,), {}, "two axes"),
        ((5, 6), {"rgb": True}, "colour axis"),
        ((5, 6, 7), {"plane_axes": (1, 1)}, "two different axes"),
        ((5, 6, 7), {"plane_axes": (1, 3)}, "two different axes"),
    ],
)
def test_data_that_has_no_planes(shape, options, said):
    with pytest.raises(ImageError, match=said):
        Stack.of(np.zeros(shape), **options)


@pytest.mark.parametrize("index", [(), (5,), (-1,), (1, 1)])
def test_a_plane_that_is_not_there(index):
    with pytest.raises(ImageError, match="no plane"):
        Stack.of(np.zeros((5, 6, 7))).read(index)
