"""Lines of a table of clicks as text: CSV, also as spreadsheets and napari's Points layers write it.

The columns are those of :func:`~napari_m2n2v2.batch.read_click_table`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from napari_m2n2v2.clicks import LARGEST_ID, Click
from napari_m2n2v2.errors import UnreadableFileError
from napari_m2n2v2.files.click_table import ClickTable, Row
from napari_m2n2v2.files.paths import one_form
from napari_m2n2v2.files.prompt_json import CLASSES
from napari_m2n2v2.prompts import Box, Outline, Prompt, Scribble

__all__ = ["rows_of_csv"]

_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_PLACE = re.compile(r"axis-\d+|row|col|[a-z]")
_PLACE_PAIRS = (("row", "col"), ("y", "x"), ("axis-0", "axis-1"))


def rows_of_csv(table: ClickTable, text: str) -> tuple[Row, ...]:
    """Return what each line says that is not empty.

    Parameters
    ----------
    table : ClickTable
        In whose name errors speak; its rows are not asked.
    text : str
        Of the file, decoded.

    Raises
    ------
    UnreadableFileError
        If the columns are none of a table of clicks, or no line follows them.
    ClickError
        If a line is wrong; the first such line is told.
    """
    lines = text.splitlines()
    between, skipped = _separator(lines)
    head = "".join(lines[skipped : skipped + 1])
    cells = _cells(table, lines[skipped:], between, skipped)
    columns = [name.strip().lower() for name in next(cells, (0, []))[1]]
    named = [name for name in columns if name]  # spreadsheets and pandas write columns without a name
    if len(set(named)) < len(named):
        raise UnreadableFileError(
            f"{table.path.name}, line {skipped + 1}: each column must have a name of its own, got {head[:60]!r}."
        )
    if not any({first, second} <= set(columns) for first, second in _PLACE_PAIRS):
        raise UnreadableFileError(
            f"{table.path.name}, line {skipped + 1}: expected the names of columns, with row and col among them (or "
            f"axis-0, axis-1, ... as napari saves points), got {head[:60]!r}."
        )
    rows = []
    for line, row in cells:
        if any(cell.strip() for cell in row):
            if len(row) != len(columns):
                raise table.error(line, f"expected {len(columns)} columns, got {len(row)}")
            values = dict(zip(columns, (cell.strip() for cell in row), strict=True))
            values |= {name: _plain(text, between) for name, text in values.items() if name != "image"}
            try:
                rows.append(_row(line, values))
            except ValueError as error:
                raise table.error(line, error) from error
    if not rows:
        raise UnreadableFileError(f"{table.path} has no clicks: there is nothing to segment.")
    return tuple(rows)


def _plain(text: str, between: str) -> str:
    """Return what a cell says, with a point in numbers: where commas do not part cells, one is a decimal comma."""
    return text.replace(",", ".") if between != "," and _DECIMAL_COMMA.fullmatch(text) else text


def _separator(lines: Sequence[str]) -> tuple[str, int]:
    """Return what stands between cells, and how many lines only say so."""
    head = lines[0] if lines else ""
    said = _SEPARATOR.fullmatch(head.strip(" "))
    return (said[1], 1) if said else (max(",;\t", key=head.count), 0)


def _cells(table: ClickTable, lines: Sequence[str], between: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows, with the line in which each begins: a quoted cell may hold several.

    Raises
    ------
    ClickError
        If a row is none, as after a quote that is not closed.
    """
    reader = csv.reader(lines, delimiter=between, strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise table.error(
                line, f"the cells cannot be told apart from here on ({error}): is a quotation mark left open, or alone?"
            ) from error
        yield line, row


def _row(line: int, values: Mapping[str, str]) -> Row:
    label = values.get("class", "").lower()
    if label not in CLASSES:
        raise ValueError(f"expected the class foreground or background (or 1 or 0), got {values['class']!r}")
    object_id = _number("object", values.get("object") or "1")
    if object_id != int(object_id) or not 1 <= object_id <= LARGEST_ID:
        raise ValueError(f"expected a whole object number from 1 to {LARGEST_ID}, got {values['object']!r}")
    threshold = values.get("threshold", "").lower()
    reach = None if threshold in ("", "nan", "none") else _number("threshold", threshold)
    if reach is not None and not 0 <= reach <= 1:
        raise ValueError(f"expected a threshold between 0 and 1, got {threshold!r}")
    place = {name: _number(name, text) for name, text in values.items() if text and _PLACE.fullmatch(name)}
    axes = values.get("axes", "").split()
    if axes and (len(axes) != 2 or not all(axis.isdecimal() for axis in axes)):
        raise ValueError(f"expected two axes such as '1 2', got {values['axes']!r}")
    across = (int(axes[0]), int(axes[1])) if axes else None
    prompt = _drawn(values, place, Click(0, 0, CLASSES[label], int(object_id), reach))
    return Row(line, one_form(values.get("image", "")), place, across, prompt)


def _drawn(values: Mapping[str, str], place: Mapping[str, float], click: Click) -> Prompt:
    """Return the box, scribble or outline of a row, or the click if it is none of these."""
    corner, line, shape = (values.get("row1"), values.get("col1")), values.get("points"), values.get("shape", "")
    if not (any(corner) or line or shape not in ("", "click")):
        return click
    row, col = place.get("row", place.get("y")), place.get("col", place.get("x"))
    if row is None or col is None:
        raise ValueError("a box, scribble or outline begins in the columns row and col")
    if any(corner):
        return Box(row, col, _number("row1", corner[0] or ""), _number("col1", corner[1] or ""), click.object_id)
    further = [part.split() for part in (line or "").split(";") if part.strip()]
    if any(len(part) != 2 for part in further):
        raise ValueError(f"expected points such as '40 60; 44 90', got {line!r}")
    points = ((row, col), *((_number("points", down), _number("points", across)) for down, across in further))
    if shape == "outline":
        return Outline(points, click.object_id)
    if shape not in ("", "scribble"):
        raise ValueError(f"expected the shape click, scribble, box or outline, got {shape!r}")
    return Scribble(points, click.foreground, click.object_id, click.threshold)


def _number(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"expected a number in the column {column}, got {text!r}")
    return value
