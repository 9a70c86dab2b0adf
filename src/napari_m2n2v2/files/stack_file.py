"""What is known of a file of planes besides its pixels: the names, scale and units of its axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from napari_m2n2v2.errors import M2N2V2Error, UnreadableFileError
from napari_m2n2v2.files.read import reason_of
from napari_m2n2v2.images.stack import Stack

__all__ = ["OME_SYMBOLS", "StackFile", "unit_name"]

OME_SYMBOLS = {
    "angstrom": "Å", "picometer": "pm", "nanometer": "nm", "micrometer": "µm", "millimeter": "mm", "centimeter": "cm",
    "decimeter": "dm", "meter": "m", "kilometer": "km", "inch": "in", "foot": "ft",
    "nanosecond": "ns", "microsecond": "µs", "millisecond": "ms", "second": "s", "minute": "min", "hour": "h",
    "day": "d",
}  # fmt: skip
"""Names of units as OME-Zarr writes them, and their symbols in OME-XML."""


_SPOKEN = {"um": "micrometer", "micron": "micrometer", "microns": "micrometer", "sec": "second", "pixel": "", "": ""}


_NAMES = {symbol: name for name, symbol in OME_SYMBOLS.items()} | _SPOKEN


def unit_name(given: Any) -> str:
    """Return the name of a unit, such as "micrometer" for µm; an unknown one as it is, "" for none and for pixels."""
    symbol = str(given or "").strip().replace("\u03bc", "µ").replace("\\u00B5", "µ")
    return _NAMES.get(symbol, symbol)


@dataclass(frozen=True, eq=False)
class StackFile:
    """An opened file of planes; close it, or use it in a ``with``.

    Made by :func:`~napari_m2n2v2.files.open_stack.open_stack`.

    Parameters
    ----------
    path : Path
        Where it is.
    stack : Stack
        Its planes, read when they are asked for.
    axes : tuple of str
        The name of each axis of ``stack.shape``, lower case: "t", "c", "z", "y", "x", or "axis-0" where it has none.
    scale : tuple of float
        How far apart neighbours are on each axis, in its unit; 1 where nobody knows.
    units : tuple of str
        The unit of each axis, by its full name such as "micrometer" or "second"; "" where nobody knows.
    translation : tuple of float
        Where pixel 0 lies on each axis, in its unit.
    kind : str
        "ome-zarr" or "ome-tiff", whichever a label volume of the same kind would be; "image" for other formats.
    ngff : str
        The version of OME-Zarr it is in; "" for other kinds.
    """

    path: Path
    stack: Stack
    axes: tuple[str, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    translation: tuple[float, ...]
    kind: str
    ngff: str = ""
    _release: Callable[[], object] = field(default=lambda: None, repr=False)

    def read(self, index: Sequence[int], level: int = 0) -> NDArray[Any]:
        """Read one plane, and nothing else, as :meth:`Stack.read <napari_m2n2v2.images.stack.Stack.read>` does.

        Raises
        ------
        ImageError
            If there is no such plane.
        UnreadableFileError
            If the file is damaged there.
        """
        try:
            return self.stack.read(index, level)
        except M2N2V2Error:
            raise
        except Exception as error:  # every format's decoder raises its own
            raise UnreadableFileError(
                f"Plane {tuple(index)} of {self.path} cannot be read: {reason_of(error)}"
            ) from error

    def close(self) -> None:
        """Let go of the file; its planes cannot be read any more."""
        self._release()

    def __enter__(self) -> StackFile:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()
