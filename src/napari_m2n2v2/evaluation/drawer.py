"""The simulated user who draws: boxes and outlines from the truth, exact or not, and scribbles along what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.images.deepest import depth_of
from napari_m2n2v2.prompts import Box, Outline, Prompt, Scribble

__all__ = ["DRAWN_RULES", "box_around", "next_scribble", "outline_around", "scribble_along"]

Mask = NDArray[np.bool_]

_JITTER = 0.1  # of the object's height and width: how far a side or a corner is off
_CORNERS = 24  # of an outline

_LEAST_DEPTH = 0.5  # of the deepest point's depth: nearer to the outline nobody draws


def next_scribble(
    mask: Mask,
    truth: Mask,
    ignore: Mask | None = None,
    clicks: Sequence[Prompt] = (),
    rng: np.random.Generator | None = None,
) -> Scribble | None:
    """Scribble along the middle of what is wrong, where :func:`.next_click_union` clicks: rule "scribble".

    Parameters and result as for :func:`.next_click_union`.
    """
    click = next_click_union(mask, truth, ignore)
    if click is None:
        return None
    wrong = (mask != truth) & (truth == click.foreground)
    if ignore is not None:
        wrong &= ~ignore
    return Scribble(scribble_along(wrong, (int(click.row), int(click.col))), click.foreground)


def scribble_along(region: Mask, pixel: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the longest way along the medial axis of a region that goes near a pixel.

    Parameters
    ----------
    region : ndarray
        bool ``[H, W]``.
    pixel : tuple of int
        (row, col) in the region, the deepest of it: parts of the axis that are less than half as deep are left out.

    Returns
    -------
    tuple of tuple of int
        (row, col) of each pixel of the line, at least one.
    """
    from skimage.graph import MCP
    from skimage.morphology import skeletonize

    component = label(region, np.ones((3, 3)))[0]
    own = component == component[pixel]
    depth = depth_of(own)
    axis = skeletonize(own) & (depth >= _LEAST_DEPTH * depth[pixel])
    if not axis.any():
        return (pixel,)
    places = np.argwhere(axis)
    row, col = places[np.hypot(*(places - pixel).T).argmin()]
    parts = label(axis, np.ones((3, 3)))[0]
    costs = np.where(parts == parts[row, col], 1.0, np.inf)

    def farthest(start: tuple[int, int]) -> tuple[MCP, tuple[int, int]]:
        ways = MCP(costs, fully_connected=True)
        reached, _ = ways.find_costs([start])
        row, col = np.unravel_index(int(np.where(np.isfinite(reached), reached, -1).argmax()), costs.shape)
        return ways, (int(row), int(col))

    _, one_end = farthest((int(row), int(col)))
    ways, other_end = farthest(one_end)
    return tuple((int(row), int(col)) for row, col in ways.traceback(other_end))


def box_around(truth: Mask, rng: np.random.Generator, jitter: float = 0.0) -> Box:
    """Return the box around an object, each side off by up to a share of its height or width, within the image."""
    rows, cols = np.nonzero(truth)
    edges = np.array([rows.min(), cols.min(), rows.max(), cols.max()], dtype=float)
    size = np.array([edges[2] - edges[0] + 1, edges[3] - edges[1] + 1] * 2)
    edges = np.rint(edges + jitter * rng.uniform(-1, 1, 4) * size)
    limits = [truth.shape[0] - 1, truth.shape[1] - 1] * 2
    row0, col0, row1, col1 = map(float, edges.clip(0, limits))
    return Box(row0, col0, row1, col1)


def outline_around(truth: Mask, rng: np.random.Generator, jitter: float = _JITTER) -> Outline:
    """Return a line of 24 corners around the largest piece of an object, each off by a normal error.

    Parameters
    ----------
    truth : ndarray
        bool ``[H, W]``, not empty.
    rng : numpy.random.Generator
        What it is off by.
    jitter : float
        Twice the standard deviation, as a share of the square root of the object's area.
    """
    from skimage.measure import find_contours

    longest = max(find_contours(np.pad(truth, 1).astype(float), 0.5), key=len)[:-1] - 1
    corners = longest[np.linspace(0, len(longest), min(_CORNERS, len(longest)), endpoint=False).astype(int)]
    off = rng.normal(0, jitter * np.sqrt(np.count_nonzero(truth)) / 2, corners.shape)
    return Outline(tuple((float(row), float(col)) for row, col in corners + off))


def _first(
    draw: Callable[[Mask, np.random.Generator], Prompt | None],
    mask: Mask,
    truth: Mask,
    ignore: Mask | None = None,
    clicks: Sequence[Prompt] = (),
    rng: np.random.Generator | None = None,
) -> Prompt | None:
    """Draw first, then click where :func:`.next_click_union` does."""
    if clicks or not truth.any():
        return next_click_union(mask, truth, ignore)
    return draw(truth, rng or np.random.default_rng())


DRAWN_RULES: dict[str, Callable[..., Prompt | None]] = {
    "scribble": next_scribble,
    "scribble-first": partial(_first, lambda truth, _: next_scribble(np.zeros_like(truth), truth)),
    "box": partial(_first, box_around),
    "box-jittered": partial(_first, partial(box_around, jitter=_JITTER)),
    "outline-jittered": partial(_first, outline_around),
}
"""What is drawn first, by name, and scribbles; what follows a box or an outline is clicked."""
