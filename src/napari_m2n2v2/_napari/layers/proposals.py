"""Proposals on the canvas: a layer of dashes around each, which is no part of the masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.overlays import Overlay
from napari_m2n2v2._napari.layers.points import transform_of
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["Outlines", "dashes_around"]

_DASHES = 20  # around an object of the usual size, ...
_LEAST, _MOST = 8, 80  # ... and around any
_DASH = 0.55  # share of it that is drawn

_PROPOSED, _CURRENT = (0.22, 1.0, 0.08, 1.0), (1.0, 0.82, 0.0, 1.0)
_CANVAS_PIXELS = 2.0  # that a dash is wide
_STEADY = 1.3  # how much one zooms until dashes are drawn anew as wide


def dashes_around(mask: Boxed, radius: float) -> NDArray[np.float64]:
    """Cut the outline of a mask into dashes.

    Parameters
    ----------
    mask : Boxed
        bool, in pixels of a plane, not empty.
    radius : float
        Of the usual object, in pixels: small ones have fewer dashes, which are as long.

    Returns
    -------
    ndarray
        ``[n, 2, 2]``: where each begins, (row, col) in pixels of the plane, and the way to where the next one begins.
    """
    from skimage.measure import find_contours

    outline = max(find_contours(np.pad(mask.values, 1).astype(np.float32), 0.5), key=len)
    steps = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    count = int(np.clip(round(_DASHES * at[-1] / (2 * np.pi * radius)), _LEAST, _MOST))
    ends = np.linspace(0, at[-1], count + 1)
    points = np.stack([np.interp(ends, at, outline[:, axis]) for axis in (0, 1)], axis=1)
    points += (mask.row - 1, mask.col - 1)
    return np.stack([points[:-1], np.diff(points, axis=0)], axis=1)


class Outlines:
    """The layer, where there is one. It lies below the clicks and never takes their keyboard.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is drawn.
    gone : callable
        Called when somebody else has removed it.
    """

    def __init__(self, viewer: Any, gone: Callable[[], None]) -> None:
        self._viewer = viewer
        self._overlay = Overlay(viewer, gone)
        self._place: tuple[str, ...] = ()  # of the image, when it was drawn
        self._drawn: tuple[tuple[Any, ...], tuple[NDArray[np.float64], ...]] = ((), ())
        viewer.scene.camera.events.zoom.connect(self._on_zoom)

    @property
    def layer(self) -> Any:
        """A Vectors layer, or None."""
        return self._overlay.layer

    def draw(
        self, image: Any, below: Any, key: PlaneKey, outlines: Sequence[NDArray[np.float64]], current: int | None
    ) -> None:
        """Draw the dashes of all that is proposed in a plane; of the one that is looked at without gaps."""
        if not outlines:
            self.remove()
            return
        place = tuple(map(str, transform_of(image).values()))
        what, before = (image, key, current, place), self._drawn
        is_same = what == before[0] and len(outlines) == len(before[1]) and all(map(is_, outlines, before[1]))
        if self.layer is not None and is_same:
            return
        self._drawn = what, tuple(outlines)
        counts = [len(one) for one in outlines]
        dashes = np.concatenate(outlines)
        is_current = np.repeat(np.arange(len(outlines)) == current, counts)
        dashes[:, 1] *= np.where(is_current, 1.0, _DASH)[:, None]
        data = np.zeros((len(dashes), 2, image.ndim))
        stack = stack_of(image, key.axes)
        data[:, 0, stack.index_axes] = key.index
        data[:, :, key.axes] = dashes
        colours = np.where(is_current[:, None], _CURRENT, _PROPOSED)
        layer = self.layer
        if layer is None or layer.metadata["image"] is not image or place != self._place:
            self._overlay.remove()
            self._place = place
            self._overlay.draw(
                "vectors", image, below, data, name=f"{image.name} proposals", edge_color=colours,
                edge_width=self._width(image), vector_style="line", opacity=1.0, **transform_of(image),
            )  # fmt: skip
            return
        layer.data = data
        layer.edge_color = colours

    def remove(self) -> None:
        """Take the layer away."""
        self._overlay.remove()

    def close(self) -> None:
        """Let go of the viewer; the layer goes."""
        self._viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        self._overlay.remove()
        self._overlay.close()

    def _width(self, image: Any) -> float:
        """Return how wide a dash is in pixels of the image, so that it is seen however far one zooms out."""
        return float(_CANVAS_PIXELS / (self._viewer.scene.camera.zoom * np.abs(image.scale[-1])))

    def _on_zoom(self, event: Any = None) -> None:
        if (layer := self.layer) is not None:
            width = self._width(layer.metadata["image"])
            if not 1 / _STEADY < width / layer.edge_width < _STEADY:
                layer.edge_width = width
