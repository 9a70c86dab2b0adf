"""Masks as files that other programs read: PNG, OME-TIFF, OME-Zarr, COCO JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.files.atomic import write_image
from napari_m2n2v2.files.coco import write_coco
from napari_m2n2v2.files.labels import put_whole
from napari_m2n2v2.files.open_stack import create_labels
from napari_m2n2v2.files.stack_file import StackFile

__all__ = ["MASK_ENDINGS", "kind_and_ending", "save_masks"]

MASK_ENDINGS = {"ome-tiff": ".ome.tif", "png": ".png", "ome-zarr": ".ome.zarr", "coco": ".coco.json"}
"""What masks may be written as, and how their names end."""

_OTHER_ENDINGS = {".ome.tiff": "ome-tiff", ".tif": "ome-tiff", ".tiff": "ome-tiff", ".zarr": "ome-zarr"}
_KINDS = {ending: kind for kind, ending in MASK_ENDINGS.items()} | _OTHER_ENDINGS

_LARGEST_IN_PNG = 2**16 - 1
_LARGEST_IN_VOLUME = 2**32 - 1


def kind_and_ending(name: str) -> tuple[str, str] | None:
    """Tell which of :data:`MASK_ENDINGS` a file name says, and the ending that says so; None where it says none."""
    ending = max((one for one in _KINDS if name.lower().endswith(one)), key=len, default="")
    return (_KINDS[ending], name[-len(ending) :]) if ending else None


def save_masks(
    path: Path, like: StackFile, plane_of: Callable[[tuple[int, ...]], NDArray[Any]], report: Callable[[float], object]
) -> None:
    """Write labels in the format that the name ends in, whole or not at all.

    Parameters
    ----------
    path : Path
        Ends as :func:`kind_and_ending` knows.
    like : StackFile
        The image: its planes, axes, scale and units.
    plane_of : callable
        Returns the labels ``[H, W]`` of a plane, given its index; none below 0.
    report : callable
        Told the share that is done, in ``[0, 1]``, plane by plane; what it raises ends the writing.

    Raises
    ------
    UnwritableFileError
        If there is no such format, it cannot hold these labels, or the place cannot be written.
    """
    indices = list(like.stack)
    if path.name.lower().endswith(".json"):
        write_coco(path, ((_name(like, index), plane_of(index)) for index in _reported(indices, report)))
    elif path.suffix.lower() == ".png":
        if len(indices) != 1:
            raise UnwritableFileError(f"A PNG holds one plane, but there are {len(indices)}: choose OME-TIFF.")
        write_image(path, _as_small(plane_of(indices[0])))
    else:
        largest = max(int(plane_of(index).max(initial=0)) for index in indices)
        room = np.uint16 if largest <= _LARGEST_IN_PNG else np.uint32
        if largest > _LARGEST_IN_VOLUME:
            raise UnwritableFileError(f"Label {largest} does not fit into 32 bits: {path} is not written.")

        def write(made: Path) -> None:
            volume = create_labels(made, like, room)
            for index in _reported(indices, report):
                if (labels := plane_of(index)).any():
                    volume.write(index, labels)

        put_whole(path, write)


def _reported(indices: list[tuple[int, ...]], report: Callable[[float], object]) -> Any:
    for done, index in enumerate(indices):
        report(done / len(indices))
        yield index


def _name(like: StackFile, index: tuple[int, ...]) -> str:
    """Name a plane as a file: the image's, with the plane's index where there are several."""
    return like.path.name if not index else f"{like.path.name}#{','.join(map(str, index))}"


def _as_small(labels: NDArray[Any]) -> NDArray[Any]:
    largest = int(labels.max(initial=0))
    if largest > _LARGEST_IN_PNG:
        raise UnwritableFileError(f"Label {largest} needs more than 16 bits, which no PNG has: choose OME-TIFF.")
    return labels.astype(np.uint8 if largest <= np.iinfo(np.uint8).max else np.uint16)
