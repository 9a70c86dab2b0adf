"""Planes of discs whose truth is known exactly."""

import numpy as np


def discs(across=5, side=200, *, colour=True, seed=0, touching=False, skip=()):
    """Noisy discs on a lattice: RGB uint8 and labels from 1 on. Those of ``skip`` are not drawn, and no objects."""
    rng = np.random.default_rng(seed)
    image = np.full((side, side, 3), (225.0, 200.0, 220.0) if colour else 30.0)
    ink = np.array((110.0, 60.0, 140.0) if colour else (140.0, 140.0, 140.0))
    labels = np.zeros((side, side), np.int32)
    step = side / across
    y, x = np.mgrid[:side, :side]
    for n in range(across * across):
        row, col = (n // across + 0.5) * step, (n % across + 0.5) * step
        radius = step * (0.52 if touching and n % 2 else rng.uniform(0.28, 0.36))
        there = (y - row) ** 2 + (x - col) ** 2 < radius**2
        if n + 1 not in skip:
            labels[there & (labels == 0)] = n + 1
            image[there] = ink * rng.uniform(0.9, 1.1)
    noise = rng.normal(0, 4, image.shape if colour else (*labels.shape, 1))
    return (image + noise).clip(0, 255).astype(np.uint8), labels


def only(labels, *ids):
    """Labels of some objects alone."""
    return np.where(np.isin(labels, ids), labels, 0)


def agreements(proposals, labels):
    """IoU of every proposal with the object it has most in common with, by the object's id."""
    found = {}
    for one in proposals:
        mask = one.mask.within((0, labels.shape[0], 0, labels.shape[1]))
        counts = np.bincount(labels[mask])
        counts[0] = 0
        i = int(counts.argmax())
        found[i] = counts[i] / np.count_nonzero(mask | (labels == i))
    return found
