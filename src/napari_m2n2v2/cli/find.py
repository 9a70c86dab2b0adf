"""The command line of similar objects: ``napari-m2n2v2 find IMAGE|FOLDER|STACK --examples LABELS``."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2v2.cli.segment import limits

if TYPE_CHECKING:
    from napari_m2n2v2.batch.similar import FoundFile

__all__ = ["add_commands"]

_COLUMNS = (
    "image", "plane", "object", "row", "col", "area", "certainty", "size", "shape", "contrast", "look", "why",
)  # fmt: skip


def add_commands(commands: Any) -> None:
    """Add ``find`` to the command line's sub-parsers. Cheap: imports nothing of the engine."""
    find = commands.add_parser("find", help="find all objects like a few labelled ones, in images or in a stack")
    find.add_argument("image", type=Path, metavar="IMAGE|FOLDER|STACK", help="an image, a stack, or a folder of them")
    find.add_argument(
        "--examples", type=Path, required=True, metavar="LABELS",
        help="a label image with one to a few objects, or a volume of labels for a stack",
    )  # fmt: skip
    find.add_argument(
        "--of", type=Path, metavar="IMAGE",
        help="the image that the examples are of, if it is not IMAGE, or the one of FOLDER called as LABELS is",
    )  # fmt: skip
    find.add_argument("--ids", type=_ids, metavar="ID,...", help="which of the labels are examples (all)")
    find.add_argument(
        "-o", "--output", type=Path, required=True, metavar="LABELS",
        help="a .png or .tif; for a stack a .zarr or .tif, for a FOLDER a folder: the examples and what was found",
    )  # fmt: skip
    find.add_argument("--table", type=Path, metavar="CSV", help="a line for each object found: where, how certain, why")
    find.add_argument(
        "--at-least", type=float, default=0.0, metavar="CERTAINTY", help="leave out what is less certain (%(default)s)"
    )
    find.add_argument(
        "--cues", choices=["both", "colour", "texture"], default="both", help="what tells objects (%(default)s)"
    )
    find.add_argument("--contrast", type=limits, metavar="LOW,HIGH", help="values shown black and white")
    find.add_argument(
        "--format", choices=["auto", "ome-zarr", "ome-tiff"], default="auto", help="of the labels of stacks"
    )
    find.set_defaults(run=_find)


def _find(options: argparse.Namespace) -> int:
    from napari_m2n2v2.batch.similar import find_in_files
    from napari_m2n2v2.cli.progress import shares
    from napari_m2n2v2.errors import UnwritableFileError
    from napari_m2n2v2.files.atomic import check_place, write_whole
    from napari_m2n2v2.files.paths import first_replaced

    if options.table:
        check_place(options.table)
        if replaced := first_replaced(options.table, _other_files(options)):
            raise UnwritableFileError(f"The table {options.table} would replace {replaced}: choose another name.")
    found = find_in_files(
        options.image, options.examples, options.output, of=options.of, ids=options.ids, at_least=options.at_least,
        cues=options.cues, contrast_limits=options.contrast, format=options.format,
        progress=shares() if sys.stderr.isatty() else None,
    )  # fmt: skip
    if options.table:
        write_whole(options.table, lambda path: _write_table(path, found))
    for one in found:
        print(f"{one.output}: {len(one.objects)} found" if not one.error else f"{one.image}: failed")
        if one.error:
            print(f"napari-m2n2v2: {one.image.name}: {one.error}", file=sys.stderr)
        elif one.to_check:
            planes = f", in {len(one.to_check)} planes" if one.to_check != [()] else ""
            print(f"napari-m2n2v2: {one.image.name}: check each{planes}: many may be wrong", file=sys.stderr)
    return 1 if any(one.error for one in found) else 0


def _other_files(options: argparse.Namespace) -> Iterator[Path]:
    """Go through what the table must not replace."""
    from napari_m2n2v2.files.open_stack import is_image, is_zarr

    is_one = not options.image.is_dir() or is_zarr(options.image)
    yield from (options.image,) if is_one else filter(is_image, options.image.iterdir())
    yield from filter(None, (options.examples, options.of))
    if options.output.suffix:  # a file, or zarr
        yield options.output


def _write_table(path: Path, found: Sequence[FoundFile]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        table.writerows(row for one in found for row in _rows(one))


def _rows(found: FoundFile) -> Iterator[tuple[Any, ...]]:
    for one in found.objects:
        why, (row, col) = one.proposal.why, one.proposal.seed
        shares = (one.proposal.certainty, why.size, why.shape, why.contrast, why.look)
        plane = ",".join(map(str, one.index))
        numbers = (f"{share:.4f}" for share in shares)
        yield found.image.name, plane, one.id, row, col, one.proposal.area, *numbers, why.text


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 1,2,5, got {text!r}") from None
