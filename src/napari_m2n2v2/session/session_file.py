"""Session files: everything needed to get the same masks again, as readable JSON.

A file holds one session, or all that was clicked in a stack or in the parts of a large image.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError, M2N2V2Error, UnreadableFileError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.files.atomic import write_whole
from napari_m2n2v2.images.sparse import Patch
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import FeatureParameters, SegmentationParameters
from napari_m2n2v2.session.provenance import Provenance, digest, software
from napari_m2n2v2.session.session import Session

__all__ = ["SavedCarried", "SavedClick", "SavedPart", "SessionFile", "load_session", "save_session"]

_FORMAT = "napari-m2n2v2 session"


_NAMED_LATER = {
    "centred_start", "boundary_distance", "least_disc", "most_disc", "refinement", "refinement_band",
    "refinement_window", "refinement_epsilon", "refinement_rounds",
}  # fmt: skip
_VERSION = 2


@dataclass(frozen=True)
class SavedPart:
    """A plane of a stack, or a part of a large plane, that was clicked in.

    Parameters
    ----------
    axes : tuple of int
        Of its rows and columns among the image's.
    index : tuple of int
        Its position on the others.
    region : Region or None
        Which part of the plane; None is all of it.
    provenance : Provenance or None
        What its masks came from; None where they were still to come.
    labels_sha256 : str
        Of the masks of its clicks at working resolution; empty where they were still to come.
    """

    axes: tuple[int, int] = (0, 1)
    index: Index = ()
    region: Region | None = None
    provenance: Provenance | None = None
    labels_sha256: str = ""

    def differences(
        self, now: Provenance, labels_sha256: str, versions: Mapping[str, str], also: Sequence[str] = ()
    ) -> list[str]:
        """Say why masks are not the same as when the file was written, bit for bit; nothing when they are.

        What else is known to differ is said ``also``.
        """
        if self.provenance is None:
            return ["masks: they were not there when the file was written"]
        if labels_sha256 == self.labels_sha256:
            return []
        here = software()
        said = [*self.provenance.differences(now), *also]
        said += [f"{name}: was {was}, is {here.get(name)}" for name, was in versions.items() if was != here.get(name)]
        return said or ["masks: same inputs and versions, so another processor or number of threads"]


@dataclass(frozen=True)
class SavedClick:
    """A click, which of the file's parts it was placed in, and whether propagation placed it."""

    click: Click
    part: int = 0
    carried: bool = False


@dataclass(frozen=True)
class SavedCarried:
    """What is known of an object in a plane that it was carried to.

    Parameters
    ----------
    axes, index : tuple of int
        Of the plane, as :class:`SavedPart` has them.
    object_id : int
        Which object.
    doubt : float or None
        From 0 to 1; None where it is not known.
    axis, direction : int
        Along which of the stack's index axes it came, and 1 or -1; 0 where that is not known.
    stopped : str
        Why it went no further; empty where it did, or was not asked to.
    """

    axes: tuple[int, int]
    index: Index
    object_id: int
    doubt: float | None = None
    axis: int = 0
    direction: int = 0
    stopped: str = ""


@dataclass(frozen=True, eq=False)
class SessionFile:
    """What a session file says.

    Parameters
    ----------
    shape : tuple of int
        Of the image, colour not counted.
    parts : tuple of SavedPart
        Where there are clicks.
    saved : tuple of SavedClick
        All clicks, in the order they were placed.
    segmentation_parameters : SegmentationParameters
        What they were solved with.
    compete : bool
        As :class:`~napari_m2n2v2.Session` takes it.
    starts : mapping
        Labels that planes began with, by (axes, index).
    carried : tuple of SavedCarried
        What was carried from plane to plane, and not corrected since.
    versions : mapping
        Of Python and of the packages that compute.
    """

    shape: tuple[int, ...]
    parts: tuple[SavedPart, ...]
    saved: tuple[SavedClick, ...]
    segmentation_parameters: SegmentationParameters
    compete: bool = True
    starts: Mapping[tuple[tuple[int, int], Index], Patch] = field(default_factory=dict)
    carried: tuple[SavedCarried, ...] = ()
    versions: Mapping[str, str] = field(default_factory=software)

    @classmethod
    def of(cls, session: Session) -> SessionFile:
        """Describe a session as it is now."""
        part = SavedPart(
            provenance=Provenance.of(session.features), labels_sha256=digest(session.result.working_labels)
        )
        return cls(
            shape=session.features.shape,
            parts=(part,),
            saved=tuple(map(SavedClick, session.clicks)),
            segmentation_parameters=session.parameters,
            compete=session.compete,
            starts={} if session.start is None else {(part.axes, part.index): Patch.of(session.start)},
        )

    @property
    def clicks(self) -> tuple[Click, ...]:
        """All clicks, in the order they were placed."""
        return tuple(saved.click for saved in self.saved)

    def replay(self, features: ImageFeatures) -> tuple[Session, list[str]]:
        """Replay a file of one session on features of the image.

        Returns
        -------
        session : Session
            With the clicks of the file.
        differences : list of str
            Why the masks are not the same as when the file was written, bit for bit; empty when they are.

        Raises
        ------
        ClickError, ImageError
            If the file holds several slices or parts, the image is too small for the clicks, or has another shape than
            the labels to start from.
        """
        if len(self.parts) != 1 or self.parts[0].region is not None:
            raise ClickError(
                f"The file holds clicks in {len(self.parts)} slices or parts of an image of {self.shape}. Load it in "
                "the dock, or replay the clicks of each."
            )
        start = self.starts.get((self.parts[0].axes, self.parts[0].index))
        shape = self.parts[0].provenance.shape if self.parts[0].provenance is not None else features.shape
        session = Session(
            features,
            self.segmentation_parameters,
            start=None if start is None else start.within((0, shape[0], 0, shape[1])),
            compete=self.compete,
        )
        session.replay(self.clicks)
        now = digest(session.result.working_labels)
        return session, self.parts[0].differences(Provenance.of(features), now, self.versions)


def save_session(path: str | Path, session: Session | SessionFile) -> None:
    """Write a session file, whole or not at all.

    Raises
    ------
    UnwritableFileError
        If it cannot be written there.
    """
    file = SessionFile.of(session) if isinstance(session, Session) else session
    content = {
        "format": _FORMAT,
        "format_version": _VERSION,
        "shape": file.shape,
        "compete": file.compete,
        "segmentation_parameters": _written(file.segmentation_parameters),
        "versions": dict(file.versions),
        "parts": [
            asdict(part) | {"region": None if part.region is None else astuple(part.region)} for part in file.parts
        ],
        "starts": [
            {"axes": axes, "index": index, "row": patch.row, "col": patch.col, "labels": _pack(patch.values)}
            for (axes, index), patch in file.starts.items()
        ],
        "carried": [asdict(carried) for carried in file.carried],
        "clicks": [asdict(saved.click) | {"part": saved.part, "carried": saved.carried} for saved in file.saved],
    }
    text = json.dumps(content, indent=2)
    write_whole(Path(path), lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def load_session(path: str | Path) -> SessionFile:
    """Read a session file.

    Raises
    ------
    UnreadableFileError
        If there is no such file, it is something else, damaged, or of another version than this one knows.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
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
        file = SessionFile(
            shape=_whole_numbers(content["shape"]),
            parts=tuple(_part(**part) for part in content["parts"]),
            saved=tuple(_saved(**saved) for saved in content["clicks"]),
            segmentation_parameters=replace(SegmentationParameters.paper(), **content["segmentation_parameters"]),
            compete=_flag(content["compete"]),
            starts=dict(_start(**start) for start in content["starts"]),
            carried=tuple(_carried(**carried) for carried in content.get("carried", ())),
            versions={str(name): str(number) for name, number in content["versions"].items()},
        )
        if not all(0 <= saved.part < len(file.parts) for saved in file.saved):
            raise ValueError("a click is of a part that is not there")
    except (AttributeError, KeyError, TypeError, ValueError, M2N2V2Error, zlib.error) as error:
        raise UnreadableFileError(f"{path} is damaged: {type(error).__name__} {error}") from error
    return file


def _written(parameters: SegmentationParameters) -> dict[str, Any]:
    """Leave out what files of this version did not have at first, where it is as in the paper."""
    paper = asdict(SegmentationParameters.paper())
    named = asdict(parameters).items()
    return {name: value for name, value in named if name not in _NAMED_LATER or value != paper[name]}


def _part(axes: Any, index: Any, region: Any, provenance: Any, labels_sha256: Any) -> SavedPart:
    return SavedPart(
        axes=_pair(axes),
        index=_whole_numbers(index),
        region=None if region is None else Region(*_whole_numbers(region)),
        provenance=None if provenance is None else _provenance(**provenance),
        labels_sha256=str(labels_sha256),
    )


def _provenance(shape: Any, grid_shape: Any, parameters: Any, **texts: Any) -> Provenance:
    named = {name: str(text) for name, text in texts.items()}
    return Provenance(
        shape=_pair(shape), grid_shape=_pair(grid_shape), parameters=FeatureParameters(**parameters), **named
    )


def _saved(part: Any, carried: Any, **click: Any) -> SavedClick:
    return SavedClick(Click(**click), int(part), _flag(carried))


def _carried(
    axes: Any, index: Any, object_id: Any, doubt: Any, axis: Any, direction: Any, stopped: Any
) -> SavedCarried:
    known = None if doubt is None else float(doubt)
    return SavedCarried(
        _pair(axes), _whole_numbers(index), int(object_id), known, int(axis), int(direction), str(stopped)
    )


def _start(axes: Any, index: Any, row: Any, col: Any, labels: Any) -> tuple[tuple[tuple[int, int], Index], Patch]:
    return (_pair(axes), _whole_numbers(index)), Patch(int(row), int(col), _unpack(labels))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value


def _whole_numbers(values: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _pair(values: Any) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)


def _pack(labels: NDArray[np.int32]) -> dict[str, Any]:
    data = base64.b64encode(zlib.compress(labels.astype("<i4").tobytes())).decode("ascii")
    return {"shape": list(labels.shape), "zlib_base64_int32": data}


def _unpack(packed: Mapping[str, Any]) -> NDArray[np.int32]:
    raw = zlib.decompress(base64.b64decode(packed["zlib_base64_int32"]))
    return np.frombuffer(raw, dtype="<i4").astype(np.int32).reshape(_pair(packed["shape"]))
