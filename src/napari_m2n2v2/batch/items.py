"""Which images a batch is about, and where the result of each goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_m2n2v2.errors import ParameterError, UnreadableFileError, UnwritableFileError
from napari_m2n2v2.files.click_table import ClickTable
from napari_m2n2v2.files.masks import MASK_ENDINGS
from napari_m2n2v2.files.open_stack import is_image, is_zarr
from napari_m2n2v2.files.paths import is_file, is_there, no_file, one_form
from napari_m2n2v2.files.read import ENDINGS

__all__ = ["FORMATS", "Item", "list_items"]

FORMATS = {name: MASK_ENDINGS[name] for name in ("png", "ome-zarr", "ome-tiff")}
"""What results may be written as, and how their names end."""

_SUFFIXES = {".png": "png", ".zarr": "ome-zarr", ".tif": "ome-tiff", ".tiff": "ome-tiff"}


@dataclass(frozen=True)
class Item:
    """One image or stack of a batch.

    Parameters
    ----------
    source : Path
        The image.
    names : tuple of str
        What a table of clicks may call it.
    place : Path
        Where its result goes, but for the ending.
    exact : Path or None
        The file that was asked for, with its ending.
    format : str
        One of :data:`FORMATS` that was asked for; "auto" for PNG, or the kind of the input where that is a stack.
    """

    source: Path
    names: tuple[str, ...]
    place: Path
    exact: Path | None
    format: str

    def output(self, kind: str) -> Path:
        """Return the file or folder of the result, given which of :data:`FORMATS` it is."""
        return self.exact or self.place.with_name(self.place.name + FORMATS[kind])


def list_items(source: Path, output: Path, format: str, table: ClickTable) -> list[Item]:
    """List the images of a folder, or the one that is named.

    Parameters
    ----------
    source : Path
        A folder with images and stacks in it, not searched deeper; or one of them.
    output : Path
        A folder; for a single one also the file of its result.
    format : str
        "auto", "ome-zarr" or "ome-tiff".
    table : ClickTable
        To find out whether it names images that are not there.

    Raises
    ------
    UnreadableFileError
        If there is no image.
    ClickError
        If the table names one that is not there.
    UnwritableFileError
        If a result would replace an image.
    ParameterError
        If there is no such format.
    """
    if format not in ("auto", "ome-zarr", "ome-tiff"):
        raise ParameterError(f"Expected the format auto, ome-zarr or ome-tiff, got {format!r}.")
    if not is_there(source):
        raise no_file(source, "a folder of images, or an image")
    source = source.resolve()
    if source.is_dir() and not is_zarr(source):
        sources = sorted(path for path in source.iterdir() if is_image(path))
        if not sources:
            raise UnreadableFileError(f"There is no image in {source}: expected {', '.join(ENDINGS)} or zarr.")
        items = _in_folder(sources, output.resolve(), format)
        known = {one_form(name) for item in items for name in item.names}
        for name, line in table.images.items():
            if name not in known:
                kinds = f", expected {', '.join(ENDINGS)} or zarr" if is_there(source / name) else ""
                raise table.error(line, f"there is no image {name!r} in {source}{kinds}")
    else:
        items = [_single(source, output.resolve(), format)]
    _check_apart(items)
    return items


def _in_folder(sources: Sequence[Path], output: Path, format: str) -> list[Item]:
    if output == sources[0].parent:
        raise UnwritableFileError(
            f"Results need a folder of their own: in {output} they would be taken for images the next time."
        )
    if is_file(output) or output.suffix.lower() in _SUFFIXES:
        raise UnwritableFileError(f"Results of many images need a folder, but {output} is the name of a file.")
    # Two images that differ in their ending only must not share a result.
    often = Counter(_stem(path) for path in sources)
    return [
        Item(path, (path.name,), output / path.name, None, format)
        if often[_stem(path)] > 1
        else Item(path, (path.name, path.stem, _stem(path)), output / _stem(path), None, format)
        for path in sources
    ]


def _single(source: Path, output: Path, format: str) -> Item:
    names = (source.name, source.stem, _stem(source))
    kind = _SUFFIXES.get(output.suffix.lower())
    if kind is None:
        return Item(source, names, output / _stem(source), None, format)
    if format not in ("auto", kind):
        raise ParameterError(f"The name {output.name} says {kind}, but the format {format} is asked for.")
    return Item(source, names, output.with_suffix(""), output, kind)


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".ome")


def _check_apart(items: Sequence[Item]) -> None:
    sources = {item.source for item in items}
    for item in items:
        for place in {item.output(kind) for kind in FORMATS}:
            if place in sources or any(parent in sources for parent in place.parents):
                raise UnwritableFileError(
                    f"The result {place} would replace an image, or lie inside it: choose another folder for results."
                )
