"""A layer's data as planes: looked at once, and anew when the data are others."""

import numpy as np
from napari.layers import Image

from napari_m2n2v2._napari.layers.geometry import stack_of


def test_the_planes_of_a_layer_are_looked_at_once():
    layer = Image(np.zeros((4, 8, 9)))
    assert stack_of(layer) is stack_of(layer) and stack_of(layer, (0, 1)) is not stack_of(layer)


def test_other_data_are_other_planes():
    layer = Image(np.zeros((4, 8, 9)))
    before = stack_of(layer)
    layer.data = np.ones((5, 8, 9))
    assert stack_of(layer).shape == (5, 8, 9) and before.shape == (4, 8, 9)
    pyramid = Image([np.zeros((8, 16, 16)), np.zeros((8, 8, 8))], multiscale=True)
    for value in range(20):
        pyramid.data = [np.full((8, 16, 16), value), np.full((8, 8, 8), value)]
        assert stack_of(pyramid).read((0,), 1)[0, 0] == value
