"""A folder of stored arrays, each entry a safetensors file named by its key: whole or not there, bounded in size.

No entry is ever changed in place and none refers to another, so processes need no lock: they may write, read and drop
entries of one folder at the same time, and one that is killed leaves at most a temporary file, which is swept later.
"""

from __future__ import annotations

import json
import os
import re
import stat
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.files.atomic import TEMPORARY, write_whole

__all__ = ["VERSION", "Arrays", "FeatureFolder", "read_entry", "write_entry"]

VERSION = 2
"""Of the format in which entries are written. Raise it when what is stored, or how it is computed, changes."""


_READ = (2, 1)
"""The versions that are read, in the order in which they are looked for."""


Arrays = Mapping[str, NDArray[Any]]


_PROGRAM = "napari-m2n2v2 features"


_ENTRY = re.compile(r"[0-9a-f]{64}\.(\d+)\.safetensors")


_LEFT_OVER = f"{TEMPORARY}*.safetensors"  # what files.write_whole has not finished


_LEFT_OVER_AFTER = 600.0  # seconds in which any entry is written


class FeatureFolder:
    """Entries on disk, the least recently used dropped first once they take more than a limit.

    Parameters
    ----------
    folder : Path
        Made when it is first written to. Files in it that are not entries are left alone.
    most_bytes : int
        Of all entries together.
    notify : callable, optional
        Told, in one sentence, what an entry's owner may want to know; a warning otherwise.
    """

    def __init__(self, folder: Path, most_bytes: int, notify: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.latest = 0  # bytes of the entry that was written or read last
        self._notify = notify or _warn
        self._refused = 0  # bytes of the entry that could not be written, which was told
        self._telling = threading.Lock()

    def path(self, key: str, version: int = VERSION) -> Path:
        """Return where the entry of a key is, or would be."""
        return self.folder / f"{key}.{version}.safetensors"

    def size(self, key: str) -> int:
        """Return the bytes of an entry, 0 if there is none, and count that as a use. It may still be damaged."""
        there = (path for version in _READ if _touch(path := self.path(key, version)))
        return next((int(_stat(path, "st_size")) for path in there), 0)

    def load(self, key: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Return an entry's arrays and what was said about them; None if there is none that can be used."""
        entries = (self._load(self.path(key, version), key) for version in _READ)
        return next((entry for entry in entries if entry is not None), None)

    def _load(self, path: Path, key: str) -> tuple[Arrays, dict[str, Any]] | None:
        try:
            entry = read_entry(path, key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except NewerFormatError:
            self._notify(f"The stored features {path} are of a newer version; they are left there and not used.")
            return None
        except OSError as error:  # of the disk or the network, not of the entry
            self._notify(f"The stored features {path} cannot be read ({error}); they are computed again.")
            return None
        except ValueError as error:
            self._notify(f"The stored features {path} cannot be used ({error}); they are dropped and computed again.")
            _drop(path)
            return None
        _touch(path)
        self.latest = _nbytes(entry[0])
        return entry

    def save(self, key: str, arrays: Arrays, about: Mapping[str, Any]) -> bool:
        """Write an entry, making room for it; tell whether it is there now. What goes wrong is told once, not raised.

        Parameters
        ----------
        key : str
            64 hexadecimal digits.
        arrays : mapping
            float32 or int16, C-contiguous, none empty.
        about : mapping
            What JSON can hold.
        """
        needed = _nbytes(arrays)
        try:
            if needed > self.most_bytes:
                raise UnwritableFileError(
                    f"{needed / 1e6:.0f} MB are more than its limit of {self.most_bytes / 1e6:.0f} MB"
                )
            if _is_newer(self.path(key), key):
                return False
            self.folder.mkdir(parents=True, exist_ok=True)
            self.make_room(needed)
            write_entry(self.path(key), key, arrays, about)
            self.make_room(0)  # another process may have written meanwhile
        except OSError as error:
            self._tell_unwritable(error, needed)
            return False
        self.latest = needed
        if needed >= self._refused:  # a full disk takes small ones now and then
            self._refused = 0
        return True

    def make_room(self, needed: int) -> None:
        """Drop the least recently used entries until so many bytes fit in; and what killed processes left."""
        sweep_before = time.time() - _LEFT_OVER_AFTER
        for path in self.folder.glob(_LEFT_OVER):
            if 0 < _stat(path, "st_mtime") < sweep_before:
                _drop(path)
        entries = sorted(self._entries())
        total = needed + sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.most_bytes:
                break
            _drop(path)
            total -= size

    def clear(self) -> None:
        """Drop all entries; what else is in the folder is left alone."""
        for _, _, path in list(self._entries()):
            _drop(path)

    @property
    def nbytes(self) -> int:
        """Bytes that all entries take."""
        return sum(size for _, size, _ in self._entries())

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Go through (time of use, bytes, path) of the entries of this version and older ones."""
        if not self.folder.is_dir():
            return
        for place in os.scandir(self.folder):
            named = _ENTRY.fullmatch(place.name)
            if named and int(named[1]) <= VERSION:
                try:
                    stat = place.stat()
                except OSError:  # dropped by another process meanwhile
                    continue
                yield stat.st_mtime, stat.st_size, Path(place.path)

    def _tell_unwritable(self, error: OSError, needed: int) -> None:
        with self._telling:
            told, self._refused = self._refused, max(self._refused, needed, 1)
        if not told:
            self._notify(
                f"Features cannot be stored in {self.folder}: {error}. They are used all the same, and computed again "
                "next time. Make room there, or choose another folder."
            )


class NewerFormatError(ValueError):
    """An entry is of a version that this program does not know."""


def write_entry(path: Path, key: str, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """Write one entry, whole or not at all, and not before it is safely on disk.

    Raises
    ------
    UnwritableFileError
        If that is not possible.
    """
    told = json.dumps(dict(about))
    metadata = {"program": _PROGRAM, "version": str(VERSION), "key": key, "about": told}
    metadata["crc32"] = str(_checksum(key, told, arrays))

    def write(temporary: Path) -> None:
        # Not by the library's save_file, which leaves files of its own when it is killed.
        with temporary.open("wb") as file:
            file.write(save(dict(arrays), metadata))
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write)


def read_entry(path: Path, key: str) -> tuple[Arrays, dict[str, Any]]:
    """Read one entry and check all of it.

    Read rather than mapped: a mapped file that a network folder takes away ends the process.

    Raises
    ------
    FileNotFoundError
        If there is none.
    NewerFormatError
        If a newer version of this program wrote it.
    ValueError, OSError
        If it is damaged, or something else.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise ValueError("it is no file")
    content = path.read_bytes()
    try:
        arrays = load(content)
    except (SafetensorError, KeyError, OverflowError) as error:  # KeyError: a type that numpy does not have
        raise ValueError(f"it is no whole safetensors file: {error}") from error
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])  # of which the library gives the arrays
    told = header.get("__metadata__", {})
    if told.get("program") != _PROGRAM:
        raise ValueError("it was not written by this program")
    try:
        if int(told["version"]) > VERSION:
            raise NewerFormatError(f"version {told['version']}")
        whole = str(_checksum(told["key"], told["about"], arrays)) == told["crc32"]
        about = json.loads(told["about"])
    except (KeyError, RecursionError) as error:
        raise ValueError("its header is damaged") from error
    if not whole or not isinstance(about, dict):
        raise ValueError("it is damaged")
    if told["key"] != key:
        raise ValueError("it is of something else")
    return arrays, about


def _nbytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())


def _checksum(key: str, about: str, arrays: Arrays) -> int:
    """CRC-32 of everything: against damage, not against an adversary, and at a third of the time of a digest."""
    check = zlib.crc32(f"{key} {about}".encode())
    for name in sorted(arrays):
        array = arrays[name]
        check = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), check)
        check = zlib.crc32(array.data.cast("B"), check)
    return check


def _is_newer(path: Path, key: str) -> bool:
    try:
        read_entry(path, key)
    except NewerFormatError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _touch(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except OSError:  # a read-only folder: nobody drops anything there
        return path.is_file()
    return True


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # open in another process on Windows, or in a read-only folder
        return


def _stat(path: Path, name: str) -> float:
    try:
        return float(getattr(path.stat(), name))
    except OSError:
        return 0.0


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)
