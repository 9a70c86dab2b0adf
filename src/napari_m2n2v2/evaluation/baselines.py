"""What a user would otherwise pick without a trained model, driven by the same clicks.

A click is a disc of 3 pixels, and so is each pixel of a scribble. While there is no background click, the image's
border counts as background, because these methods need some. Outside a box is background; before there is a click,
GrabCut alone has something to say of one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from skimage.morphology import disk

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import MissingDependencyError
from napari_m2n2v2.prompts import Box, Prompt

__all__ = ["BASELINES"]

_RADIUS = 3
_TOLERANCE = 0.1
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def _seeds(shape: tuple[int, int], clicks: Sequence[Prompt]) -> NDArray[np.int32]:
    """Return 1 on foreground discs, 2 on background discs or the border, 0 elsewhere; later clicks count."""
    seeds = np.zeros(shape, dtype=np.int32)
    if all(click.foreground for click in clicks):
        seeds[[0, -1]] = 2
        seeds[:, [0, -1]] = 2
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    for click in clicks:
        if isinstance(click, Click):
            near = np.hypot(rows - click.row, cols - click.col) <= _RADIUS
        else:
            near = np.zeros(shape, dtype=bool)
            for pixel in click.pixels(shape):
                near[pixel] = True
            near = binary_dilation(near, disk(_RADIUS))
        seeds[near] = 1 if click.foreground else 2
    for box in clicks:
        if isinstance(box, Box):
            top, bottom, left, right = box.edges(shape)
            seeds[:top] = seeds[bottom:] = seeds[:, :left] = seeds[:, right:] = 2
    return seeds


def random_walker(image: Rgb, clicks: Sequence[Prompt]) -> Mask:
    """Segment by ``skimage.segmentation.random_walker`` on the colours."""
    if find_spec("pyamg") is None:
        raise MissingDependencyError('The random walker needs pyamg: pip install "napari-m2n2v2[evaluation]"')
    from skimage.segmentation import random_walker as walk

    seeds = _seeds(image.shape[:2], clicks)
    if not (seeds == 1).any():
        return np.zeros(seeds.shape, dtype=bool)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The probability range is outside")  # the tolerance is coarse for speed
        # Multigrid: conjugate gradients alone take minutes a click where textures nearly cut the graph apart.
        walked: Mask = walk(image / 255.0, seeds, beta=130, mode="cg_mg", tol=1e-3, channel_axis=-1) == 1
    return walked


def watershed(image: Rgb, clicks: Sequence[Prompt]) -> Mask:
    """Segment by a marker watershed on the lightness gradient."""
    from skimage.color import rgb2gray
    from skimage.filters import sobel
    from skimage.segmentation import watershed as flood_from

    flooded: Mask = flood_from(sobel(rgb2gray(image)), _seeds(image.shape[:2], clicks)) == 1
    return flooded


def grabcut(image: Rgb, clicks: Sequence[Prompt]) -> Mask:
    """Segment by OpenCV's GrabCut, three rounds."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError('GrabCut needs OpenCV: pip install "napari-m2n2v2[evaluation]"') from error
    seeds = _seeds(image.shape[:2], clicks)
    boxed = any(isinstance(click, Box) for click in clicks)
    if not (boxed or (seeds == 1).any()) or (seeds == 2).all():
        return np.zeros(seeds.shape, dtype=bool)
    # As OpenCV itself does it, what is in the box is the object at first.
    labels = np.full(seeds.shape, cv2.GC_PR_FGD if boxed else cv2.GC_PR_BGD, dtype=np.uint8)
    labels[seeds == 1], labels[seeds == 2] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(image[..., ::-1]), labels, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    cut: Mask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return cut


def flood(image: Rgb, clicks: Sequence[Prompt]) -> Mask:
    """Flood from each click over pixels within 0.1 of its lightness; later clicks over earlier ones."""
    from skimage.color import rgb2gray
    from skimage.segmentation import flood as flood_at

    grey = rgb2gray(image)
    mask = np.zeros(grey.shape, dtype=bool)
    for click in clicks:
        for pixel in click.pixels(grey.shape):
            mask[flood_at(grey, pixel, tolerance=_TOLERANCE)] = click.foreground
    return mask


BASELINES: dict[str, Callable[[Rgb, Sequence[Prompt]], Mask]] = {
    "random-walker": random_walker,
    "grabcut": grabcut,
    "watershed": watershed,
    "flood": flood,
}
"""Every baseline by name: called with ``[H, W, 3]`` uint8 and all clicks so far, returns bool ``[H, W]``."""
