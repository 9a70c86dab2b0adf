"""What a user keeps beside the clicks: columns of the features table that are not ours, through every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_m2n2v2._napari.layers.points import COLUMNS
from napari_m2n2v2.session.document import PlacedClick

if TYPE_CHECKING:
    from napari.layers import Points

__all__ = ["OwnColumns"]


class OwnColumns:
    """Remembers the user's values by click, so that one that is undone and brought back has them again."""

    def __init__(self) -> None:
        self._rows: tuple[PlacedClick, ...] = ()  # what the rows of the table are, as far as we know
        self._known: dict[Hashable, dict[str, Any]] = {}
        self._dtypes: dict[str, Any] = {}

    def look(self, points: Points, rows: Sequence[PlacedClick] | None = None) -> None:
        """See what the table says now; its rows are these clicks, or those that it showed last."""
        self._rows = self._rows if rows is None else tuple(rows)
        table = points.features
        if len(table) != len(self._rows):
            return
        self._dtypes = {str(name): table[name].dtype for name in table.columns if name not in COLUMNS}
        if self._dtypes:
            values = table[list(self._dtypes)].to_dict("records")
            self._known.update(zip(_keys(self._rows), values, strict=True))

    def beside(self, ours: dict[str, Any], placed: Sequence[PlacedClick]) -> pd.DataFrame:
        """Return a table of these columns and the user's for these clicks, which it shows from now on."""
        table = pd.DataFrame(ours)
        if self._dtypes:
            rows = [self._known.get(source, {}) for source in self._sources(placed)]
            for name, dtype in self._dtypes.items():
                is_whole = all(name in row for row in rows)
                values = [row.get(name) for row in rows]
                table[name] = pd.Series(values, index=table.index, dtype=dtype if is_whole else _with_gaps(dtype))
        self._rows = tuple(placed)
        return table

    def _sources(self, placed: Sequence[PlacedClick]) -> list[Hashable]:
        """Say whose values every click has: its own, or those of the one that was changed to it where it stands."""
        keys, before = _keys(placed), _keys(self._rows)
        if len(keys) != len(before):
            return keys
        gone, new = set(before) - set(keys), set(keys) - set(before)
        return [was if was in gone and key in new else key for key, was in zip(keys, before, strict=True)]


def _keys(placed: Iterable[PlacedClick]) -> list[Hashable]:
    """Name clicks, whoever placed them; two that are the same by their order."""
    seen: Counter[Hashable] = Counter()
    keys: list[Hashable] = []
    for one in placed:
        key = one.plane, one.click, one.region
        keys.append((key, seen[key]))
        seen[key] += 1
    return keys


def _with_gaps(dtype: Any) -> Any:
    """Return what holds values of a dtype and gaps: whole numbers become float, truth values objects."""
    kind = getattr(dtype, "kind", "O")
    return float if kind in "iu" else object if kind == "b" else dtype
