"""Proposals on the canvas: a layer of dashes around each, which is no part of the masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.overlays import Overlay
from napari_m2n2v2._napari.layers.place import transform_of
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import PlaneKey

__all__ = ["Outlines", "dashes_around"]

_DASHES = 20  # around an object of the usual size, ...
_LEAST, _MOST = 8, 80  # ... and around any
_DASH = 0.55  # share of it that is seen

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
        self._drawn: tuple[tuple[Any, ...], tuple[NDArray[np.float64], ...]] = ((), ())
        viewer.scene.camera.events.zoom.connect(self._on_zoom)

    @property
    def layer(self) -> Any:
        """A Vectors layer, or None."""
        return self._overlay.layer

    def draw(
        self,
        image: Any,
        below: Any,
        key: PlaneKey,
        outlines: Sequence[NDArray[np.float64]],
        shown: Sequence[bool],
        current: int | None,
    ) -> None:
        """Draw dashes around what was found in a plane and is shown, without gaps around the one that is looked at.

        Where these are the same outlines as before, only colours change, which is quick: gaps, and what is not shown,
        are vectors that nobody sees.
        """
        place = tuple(map(str, transform_of(image).values()))
        what, before = (image, key, place), self._drawn
        is_same = what == before[0] and len(outlines) == len(before[1]) and all(map(is_, outlines, before[1]))
        if self.layer is None or not is_same:
            self._drawn = what, tuple(outlines)
            self._draw_dashes(image, below, key, outlines, is_moved=what != before[0])
        counts = [len(one) for one in outlines]
        colours = np.repeat(np.array(_PROPOSED)[None], sum(counts), axis=0)
        colours[:, 3] = np.repeat(shown, counts)
        gaps = np.zeros_like(colours)
        if current is not None and shown[current]:
            own = np.repeat(np.arange(len(outlines)) == current, counts)
            colours[own] = gaps[own] = _CURRENT
        self.layer.edge_color = np.concatenate([colours, gaps])

    def _draw_dashes(
        self, image: Any, below: Any, key: PlaneKey, outlines: Sequence[NDArray[np.float64]], is_moved: bool
    ) -> None:
        dashes = np.concatenate(outlines)
        shares, begins = (_DASH, 1 - _DASH), (0.0, _DASH)
        data = np.zeros((2, len(dashes), 2, image.ndim))
        data[:, :, 0, stack_of(image, key.axes).index_axes] = key.index
        for n, (begin, share) in enumerate(zip(begins, shares, strict=True)):  # dashes, then gaps
            data[n, :, 0, key.axes] = (dashes[:, 0] + begin * dashes[:, 1]).T
            data[n, :, 1, key.axes] = (share * dashes[:, 1]).T
        data = data.reshape(-1, 2, image.ndim)
        if self.layer is not None and not is_moved:
            self.layer.data = data
            return
        self._overlay.remove()
        self._overlay.draw(
            "vectors", image, below, data, name=f"{image.name} proposals", edge_color=np.zeros((len(data), 4)),
            edge_width=self._width(image), vector_style="line", opacity=1.0, **transform_of(image),
        )  # fmt: skip

    def hide(self) -> None:
        """Show nothing. The layer stays: napari takes long to remove one."""
        if self.layer is not None:
            self.layer.edge_color = np.zeros((len(self.layer.data), 4))

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
