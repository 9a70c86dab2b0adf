"""From napari layers to engine arguments and back: the one converter.

Convention: a click's row and col are the Points layer's data coordinates, which are the image's because the layer has
the image's transform.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.images import as_rgb

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points

__all__ = [
    "contrast_of",
    "features_of",
    "image_shape",
    "make_labels",
    "make_points",
    "read_clicks",
    "read_features",
    "rgb_of",
    "show_clicks",
    "write_labels",
]

CLASS, OBJECT, THRESHOLD = "class", "object", "threshold"
FOREGROUND, BACKGROUND = "foreground", "background"
# Red and green are one colour to many people, so the symbols differ too.
_COLOR = {FOREGROUND: (0.18, 0.8, 0.25, 1.0), BACKGROUND: (1.0, 0.25, 0.21, 1.0)}
_SYMBOL = {FOREGROUND: "disc", BACKGROUND: "cross"}


def image_shape(layer: Image) -> tuple[int, int]:
    """Return ``(H, W)`` of a 2-D image layer.

    Raises
    ------
    ImageError
        If the layer has more dimensions.
    """
    shape = layer.data.shape[:-1] if layer.rgb else layer.data.shape
    if len(shape) != 2 or layer.multiscale:
        kind = "a multiscale image" if layer.multiscale else f"{len(shape)} dimensions"
        raise ImageError(
            f"Layer '{layer.name}' has {kind}; expected one 2-D image. "
            "Make a layer of one plane, e.g. viewer.add_image(layer.data[0])."
        )
    return shape[0], shape[1]


def contrast_of(layer: Image) -> tuple[float, float] | None:
    """Return the values a layer shows as black and white: its contrast limits; None for RGB, which has none."""
    if layer.rgb:
        return None
    low, high = layer.contrast_limits
    return float(low), float(high)


def rgb_of(layer: Image) -> NDArray[np.uint8]:
    """Render a layer as the user sees it, in grey or RGB: ``[H, W, 3]`` uint8."""
    image_shape(layer)
    return as_rgb(np.asarray(layer.data), contrast_of(layer))


def _transform(layer: Image) -> dict[str, Any]:
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(layer, name) for name in names}


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
        **_transform(image),
    )


def make_labels(image: Image) -> Labels:
    """Make an empty Labels layer for the masks of an image, with its transform."""
    from napari.layers import Labels

    return Labels(
        np.zeros(image_shape(image), dtype=np.int32),
        name=f"{image.name} masks",
        opacity=0.5,
        metadata={"napari_m2n2v2": "masks"},
        **_transform(image),
    )


def read_clicks(points: Points, shape: tuple[int, int]) -> tuple[Click, ...]:
    """Read the clicks a Points layer holds, in its order.

    Raises
    ------
    ClickError
        If a point is outside the image, or its features are not a class and an object id.
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
    """Read class, object id and own threshold of every point."""
    features = points.features
    thresholds = (None if np.isnan(value) else float(value) for value in features[THRESHOLD])
    objects = (int(value) for value in features[OBJECT])
    return list(zip(features[CLASS], objects, thresholds, strict=True))


def features_of(clicks: Iterable[Click]) -> list[tuple[str, int, float | None]]:
    """Return what :func:`read_features` reads when the layer shows these clicks."""
    return [(FOREGROUND if c.foreground else BACKGROUND, c.object_id, c.threshold) for c in clicks]


def show_clicks(points: Points, clicks: Iterable[Click]) -> None:
    """Make a Points layer show these clicks; the caller keeps its own handlers from hearing of it."""
    clicks = list(clicks)
    positions = np.array([(click.row, click.col) for click in clicks], dtype=float).reshape(-1, 2)
    if positions.shape != points.data.shape or not np.array_equal(positions, points.data):
        points.selected_data = set()
        points.data = positions
    labels = [FOREGROUND if click.foreground else BACKGROUND for click in clicks]
    points.features = {
        CLASS: np.array(labels, dtype=object),
        OBJECT: np.array([click.object_id for click in clicks], dtype=int),
        THRESHOLD: np.array([np.nan if click.threshold is None else click.threshold for click in clicks]),
    }
    if clicks:
        points.symbol = [_SYMBOL[label] for label in labels]
        points.face_color = [_COLOR[label] for label in labels]
        points.size = points.current_size
    points.refresh()


def write_labels(labels: Labels, new: NDArray[np.int32], written: NDArray[np.int32]) -> None:
    """Write what changed since we last wrote, and nothing else, so that what the user painted stays.

    Outside napari's own undo, on purpose: there it belongs to what the user painted.

    Parameters
    ----------
    labels : Labels
        ``[H, W]``, any integer dtype.
    new, written : ndarray
        int32 ``[H, W]``: what to write, and what was written before.
    """
    changed = new != written
    if changed.any():
        data = labels.data
        data[changed] = new[changed]
        labels.refresh(extent=False)
