"""Names of files: what is not there, what lies elsewhere, and names that look the same."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from pathlib import Path

from napari_m2n2v2.errors import UnreadableFileError

__all__ = ["as_on_disk", "inside", "no_file", "one_form"]

_ADDRESS = re.compile(r"(?:.*/)?([A-Za-z][A-Za-z0-9+.-]+):/+(.+)")  # a path has lost one of two slashes


def no_file(path: Path, expected: str) -> UnreadableFileError:
    """Return the error that there is nothing at a path; it says so if an address of the network was given."""
    if address := _ADDRESS.fullmatch(path.as_posix()):
        return UnreadableFileError(
            f"Expected {expected} on this machine, got the address {address[1]}://{address[2]}: download it first."
        )
    return UnreadableFileError(f"Expected {expected}, but there is no file at {path}.")


def inside(name: str) -> bool:
    """Tell whether a name that a file mentions stays in that file's folder; links in it are its owner's affair."""
    plain = posixpath.normpath(name.replace("\\", "/"))
    return not (re.match("/|[A-Za-z]:", plain) or plain.split("/")[0] == "..")


def as_on_disk(path: Path) -> Path:
    """Return a path whose last name is spelled as on disk, where that is in another form of Unicode."""
    if path.name.isascii() or path.exists() or not path.parent.is_dir():
        return path
    return next((other for other in path.parent.iterdir() if one_form(other.name) == one_form(path.name)), path)


def one_form(name: str) -> str:
    """Return a name in one form of Unicode: accents are written in two, and file systems differ in which they keep."""
    return unicodedata.normalize("NFC", name)
