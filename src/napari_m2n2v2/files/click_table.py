"""Clicks on many images, by image and plane.

Convention: ``row``, ``col`` and the index of a plane are pixels of the full resolution, as in
:class:`~napari_m2n2v2.Click`; a napari ``axis-n`` is the same of the n-th axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, ImageError
from napari_m2n2v2.files.paths import one_form
from napari_m2n2v2.images.stack import Index, Stack
from napari_m2n2v2.prompts import Prompt

__all__ = ["ClickTable", "Row", "TableClick"]

_MOST_CLICKS = 20_000  # on one plane; each takes about 50 ms


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
class Row:
    """What one line says, before it is known of which planes its image is."""

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
    rows: tuple[Row, ...]
    unit: str = "line"

    @property
    def images(self) -> dict[str, int]:
        """Every image that is named, and the first line that does."""
        return {image: rows[0].line for image, rows in self._by_image.items() if image}

    @cached_property
    def _by_image(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
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

    def _bound(self, row: Row, axes: Sequence[str], stack: Stack | None) -> tuple[Index, Prompt]:
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
