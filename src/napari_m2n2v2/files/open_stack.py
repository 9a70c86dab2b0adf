"""OME-Zarr, OME-TIFF and their plain relatives, plane by plane, with the scale and units of their axes.

The metadata of OME-Zarr are two small JSON documents, written here by hand through zarr: the packages made for it bring
clients of cloud storage with them that nothing here needs.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2v2.errors import UnreadableFileError, UnwritableFileError
from napari_m2n2v2.files.labels import LabelVolume
from napari_m2n2v2.files.paths import is_file, is_folder
from napari_m2n2v2.files.read import ENDINGS, is_tiff, read_image
from napari_m2n2v2.files.stack_file import StackFile
from napari_m2n2v2.images.stack import Stack

__all__ = ["ZARR_DOCUMENTS", "create_labels", "is_image", "is_zarr", "open_labels", "open_stack"]

_TIFF = (".tif", ".tiff")

_MOST_PLANES = 10**6  # metadata may claim any number, and planes are listed one by one


ZARR_DOCUMENTS = ("zarr.json", ".zarray", ".zgroup")
"""Files by which a folder is known for zarr."""


def is_zarr(path: Path) -> bool:
    """Tell whether a folder holds zarr."""
    return is_folder(path) and any((path / name).is_file() for name in ZARR_DOCUMENTS)


def is_image(path: Path) -> bool:
    """Tell whether something in a folder is an image or a stack, by its name; what is hidden is none."""
    hidden = path.name.startswith(".")
    return not hidden and (is_zarr(path) if is_folder(path) else path.suffix.lower() in ENDINGS)


def open_stack(path: Path, *, series: int | None = None, allow_outside: bool = False) -> StackFile:
    """Open OME-Zarr (0.1 to 0.5), plain zarr (2 or 3), OME-TIFF, ImageJ and plain TIFF, or any image, as planes.

    Of zarr and TIFF nothing but metadata is read here. A pyramid becomes the levels of the stack. Of a container of
    several images the first is taken; of a plate or a well of OME-Zarr, name the field.

    Parameters
    ----------
    path : Path
        A file, or a folder of zarr.
    series : int, optional
        Which image of a TIFF or of a container of OME-Zarr that holds several, counted from 0; without it the first,
        and a warning.
    allow_outside : bool
        Read files outside its own folder, too, where an OME-TIFF names such; of one that somebody else made they may be
        anything that you may read.

    Raises
    ------
    MissingDependencyError
        If zarr is needed and not installed.
    UnreadableFileError
        If there is nothing, or it is not what it should be.
    """
    file = _open(path, series, allow_outside)
    count = math.prod(file.stack.index_shape)
    if 0 in file.stack.shape or count > _MOST_PLANES:
        file.close()
        raise UnreadableFileError(
            f"{path} has the shape {' x '.join(map(str, file.stack.shape))}: expected 1 to {_MOST_PLANES} planes of at "
            f"least a pixel, got {count}."
        )
    return file


def _open(path: Path, series: int | None, allow_outside: bool) -> StackFile:
    if is_folder(path):
        if not is_zarr(path):
            raise UnreadableFileError(f"Expected zarr, but {path} is a folder without {' or '.join(ZARR_DOCUMENTS)}.")
        from napari_m2n2v2.files.ome_zarr import open_zarr

        return open_zarr(path, series)
    if path.suffix.lower() in _TIFF if not is_file(path) else is_tiff(path):
        from napari_m2n2v2.files.ome_tiff import open_tiff

        return open_tiff(path, series, allow_outside)
    return _open_image(path, series)


def create_labels(path: Path, like: StackFile, dtype: Any) -> LabelVolume:
    """Begin a volume of labels, all background, with the axes, scale and units of an image.

    What is at ``path`` is replaced once the new one is whole; check before that it may be.

    Parameters
    ----------
    path : Path
        Ends in ``.zarr`` for OME-Zarr (of the image's own version, else 0.5), in ``.tif`` or ``.tiff`` for OME-TIFF.
    like : StackFile
        The image.
    dtype : dtype-like
        uint8, uint16 or uint32.

    Raises
    ------
    MissingDependencyError
        If zarr is needed and not installed.
    UnwritableFileError
        If it cannot be written there, or is the image itself.
    """
    if path.resolve() == like.path.resolve() or like.path.resolve() in path.resolve().parents:
        raise UnwritableFileError(f"Cannot write labels to {path}: they would change their own image.")
    if np.dtype(dtype) not in (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.uint32)):
        raise UnwritableFileError(f"Labels are written as uint8, uint16 or uint32, got {np.dtype(dtype)}.")
    return _labels_class(path).create(path, like, np.dtype(dtype))


def open_labels(path: Path, like: StackFile) -> LabelVolume:
    """Open a volume that :func:`create_labels` began, to write more planes.

    Raises
    ------
    UnreadableFileError
        If it is not one.
    """
    return _labels_class(path).open(path, like)


def _labels_class(path: Path) -> type[LabelVolume]:
    if path.suffix.lower() in _TIFF:
        from napari_m2n2v2.files.ome_tiff import TiffLabels

        return TiffLabels
    if path.suffix.lower() == ".zarr":
        from napari_m2n2v2.files.ome_zarr import ZarrLabels

        return ZarrLabels
    raise UnwritableFileError(f"Cannot write a label volume to {path}: expected a name that ends in .zarr or .tif.")


def _open_image(path: Path, series: int | None) -> StackFile:
    pixels = read_image(path, series=series)
    stack = Stack.of(pixels, rgb=pixels.ndim == 3 and pixels.shape[-1] in (3, 4))
    names = [f"axis-{axis}" for axis in range(len(stack.shape) - 2)] + ["y", "x"]
    ones = (1.0,) * len(names)
    return StackFile(path, stack, tuple(names), ones, ("",) * len(names), (0.0,) * len(names), "image")
