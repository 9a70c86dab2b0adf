"""Which layers are ours, and of which image: by what they carry, whatever they are called; those from files by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.points import CLASS, OBJECT, THRESHOLD

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

__all__ = ["IMAGE_ID", "find_clicks", "find_masks", "find_shapes", "is_view", "mark"]

IMAGE_ID = "napari_m2n2v2 image"  # in the metadata of our layers: of which image they are

# An image's metadata are copied with it, so its id is not there: the copy is another image.
_IDS: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def mark(image: Image, ours: Iterable[Any], layers: Iterable[Any]) -> None:
    """Let our layers of an image carry its id, and none of the others."""
    image_id, ours = _IDS.setdefault(image, uuid4().hex), list(ours)
    for layer in layers:
        if layer.metadata.get(IMAGE_ID) == image_id and not any(layer is one for one in ours):
            del layer.metadata[IMAGE_ID]
    for layer in ours:
        layer.metadata[IMAGE_ID] = image_id


def find_clicks(layers: Iterable[Any], image: Image) -> Points | None:
    """Return the Points layer with our clicks on an image."""
    from napari.layers import Points

    def fits(layer: Any) -> bool:
        # A saved Points layer keeps its features, but not its metadata. Another table may have replaced ours.
        columns = {CLASS, OBJECT, THRESHOLD} <= set(getattr(layer, "features", ()))
        return isinstance(layer, Points) and layer.ndim == image.ndim and columns

    return _find(layers, image, f"{image.name} clicks", fits)


def find_masks(layers: Iterable[Any], image: Image) -> Labels | None:
    """Return the Labels layer with our masks of an image."""
    from napari.layers import Labels

    def fits(layer: Any) -> bool:
        known = isinstance(layer, Labels) and not layer.multiscale
        return known and tuple(layer.data.shape) == stack_of(image).shape

    return _find(layers, image, f"{image.name} masks", fits)


def find_shapes(layers: Iterable[Any], image: Image) -> Shapes | None:
    """Return the Shapes layer of ours that draws the prompts on an image; one from a file is the user's."""
    own = _IDS.get(image)
    ours = (layer for layer in layers if layer.metadata.get("napari_m2n2v2") == "prompts")
    return next((layer for layer in ours if own is not None and layer.metadata.get(IMAGE_ID) == own), None)


def is_view(layer: Any) -> bool:
    """Tell whether a layer is one of ours that only shows something, and is never an image to segment."""
    return bool(layer.metadata.get("napari_m2n2v2") == "view")


def _find(layers: Iterable[Any], image: Image, name: str, fits: Callable[[Any], bool]) -> Any:
    """Return the layer that carries the image's id, or else one of that name that belongs to no other image."""
    layers = [layer for layer in layers if fits(layer)]
    own = _IDS.get(image)
    carrying = [layer for layer in layers if own is not None and layer.metadata.get(IMAGE_ID) == own]
    of_others = set(_IDS.values()) - {own}
    named = [layer for layer in layers if layer.name == name and layer.metadata.get(IMAGE_ID) not in of_others]
    return next(iter((*carrying, *named)), None)
