"""Session files: everything needed to get the same masks again, as readable JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import M2N2V2Error, UnreadableFileError
from napari_m2n2v2.features import ImageFeatures
from napari_m2n2v2.files import write_whole
from napari_m2n2v2.guidance import GuideChannel
from napari_m2n2v2.image_guides import IMAGE_GUIDES
from napari_m2n2v2.parameters import FeatureParameters, SegmentationParameters
from napari_m2n2v2.session import Session

__all__ = ["SessionFile", "load_session", "methods_paragraph", "save_session"]

_FORMAT = "napari-m2n2v2 session"
_VERSION = 1
_PACKAGES = ("napari-m2n2v2", "diffusers", "numba", "numpy", "scikit-image", "torch", "transformers")


@dataclass(frozen=True, eq=False)
class SessionFile:
    """What a session file says.

    Parameters
    ----------
    clicks : tuple of Click
        In the order they were placed.
    feature_parameters, segmentation_parameters
        What was computed with.
    backbone, weights_revision, image_sha256, guide_sha256, labels_sha256 : str
        What it was computed from and what came out; the image as the engine saw it; empty without a guide.
    shape, grid_shape : tuple of int
        Of the image and of the attention grid.
    start : ndarray or None
        Labels that the session began with.
    guide_from : str
        Where the guide came from, as :class:`~napari_m2n2v2.ImageFeatures` says it.
    versions : mapping
        Of Python and of the packages that compute.
    """

    clicks: tuple[Click, ...]
    feature_parameters: FeatureParameters
    segmentation_parameters: SegmentationParameters
    backbone: str
    weights_revision: str
    image_sha256: str
    guide_sha256: str
    labels_sha256: str
    shape: tuple[int, int]
    grid_shape: tuple[int, int]
    start: NDArray[np.int32] | None
    versions: Mapping[str, str]
    guide_from: str = ""

    @classmethod
    def of(cls, session: Session) -> SessionFile:
        """Describe a session as it is now."""
        features = session.features
        return cls(
            clicks=session.clicks,
            feature_parameters=features.parameters,
            segmentation_parameters=session.parameters,
            backbone=features.backbone,
            weights_revision=features.weights_revision,
            image_sha256=features.image_hash,
            guide_sha256=_digest(features.guide) if features.guide is not None else "",
            labels_sha256=_digest(session.result.labels),
            shape=features.shape,
            grid_shape=features.grid_shape,
            start=session.start,
            guide_from=features.guide_from,
            versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        )

    def replay(self, features: ImageFeatures) -> tuple[Session, list[str]]:
        """Replay on features of the image.

        Returns
        -------
        session : Session
            With the clicks of the file.
        differences : list of str
            Why the masks are not the same as when the file was written, bit for bit; empty when they are.

        Raises
        ------
        ClickError, ImageError
            If the image is too small for the clicks, or has another shape than the labels to start from.
        """
        session = Session(features, self.segmentation_parameters, start=self.start)
        session.replay(self.clicks)
        now = SessionFile.of(session)
        if now.labels_sha256 == self.labels_sha256:
            return session, []
        compared = {
            "image": (self.image_sha256[:12], now.image_sha256[:12]),
            "image shape": (self.shape, now.shape),
            "guide": (self.guide_sha256[:12], now.guide_sha256[:12]),
            "backbone": (self.backbone, now.backbone),
            "weights": (self.weights_revision, now.weights_revision),
            "grid": (self.grid_shape, now.grid_shape),
            "feature parameters": (self.feature_parameters, now.feature_parameters),
            **{name: (was, now.versions.get(name)) for name, was in self.versions.items()},
        }
        differences = [f"{name}: was {was}, is {then}" for name, (was, then) in compared.items() if was != then]
        return session, differences or ["masks: same inputs and versions, so another processor or number of threads"]


def save_session(path: str | Path, session: Session) -> None:
    """Write a session file, whole or not at all.

    Raises
    ------
    UnwritableFileError
        If it cannot be written there.
    """
    described = SessionFile.of(session)
    content = {
        "format": _FORMAT,
        "format_version": _VERSION,
        **{name: value for name, value in vars(described).items() if name not in ("clicks", "start")},
        "feature_parameters": asdict(described.feature_parameters),
        "segmentation_parameters": asdict(described.segmentation_parameters),
        "clicks": [asdict(click) for click in described.clicks],
        "start": None if described.start is None else _pack(described.start),
    }
    text = json.dumps(content, indent=2)
    write_whole(Path(path), lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def load_session(path: str | Path) -> SessionFile:
    """Read a session file.

    Raises
    ------
    UnreadableFileError
        If there is no such file, it is something else, damaged, or of a newer version than this one knows.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} cannot be read as a session file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise UnreadableFileError(f'{path} is no session file: expected JSON with "format": "{_FORMAT}".')
    if content.get("format_version") != _VERSION:
        raise UnreadableFileError(
            f"{path} is a session file of version {content.get('format_version')}, this release reads {_VERSION}. "
            "Install a newer napari-m2n2v2."
        )
    try:
        return SessionFile(
            clicks=tuple(Click(**click) for click in content["clicks"]),
            feature_parameters=FeatureParameters(**content["feature_parameters"]),
            segmentation_parameters=SegmentationParameters(**content["segmentation_parameters"]),
            shape=_pair(content["shape"]),
            grid_shape=_pair(content["grid_shape"]),
            start=None if content["start"] is None else _unpack(content["start"]),
            versions=content["versions"],
            guide_from=str(content.get("guide_from", "")),
            **{name: str(content[name]) for name in _TEXTS},
        )
    except (KeyError, TypeError, ValueError, M2N2V2Error, zlib.error) as error:
        raise UnreadableFileError(f"{path} is damaged: {type(error).__name__} {error}") from error


def methods_paragraph(session: Session) -> str:
    """Describe a session in the words of a methods section, ready to paste into a paper."""
    described = SessionFile.of(session)
    foreground = sum(click.foreground for click in session.clicks)
    objects = len({click.object_id for click in session.clicks})
    guide = _guide_in_words(session.features) if described.guide_sha256 else "without a guide channel"
    revision = f" ({described.weights_revision})" if described.weights_revision else ""
    parameters = described.segmentation_parameters
    method = "M2N2V2" if parameters.score_adaptive else "M2N2"
    versions = ", ".join(f"{name} {number}" for name, number in described.versions.items())
    shape, grid = (f"{rows} x {cols}" for rows, cols in (described.shape, described.grid_shape))
    background = len(session.clicks) - foreground
    return (
        f"{_count(objects, 'object')} in an image of {shape} pixels were segmented interactively with "
        f"{_count(foreground, 'foreground click')} and {_count(background, 'background click')} using {method} "
        "(Markov-map nearest neighbour; arXiv:2503.16254) as implemented in napari-m2n2v2. Self-attention came from "
        f"{described.backbone}{revision} on a grid of {grid} cells, {guide}; "
        f"temperature {described.feature_parameters.temperature}, tau {parameters.tau}, "
        f"sigma_adaptive {parameters.sigma_adaptive}. "
        f"No model was trained. Image SHA-256 {described.image_sha256[:16]}; {versions}."
    )


def _guide_in_words(features: ImageFeatures) -> str:
    def named(guides: Sequence[GuideChannel]) -> str:
        words = [
            f"{_word(guide.name)} (weight {guide.weight:g})" if guide.weight != 1 else _word(guide.name)
            for guide in guides
        ]
        return " and ".join(words) or "no guide"

    if not features.alternatives:
        return f"guided by {named(features.guides)}"
    options = "; ".join(named(guides) for guides in (features.guides, *features.alternatives))
    return f"guided, for each object, by what parted its clicks best among: {options}"


def _word(name: str) -> str:
    if name == "given":
        return "a second registered channel"
    return f"the image's own {name}" if name in IMAGE_GUIDES else f"depth computed by {name}"


_TEXTS = ("backbone", "weights_revision", "image_sha256", "guide_sha256", "labels_sha256")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _pair(values: Any) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)


def _pack(labels: NDArray[np.int32]) -> dict[str, Any]:
    data = base64.b64encode(zlib.compress(labels.astype("<i4").tobytes())).decode("ascii")
    return {"shape": list(labels.shape), "zlib_base64_int32": data}


def _unpack(packed: Mapping[str, Any]) -> NDArray[np.int32]:
    raw = zlib.decompress(base64.b64decode(packed["zlib_base64_int32"]))
    return np.frombuffer(raw, dtype="<i4").astype(np.int32).reshape(_pair(packed["shape"]))
