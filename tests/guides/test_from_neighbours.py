import numpy as np
import pytest

from napari_m2n2v2 import GuideError, Stack
from napari_m2n2v2.guides.from_neighbours import focus, neighbours


def test_neighbours_even_out_what_is_in_one_plane_alone():
    rng = np.random.default_rng(0)
    truth = np.zeros((32, 32))
    truth[8:24, 8:24] = 10
    volume = truth + rng.normal(0, 3, (7, 32, 32))
    guide = neighbours(Stack.of(volume), (3,), reach=3)
    np.testing.assert_allclose(guide, volume.mean(axis=0), atol=1e-5)
    assert (guide - truth).std() < 0.6 * (volume[3] - truth).std()


def test_the_ends_of_a_stack_have_fewer_neighbours():
    volume = np.arange(5.0)[:, None, None] * np.ones((5, 8, 8))
    assert neighbours(Stack.of(volume), (0,))[0, 0] == 0.5
    assert neighbours(Stack.of(volume), (4,))[0, 0] == 3.5


def test_the_axis_is_chosen_and_colour_becomes_lightness():
    volume = np.zeros((2, 3, 8, 8))
    volume[1] = 4
    assert neighbours(Stack.of(volume), (0, 1), axis=0)[0, 0] == 2
    assert neighbours(Stack.of(volume), (0, 1), axis=1)[0, 0] == 0
    colour = np.full((3, 8, 9, 3), 255, np.uint8)
    assert neighbours(Stack.of(colour, rgb=True), (1,))[0, 0] == pytest.approx(1)


def test_focus_tells_which_plane_is_sharp_where():
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    texture = rng.normal(size=(64, 64))
    blurred = gaussian_filter(texture, 3)
    volume = np.stack([blurred] * 5)
    volume[1, :, :32], volume[3, :, 32:] = texture[:, :32], texture[:, 32:]
    found = focus(Stack.of(volume), (2,))
    assert found[:, 8:24].mean() < 0.35 and found[:, 40:56].mean() > 0.65
    assert np.ptp(focus(Stack.of(np.ones((5, 16, 16))), (2,))) == 0


@pytest.mark.parametrize("options", [{"axis": 1}, {"axis": -1}, {"reach": 0}])
def test_what_is_not_there(options):
    with pytest.raises(GuideError, match="reach of 1 or more"):
        neighbours(Stack.of(np.zeros((5, 8, 8))), (1,), **options)
