"""Read tables of clicks: CSV, also as napari saves its Points layers, GeoJSON, and boxes of COCO annotations."""

from __future__ import annotations

import codecs
import json
from dataclasses import replace
from pathlib import Path

from napari_m2n2v2.errors import UnreadableFileError
from napari_m2n2v2.files.click_csv import rows_of_csv
from napari_m2n2v2.files.click_table import ClickTable, Row
from napari_m2n2v2.files.paths import no_file, one_form
from napari_m2n2v2.files.prompt_json import prompts_in
from napari_m2n2v2.prompts import Prompt

__all__ = ["read_click_table", "read_drawn"]


def read_click_table(path: Path) -> ClickTable:
    """Read clicks from CSV: commas, semicolons or tabs; UTF-8 or UTF-16; the first line names the columns.

    A line before it such as ``sep=;``, as spreadsheets write it, says what stands between cells. Where that is no
    comma, numbers may have decimal commas.

    ``image``
        The name of a file, with or without its ending, in either form of Unicode. Empty or left out: the click is
        placed on every image.
    ``row`` and ``col``, or ``y`` and ``x``
        Where, in pixels.
    ``z``, ``t``, ``c`` or any axis of one letter, ``axis-0``, ``axis-1``, ...
        Which plane of a stack. ``axis-n`` may stand for any axis, as in napari's own export of Points.
    ``class``
        foreground or background, fg or bg, 1 or 0; foreground if empty.
    ``object``
        Which object, 1 to 2147483647; 1 if empty.
    ``threshold``
        How far the click reaches, 0 to 1; the best if empty.
    ``row1`` and ``col1``
        The corner of a box opposite to row and col. A click if empty.
    ``points``
        The further points of a scribble that begins at row and col, as in ``40 60; 44 90``. A click if empty.
    ``shape``
        "outline" for what such a line encloses.
    ``axes``
        The two axes of the plane, counted from 0, as the dock's clicks have them; those of the stack if empty.

    Other columns are left alone. Of a file whose name ends in ``.json`` or ``.geojson``, what
    :func:`~napari_m2n2v2.files.prompt_json.prompts_in` reads: GeoJSON, or the boxes of COCO annotations.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is no table of clicks.
    ClickError
        If a line is wrong; the first such line is told.
    """
    try:
        text = _decoded(path.read_bytes())
    except FileNotFoundError as error:
        raise no_file(path, "a table of clicks") from error
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"{path} cannot be read as a table of clicks: byte {error.start} is no text in {error.encoding.upper()}. "
            "Save it as CSV in UTF-8."
        ) from error
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read as a table of clicks: {error}") from error
    if path.suffix.lower() in (".json", ".geojson"):
        return _table_of_json(path, text)
    empty = ClickTable(path, ())
    return replace(empty, rows=rows_of_csv(empty, text))


def read_drawn(path: Path) -> tuple[Prompt, ...]:
    """Read the prompts on one image from GeoJSON, whichever image they name.

    Raises
    ------
    UnreadableFileError
        If there is no such file, or it is of another kind.
    """
    try:
        text = _decoded(path.read_bytes())
    except FileNotFoundError as error:
        raise no_file(path, "GeoJSON") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"{path} cannot be read as GeoJSON: {error}") from error
    return tuple(row.prompt for row in _table_of_json(path, text).rows)


def _table_of_json(path: Path, text: str) -> ClickTable:
    try:
        found = list(prompts_in(json.loads(text)))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableFileError(f"{path} cannot be read as prompts: {error}. See docs/prompts.md.") from error
    if not found:
        raise UnreadableFileError(f"{path} has no prompts: there is nothing to segment.")
    rows = (
        Row(
            one.number,
            one_form(one.image),
            {**one.place, "row": one.prompt.row, "col": one.prompt.col},
            None,
            one.prompt,
        )
        for one in found
    )
    return ClickTable(path, tuple(rows), "number")


def _decoded(content: bytes) -> str:
    """Read UTF-8, or UTF-16 where a mark at the beginning says so, as spreadsheets write "Unicode text"."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_wide else "utf-8-sig")
