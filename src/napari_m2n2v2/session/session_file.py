"""Session files: everything needed to get the same masks again, as readable JSON.

A file holds one :class:`~napari_m2n2v2.session.document.Document`, of one session or of all that was clicked in a stack
or in the parts of a large image. The dataclasses here are its rows, which pydantic reads: nothing is taken from a file,
whoever made it, that is not of the right kind and inside the image.
"""

from __future__ import annotations

import base64
import codecs
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, with_config
from pydantic_core import from_json

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, ImageError, M2N2V2Error, UnreadableFileError
from napari_m2n2v2.files.atomic import write_whole
from napari_m2n2v2.files.paths import is_file
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.session.carried import Carried
from napari_m2n2v2.session.document import Document, Fingerprint, Outcome, Place, PlacedClick, PlaneKey, by_object
from napari_m2n2v2.session.provenance import Provenance

if TYPE_CHECKING:
    from napari_m2n2v2.session.session import Session

__all__ = ["SessionFile", "load_session", "save_session"]

SessionFile = Document
"""What a session file says."""


_FORMAT = "napari-m2n2v2 session"


_NAMED_LATER = {
    "centred_start", "boundary_distance", "least_disc", "most_disc", "refinement", "refinement_band",
    "refinement_window", "refinement_epsilon", "refinement_rounds", "refinement_trust", "score_contrast",
}  # fmt: skip
_VERSION = 2


_MOST_TO_ONE = 1032  # bytes that zlib can make of one


def save_session(path: str | Path, session: Session | Document) -> None:
    """Write a session file, whole or not at all.

    Raises
    ------
    UnwritableFileError
        If it cannot be written there.
    """
    file = _File.of(session if isinstance(session, Document) else Document.of(session))
    text = json.dumps(_written(file), indent=2)
    write_whole(Path(path), lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def load_session(path: str | Path) -> Document:
    """Read a session file.

    Raises
    ------
    UnreadableFileError
        If there is no such file, it is something else, damaged, or of another version than this one knows.
    """
    if not is_file(Path(path)):
        raise UnreadableFileError(f"{path} cannot be read as a session file: there is no such file.")
    try:
        text = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8)  # which editors add
        content = from_json(text)
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} cannot be read as a session file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise UnreadableFileError(f'{path} is no session file: expected JSON with "format": "{_FORMAT}".')
    if (version := content.get("format_version")) != _VERSION:
        newer = isinstance(version, int) and version > _VERSION
        raise UnreadableFileError(
            f"{path} is a session file of version {version}, and this napari-m2n2v2 reads version {_VERSION}. "
            + ("Install a newer one." if newer else "It was written before the first release, and has to be made anew.")
        )
    try:
        return _FILE.validate_json(text).document()
    except ValidationError as error:
        raise UnreadableFileError(f"{path} is damaged: {_first_of(error)}") from error
    except M2N2V2Error as error:
        raise UnreadableFileError(f"{path} is damaged: {error}") from error


def _written(file: _File) -> dict[str, Any]:
    """Leave out parameters that files of this version did not have at first, where they are as in the paper."""
    content = asdict(file)
    named, paper = content["segmentation_parameters"], asdict(SegmentationParameters.paper())
    content["segmentation_parameters"] = {
        name: value for name, value in named.items() if name not in _NAMED_LATER or value != paper[name]
    }
    return content


def _first_of(error: ValidationError) -> str:
    """Say what is wrong first, and where, in a line."""
    first = error.errors(include_url=False)[0]
    place, got = ".".join(map(str, first["loc"])), repr(first["input"])
    if first["type"] == "value_error":  # ours, which says what came
        return f"{place}: {first['ctx']['error']}"
    return f"{place}: {first['msg']}, got {got if len(got) < 80 else got[:80] + '...'}"


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Keep 3 as 3 where 3.0 is meant, so that a file is written back byte for byte."""
    check(value)
    return value


_Whole = Annotated[int, Field(ge=0, lt=2**31)]
_FromOne = Annotated[int, Field(ge=1, lt=2**31)]
_Number = Annotated[float, WrapValidator(_as_written)]


@dataclass(frozen=True)
class _OfPlane(PlaneKey):
    """A row that begins with its plane."""

    @property
    def plane(self) -> PlaneKey:
        return PlaneKey(self.axes, self.index)


@dataclass(frozen=True, kw_only=True)
class _Part(_OfPlane):
    """A place with clicks, and what its masks came from where they were there."""

    region: tuple[_Whole, _Whole, _Whole, _Whole, _Whole] | None
    provenance: Provenance | None
    labels_sha256: str

    @classmethod
    def of(cls, place: Place, outcome: Outcome | None) -> _Part:
        return cls(
            **asdict(place[0]),
            region=None if place[1] is None else astuple(place[1]),
            provenance=None if outcome is None else outcome.provenance,
            labels_sha256="" if outcome is None else outcome.labels_sha256,
        )

    @property
    def place(self) -> Place:
        return self.plane, None if self.region is None else Region(*self.region)

    @property
    def outcome(self) -> Outcome | None:
        if self.provenance is None or not self.labels_sha256:  # the masks were still to come
            return None
        return Fingerprint(self.provenance, self.labels_sha256)


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """The labels of a box."""

    shape: tuple[_Whole, _Whole]
    zlib_base64_int32: str

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> _Labels:
        data = zlib.compress(labels.astype("<i4").tobytes())
        return cls(shape=labels.shape, zlib_base64_int32=base64.b64encode(data).decode("ascii"))

    def unpacked(self) -> NDArray[np.int32]:
        """Return them; no more is unpacked than the shape says."""
        size = 4 * self.shape[0] * self.shape[1]
        try:
            data = base64.b64decode(self.zlib_base64_int32, validate=True)
            stream = zlib.decompressobj()
            raw = stream.decompress(data, size + 1) if size <= _MOST_TO_ONE * len(data) else b""
        except (ValueError, zlib.error) as error:
            raise UnreadableFileError(f"labels to start from cannot be unpacked: {error}") from error
        if len(raw) != size or not stream.eof:
            raise UnreadableFileError(f"labels to start from are not as many as their shape {self.shape} says")
        return np.frombuffer(raw, dtype="<i4").astype(np.int32).reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class _Start(_OfPlane):
    """What labels a plane began with."""

    row: _Whole
    col: _Whole
    labels: _Labels

    @classmethod
    def of(cls, plane: PlaneKey, start: Boxed) -> _Start:
        return cls(**asdict(plane), row=start.row, col=start.col, labels=_Labels.of(start.values))

    def patch(self, shape: tuple[int, int]) -> Boxed:
        """Return the labels, after a look at whether they are inside a plane of ``shape``."""
        bottom, right = self.row + self.labels.shape[0], self.col + self.labels.shape[1]
        if bottom > shape[0] or right > shape[1]:
            box = self.row, bottom, self.col, right
            raise ImageError(f"There are labels in rows and columns {box}, which are not inside {shape}.")
        return Boxed(self.row, self.col, self.labels.unpacked())


@dataclass(frozen=True, kw_only=True)
class _Carried(_OfPlane):
    """What is known of an object in a plane that it was carried to."""

    object_id: _FromOne
    doubt: _Number | None
    axis: _Whole
    direction: Annotated[int, Field(ge=-1, le=1)]
    stopped: str

    @classmethod
    def of(cls, known: Carried) -> _Carried:
        doubt = None if math.isnan(known.doubt) else known.doubt
        return cls(
            **asdict(known.plane), object_id=known.object_id, doubt=doubt, axis=known.axis,
            direction=known.direction, stopped=known.stopped,
        )  # fmt: skip

    def known(self, placed: Mapping[tuple[PlaneKey, int], list[PlacedClick]]) -> Carried:
        """Return it with the clicks that are there, by plane and object."""
        clicks = tuple(p.click for p in placed.get((self.plane, self.object_id), ()))
        doubt = math.nan if self.doubt is None else self.doubt
        return Carried(self.plane, self.object_id, clicks, doubt, self.axis, self.direction, self.stopped)


@dataclass(frozen=True, kw_only=True)
class _Click(Click):
    """A click, which of the parts it was placed in, and whether propagation placed it."""

    row: _Number
    col: _Number
    object_id: _FromOne = 1
    threshold: _Number | None = None
    part: _Whole
    carried: bool

    @property
    def click(self) -> Click:
        return Click(**{f.name: getattr(self, f.name) for f in fields(Click)})


@dataclass(frozen=True, kw_only=True)
class _Parameters(SegmentationParameters):
    """Parameters as files have them: what was named later is, where it is not said, as in the paper."""

    centred_start: bool = False
    boundary_distance: bool = False
    least_disc: bool = False
    refinement: bool = False
    refinement_trust: int = 1
    score_contrast: bool = False

    @property
    def now(self) -> SegmentationParameters:
        return SegmentationParameters(**asdict(self))


@with_config(strict=True, extra="forbid", allow_inf_nan=False)
@dataclass(frozen=True, kw_only=True)
class _File:
    """All of a file, in its order."""

    format: str = _FORMAT
    format_version: int = _VERSION
    shape: Annotated[tuple[_FromOne, ...], Field(min_length=2, max_length=64)]
    compete: bool
    segmentation_parameters: _Parameters
    versions: dict[str, str]
    parts: tuple[_Part, ...]
    starts: tuple[_Start, ...]
    carried: tuple[_Carried, ...] = ()
    clicks: tuple[_Click, ...]

    @classmethod
    def of(cls, document: Document) -> _File:
        numbers = {place: n for n, place in enumerate(document.solutions)}
        return cls(
            shape=document.shape,
            compete=document.compete,
            segmentation_parameters=_Parameters(**asdict(document.segmentation_parameters)),
            versions=dict(document.versions),
            parts=tuple(_Part.of(*item) for item in document.solutions.items()),
            starts=tuple(_Start.of(*item) for item in document.starts.items()),
            carried=tuple(map(_Carried.of, document.carried)),
            clicks=tuple(
                _Click(**asdict(p.click), part=numbers[p.plane, p.region], carried=p.carried) for p in document.placed
            ),
        )

    def document(self) -> Document:
        if (beyond := max((row.part for row in self.clicks), default=-1)) >= len(self.parts):
            raise ClickError(f"a click is of part {beyond}, and there are {len(self.parts)}, counted from 0")
        places = [part.place for part in self.parts]
        placed = [PlacedClick(places[row.part][0], row.click, row.carried, places[row.part][1]) for row in self.clicks]
        there = by_object(placed)
        document = Document(
            shape=self.shape,
            placed=tuple(placed),
            solutions={part.place: part.outcome for part in self.parts},
            segmentation_parameters=self.segmentation_parameters.now,
            compete=self.compete,
            carried=tuple(row.known(there) for row in self.carried),
            versions=self.versions,
        )
        document.check()
        starts = {row.plane: row.patch(document.plane_shape(row.plane)) for row in self.starts}
        return replace(document, starts=starts)


_FILE = TypeAdapter(_File)
