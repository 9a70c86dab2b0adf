"""Layers that show something over an image, and are no part of the work: drawn, redrawn, taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.place import place_in_plane, transform_of
from napari_m2n2v2.session.document import PartKey

__all__ = ["Overlay", "draw_frames", "draw_in_part", "draw_ring"]

_READY, _HERE = "#56b4e9", "#e69f00"


class Overlay:
    """One such layer, or none yet. It lies below a layer of the work, and never takes its keyboard.

    While napari removes several layers at once, it must find each of them: ours goes after these.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is drawn.
    gone : callable, optional
        Called when somebody else has removed the layer.
    """

    def __init__(self, viewer: Any, gone: Callable[[], None] = lambda: None) -> None:
        self.layer: Any = None
        self._viewer = viewer
        self._gone = gone
        self._later: list[Callable[[], None]] | None = None  # what is done once several layers are removed
        for emitter, handler in self._listened():
            emitter.connect(handler)

    def draw(self, kind: str, image: Any, below: Any, data: Any, **settings: Any) -> None:
        """Draw; the layer that is there is redrawn where it is of the same image and shape.

        Parameters
        ----------
        kind : str
            "image", "labels", "points" or "shapes".
        image, below : layer
            What it shows something of, and the layer that has to stay above it.
        data
            What a layer of the kind is made from.
        **settings
            Of the layer.
        """
        layer = self.layer
        shape = getattr(data, "shape", None)
        if layer is not None and layer.metadata["image"] is image and shape is not None and layer.data.shape == shape:
            layer.data = data
            for name in transform_of(image).keys() & settings.keys():
                setattr(layer, name, settings[name])
            return
        self.remove()
        active = self._viewer.layers.selection.active
        metadata = {"napari_m2n2v2": "view", "image": image}
        layer = getattr(self._viewer, f"add_{kind}")(data, metadata=metadata, **settings)
        self._viewer.layers.move(self._viewer.layers.index(layer), self._viewer.layers.index(below))
        self._viewer.layers.selection.active = active
        self.layer = layer

    def remove(self) -> None:
        """Take the layer away."""
        layer, self.layer = self.layer, None
        if layer is not None:
            self._soon(lambda: self._remove(layer))

    def close(self) -> None:
        """Let go of the viewer; the layer stays."""
        for emitter, handler in self._listened():
            emitter.disconnect(handler)

    def _listened(self) -> list[tuple[Any, Callable[[Any], None]]]:
        events = self._viewer.layers.events
        return [
            (events.removed, self._on_removed), (events.begin_batch, self._on_batch), (events.end_batch, self._on_end),
        ]  # fmt: skip

    def _remove(self, layer: Any) -> None:
        if layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _soon(self, call: Callable[[], None]) -> None:
        if self._later is None:
            call()
        else:
            self._later.append(call)

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.layer = None
            self._soon(self._gone)

    def _on_batch(self, event: Any) -> None:
        self._later = []

    def _on_end(self, event: Any) -> None:
        later, self._later = self._later or [], None
        for call in later:
            call()


def draw_in_part(
    overlay: Overlay, kind: str, image: Any, below: Any, part: PartKey, array: NDArray[Any], **settings: Any
) -> None:
    """Draw an array ``[H, W]`` over a part of a plane, as an "image" or as "labels"."""
    data, placed = place_in_plane(image, part, array)
    overlay.draw(kind, image, below, data, **settings, **placed)


def draw_ring(overlay: Overlay, image: Any, below: Any, part: PartKey, place: tuple[int, int], size: float) -> None:
    """Draw a ring around a pixel of a part, ``(row, col)``."""
    region = part.region
    stack = stack_of(image, part.plane.axes)
    position = np.array([stack.join(part.plane.index, region.top + place[0], region.left + place[1])])
    look: dict[str, Any] = {"symbol": "ring", "face_color": "yellow", "border_color": "yellow", "size": size}
    overlay.remove()
    overlay.draw("points", image, below, position, name="suggested click", **look, **transform_of(image))


def draw_frames(overlay: Overlay, image: Any, below: Any, here: PartKey, ready: list[PartKey]) -> None:
    """Draw frames around parts that are ready, and another one around the part in view."""
    overlay.remove()
    overlay.draw(
        "shapes",
        image,
        below,
        [_corners(image, key) for key in (*ready, here)],
        shape_type="rectangle",
        face_color="transparent",
        edge_color=[_READY] * len(ready) + [_HERE],
        edge_width=0.004 * min(here.region.shape),
        name=f"{image.name} parts",
        **transform_of(image),
    )


def _corners(image: Any, key: PartKey) -> NDArray[Any]:
    """Return the corners of a part in the image's data coordinates, ``[4, ndim]``."""
    stack, region = stack_of(image, key.plane.axes), key.region
    top, left = region.top - 0.5, region.left - 0.5
    bottom, right = top + region.height, left + region.width
    edges = ((top, left), (top, right), (bottom, right), (bottom, left))
    return np.array([stack.join(key.plane.index, *edge) for edge in edges])
