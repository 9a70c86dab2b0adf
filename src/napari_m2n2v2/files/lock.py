"""One writer for a file, as long as processes of one machine or of a shared disk that knows locks are concerned."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_m2n2v2.errors import UnwritableFileError

__all__ = ["alone_with"]


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Be the only one that writes a file inside the ``with``; it is made if it is not there.

    A process that dies lets go of it. Where the system or the disk knows no locks, nothing is locked.

    Raises
    ------
    UnwritableFileError
        If another process has it, or it cannot be written.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError as error:
        raise UnwritableFileError(f"Cannot write {path}: {error.strerror}. Choose another place.") from error
    try:
        if not _lock(file):
            raise UnwritableFileError(f"{path} is being written by another process: wait for it, or stop it.")
        yield
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Lock a file until it is closed; False if another process has."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True
