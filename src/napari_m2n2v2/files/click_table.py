"""Tables of clicks on many images: CSV, also as napari saves its Points layers.

Convention: ``row``, ``col`` and the index of a plane are pixels of the full resolution, as in
:class:`~napari_m2n2v2.Click`; a napari ``axis-n`` is the same of the n-th axis.
"""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_m2n2v2.clicks import LARGEST_ID, Click
from napari_m2n2v2.errors import ClickError, ImageError, UnreadableFileError
from napari_m2n2v2.files.paths import no_file, one_form
from napari_m2n2v2.files.prompt_json import CLASSES, prompts_in
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.prompts import Box, Outline, Prompt, Scribble

__all__ = ["ClickTable", "TableClick", "read_click_table", "read_drawn"]

_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_PLACE = re.compile(r"axis-\d+|row|col|[a-z]")


_MOST_CLICKS = 20_000  # on one plane; each takes about 50 ms

_PLACE_PAIRS = (("row", "col"), ("y", "x"), ("axis-0", "axis-1"))


@dataclass(frozen=True)
class TableClick:
    """One line of a table that is bound to a plane.

    Parameters
    ----------
    line : int
        Counted as editors do, from 1.
    click : Prompt
        In the plane.
    """

    line: int
    click: Prompt


@dataclass(frozen=True)
class _Row:
    line: int
    image: str  # empty: every image
    place: Mapping[str, float]  # by column, those that are given
    axes: tuple[int, int] | None  # of its plane, as napari's own export of our clicks says
    prompt: Prompt  # a click anywhere, anything else where it is


@dataclass(frozen=True)
class ClickTable:
    """Clicks on images and on the planes of stacks. Made by :func:`read_click_table`.

    Parameters
    ----------
    path : Path
        Of the file.
    rows : tuple
        Its lines, in their order.
    unit : str
        What they are called.
    """

    path: Path
    rows: tuple[_Row, ...]
    unit: str = "line"

    @property
    def images(self) -> dict[str, int]:
        """Every image that is named, and the first line that does."""
        return {image: rows[0].line for image, rows in self._by_image.items() if image}

    @cached_property
    def _by_image(self) -> dict[str, list[_Row]]:
        found: dict[str, list[_Row]] = {}
        for row in self.rows:
            found.setdefault(row.image, []).append(row)
        return found

    def mentions(self, names: Sequence[str]) -> bool:
        """Tell whether there is a click on an image that may be called by these names."""
        return any(name in self._by_image for name in ("", *map(one_form, names)))

    def clicks_of(
        self, names: Sequence[str], axes: Sequence[str] = ("y", "x"), stack: Stack | None = None
    ) -> dict[Index, tuple[TableClick, ...]]:
        """Return the clicks on an image by plane, in the order of the table: its own, and those of every image.

        Parameters
        ----------
        names : sequence of str
            What the table may call it.
        axes : sequence of str
            The names of its axes.
        stack : Stack, optional
            Its planes; left out for an image of one plane whose size is not known yet.

        Raises
        ------
        ClickError
            If a line lacks a coordinate, has one too many, or names a plane or a pixel that is not there.
        """
        known = dict.fromkeys(("", *map(one_form, names)))
        own = [row for name in known for row in self._by_image.get(name, ())]
        found: dict[Index, list[TableClick]] = {}
        for row in sorted(own, key=lambda row: row.line):
            index, click = self._bound(row, axes, stack)
            clicks = found.setdefault(index, [])
            if len(clicks) == _MOST_CLICKS:
                raise self.error(
                    row.line,
                    f"this is the click after {_MOST_CLICKS} on one plane {index or ''}, which would be solved one by "
                    "one for hours: keep the few that each object needs",
                )
            clicks.append(TableClick(row.line, click))
        return {index: tuple(clicks) for index, clicks in sorted(found.items())}

    def error(self, line: int, reason: object) -> ClickError:
        """Return an error that says in which line."""
        return ClickError(f"{self.path.name}, {self.unit} {line}: {str(reason).rstrip('.')}.")

    def _bound(self, row: _Row, axes: Sequence[str], stack: Stack | None) -> tuple[Index, Prompt]:
        plane = stack.plane_axes if stack else (0, 1)
        shape = stack.shape if stack else (None, None)
        if row.axes is not None and stack and row.axes != plane:
            raise self.error(
                row.line,
                f"the click is in a plane of axes {row.axes[0]} and {row.axes[1]}, but planes of axes {plane[0]} and "
                f"{plane[1]} are segmented: leave such clicks out",
            )
        position: list[float] = []
        used: set[str] = set()
        for n, name in enumerate(axes):
            columns = list(dict.fromkeys((*(("row", "col")[i] for i in (0, 1) if plane[i] == n), name, f"axis-{n}")))
            given = {column: row.place[column] for column in columns if column in row.place}
            if len(set(given.values())) > 1:
                raise self.error(row.line, f"the columns {' and '.join(given)} say different things of one axis")
            if not given and shape[n] != 1:
                raise self.error(row.line, f"expected a number in the column {' or '.join(columns)}")
            position.append(next(iter(given.values()), 0.0))
            used |= given.keys()
        unused = [f"{column} {at:g}" for column, at in row.place.items() if column not in used and at != 0]
        if unused:
            raise self.error(row.line, f"{', '.join(unused)} is given, but the image has just {', '.join(axes)}")
        index, (y, x) = stack.split(position) if stack else ((), (position[0], position[1]))
        try:
            click = row.prompt.moved_to(y, x) if isinstance(row.prompt, Click) else row.prompt
            if stack:
                stack.check(index)
                click.pixels(stack.plane_shape)
        except (ClickError, ImageError) as error:
            raise self.error(row.line, error) from error
        return index, click


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
    lines = text.splitlines()
    between, skipped = _separator(lines)
    head = "".join(lines[skipped : skipped + 1])
    table = ClickTable(path, ())
    cells = _cells(table, lines[skipped:], between, skipped)
    columns = [name.strip().lower() for name in next(cells, (0, []))[1]]
    named = [name for name in columns if name]  # spreadsheets and pandas write columns without a name
    if len(set(named)) < len(named):
        raise UnreadableFileError(
            f"{path.name}, line {skipped + 1}: each column must have a name of its own, got {head[:60]!r}."
        )
    if not any({first, second} <= set(columns) for first, second in _PLACE_PAIRS):
        raise UnreadableFileError(
            f"{path.name}, line {skipped + 1}: expected the names of columns, with row and col among them (or axis-0, "
            f"axis-1, ... as napari saves points), got {head[:60]!r}."
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
        raise UnreadableFileError(f"{path} has no clicks: there is nothing to segment.")
    return ClickTable(path, tuple(rows))


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
        _Row(
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


def _row(line: int, values: Mapping[str, str]) -> _Row:
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
    return _Row(line, one_form(values.get("image", "")), place, across, prompt)


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
