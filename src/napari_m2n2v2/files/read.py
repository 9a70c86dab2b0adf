"""One picture from a file, as a viewer shows it: upright, in its colours, in its depth."""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import UnreadableFileError
from napari_m2n2v2.files.paths import inside, is_file, no_file

__all__ = [
    "ALLOW_OUTSIDE",
    "ENDINGS",
    "OTHER_SERIES",
    "PICTURE_FORMATS",
    "check_only_series",
    "is_tiff",
    "read_image",
    "reason_of",
    "seen_as",
    "series_of",
]

ENDINGS = (
    ".bmp", ".gif", ".j2k", ".jp2", ".jpeg", ".jpg", ".npy", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff",
    ".webp",
)  # fmt: skip
"""How names of files end that :func:`read_image` reads."""

PICTURE_FORMATS = ("PNG", "JPEG", "JPEG2000", "BMP", "GIF", "WEBP", "PPM")
"""What Pillow may read; others, such as EPS, would make it start programs that the file chooses."""

OTHER_SERIES = "use open_stack(path, series=1) in Python, --series 1 in a shell"
ALLOW_OUTSIDE = "allow_outside=True in Python, --allow-outside in a shell"

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter two are of BigTIFF
_NPY = b"\x93NUMPY"
_PNG = b"\x89PNG\r\n\x1a\n"
_PPM = re.compile(rb"P6" + 3 * (rb"(?:\s+|#[^\n]*\n)+(\d+)") + rb"\s")
_MOST_HEADER = 4096  # bytes, with comments in it
_ORIENTATION = 0x0112  # of EXIF, and of TIFF
_LYING = 5  # from this orientation on rows and columns are exchanged
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}


def read_image(path: Path, *, series: int | None = None, allow_outside: bool = False) -> NDArray[Any]:
    """Read one image file: TIFF, PNG, JPEG, JPEG 2000, BMP, GIF, WebP, PPM or ``.npy``.

    Parameters
    ----------
    path : Path
        Of a file. What is in it counts, not how its name ends.
    series, allow_outside
        As :func:`~napari_m2n2v2.open_stack` takes them.

    Returns
    -------
    ndarray
        ``[H, W]``, ``[H, W, 3]`` or ``[H, W, 4]``, upright as its EXIF says, 8 or 16 bits as they are stored. Palettes
        and CMYK become RGB; grey with alpha loses it; of several frames the first is read. TIFF of more than one plane
        and ``.npy`` keep their axes.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is no image of these kinds.
    """
    if not is_file(path):
        raise no_file(path, "an image file")
    try:
        if is_tiff(path):
            return _read_tiff(path, series, allow_outside)
        check_only_series(series)
        return np.asarray(np.load(path, allow_pickle=False)) if _begins(path, _NPY) else _read_picture(path)
    except Exception as error:  # every format's reader raises its own
        raise UnreadableFileError(f"{path} cannot be read as an image: {reason_of(error)}") from error


def is_tiff(path: Path) -> bool:
    """Tell whether a file is TIFF, by its first bytes."""
    return _begins(path, *_TIFF)


def _begins(path: Path, *marks: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith(marks)


def reason_of(error: Exception) -> str:
    """Say in one line why a file cannot be read, and what to install where that is the reason."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "imagecodecs" in reason:
        return f'{reason}: pip install "napari-m2n2v2[stacks]"'
    return reason


def _read_picture(path: Path) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=PICTURE_FORMATS) as image:
            _check_room(image.width * image.height * len(image.getbands()))
            deep = _deep_ppm(path) if image.format == "PPM" else _deep_png(path)
            pixels = _pixels_of(image) if deep is None else deep
            turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION) or 1)
            return pixels if turn is None else np.ascontiguousarray(turn(pixels))
    except UnidentifiedImageError as error:
        raise UnreadableFileError(f"expected TIFF, .npy or {', '.join(PICTURE_FORMATS)}") from error


def _check_room(needed: int) -> None:
    """Refuse pixels that this machine has no memory for: a small file may claim to hold any number of them.

    Raises
    ------
    UnreadableFileError
    """
    import psutil

    free = psutil.virtual_memory().available
    if needed > free:
        raise UnreadableFileError(
            f"its pixels take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free: save a part of it, or "
            "a smaller copy"
        )


def _pixels_of(image: Any) -> NDArray[Any]:
    """Return what an opened picture shows, by Pillow."""
    mode = image.mode
    if mode in ("LA", "La"):
        return np.asarray(image.getchannel(0))
    if mode in ("P", "PA"):
        return np.asarray(image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB"))
    if mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)


def _deep_png(path: Path) -> NDArray[np.uint16] | None:
    """Read a PNG of 16 bits in several channels, of which Pillow keeps 8; None for any other file."""
    with path.open("rb") as file:
        head = file.read(26)
        if not head.startswith(_PNG) or head[24:25] != b"\x10" or head[25:26] == b"\x00":
            return None
        import png

        file.seek(0)
        width, height, rows, about = png.Reader(file=file).read()
        rows = list(rows)
    pixels = np.vstack([np.asarray(row, dtype=np.uint16) for row in rows]).reshape(height, width, about["planes"])
    return pixels[..., 0] if about["planes"] == 2 else pixels


def _deep_ppm(path: Path) -> NDArray[np.uint16] | None:
    """Read a PPM of 16 bits in three channels, of which Pillow keeps 8; None for any other file."""
    with path.open("rb") as file:
        found = _PPM.match(file.read(_MOST_HEADER))
        if found is None or int(found[3]) < 256:
            return None
        file.seek(found.end())
        width, height = int(found[1]), int(found[2])
        values = np.frombuffer(file.read(6 * width * height), dtype=">u2")
    if values.size < 3 * width * height:
        raise UnreadableFileError("image file is truncated")
    return values.astype(np.uint16).reshape(height, width, 3)


def _read_tiff(path: Path, number: int | None, allow_outside: bool) -> NDArray[Any]:
    from tifffile import TiffFile

    with TiffFile(path) as tiff:
        series = series_of(tiff, number, allow_outside)
        _check_room(series.size * series.dtype.itemsize)
        _, _, convert = seen_as(series)
        pixels = convert(series.asarray())
    while pixels.ndim > 2 and pixels.shape[0] == 1:
        pixels = pixels[0]
    return pixels


def check_only_series(number: int | None) -> None:
    """Complain where another image than the first is asked for of a file that holds one.

    Raises
    ------
    UnreadableFileError
    """
    if number:
        raise UnreadableFileError(f"there is no image {number} in it, but 1, counted from 0")


def series_of(tiff: Any, number: int | None = None, allow_outside: bool = False) -> Any:
    """Return one image of an opened TIFF: the first, and a warning if there are others and none was asked for.

    Raises
    ------
    UnreadableFileError
        If there is no such image, or the file names others outside its folder.
    """
    names = re.findall(r"FileName\s*=\s*[\"']([^\"']*)", tiff.ome_metadata or "")
    outside = [] if allow_outside else sorted({name for name in map(html.unescape, names) if not inside(name)})
    if outside:
        raise UnreadableFileError(
            f"it names files outside its own folder ({', '.join(outside)}): put them beside it, or trust it by "
            f"{ALLOW_OUTSIDE}"
        )
    count = len(tiff.series)
    if not 0 <= (number or 0) < count:
        raise UnreadableFileError(f"there is no image {number} in it, but {count}, counted from 0")
    if number is None and count > 1:
        told = ", ".join(f"{n}: {one.name or 'unnamed'} {one.axes} {one.shape}" for n, one in enumerate(tiff.series))
        warnings.warn(
            f"{tiff.filename} holds {count} images, and the first is taken ({told}). "
            f"For another one, {OTHER_SERIES}, or save it as a file of its own.",
            UserWarning, stacklevel=2,
        )  # fmt: skip
    return tiff.series[number or 0]


def seen_as(series: Any) -> tuple[str, tuple[int, ...], Callable[[NDArray[Any]], NDArray[Any]]]:
    """Tell how a viewer shows a series of a TIFF.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Of any number of axes; one whose colours have to be computed, of a single plane.

    Returns
    -------
    axes : str
        Lower case; "s" is colour, and last where the series is one plane.
    shape : tuple of int
        Of these axes.
    convert : callable
        From the pixels of the series to those.

    Raises
    ------
    UnreadableFileError
        For several planes in a palette or in CMYK, and for colours of other kinds.
    """
    axes, shape, convert = _in_colour(series)
    tag = series.keyframe.tags.get(_ORIENTATION)
    turn = _UPRIGHT.get(tag.value) if tag is not None and axes in ("yx", "yxs") and len(series.levels) == 1 else None
    if turn is None:
        return axes, shape, convert
    upright = (shape[1], shape[0], *shape[2:]) if tag.value >= _LYING else shape
    return axes, upright, lambda pixels: np.ascontiguousarray(turn(convert(pixels)))


def _in_colour(series: Any) -> tuple[str, tuple[int, ...], Callable[[NDArray[Any]], NDArray[Any]]]:
    """Tell what :func:`seen_as` does, but not upright."""
    axes, shape, kind = series.axes.lower(), tuple(series.shape), series.keyframe.photometric.name
    if kind == "MINISBLACK" and axes in ("yxs", "syx") and shape[axes.index("s")] == 2 and series.keyframe.extrasamples:
        at = axes.index("s")  # grey with alpha
        return "yx", tuple(n for axis, n in zip(axes, shape, strict=True) if axis != "s"), lambda p: p.take(0, at)
    planar = axes == "syx" and kind in ("RGB", "SEPARATED") and shape[0] in (3, 4)
    if planar:
        axes, shape = "yxs", (*shape[1:], shape[0])
    if kind == "PALETTE" and axes == "yx":
        colours = np.asarray(series.keyframe.colormap)
        table = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8).T
        return "yxs", (*shape, 3), lambda pixels: table[pixels]
    if kind == "SEPARATED" and axes == "yxs" and shape[-1] == 4:
        return axes, (*shape[:-1], 3), lambda pixels: _from_cmyk(np.moveaxis(pixels, 0, -1) if planar else pixels)
    if kind not in ("MINISBLACK", "MINISWHITE", "RGB"):
        raise UnreadableFileError(f"its colours are {kind} in {axes.upper()}: convert it to RGB or grey first")
    return axes, shape, lambda pixels: np.moveaxis(pixels, 0, -1) if planar else pixels


def _from_cmyk(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return RGB of inks, as viewers without a colour profile do."""
    most = np.iinfo(pixels.dtype).max
    paper = 1 - pixels.astype(np.float64) / most
    rgb: NDArray[Any] = np.rint(paper[..., :3] * paper[..., 3:] * most).astype(pixels.dtype)
    return rgb
