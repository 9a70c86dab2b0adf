"""Begin with an image: make its layers, or take up those that were saved and opened again."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.workspace import Workspace
from napari_m2n2v2.errors import ImageError

__all__ = ["open_workspace"]


def open_workspace(viewer: Any, image: Any, labels: Any, taken: list[Any]) -> Workspace:
    """Make the workspace of an image layer and add what layers it lacks.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    image : Image layer
        2-D.
    labels : Labels layer or None
        To write into; otherwise masks of ours that were opened again, or a new layer.
    taken : list of layers
        Those of other workspaces, which are not taken up.

    Raises
    ------
    ImageError
        If the image is not 2-D, or the labels have another shape.
    ClickError
        If clicks of ours that were opened again do not fit the image.
    """
    shape = convert.image_shape(image)
    if labels is not None and labels.data.shape != shape:
        raise ImageError(
            f"Labels layer '{labels.name}' has shape {labels.data.shape}, expected the image's {shape}. Choose another."
        )
    free = [layer for layer in viewer.layers if not any(layer is other for other in taken)]
    points = next((layer for layer in free if convert.is_clicks(layer, image)), None)
    clicks = convert.read_clicks(points, shape) if points is not None else ()
    if labels is None:
        labels = next((layer for layer in free if convert.is_masks(layer, image)), None)
    if labels is None:
        labels = convert.make_labels(image)
    if points is None:
        points = convert.make_points(image)
    for layer in (labels, points):
        if layer not in viewer.layers:
            viewer.add_layer(layer)

    # Labels of objects whose clicks we know are ours to change; all others are protected.
    ours = np.isin(labels.data, sorted({click.object_id for click in clicks}))
    workspace = Workspace(
        image,
        points,
        labels,
        written=np.where(ours, labels.data, 0).astype(np.int32),
        protected=(labels.data != 0) & ~ours,
        object_id=clicks[-1].object_id if clicks else int(labels.data.max()) + 1,
    )
    workspace.history.push(clicks)
    convert.show_clicks(points, clicks)
    return workspace
