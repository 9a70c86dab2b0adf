"""From napari layers to engine arguments and back: the one converter.

Convention: a click's row and col are the Points layer's data coordinates, which are the image's because the layer has
the image's transform.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images import as_rgb

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points

__all__ = [
    "BIT_DEPTHS",
    "Channel",
    "feature_table",
    "features_of",
    "follow",
    "image_shape",
    "is_clicks",
    "is_masks",
    "is_view",
    "make_labels",
    "make_points",
    "merge",
    "read_clicks",
    "read_features",
    "show_clicks",
    "transform_of",
    "write_labels",
]

CLASS, OBJECT, THRESHOLD = "class", "object", "threshold"
FOREGROUND, BACKGROUND = "foreground", "background"
# Red and green are one colour to many people, so the symbols differ too.
_COLOR = {FOREGROUND: (0.18, 0.8, 0.25, 1.0), BACKGROUND: (1.0, 0.25, 0.21, 1.0)}
_SYMBOL = {FOREGROUND: "disc", BACKGROUND: "cross"}
_MOST_CHANNELS = 3

BIT_DEPTHS = ("as shown", "minimum to maximum", "percentiles 1 to 99.8")
"""How values become 8 bit: by the layer's contrast limits, by its range, or by its percentiles."""


def image_shape(layer: Image) -> tuple[int, int]:
    """Return ``(H, W)`` of a 2-D image layer.

    Raises
    ------
    ImageError
        If the layer has more dimensions.
    """
    shape = layer.data.shape[:-1] if layer.rgb else layer.data.shape
    if layer.multiscale or len(shape) != 2:
        kind = "is a multiscale image" if layer.multiscale else f"has {len(shape)} dimensions"
        raise ImageError(
            f"Layer '{layer.name}' {kind}; expected one 2-D image. "
            "Make a layer of one plane, e.g. viewer.add_image(layer.data[0])."
        )
    return shape[0], shape[1]


@dataclass(frozen=True, eq=False)
class Channel:
    """What a layer shows, captured on the main thread so that a worker can read the pixels."""

    data: Any  # as the layer holds it; lazy arrays are read by :func:`merge`
    rgb: bool
    contrast_limits: tuple[float, float]
    gamma: float
    opacity: float
    colormap: Any

    @classmethod
    def of(cls, layer: Image) -> Channel:
        """Capture a layer.

        Raises
        ------
        ImageError
            If the layer is not one 2-D image.
        """
        image_shape(layer)
        low, high = (0.0, 255.0) if layer.rgb else layer.contrast_limits
        return cls(layer.data, layer.rgb, (float(low), float(high)), layer.gamma, layer.opacity, layer.colormap)

    def seen(self, bit_depth: str) -> NDArray[np.uint8]:
        """Render in grey or RGB: ``[H, W, 3]`` uint8. RGB is taken as it is, whatever the bit depth."""
        pixels = np.asarray(self.data)
        if self.rgb or not np.isfinite(pixels).all():  # as_rgb says what is wrong with pixels that are not finite
            return as_rgb(pixels)
        if bit_depth == BIT_DEPTHS[0]:
            return as_rgb(pixels, self.contrast_limits)
        low, high = np.percentile(pixels, (0, 100) if bit_depth == BIT_DEPTHS[1] else (1, 99.8))
        return as_rgb(pixels, (float(low), float(high)))


def merge(channels: Sequence[Channel], bit_depth: str = BIT_DEPTHS[0]) -> NDArray[np.uint8]:
    """Render one layer in grey or RGB; several as they are seen together: ``[H, W, 3]`` uint8.

    Several are added up, each with its colormap, contrast, gamma and opacity.

    Raises
    ------
    ImageError
        For more than three channels, or pixels that are not finite.
    """
    if len(channels) == 1:
        return channels[0].seen(bit_depth)
    if len(channels) > _MOST_CHANNELS:
        raise ImageError(
            f"{len(channels)} visible channels: expected {_MOST_CHANNELS} at most, because a backbone sees three "
            "colours. Hide the others."
        )
    seen: list[NDArray[Any]] = []
    for channel in channels:
        grey = channel.seen(bit_depth).astype(np.float32) / 255
        if not channel.rgb:
            grey = channel.colormap.map(grey[..., 0].ravel() ** channel.gamma)[:, :3].reshape(grey.shape)
        seen.append(channel.opacity * grey)
    merged: NDArray[np.uint8] = np.rint(np.sum(seen, axis=0).clip(0, 1) * 255).astype(np.uint8)
    return merged


_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


def transform_of(layer: Image) -> dict[str, Any]:
    """Return everything that places a layer in the world, to give to another."""
    return {name: getattr(layer, name) for name in _PLACE}


def follow(image: Image, event: Any, others: Iterable[Any]) -> None:
    """Move other layers as the image was moved: the handler of its events of place."""
    if event.type in _PLACE:
        for layer in others:
            setattr(layer, event.type, getattr(image, event.type))


def make_points(image: Image) -> Points:
    """Make an empty Points layer for the clicks on an image, with its transform."""
    from napari.layers import Points

    return Points(
        ndim=2,
        name=f"{image.name} clicks",
        size=max(3.0, 0.025 * min(image_shape(image))),
        border_color="white",
        border_width=0.08,
        features={CLASS: np.zeros(0, dtype=object), OBJECT: np.zeros(0, dtype=int), THRESHOLD: np.zeros(0)},
        # An empty layer without defaults breaks at the first point.
        feature_defaults={CLASS: FOREGROUND, OBJECT: 1, THRESHOLD: np.nan},
        metadata={"napari_m2n2v2": "clicks"},
        **transform_of(image),
    )


def make_labels(image: Image) -> Labels:
    """Make an empty Labels layer for the masks of an image, with its transform."""
    from napari.layers import Labels

    return Labels(
        np.zeros(image_shape(image), dtype=np.int32),
        name=f"{image.name} masks",
        opacity=0.5,
        metadata={"napari_m2n2v2": "masks"},
        **transform_of(image),
    )


def is_clicks(layer: Any, image: Image) -> bool:
    """Tell whether a layer looks like the clicks we made for an image once, saved by napari and opened again.

    A saved Points layer keeps its features and its name, but not its metadata.
    """
    from napari.layers import Points

    known = isinstance(layer, Points) and {CLASS, OBJECT, THRESHOLD} <= set(layer.features.columns)
    return known and layer.ndim == 2 and layer.name == f"{image.name} clicks"


def is_masks(layer: Any, image: Image) -> bool:
    """Tell whether a layer looks like the masks we made for an image once, saved by napari and opened again."""
    from napari.layers import Labels

    return isinstance(layer, Labels) and layer.name == f"{image.name} masks" and layer.data.shape == image_shape(image)


def is_view(layer: Any) -> bool:
    """Tell whether a layer is one of ours that only shows something, and is never an image to segment."""
    return bool(layer.metadata.get("napari_m2n2v2") == "view")


def read_clicks(points: Points, shape: tuple[int, int]) -> tuple[Click, ...]:
    """Read the clicks a Points layer holds, in its order.

    Raises
    ------
    ClickError
        If a point is outside the image, or its features are not a class, an object id and a threshold.
    """
    clicks = []
    for (row, col), (label, object_id, threshold) in zip(points.data, read_features(points), strict=True):
        if label not in _SYMBOL:
            raise ClickError(f"The class of a point must be '{FOREGROUND}' or '{BACKGROUND}', got {label!r}.")
        click = Click(float(row), float(col), label == FOREGROUND, object_id, threshold)
        click.pixel(shape)
        clicks.append(click)
    return tuple(clicks)


def read_features(points: Points) -> list[tuple[str, int, float | None]]:
    """Read class, object id and own threshold of every point.

    Raises
    ------
    ClickError
        If a column is missing or holds something else.
    """
    try:
        table = points.features
        thresholds = [None if np.isnan(value) else float(value) for value in table[THRESHOLD]]
        objects = [int(value) for value in table[OBJECT]]
        return list(zip(table[CLASS], objects, thresholds, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ClickError(
            f"The features of the clicks need the columns '{CLASS}', '{OBJECT}' (a whole number) and '{THRESHOLD}' "
            f"(a number or NaN): {error}."
        ) from error


def features_of(clicks: Iterable[Click]) -> list[tuple[str, int, float | None]]:
    """Return what :func:`read_features` reads when the layer shows these clicks."""
    return [(FOREGROUND if c.foreground else BACKGROUND, c.object_id, c.threshold) for c in clicks]


def feature_table(clicks: Sequence[Click]) -> dict[str, NDArray[Any]]:
    """Return the features of a Points layer that shows these clicks."""
    labels = [FOREGROUND if click.foreground else BACKGROUND for click in clicks]
    return {
        CLASS: np.array(labels, dtype=object),
        OBJECT: np.array([click.object_id for click in clicks], dtype=int),
        THRESHOLD: np.array([np.nan if click.threshold is None else click.threshold for click in clicks], dtype=float),
    }


def show_clicks(points: Points, clicks: Iterable[Click]) -> None:
    """Make a Points layer show these clicks; the caller keeps its own handlers from hearing of it."""
    clicks = list(clicks)
    positions = np.array([(click.row, click.col) for click in clicks], dtype=float).reshape(-1, 2)
    if positions.shape != points.data.shape or not np.array_equal(positions, points.data):
        points.selected_data = set()
        points.data = positions
    points.features = feature_table(clicks)
    if clicks:
        labels = [FOREGROUND if click.foreground else BACKGROUND for click in clicks]
        points.symbol = [_SYMBOL[label] for label in labels]
        points.face_color = [_COLOR[label] for label in labels]
        points.size = points.current_size
    points.refresh()


def write_labels(labels: Labels, new: NDArray[np.int32], written: NDArray[np.int32]) -> NDArray[np.int32]:
    """Write what changed since we last wrote, where nobody else has written, so that what the user painted stays.

    Outside napari's own undo, on purpose: there it belongs to what the user painted.

    Parameters
    ----------
    labels : Labels
        ``[H, W]``, any integer dtype.
    new, written : ndarray
        int32 ``[H, W]``: what to write, and what was written before.

    Returns
    -------
    ndarray
        int32 ``[H, W]``, what is written now.

    Raises
    ------
    ImageError
        If the layer's dtype is too small for a label.
    """
    changed = (new != written) & (labels.data == written)
    if not changed.any():
        return written
    if new[changed].max() > np.iinfo(labels.data.dtype).max:
        raise ImageError(
            f"Label {new[changed].max()} does not fit into layer '{labels.name}' of {labels.data.dtype}. "
            "Convert its data to int32 first."
        )
    labels.data[changed] = new[changed]
    labels.refresh(extent=False)
    return np.where(changed, new, written)
