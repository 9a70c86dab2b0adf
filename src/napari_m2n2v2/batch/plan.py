"""What is to be done for one image of a batch, and the writing of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.batch.items import Item
from napari_m2n2v2.batch.job import PlaneResult
from napari_m2n2v2.batch.ledger import Ledger, digest, identity
from napari_m2n2v2.errors import (
    Cancelled,
    DeviceError,
    ImageError,
    M2N2V2Error,
    MissingDependencyError,
    MissingWeightsError,
    UnknownBackboneError,
    UnreadableFileError,
    UnwritableFileError,
)
from napari_m2n2v2.files.atomic import check_name, make_folder, write_image
from napari_m2n2v2.files.click_table import ClickTable, TableClick
from napari_m2n2v2.files.open_stack import create_labels, open_labels
from napari_m2n2v2.files.paths import is_there
from napari_m2n2v2.files.stack_file import StackFile
from napari_m2n2v2.images.stack import Index

__all__ = ["BatchOutcome", "Plan", "Task"]

_OF_THE_RUN = (UnknownBackboneError, MissingWeightsError, MissingDependencyError, DeviceError)
_WITH_PLANES = (".tif", ".tiff", ".zarr")


@dataclass(eq=False)
class BatchOutcome:
    """What became of one image.

    Parameters
    ----------
    image, output : Path
        The image, and its label image or volume.
    planes : int
        How many of its planes have clicks; an image that is no stack has one.
    skipped : int
        How many of them were done before.
    done : int
        How many were done now.
    errors : list of str
        What went wrong; empty if nothing did.
    notes : list of str
        What was done to pixels of the planes done now to take them, see :attr:`ImageFeatures.notes`.
    """

    image: Path
    output: Path
    planes: int = 0
    skipped: int = 0
    done: int = 0
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """A plane to be segmented.

    Parameters
    ----------
    index : tuple of int
        Of the plane.
    clicks : tuple of TableClick
        In it.
    key : str
        Changes with everything that its labels are made from.
    """

    index: Index
    clicks: tuple[TableClick, ...]
    key: str


class Plan:
    """What is to be done for one image; the only one that writes its result.

    Parameters
    ----------
    item : Item
        The image.
    pictures : Path or None
        Folder for overlays.
    opened : callable
        Opens an image.
    series : int or None
        Which of several in its file that is.
    """

    def __init__(
        self, item: Item, pictures: Path | None, opened: Callable[[Path], StackFile], series: int | None
    ) -> None:
        self.tasks: tuple[Task, ...] = ()
        self.outcome = BatchOutcome(item.source, item.output("png"))
        self._item = item
        self._pictures = pictures
        self._open = opened
        self._series = [] if series is None else [series]
        self._kind = "png"
        self._ledger: Ledger
        self._begun = False
        self._made: list[Path] = []  # by this run, and empty until a plane is written

    def prepare(self, table: ClickTable, about: Mapping[str, Any], redo: bool) -> None:
        """Find out what is missing, and make room for it.

        Parameters
        ----------
        table : ClickTable
            The clicks on all images.
        about : mapping
            What labels are made from besides image and clicks; JSON.
        redo : bool
            Whether to do it all again.

        Raises
        ------
        M2N2V2Error
            If image and clicks do not fit, or the result must not be written.
        """
        source, asked = self._item.source, self._item.format
        if not table.mentions(self._item.names):
            return
        # The planes of a photo need not be counted, and that it can be read shows soon enough.
        has_planes = source.suffix.lower() in _WITH_PLANES or source.is_dir() or asked not in ("auto", "png")
        with self._open(source) if has_planes else nullcontext() as file:
            known = (file.axes, file.stack) if file else ()
            clicks = table.clicks_of(self._item.names, *known)
            self._kind = _kind(file, asked)
            self.outcome.output = self._item.output(self._kind)
            self._check_names(clicks)
            largest = max(placed.click.object_id for planes in clicks.values() for placed in planes)
            self._begin(file, _room(self._kind, largest), redo)
            keys = {index: digest(about, [asdict(each.click) for each in planes]) for index, planes in clicks.items()}
            tasks = tuple(Task(i, clicks[i], key) for i, key in keys.items() if not self._is_done(i, key))
            if file and self._kind != "png":
                self._clear([index for index in self._ledger.planes() if index not in clicks], file)
        self.tasks = tasks
        self.outcome.planes, self.outcome.skipped = len(clicks), len(clicks) - len(tasks)

    def write(self, task: Task, result: PlaneResult) -> None:
        """Write the labels of a plane, and its picture.

        Raises
        ------
        UnwritableFileError
            If they cannot be written.
        """
        with self._ledger.writing(task.index, task.key, {"clicks": len(task.clicks), **result.about}):
            if self._kind == "png":
                write_image(self.outcome.output, result.labels)
            else:
                with self._open(self._item.source) as file:
                    self._write_plane(task.index, result.labels, file)
            picture = self._picture(task.index)
            if picture and result.overlay is not None:
                write_image(picture, result.overlay)
        self.outcome.done += 1
        plane = f"plane {','.join(map(str, task.index))}: " if task.index else ""
        self.outcome.notes += [f"{plane}{note}" for note in result.about["notes"]]

    @contextmanager
    def noting_errors(self) -> Iterator[None]:
        """Note what goes wrong in the ``with``, so that the other images go on; unless it is wrong for all of them."""
        try:
            yield
        except (*_OF_THE_RUN, Cancelled):
            raise
        except M2N2V2Error as error:
            self.outcome.errors.append(str(error))
        except Exception as error:  # whatever is wrong with one image must not end the others
            self.outcome.errors.append(f"{type(error).__name__}: {error}")

    def _begin(self, file: StackFile | None, room: np.dtype[Any], redo: bool) -> None:
        """Take up the result that is there, or begin a new one."""
        output = self.outcome.output
        self._ledger = Ledger(output, digest([*identity(self._item.source), *self._series]))
        if output.exists() and not self._ledger.exists:
            raise UnwritableFileError(
                f"{output} is there already, and no result of a batch: remove it, or choose another folder."
            )
        if not is_there(output.parent):
            self._made.append(output.parent)
        make_folder(output.parent)
        if redo or not output.exists() or (file and not self._fits(file, room)):
            self._ledger.begin()
        self._begun = True
        if file and self._kind != "png" and not self._ledger.planes():
            create_labels(output, file, room)
            self._made.append(output)

    def tidy(self) -> None:
        """Leave nothing empty behind where no plane could be written."""
        output = self.outcome.output
        if not self._begun or self._ledger.planes():
            return
        if output.exists() and output not in self._made:
            return  # of an earlier run
        self._ledger.remove()
        for path in reversed(self._made):
            if path == output and path.is_dir():
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def _check_names(self, planes: Iterable[Index]) -> None:
        """Complain of names that no disk takes now rather than after minutes of work."""
        for path in (self.outcome.output, *map(self._picture, planes)):
            if path is not None:
                check_name(path)

    def _is_done(self, index: Index, key: str) -> bool:
        picture = self._picture(index)
        return self._ledger.has(index, key) and (picture is None or picture.exists())

    def _picture(self, index: Index) -> Path | None:
        if self._pictures is None:
            return None
        plane = f"_plane-{'-'.join(map(str, index))}" if self._kind != "png" and index else ""
        return self._pictures / f"{self._item.place.name}{plane}_overlay.png"

    def _fits(self, file: StackFile, room: np.dtype[Any]) -> bool:
        """Tell whether the volume that is there can take this image's labels."""
        if self._kind == "png":
            return True
        try:
            return open_labels(self.outcome.output, file).dtype.itemsize >= room.itemsize
        except UnreadableFileError:
            return False

    def _clear(self, planes: list[Index], file: StackFile) -> None:
        """Make planes background whose clicks are gone."""
        for index in planes:
            with self._ledger.writing(index):
                self._write_plane(index, np.zeros(file.stack.plane_shape, np.uint8), file)
            self._ledger.forget(index)

    def _write_plane(self, index: Index, labels: NDArray[Any], file: StackFile) -> None:
        volume = open_labels(self.outcome.output, file)
        volume.write(index, labels.astype(volume.dtype))


def _kind(file: StackFile | None, asked: str) -> str:
    if file is None or len(file.stack) == 1:
        return "png" if asked == "auto" else asked
    if asked == "png":
        raise ImageError(f"{file.path} has {len(file.stack)} planes, which no PNG holds: name a .zarr or .tif file.")
    if asked != "auto":
        return asked
    return file.kind


def _room(kind: str, largest: int) -> np.dtype[Any]:
    """Return the smallest dtype that holds the largest object id.

    Raises
    ------
    UnwritableFileError
        If the format has none.
    """
    dtype = np.min_scalar_type(largest)
    if dtype.itemsize > (2 if kind == "png" else 4):
        raise UnwritableFileError(f"Object {largest} is more than {kind} can hold: use smaller ids, or OME-TIFF.")
    return dtype
