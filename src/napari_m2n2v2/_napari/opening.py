"""Begin with an image: make its layers, or take up those that were saved and opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.masks import check_labels
from napari_m2n2v2._napari.places import stack_of
from napari_m2n2v2._napari.workspace import Workspace
from napari_m2n2v2.errors import ImageError

__all__ = ["check_shown", "no_plane", "open_workspace"]


def check_shown(workspace: Workspace) -> None:
    """Complain when no plane of the image is shown.

    Raises
    ------
    ImageError
    """
    if workspace.here is None:
        raise no_plane(workspace.dims, workspace.image)


def no_plane(dims: Any, image: Any) -> ImageError:
    """Return what to say when no plane of an image is shown."""
    if dims.ndisplay != 2:
        return ImageError(
            f"'{image.name}' is shown in 3-D, where a click has no plane. Switch to the 2-D view (Ctrl+Y, or the "
            "button under the layer list) and choose a slice."
        )
    return ImageError(f"No slice of '{image.name}' is shown: the sliders are beyond it. Move them to one of its own.")


def open_workspace(viewer: Any, image: Any, labels: Any, taken: list[Any]) -> Workspace:
    """Make the workspace of an image layer and add what layers it lacks.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    image : Image layer
        Of any number of axes.
    labels : Labels layer or None
        To write into; otherwise masks of ours that were opened again, or a new layer.
    taken : list of layers
        Those of other workspaces, which are not taken up.

    Raises
    ------
    ImageError
        If the image has no planes, or the labels cannot take its masks.
    ClickError
        If clicks of ours that were opened again do not fit the image.
    """
    shape = stack_of(image).shape
    if labels is not None:
        check_labels(labels, shape)
    free = [layer for layer in viewer.layers if not any(layer is other for other in taken)]
    points = next((layer for layer in free if convert.is_clicks(layer, image)), None)
    clicks = convert.read_clicks(points, image) if points is not None else ()
    clicks = tuple(
        replace(p, region=None) if p.region and not p.region.holds(p.click.row, p.click.col) else p for p in clicks
    )
    if points is not None:
        convert.place_like(points, image)
    if labels is None:
        labels = next((layer for layer in free if convert.is_masks(layer, image)), None)
        if labels is not None:
            convert.place_like(labels, image)
    is_new = labels is None
    if labels is None:
        labels = convert.make_labels(image)
    if points is None:
        points = convert.make_points(image)
    for layer in (labels, points):
        if layer not in viewer.layers:
            viewer.add_layer(layer)
    points.metadata[convert.SESSION_ID] = uuid4().hex
    workspace = Workspace(viewer.dims, image, points, labels, taken_up=clicks, is_new=is_new)
    if clicks:
        workspace.object_id = clicks[-1].click.object_id
    convert.show_clicks(points, image, clicks)
    return workspace
