"""Guides for a plane from the planes beside it: what belongs together goes on in the next plane, noise does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import GuideError
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.images.stack import Stack

__all__ = ["focus", "neighbours"]


def neighbours(stack: Stack, index: Sequence[int], *, axis: int = 0, reach: int = 1) -> NDArray[np.float32]:
    """Return the mean lightness of a plane and those beside it; reads ``2 * reach + 1`` planes at most.

    Parameters
    ----------
    stack : Stack
        Of the planes.
    index : sequence of int
        Of the plane to guide.
    axis : int
        Which of the stack's ``index_axes`` to look along, counted from 0.
    reach : int
        How many planes to either side, 1 or more.

    Returns
    -------
    ndarray
        ``[H, W]`` float32, to give as ``guide``.

    Raises
    ------
    GuideError
        If there is no such axis, or the reach is not 1 or more.
    ImageError
        If there is no such plane.
    """
    mean: NDArray[np.float32] = np.mean(_around(stack, index, axis, reach), axis=0, dtype=np.float32)
    return mean


def focus(stack: Stack, index: Sequence[int], *, axis: int = 0, reach: int = 2) -> NDArray[np.float32]:
    """Return where, among a plane and those beside it, each pixel is sharpest: 0 is ``reach`` planes before, 1 after.

    A depth map from focus, for objects that lie at different heights. The sharpness is the local energy of the
    Laplacian, and the place its mean weighted by sharpness. Parameters, returns and errors as :func:`neighbours`.
    """
    from scipy.ndimage import gaussian_filter, gaussian_laplace

    planes = _around(stack, index, axis, reach)
    sharpness = np.stack([gaussian_filter(gaussian_laplace(plane, 1.0) ** 2, 4.0) for plane in planes])
    where = np.linspace(0, 1, len(planes), dtype=np.float32)[:, None, None]
    total = sharpness.sum(axis=0)
    even = np.full_like(total, where.mean())
    placed: NDArray[np.float32] = np.divide((where * sharpness).sum(axis=0), total, out=even, where=total > 0)
    return placed.astype(np.float32)


def _around(stack: Stack, index: Sequence[int], axis: int, reach: int) -> list[NDArray[np.float32]]:
    here = stack.check(index)
    if not 0 <= axis < len(here) or reach < 1:
        raise GuideError(
            f"Expected one of the {len(here)} axes that count planes and a reach of 1 or more, got axis {axis} and "
            f"reach {reach}."
        )
    first, last = max(here[axis] - reach, 0), min(here[axis] + reach, stack.index_shape[axis] - 1)
    planes = [stack.read((*here[:axis], at, *here[axis + 1 :])) for at in range(first, last + 1)]
    if stack.rgb:
        from skimage.color import rgb2gray

        return [rgb2gray(as_rgb(plane)).astype(np.float32) for plane in planes]
    return [plane.astype(np.float32) for plane in planes]
