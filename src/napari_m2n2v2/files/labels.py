"""Writing labels plane by plane."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import Cancelled
from napari_m2n2v2.files.atomic import TEMPORARY, check_place, unwritable
from napari_m2n2v2.files.stack_file import StackFile

__all__ = ["LabelVolume", "put_whole"]


class LabelVolume(Protocol):
    """A volume of labels on disk. What is not written is background."""

    @classmethod
    def create(cls, path: Path, like: StackFile, dtype: np.dtype[Any]) -> Self:
        """Begin one; see :func:`~napari_m2n2v2.files.open_stack.create_labels`."""
        ...

    @classmethod
    def open(cls, path: Path, like: StackFile) -> Self:
        """Open one that was begun; see :func:`~napari_m2n2v2.files.open_stack.open_labels`."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the labels."""
        ...

    def write(self, index: Sequence[int], labels: NDArray[Any]) -> None:
        """Write the labels of one plane, ``[H, W]`` at full resolution; they are on disk when this returns.

        Raises
        ------
        UnwritableFileError
            If they cannot be written.
        """
        ...


def put_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file or folder beside ``path``, then put it in the place of what was there.

    Raises
    ------
    UnwritableFileError
        If anything goes wrong; what was at ``path`` before is still there.
    Cancelled
        If ``write`` raises it; so it is then too.
    """
    check_place(path)
    made = path
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
            made, before = Path(folder) / path.name, Path(folder) / "before"
            write(made)
            if is_folder := path.is_dir():  # a folder cannot replace one that is not empty
                path.rename(before)
            try:
                made.replace(path)
            except OSError:
                if is_folder:
                    before.rename(path)
                raise
    except Cancelled:
        raise
    except Exception as error:  # every format's writer raises its own
        raise unwritable(path, error, made) from error
