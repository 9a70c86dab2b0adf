"""Masks and labels in little memory (issue 16, line 25)."""

import numpy as np
import pytest

from napari_m2n2v2.images.squeezed import Squeezed


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (40, 1)])
def test_25_a_mask_comes_back(shape, share):
    mask = np.random.default_rng(1).random(shape) <= share
    found = Squeezed.of(mask).as_mask()
    assert found.dtype == bool and found.flags.writeable
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("highest", [1, 255, 256, 70_000, 2**31 - 1])
def test_25_labels_come_back(highest):
    labels = np.zeros((30, 40), np.int32)
    labels[5:9, 3:30] = np.random.default_rng(2).integers(0, highest, (4, 27))
    labels[8, 29] = highest
    found = Squeezed.of(labels).as_labels()
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, labels)


def test_25_a_plane_with_one_object_takes_next_to_nothing():
    mask = np.zeros((1000, 1000), bool)
    mask[300:340, 500:560] = True
    assert Squeezed.of(mask).nbytes < 1000 and Squeezed.of(mask).box == (300, 340, 500, 560)
