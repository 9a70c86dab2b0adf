"""Names of files: what is not there, what lies elsewhere, and names that look the same."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from napari_m2n2v2.errors import UnreadableFileError

__all__ = ["as_on_disk", "first_replaced", "inside", "is_file", "is_folder", "is_there", "no_file", "one_form"]

_ADDRESS = re.compile(r"(?:.*/)?([A-Za-z][A-Za-z0-9+.-]+):/+(.+)")  # a path has lost one of two slashes


_MOST_SHOWN = 300  # characters of a path in a message


def no_file(path: Path, expected: str) -> UnreadableFileError:
    """Return the error that there is nothing at a path; it says so if an address of the network was given."""
    if address := _ADDRESS.fullmatch(path.as_posix()):
        return UnreadableFileError(
            f"Expected {expected} on this machine, got the address {address[1]}://{address[2]}: download it first."
        )
    return UnreadableFileError(f"Expected {expected}, but there is no file at {_shortened(str(path))}.")


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 40]}…{text[-40:]}"


def is_there(path: Path) -> bool:
    """Tell whether there is something at a path; at one that no disk can have, as with a name too long, there is not.

    ``Path.exists`` raises for such names.
    """
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Tell whether there is a file at a path, as :func:`is_there` does."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder at a path, as :func:`is_there` does."""
    return os.path.isdir(path)  # noqa: PTH112


def first_replaced(path: Path, read: Iterable[Path]) -> Path | None:
    """Return which of the files and folders that are read a result at a path would change; None for none of them.

    That is one at the same place by whatever name, and one that it lies in or that lies in it, as with zarr.
    """
    place = path.resolve()
    for source in read:
        there = source.resolve()
        if there in (place, *place.parents) or place in there.parents or _is_same(place, there):
            return source
    return None


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether two names are of one file, as where a disk makes no difference between A and a."""
    return is_there(one) and is_there(other) and one.samefile(other)


def inside(name: str) -> bool:
    """Tell whether a name that a file mentions stays in that file's folder; links in it are its owner's affair."""
    plain = posixpath.normpath(name.replace("\\", "/"))
    return not (re.match("/|[A-Za-z]:", plain) or plain.split("/")[0] == "..")


def as_on_disk(path: Path) -> Path:
    """Return a path whose last name is spelled as on disk, where that is in another form of Unicode."""
    if path.name.isascii() or is_there(path) or not is_folder(path.parent):
        return path
    return next((other for other in path.parent.iterdir() if one_form(other.name) == one_form(path.name)), path)


def one_form(name: str) -> str:
    """Return a name in one form of Unicode: accents are written in two, and file systems differ in which they keep."""
    return unicodedata.normalize("NFC", name)
