"""Stacks of coloured discs that move, grow and end."""

import numpy as np

SIZE = 48, 64
ROW, COL = np.mgrid[: SIZE[0], : SIZE[1]]
GROUND, RED, BLUE = (40, 40, 40), (200, 60, 60), (60, 60, 200)


def disc(row, col, radius):
    return (ROW - row) ** 2 + (COL - col) ** 2 < radius**2


def drawn(planes, seed=0):
    """RGB planes with noise of their own from a list of [(mask, colour), ...]."""
    rng = np.random.default_rng(seed)
    volume = np.empty((len(planes), *SIZE, 3))
    for image, objects in zip(volume, planes, strict=True):
        image[:] = GROUND
        for mask, colour in objects:
            image[mask] = colour
    return (volume + rng.normal(0, 4, volume.shape)).clip(0, 255).astype(np.uint8)


def overlap(mask, truth):
    return np.count_nonzero(mask & truth) / max(np.count_nonzero(mask | truth), 1)


def ball(z):
    return disc(24, 30, max(15**2 - (4 * (z - 5)) ** 2, 0) ** 0.5)


BALL = drawn([[(ball(z), RED)] for z in range(11)])
