"""The rows of a session file, which pydantic reads: of the right kind, and inside the image, or refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidatorFunctionWrapHandler, WrapValidator, with_config

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Box, Outline, Prompt, Scribble
from napari_m2n2v2.session.carried import Carried
from napari_m2n2v2.session.document import Document, Fingerprint, Outcome, Place, PlacedClick, PlaneKey
from napari_m2n2v2.session.mask_rows import FromOne, LabelsRow, MaskRow, OfPlane, StartedRow, Whole, start_rows
from napari_m2n2v2.session.provenance import Provenance
from napari_m2n2v2.session.work import About, Accepted, Started, Work, by_object

__all__ = ["FORMAT", "KINDS", "UNSAID", "VERSIONS", "SessionRows"]

FORMAT = "napari-m2n2v2 session"


VERSION, WITH_OBJECTS, WITH_MORE = VERSIONS = 2, 3, 4
"""Of files; the second where objects were accepted, or named, the third where they start from masks that labels of a
plane cannot say, or there is more than clicks, such as scribbles: so that what does not know of that refuses it."""


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Keep 3 as 3 where 3.0 is meant, so that a file is written back byte for byte."""
    check(value)
    return value


_Number = Annotated[float, WrapValidator(_as_written)]


@dataclass(frozen=True, kw_only=True)
class _Part(OfPlane):
    """A place with clicks, and what its masks came from where they were there."""

    region: tuple[Whole, Whole, Whole, Whole, Whole] | None
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
class _Accepted(OfPlane):
    """An object that was accepted in a plane: its pixels, if they were known by then."""

    object_id: FromOne
    pixels: MaskRow | None

    @classmethod
    def of(cls, one: Accepted) -> _Accepted:
        pixels = None if one.pixels is None else MaskRow.of(one.pixels)
        return cls(**asdict(one.plane), object_id=one.object_id, pixels=pixels)

    def accepted(self, document: Document) -> Accepted:
        """Return it; where its pixels were not known, accepted by all the clicks there are, after those before it."""
        if any((one.plane, one.object_id) == (self.plane, self.object_id) for one in document.accepted):
            raise ClickError(f"object {self.object_id} is accepted twice in one plane")
        shape, mask = document.plane_shape(self.plane), self.pixels
        if mask is None:
            return Accepted(self.plane, self.object_id, since=Work(document.placed, document.accepted))
        return Accepted(self.plane, self.object_id, mask.unpacked(shape, f"pixels of accepted object {self.object_id}"))


@dataclass(frozen=True, kw_only=True)
class _Carried(OfPlane):
    """What is known of an object in a plane that it was carried to."""

    object_id: FromOne
    doubt: _Number | None
    axis: Whole
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
class _About(About):
    """Name and class of an object."""

    object_id: FromOne


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A prompt, which of the parts it was placed in, and whether propagation placed it."""

    object_id: FromOne = 1
    part: Whole
    carried: bool

    @property
    def prompt(self) -> Prompt:
        of: Any = _ROWS[_kind(self)][0]
        found: Prompt = of(**{f.name: getattr(self, f.name) for f in fields(of)})
        return found


# Bases in this order: what a prompt says is written first.
@dataclass(frozen=True, kw_only=True)
class _Click(_Placed, Click):
    row: _Number
    col: _Number
    threshold: _Number | None = None


@dataclass(frozen=True, kw_only=True)
class _Scribble(_Placed, Scribble):
    points: tuple[tuple[_Number, _Number], ...]
    threshold: _Number | None = None


@dataclass(frozen=True, kw_only=True)
class _Box(_Placed, Box):
    row0: _Number
    col0: _Number
    row1: _Number
    col1: _Number


@dataclass(frozen=True, kw_only=True)
class _Outline(_Placed, Outline):
    points: tuple[tuple[_Number, _Number], ...]


_ROWS: dict[str, tuple[type[Prompt], type[_Placed]]] = {
    "click": (Click, _Click),
    "scribble": (Scribble, _Scribble),
    "box": (Box, _Box),
    "outline": (Outline, _Outline),
}
_OWN = {"row": "click", "row0": "box", "foreground": "scribble", "points": "outline"}  # what those after it lack

KINDS = tuple(_ROWS)
"""Of what a row may be of, as pydantic tells it in the place of what is wrong."""


def _kind(row: Any) -> str:
    """Tell what a row is of by what only that has."""
    if isinstance(row, dict):
        return next((kind for name, kind in _OWN.items() if name in row), "click")
    return next((kind for kind, (of, _) in _ROWS.items() if isinstance(row, of)), "click")


_AnyPlaced = Annotated[
    Annotated[_Click, Tag("click")]
    | Annotated[_Scribble, Tag("scribble")]
    | Annotated[_Box, Tag("box")]
    | Annotated[_Outline, Tag("outline")],
    Discriminator(_kind),
]


def _row(prompt: Prompt, part: int, carried: bool) -> Any:
    row: Any = _ROWS[_kind(prompt)][1]
    return row(**asdict(prompt), part=part, carried=carried)


@dataclass(frozen=True, kw_only=True)
class _Parameters(SegmentationParameters):
    """Parameters as files have them: what was named later is as here where it is not said, whatever the default is."""

    centred_start: bool = False
    boundary_distance: bool = False
    least_disc: bool = False
    most_disc: float = 1.5
    refinement: bool = False
    refinement_band: float = 0.6
    refinement_window: float = 0.9
    refinement_epsilon: float = 0.002
    refinement_rounds: int = 2
    refinement_trust: int = 1
    score_contrast: bool = False

    @property
    def now(self) -> SegmentationParameters:
        return SegmentationParameters(**asdict(self))


UNSAID: Mapping[str, Any] = {name: getattr(_Parameters, name) for name in _Parameters.__annotations__}
"""What parameters are of which a file says nothing, by name; never to change, for the files that are there."""


@with_config(strict=True, extra="forbid", allow_inf_nan=False)
@dataclass(frozen=True, kw_only=True)
class SessionRows:
    """All of a file, in its order."""

    format: str = FORMAT
    format_version: int = VERSION
    shape: Annotated[tuple[FromOne, ...], Field(min_length=2, max_length=64)]
    compete: bool
    segmentation_parameters: _Parameters
    versions: dict[str, str]
    parts: tuple[_Part, ...]
    starts: tuple[LabelsRow, ...]
    carried: tuple[_Carried, ...] = ()
    accepted: tuple[_Accepted, ...] = ()
    about: tuple[_About, ...] = ()
    started: tuple[StartedRow, ...] = ()
    clicks: tuple[_AnyPlaced, ...]

    @classmethod
    def of(cls, document: Document) -> SessionRows:
        """Write down a document."""
        numbers = {place: n for n, place in enumerate(document.solutions)}
        labels, started = start_rows(document.starts)
        return cls(
            format_version=_version(document, bool(started)),
            shape=document.shape,
            compete=document.compete,
            segmentation_parameters=_Parameters(**asdict(document.segmentation_parameters)),
            versions=dict(document.versions),
            parts=tuple(_Part.of(*item) for item in document.solutions.items()),
            starts=labels,
            carried=tuple(map(_Carried.of, document.carried)),
            accepted=tuple(map(_Accepted.of, document.accepted)),
            about=tuple(_About(**asdict(one)) for one in document.about),
            started=started,
            clicks=tuple(_row(p.click, numbers[p.plane, p.region], p.carried) for p in document.placed),
        )

    def document(self) -> Document:
        """Return what they say.

        Raises
        ------
        ClickError, ImageError, UnreadableFileError
            If something is outside the image, or cannot be unpacked.
        """
        if (beyond := max((row.part for row in self.clicks), default=-1)) >= len(self.parts):
            raise ClickError(f"a click is of part {beyond}, and there are {len(self.parts)}, counted from 0")
        places = [part.place for part in self.parts]
        placed = tuple(
            PlacedClick(places[row.part][0], row.prompt, row.carried, places[row.part][1]) for row in self.clicks
        )
        there = by_object(placed)
        document = Document(
            shape=self.shape,
            placed=placed,
            solutions={part.place: part.outcome for part in self.parts},
            segmentation_parameters=self.segmentation_parameters.now,
            compete=self.compete,
            carried=tuple(row.known(there) for row in self.carried),
            about=tuple(About(**asdict(row)) for row in self.about),
            versions=self.versions,
        )
        document.check()
        for row in self.accepted:
            document = replace(document, accepted=(*document.accepted, row.accepted(document)))
        return replace(document, starts=self._starts(document))

    def _starts(self, document: Document) -> tuple[Started, ...]:
        found = [one for row in self.starts for one in row.started(document.plane_shape(row.plane))]
        found += [row.started(document.plane_shape(row.plane)) for row in self.started]
        if len({(one.plane, one.object_id) for one in found}) < len(found):
            raise ClickError("an object starts from two masks in one plane")
        return tuple(found)


def _version(document: Document, started: bool) -> int:
    if started or not all(isinstance(click, Click) for click in document.clicks):
        return WITH_MORE
    return WITH_OBJECTS if document.accepted or document.about else VERSION
