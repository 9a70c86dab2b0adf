"""Masks as COCO JSON: one annotation an object and plane, with its pixels as uncompressed run lengths."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.files.atomic import write_whole

__all__ = ["run_lengths", "write_coco"]


def write_coco(path: Path, planes: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write label planes as the data format of COCO's object detection, which pycocotools and many tools read.

    Parameters
    ----------
    path : Path
        Of the JSON file.
    planes : iterable of (str, ndarray)
        The name of each plane, which becomes an image of the file, and its labels ``[H, W]``, 0 where nothing is.

    Raises
    ------
    UnwritableFileError
        If it cannot be written.

    Notes
    -----
    The category of all is 1, "object"; ``attributes.label`` is the id in the labels. Run lengths and not polygons,
    because they hold every pixel; tools take them from annotations of either ``iscrowd``, and 0 says one object each.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    numbers = count(1)
    for image_id, (name, labels) in enumerate(planes, start=1):
        height, width = labels.shape
        images.append({"id": image_id, "file_name": name, "height": height, "width": width})
        for label in np.unique(labels[labels > 0]).tolist():
            mask = labels == label
            rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            top, left = int(rows[0]), int(cols[0])
            annotations.append(
                {
                    "id": next(numbers),
                    "image_id": image_id,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": int(mask.sum()),
                    "bbox": [left, top, int(cols[-1]) - left + 1, int(rows[-1]) - top + 1],
                    "segmentation": {"size": [height, width], "counts": run_lengths(mask)},
                    "attributes": {"label": int(label)},
                }
            )
    written = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "object"}]}
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(written), encoding="utf-8"))


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of runs of equal pixels, column by column, the first of background.

    Parameters
    ----------
    mask : ndarray
        ``[H, W]`` bool.
    """
    pixels = mask.ravel(order="F")
    turns = np.flatnonzero(np.diff(pixels)) + 1
    edges = np.concatenate([[0], turns, [pixels.size]])
    lengths: list[int] = np.diff(edges).tolist()
    return [0, *lengths] if pixels[:1].any() else lengths
