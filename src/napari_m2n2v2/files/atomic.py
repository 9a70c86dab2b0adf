"""Writing results: clear errors, and nothing half-written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_m2n2v2.errors import Cancelled, M2N2V2Error, UnwritableFileError
from napari_m2n2v2.files.paths import is_folder

__all__ = [
    "TEMPORARY",
    "check_image_path",
    "check_name",
    "check_place",
    "fits_disk",
    "make_folder",
    "unwritable",
    "write_image",
    "write_whole",
]

TEMPORARY = ".m2n2v2-"
"""What names of files and folders begin with that are not finished yet."""

_EXACT = (".png", ".tif", ".tiff", ".bmp")


_LOSSY = (".jpg", ".jpeg")


_LONGEST_NAME = 255  # bytes, on the file systems in use


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Write an image in the format its name ends in, whole or not at all.

    Raises
    ------
    UnwritableFileError
        If the folder is missing or not writable, or no format has that ending.
    """
    from skimage.io import imsave

    check_image_path(path)
    write_whole(path, lambda temporary: imsave(temporary, image, check_contrast=False))


def check_image_path(path: Path, *, exact: bool = False) -> None:
    """Raise :class:`~napari_m2n2v2.UnwritableFileError` now rather than after minutes of work.

    Parameters
    ----------
    path : Path
        Of an image to be written.
    exact : bool
        Whether every pixel must keep its value, as in a mask.
    """
    endings = _EXACT if exact else _EXACT + _LOSSY
    if path.suffix.lower() not in endings:
        raise UnwritableFileError(f"Cannot write {path}: expected a name that ends in {', '.join(endings)}.")
    _check_writable(path)


def _check_writable(path: Path) -> None:
    check_place(path)
    if path.is_dir():
        raise UnwritableFileError(f"There is a folder of this name: {path}. Choose another name.")
    if path.exists() and not os.access(path, os.W_OK):
        raise UnwritableFileError(f"The file there is write-protected: {path}. Choose another name.")


def check_place(path: Path) -> None:
    """Complain where nothing can be written, before it is tried.

    Raises
    ------
    UnwritableFileError
    """
    check_name(path)
    if not is_folder(path.parent):
        raise UnwritableFileError(f"There is no folder {path.parent}. Make it, or choose another folder.")
    if not os.access(path.parent, os.W_OK):
        raise UnwritableFileError(f"The folder cannot be written: {path.parent}. Choose another folder.")


def unwritable(path: Path, error: Exception, temporary: Path) -> UnwritableFileError:
    """Return what to tell of a write that failed: why, first, and nothing of the temporary file it went to.

    Parameters
    ----------
    path : Path
        What was to be written.
    error : Exception
        Of whatever wrote.
    temporary : Path
        What it wrote to instead.
    """
    if isinstance(error, M2N2V2Error):  # of a writer of ours, which says what to do
        return UnwritableFileError(str(error).replace(str(temporary), str(path)))
    if isinstance(error, OSError) and error.strerror:
        return UnwritableFileError(f"{error.strerror}: {path} is not written. Choose another folder.")
    reason = str(error).replace(str(temporary), str(path))
    return UnwritableFileError(f"{type(error).__name__}, {reason}: {path} is not written.")


def check_name(path: Path) -> None:
    """Complain of a name that is longer than disks take.

    Raises
    ------
    UnwritableFileError
    """
    if not fits_disk(path.name):
        raise UnwritableFileError(
            f"Cannot write {path.name[:40]}…{path.name[-20:]}: the name has {len(os.fsencode(path.name))} bytes, and "
            f"disks take {_LONGEST_NAME}. Give a shorter one; for results of a batch, to the image."
        )


def fits_disk(name: str) -> bool:
    """Tell whether a name is no longer than disks take."""
    return len(os.fsencode(name)) <= _LONGEST_NAME


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if they are not there.

    Raises
    ------
    UnwritableFileError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFileError(f"Cannot make the folder {folder}: {error.strerror}.") from error


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in place in one step.

    Raises
    ------
    UnwritableFileError
        If anything goes wrong; what was at ``path`` before is still there.
    Cancelled
        If ``write`` raises it; so it is then too.
    """
    _check_writable(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=path.suffix)
    except OSError as error:
        raise unwritable(path, error, path) from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        temporary.replace(path)
    except Cancelled:
        raise
    except Exception as error:  # every format's writer raises its own
        raise unwritable(path, error, temporary) from error
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
