"""What of one image of a batch is done: a small JSON document beside the results, always whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_m2n2v2.files.atomic import fits_disk, make_folder, write_whole
from napari_m2n2v2.files.open_stack import ZARR_DOCUMENTS
from napari_m2n2v2.images.stack import Index

__all__ = ["Ledger", "digest", "identity"]

_FORMAT = "napari-m2n2v2 batch"
_VERSION = 1
_ZARR_DOCUMENTS = (*ZARR_DOCUMENTS, ".zattrs")


class Ledger:
    """Which planes of a result are finished, and from what.

    A plane that is being written counts as unfinished, so a run that is killed at any moment does it again.

    Parameters
    ----------
    result : Path
        The label image or volume; the document is in the hidden folder ``.m2n2v2`` beside it.
    source : str
        Changes with the image; of another image nothing counts as finished.
    """

    def __init__(self, result: Path, source: str) -> None:
        name = f"{result.name}.json"
        self.path = result.parent / ".m2n2v2" / (name if fits_disk(name) else f"{digest(result.name)}.json")
        self._planes: dict[str, dict[str, Any]] = {}
        self.exists = self.path.is_file()
        self._head = {"format": _FORMAT, "version": _VERSION, "source": source}
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
            if all(told[name] == value for name, value in self._head.items()):
                self._planes = {str(name): dict(about) for name, about in told["planes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass  # not there, or damaged: nothing counts as finished

    def has(self, index: Index, key: str) -> bool:
        """Tell whether a plane is finished, and from just this."""
        return self._planes.get(_name(index), {}).get("key") == key

    def planes(self) -> list[Index]:
        """List all planes that were written, or begun."""
        return [tuple(int(at) for at in name.split(",") if at) for name in self._planes]

    def begin(self) -> None:
        """Begin anew: nothing is finished.

        Raises
        ------
        UnwritableFileError
            If the document cannot be written.
        """
        self._planes = {}
        self._save()

    def forget(self, index: Index) -> None:
        """Take a plane off the list."""
        del self._planes[_name(index)]
        self._save()

    def remove(self) -> None:
        """Take the document away, and its folder if nothing else is in it."""
        self.path.unlink(missing_ok=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()

    @contextmanager
    def writing(self, index: Index, key: str = "", about: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Have a plane written inside the ``with``: unfinished until that ends well.

        Parameters
        ----------
        index : tuple of int
            Of the plane.
        key : str
            What it is made from, as :func:`digest` gives it.
        about : mapping, optional
            What people may want to know of it; JSON.

        Raises
        ------
        UnwritableFileError
            If the document cannot be written.
        """
        self._planes[_name(index)] = {"key": ""}
        self._save()
        yield
        self._planes[_name(index)] = {"key": key, **(about or {})}
        self._save()

    def _save(self) -> None:
        make_folder(self.path.parent)
        text = json.dumps({**self._head, "planes": self._planes}, indent=1)
        write_whole(self.path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))
        self.exists = True


def _name(index: Index) -> str:
    return ",".join(str(at) for at in index)


def digest(*parts: Any) -> str:
    """Return what changes when any part does; parts are JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()


def identity(path: Path) -> list[Any]:
    """Return what tells a changed file from the same: size and time, as make does; the metadata alone of zarr."""
    if path.is_dir():
        documents = [path / name for name in _ZARR_DOCUMENTS if (path / name).is_file()]
        return [path.name, *(document.read_text(encoding="utf-8") for document in documents)]
    told = path.stat()
    return [path.name, told.st_size, told.st_mtime_ns]
