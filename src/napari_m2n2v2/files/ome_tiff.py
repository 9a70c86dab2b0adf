"""OME-TIFF read and written; ImageJ and plain TIFF read."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import MissingDependencyError, UnreadableFileError, UnwritableFileError
from napari_m2n2v2.files.labels import put_whole
from napari_m2n2v2.files.ome_zarr import import_zarr
from napari_m2n2v2.files.paths import is_file, no_file
from napari_m2n2v2.files.read import reason_of, seen_as, series_of
from napari_m2n2v2.files.stack_file import OME_SYMBOLS, StackFile, unit_name
from napari_m2n2v2.images.stack import Stack

__all__ = ["TiffLabels", "open_tiff"]

_UNNAMED = "iq"  # how tifffile calls axes of which it knows nothing


_MOST_NAMED = 6  # planes in a message
_Calibration = dict[str, tuple[float, str]]


def open_tiff(path: Path, series: int | None = None, allow_outside: bool = False) -> StackFile:
    """Open a TIFF, see :func:`~napari_m2n2v2.files.open_stack.open_stack`."""
    from tifffile import TiffFile

    if not is_file(path):
        raise no_file(path, "a TIFF file")
    tiff = None
    try:
        with _lost_pages_raise():
            tiff = TiffFile(path)
            return _opened(path, tiff, series_of(tiff, series, allow_outside))
    except BaseException as error:
        if tiff is not None:
            tiff.close()
        if isinstance(error, MissingDependencyError) or not isinstance(error, Exception):
            raise
        # tifffile raises many kinds of errors
        raise UnreadableFileError(f"{path} cannot be read as TIFF: {reason_of(error)}") from error


@contextmanager
def _lost_pages_raise() -> Iterator[None]:
    """Raise where tifffile only logs that what pages or tags point to is not there, and goes on with fewer planes."""
    told: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if "invalid" in message and "offset" in message and record.thread == threading.get_ident():
                told.append(message)

    logger, listener = logging.getLogger("tifffile"), Listening(logging.ERROR)
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
    if told:
        raise UnreadableFileError(f"the file is cut off or damaged ({told[0]})")


def _opened(path: Path, tiff: Any, series: Any) -> StackFile:
    _check_complete(tiff, series)
    letters, shape, convert = seen_as(series)
    rgb = letters.endswith("s") and shape[-1] in (3, 4) and len(shape) > 2
    letters = letters[:-1] if rgb else letters
    axes = [f"axis-{n}" if letter in _UNNAMED else letter for n, letter in enumerate(letters)]
    planes = (letters.index("y"), letters.index("x")) if {"y", "x"} <= set(letters) else (-2, -1)
    if len(series.levels) == 1 and len(letters) == 2:
        levels = [_SinglePlane(series, shape, convert)]
    else:
        levels = [import_zarr().open(series.aszarr(level=n), mode="r") for n in range(len(series.levels))]
    known = _calibration(tiff, letters)
    return StackFile(
        path,
        Stack.of(levels, plane_axes=planes, rgb=rgb, multiscale=True),
        tuple(axes),
        tuple(known.get(name, (1.0, ""))[0] for name in axes),
        tuple(known.get(name, (1.0, ""))[1] for name in axes),
        (0.0,) * len(axes),
        "ome-tiff",
        _release=tiff.close,
    )


class _SinglePlane:
    """A TIFF of one plane as it is seen, read as a whole each time: this needs no zarr."""

    def __init__(self, series: Any, shape: tuple[int, ...], convert: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self.shape, self.ndim, self.dtype = shape, len(shape), series.dtype
        self._series, self._convert = series, convert

    def __getitem__(self, place: Any) -> Any:
        return self._convert(self._series.asarray())[place]


def _check_complete(tiff: Any, series: Any) -> None:
    """Complain of planes that the file speaks of and that are nowhere: tifffile would read them as zeros.

    Raises
    ------
    UnreadableFileError
    """
    if not tiff.is_ome:
        return
    lost = [number for number, page in enumerate(series.pages) if page is None]
    if lost:
        counts = [length for length, axis in zip(series.shape, series.axes, strict=True) if axis not in "YXS"]
        names = [axis.lower() for axis in series.axes if axis not in "YXS"]
        places = [np.unravel_index(number, counts) for number in lost[:_MOST_NAMED]]
        told = [" ".join(f"{name} {at}" for name, at in zip(names, place, strict=True)) for place in places]
        more = f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
        elsewhere = sorted(set(re.findall(r'FileName="([^"]*)"', tiff.ome_metadata)))
        files = [name for name in elsewhere if not (Path(tiff.filehandle.dirname) / name).is_file()]
        because = f"; these files are not beside it: {', '.join(files)}" if files else ""
        raise UnreadableFileError(
            f"{len(lost)} of its {len(series.pages)} planes are missing ({', '.join(told)}{more}){because}"
        )


def _calibration(tiff: Any, letters: str) -> _Calibration:
    """Return scale and unit of the axes that the file tells of."""
    if tiff.is_ome:
        return _from_xml(tiff.ome_metadata)
    if tiff.is_imagej:
        return _from_imagej(tiff.imagej_metadata or {}, tiff.pages[0])
    return {}  # the resolution of other files is for printing


def _from_xml(xml: str) -> _Calibration:
    # A document that is sane enough for tifffile to parse is parsed again, because tifffile keeps no units of it.
    pixels = next((part for part in ElementTree.fromstring(xml).iter() if part.tag.endswith("}Pixels")), None)
    if pixels is None:
        return {}
    found: _Calibration = {}
    for axis, name, unit in (("x", "PhysicalSizeX", "µm"), ("y", "PhysicalSizeY", "µm"),
                             ("z", "PhysicalSizeZ", "µm"), ("t", "TimeIncrement", "s")):  # fmt: skip
        if name in pixels.attrib:
            found[axis] = float(pixels.attrib[name]), unit_name(pixels.get(f"{name}Unit", unit))
    return found


def _from_imagej(told: Mapping[str, Any], page: Any) -> _Calibration:
    unit = unit_name(told.get("unit"))
    found: _Calibration = {}
    if not unit:
        return found  # without a unit the resolution is one of printing
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        over, under = page.tags[tag].value if tag in page.tags else (1, 1)
        if over:
            found[axis] = under / over, unit
    if told.get("spacing"):
        found["z"] = abs(float(told["spacing"])), unit
    if told.get("finterval"):
        found["t"] = float(told["finterval"]), unit_name(told.get("tunit") or "s")
    return found


class TiffLabels:
    """Labels as OME-TIFF: not compressed, so that one plane can be written into it; the plane's axes are the last."""

    def __init__(self, path: Path, dtype: np.dtype[Any], begins: int, stack: Stack) -> None:
        self._path = path
        self._dtype = dtype
        self._begins = begins  # in bytes
        self._stack = stack

    @classmethod
    def create(cls, path: Path, like: StackFile, dtype: np.dtype[Any]) -> Self:
        """Begin one; see :func:`~napari_m2n2v2.files.open_stack.create_labels`."""
        from tifffile import imwrite

        shape = like.stack.index_shape + like.stack.plane_shape
        order = (*like.stack.index_axes, *like.stack.plane_axes)
        if len(shape) > 5:
            raise UnwritableFileError(f"OME-TIFF has five axes, but {like.path} has {len(shape)}: write OME-Zarr.")
        metadata = {"axes": _letters([like.axes[axis] for axis in order])}
        for letter, axis in zip(metadata["axes"], order, strict=True):
            metadata |= _size(letter, like.scale[axis], like.units[axis])

        def write(made: Path) -> None:
            imwrite(made, shape=shape, dtype=dtype, ome=True, photometric="minisblack", metadata=metadata)

        put_whole(path, write)
        return cls.open(path, like)

    @classmethod
    def open(cls, path: Path, like: StackFile) -> Self:
        """Open one that was begun; see :func:`~napari_m2n2v2.files.open_stack.open_labels`."""
        from tifffile import TiffFile

        try:
            with TiffFile(path) as tiff:
                series = tiff.series[0]
                begins, pixels = series.dataoffset, series.size
                dtype = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
        except Exception as error:  # tifffile raises many kinds of errors
            raise UnreadableFileError(f"{path} is not a label volume of {like.path}: {error}") from error
        # Axes of length one are dropped at reading, but pixels stay in the same order.
        expected = math.prod(like.stack.index_shape + like.stack.plane_shape)
        if begins is None or pixels != expected:
            raise UnreadableFileError(
                f"{path} is not a label volume of {like.path}: expected {expected} pixels in one piece, got {pixels}."
            )
        return cls(path, dtype, begins, like.stack)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the labels."""
        return self._dtype.newbyteorder("=")

    def write(self, index: Sequence[int], labels: NDArray[Any]) -> None:
        """Write the labels of one plane; see :meth:`~napari_m2n2v2.files.labels.LabelVolume.write`."""
        index = self._stack.check(index)
        plane = np.ascontiguousarray(np.broadcast_to(labels, self._stack.plane_shape), dtype=self._dtype)
        before = int(np.ravel_multi_index(index, self._stack.index_shape)) if index else 0
        try:
            # Not through a memory map, where a full disk ends the process.
            with self._path.open("r+b") as file:
                file.seek(self._begins + before * plane.nbytes)
                file.write(plane.data)
        except OSError as error:
            raise UnwritableFileError(f"Cannot write plane {tuple(index)} of {self._path}: {error}") from error


def _letters(names: Sequence[str]) -> str:
    """Return the letters of the axes in OME-XML; an axis that it does not know takes one of z, t, c that is free."""
    index, taken = names[:-2], {name for name in names if name in ("t", "c", "z")}
    free = [letter for letter in "ztc" if letter not in taken]
    found = [name if name in ("t", "c", "z") else free.pop(0) for name in index]
    return "".join(found).upper() + "YX"


def _size(letter: str, scale: float, unit: str) -> dict[str, Any]:
    if letter == "C" or (scale == 1 and not unit):
        return {}
    if letter == "T":
        # An increment always has a unit in OME-XML: one of an unknown unit would become seconds.
        return {"TimeIncrement": scale, "TimeIncrementUnit": OME_SYMBOLS[unit]} if unit in OME_SYMBOLS else {}
    return {f"PhysicalSize{letter}": scale, f"PhysicalSize{letter}Unit": OME_SYMBOLS.get(unit, "pixel")}
