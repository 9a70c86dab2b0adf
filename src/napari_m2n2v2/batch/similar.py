"""Find objects like those of one label image in files: an image, a folder of images taken alike, a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.batch.items import Item, list_items
from napari_m2n2v2.errors import Cancelled, ImageError, M2N2V2Error, ParameterError, UnwritableFileError
from napari_m2n2v2.files.atomic import check_image_path, make_folder, write_image
from napari_m2n2v2.files.click_table import ClickTable
from napari_m2n2v2.files.open_stack import create_labels, open_stack
from napari_m2n2v2.files.stack_file import StackFile
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.similar.find import Likeness
from napari_m2n2v2.similar.pixels import Cues
from napari_m2n2v2.similar.plane import PlaneOf
from napari_m2n2v2.similar.proposals import Proposal, Proposals

__all__ = ["FoundFile", "FoundObject", "find_in_files"]


@dataclass(frozen=True, eq=False)
class FoundObject:
    """One object that was found.

    Parameters
    ----------
    index : tuple of int
        Its plane.
    id : int
        Its value in the labels written.
    proposal : Proposal
        What was found.
    """

    index: Index
    id: int
    proposal: Proposal


@dataclass(eq=False)
class FoundFile:
    """What became of one image or stack.

    Parameters
    ----------
    image, output : Path
        The image, and its labels.
    objects : list of FoundObject
        What was found, in the order of planes, the most certain of a plane first.
    to_check : list of tuple of int
        Planes where many are likely to be wrong: "check each".
    error : str
        Why there are no labels; empty if there are.
    """

    image: Path
    output: Path
    objects: list[FoundObject] = field(default_factory=list)
    to_check: list[Index] = field(default_factory=list)
    error: str = ""


def find_in_files(
    source: Path,
    examples: Path,
    output: Path,
    *,
    of: Path | None = None,
    ids: Iterable[int] | None = None,
    at_least: float = 0.0,
    cues: Cues = "both",
    contrast_limits: tuple[float, float] | None = None,
    format: str = "auto",
    progress: Progress | None = None,
) -> list[FoundFile]:
    """Write labels with all objects like the examples: those of the examples with their ids, and what was found.

    Parameters
    ----------
    source : Path
        An image, a stack, or a folder of them, taken alike.
    examples : Path
        Labels of one of them, or of another taken alike: a picture, or a volume of the stack's shape.
    output : Path
        Of the labels: of one image or stack a file, of a folder a folder.
    of : Path, optional
        The image of the examples. By default the source itself; in a folder the one called as the labels are.
    ids, cues, contrast_limits
        As :func:`~napari_m2n2v2.find_similar` takes them.
    at_least : float
        Certainty of what is written.
    format : str
        Of the labels of stacks: "auto", "ome-zarr" or "ome-tiff".
    progress : callable, optional
        Called with the share of images and planes done; raise :class:`~napari_m2n2v2.Cancelled` from it to stop. What
        was written by then stays, but for a stack that is not whole.

    Raises
    ------
    M2N2V2Error
        If there is no image, no example, or no place for labels. What is wrong with one image of several is said in
        its result, and the others go on.
    """
    if not 0 <= at_least <= 1:
        raise ParameterError(f"A certainty is from 0 to 1, got {at_least:g}.")
    report = progress or silent
    items = list_items(source, output, format, ClickTable(Path("no clicks"), ()))
    image = _image_of(examples, of, items, source)
    known = _read_examples(examples, image)
    likeness = _learn(image, known, ids, cues, contrast_limits)
    found = []
    for n, item in enumerate(items):
        said = FoundFile(item.source, item.output("png"))

        def share(done: float, stage: str, n: int = n, name: str = item.source.name) -> None:
            report((n + done) / len(items), f"{name}: {stage}")

        try:
            said.output = _place(item, {examples.resolve(), image})
            _find(said, item, likeness, known if item.source == image else {}, at_least, share)
        except Cancelled:
            raise
        except M2N2V2Error as error:
            if len(items) == 1:
                raise
            said.error = str(error)
        found.append(said)
    return found


def _image_of(examples: Path, of: Path | None, items: list[Item], source: Path) -> Path:
    """Return the image that the examples are of."""
    if of is not None:
        return of.resolve()
    if not source.is_dir() or len(items) == 1:
        return items[0].source
    names = {examples.stem, examples.stem.removesuffix(".ome")}
    called = [item.source for item in items if names & {*item.names, item.source.stem}]
    if len(called) != 1:
        raise ParameterError(
            f"Which image of {source} are the examples of {examples.name} on? None is called so: name it by "
            "--of IMAGE, in Python by of=."
        )
    return called[0]


def _read_examples(path: Path, image: Path) -> dict[Index, NDArray[Any]]:
    """Read the planes of a label file that have any.

    Raises
    ------
    ImageError
        If its planes are not those of the image.
    """
    with open_stack(path) as labels, open_stack(image) as file:
        mine, theirs = labels.stack, file.stack
        same = mine.index_shape == theirs.index_shape or len(mine) == len(theirs) == 1
        if mine.rgb or not same or mine.plane_shape != theirs.plane_shape:
            raise ImageError(
                f"The examples in {path} must be labels of the shape of {image.name}, {theirs.shape}; "
                f"got {mine.shape}{' in colour' if mine.rgb else ''}."
            )
        planes = ((index, labels.read(there)) for index, there in zip(theirs, mine, strict=True))
        return {index: plane for index, plane in planes if plane.any()}


def _learn(
    image: Path,
    known: Mapping[Index, NDArray[Any]],
    ids: Iterable[int] | None,
    cues: Cues,
    limits: tuple[float, float] | None,
) -> Likeness:
    if not known:
        raise ParameterError("There is no example: the labels are all background.")
    with open_stack(image) as file:
        pairs = [(PlaneOf(file.stack, index), labels) for index, labels in known.items()]
        return Likeness.learn(pairs, ids=ids, cues=cues, contrast_limits=limits)


def _place(item: Item, read: set[Path]) -> Path:
    """Choose where labels go, and never to what is read.

    Raises
    ------
    UnwritableFileError
    """
    with open_stack(item.source) as file:
        kind = item.format if item.format != "auto" else file.kind
        kind = "png" if len(file.stack) == 1 and item.format in ("auto", "png") else kind
    output = item.output("ome-tiff" if kind == "image" else kind)
    if output.resolve() in read:
        raise UnwritableFileError(f"The labels {output} would replace an image or the examples: choose another name.")
    return output


def _find(
    said: FoundFile,
    item: Item,
    likeness: Likeness,
    known: Mapping[Index, NDArray[Any]],
    at_least: float,
    report: Callable[[float, str], None],
) -> None:
    make_folder(said.output.parent)
    with open_stack(item.source) as file:
        planes = _planes(said, file, likeness, known, at_least, report)
        if len(file.stack) == 1 and said.output.suffix.lower() in (".png", ".tif", ".tiff", ".bmp"):
            check_image_path(said.output, exact=True)
            labels = next(planes)[1]
            write_image(said.output, labels.astype(np.min_scalar_type(max(int(labels.max()), 1))))
            return
        volume = create_labels(said.output, file, np.uint32)
        for index, labels in planes:
            volume.write(index, labels)


def _planes(
    said: FoundFile,
    file: StackFile,
    likeness: Likeness,
    known: Mapping[Index, NDArray[Any]],
    at_least: float,
    report: Callable[[float, str], None],
) -> Iterator[tuple[Index, NDArray[np.int64]]]:
    """Find in plane after plane, note what is found, and give its labels."""
    following = max((int(labels.max()) for labels in known.values()), default=0) + 1
    for n, index in enumerate(file.stack):

        def share(done: float, stage: str, n: int = n) -> None:
            report((n + done) / len(file.stack), stage)

        there = known.get(index)
        found: Proposals = likeness.find(PlaneOf(file.stack, index), there, progress=share)
        shown = found.at_least(at_least)
        drawn = found.labels(following, at_least).astype(np.int64)
        if there is not None:
            drawn[there > 0] = there[there > 0]
        said.objects += [FoundObject(index, following + k, one) for k, one in enumerate(shown)]
        following += len(shown)
        if found.advice == "check each":
            said.to_check.append(index)
        yield index, drawn
