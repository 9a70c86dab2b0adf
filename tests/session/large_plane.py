"""A bar across a plane that is worked on in tiles."""

import numpy as np

from napari_m2n2v2 import FeatureParameters, Region, Stack, region_of_view

SIDE = 64
PARAMETERS = FeatureParameters(grid=12, working_side=SIDE)
NAMED = {"attention": "appearance", "device": "cpu", "parameters": PARAMETERS}
SHAPE = (160, 320)


def scene():
    """A bright bar from left to right across a dark plane, a square above it; the truth of the bar."""
    image = np.full(SHAPE, 50.0)
    bar = np.zeros(SHAPE, dtype=bool)
    bar[70:94, 20:300] = True
    image[bar] = 190
    image[20:50, 120:150] = 190
    noisy = image + np.random.default_rng(0).normal(0, 5, SHAPE)
    return np.repeat(noisy.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2), bar


IMAGE, BAR = scene()
STACK = Stack.of(IMAGE, rgb=True)


def view_at(row, col, half=26):
    return row - half, col - half, row + half, col + half


LEFT, MIDDLE = (region_of_view(SHAPE, view_at(80, col), SIDE) for col in (60, 104))
WHOLE = Region.whole(SHAPE, SIDE)
