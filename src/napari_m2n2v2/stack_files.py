"""Opening volumes on disk without reading them: TIFF and zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import MissingDependencyError, UnreadableFileError
from napari_m2n2v2.stacks import Stack

__all__ = ["open_stack"]

_TIFF = (".tif", ".tiff")
_COLOURS = (3, 4)


def open_stack(path: Path) -> Stack:
    """Open a volume as planes; nothing but its description is read.

    Parameters
    ----------
    path : Path
        A TIFF, or a folder with a zarr array of version 2 or 3, or with a zarr group whose array ``0`` it is. Rows and
        columns are the last two axes, but for colour.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is something else.
    MissingDependencyError
        If zarr is not installed.
    """
    if not path.exists():
        raise UnreadableFileError(f"Expected a TIFF or a zarr folder, but there is nothing at {path}.")
    try:
        return _open_zarr(path) if path.is_dir() else _open_tiff(path)
    except (MissingDependencyError, UnreadableFileError):
        raise
    except Exception as error:  # every format's reader raises its own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFileError(f"{path} cannot be opened as a stack: {reason}") from error


def _open_zarr(path: Path) -> Stack:
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError('Reading zarr needs it installed: pip install "napari-m2n2v2[stacks]"') from error
    found = zarr.open(path, mode="r")
    if isinstance(found, zarr.Group):
        if "0" not in found or not isinstance(found["0"], zarr.Array):
            raise UnreadableFileError(f"{path} is a zarr group without an array 0. Name the folder of one array in it.")
        found = found["0"]
    return Stack.of(found)


def _open_tiff(path: Path) -> Stack:
    from tifffile import TiffFile, memmap

    if path.suffix.lower() not in _TIFF:
        raise UnreadableFileError(f"{path} is neither a TIFF nor a zarr folder.")
    with TiffFile(path) as file:
        series = file.series[0]
        rgb = series.axes.endswith("S") and series.shape[-1] in _COLOURS
        in_one_piece = series.dataoffset is not None  # neither compressed nor scattered
    return Stack.of(memmap(path, mode="r") if in_one_piece else _TiffPages(path, rgb), rgb=rgb)


class _TiffPages:
    """A TIFF that cannot be mapped into memory, page by page: each page is one plane.

    Parameters
    ----------
    path : Path
        The file is open only while a page is read, so this can be sent to another process.
    rgb : bool
        Whether a page has colour.
    """

    def __init__(self, path: Path, rgb: bool) -> None:
        from tifffile import TiffFile

        self._path = path
        with TiffFile(path) as file:
            series = file.series[0]
            self.shape = tuple(int(length) for length in series.shape)
            self.dtype = np.dtype(series.dtype)
            page = self.shape[-3:] if rgb else self.shape[-2:]
            if series.pages[0].shape != page:
                raise UnreadableFileError(
                    f"The pages of {path} are of shape {series.pages[0].shape}, expected one plane each, {page}. "
                    "Save it uncompressed, or as zarr."
                )
        self.ndim = len(self.shape)
        self._leading = self.ndim - len(page)

    def __getitem__(self, place: tuple[Any, ...]) -> NDArray[Any]:
        from tifffile import TiffFile

        leading = place[: self._leading]
        if not all(isinstance(at, int) for at in leading):
            raise UnreadableFileError(f"{self._path} can only be read page by page. Save it uncompressed, or as zarr.")
        number = int(np.ravel_multi_index(leading, self.shape[: self._leading])) if leading else 0
        with TiffFile(self._path) as file:
            page: NDArray[Any] = file.series[0].pages[number].asarray()
        part: NDArray[Any] = page[place[self._leading :]]
        return part
