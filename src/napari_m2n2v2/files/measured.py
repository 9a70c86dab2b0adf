"""What objects measure, as rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.files.atomic import write_whole

__all__ = ["measure", "write_rows"]


def measure(
    labels: NDArray[Any],
    image: NDArray[Any],
    ids: Collection[int],
    scale: tuple[float, float] = (1.0, 1.0),
    origin: tuple[float, float] = (0.0, 0.0),
) -> list[dict[str, float | int]]:
    """Measure objects in a plane.

    Parameters
    ----------
    labels : ndarray
        ``[H, W]`` integers.
    image : ndarray
        ``[H, W]`` or ``[H, W, C]`` of any dtype.
    ids : collection of int
        Which labels; those that are nowhere have no row.
    scale : tuple of float
        Size of a pixel along rows and columns.
    origin : tuple of float
        Where the centre of the first pixel is.

    Returns
    -------
    list of dict
        By ascending ``label``: ``area``; ``centroid_row`` and ``centroid_col``; the bounding box from ``top`` and
        ``left`` to ``bottom`` and ``right``, the outer edges of its pixels; ``mean_intensity``, of each channel where
        there are several. Lengths are pixels times ``scale``, places from ``origin`` on.
    """
    from skimage.measure import regionprops_table

    wanted = np.where(np.isin(labels, np.array(sorted(ids), dtype=np.int64)), labels, 0).astype(np.int64)
    if not wanted.any():
        return []
    found = regionprops_table(
        wanted, image, properties=("label", "num_pixels", "centroid", "bbox", "intensity_mean")
    )  # in pixels: what it scales itself has no origin
    pixel = abs(scale[0] * scale[1])
    table: dict[str, NDArray[Any]] = {"label": found["label"], "area": found["num_pixels"] * pixel}
    for axis, name in enumerate(("centroid_row", "centroid_col")):
        table[name] = origin[axis] + scale[axis] * found[f"centroid-{axis}"]
    for n, name in enumerate(("top", "left", "bottom", "right")):
        table[name] = origin[n % 2] + scale[n % 2] * (found[f"bbox-{n}"] - 0.5)
    for name in sorted(name for name in found if name.startswith("intensity_mean")):
        table[name.replace("intensity_mean", "mean_intensity").replace("-", "_")] = found[name]
    return [{name: values[n].item() for name, values in table.items()} for n in range(len(found["label"]))]


def write_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, whole or not at all; the columns are those of all rows, in the order they come.

    Raises
    ------
    UnwritableFileError
        If it cannot be written there.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(Path(path), lambda temporary: temporary.write_text(text.getvalue(), encoding="utf-8"))
