"""Session files: everything needed to get the same masks again, as readable JSON.

A file holds one :class:`~napari_m2n2v2.session.document.Document`, of one session or of all that was clicked in a stack
or in the parts of a large image. The rows are in :mod:`.session_rows`: nothing is taken from a file,
whoever made it, that is not of the right kind and inside the image.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from napari_m2n2v2.errors import M2N2V2Error, UnreadableFileError
from napari_m2n2v2.files.atomic import write_whole
from napari_m2n2v2.files.paths import is_file
from napari_m2n2v2.session.document import Document
from napari_m2n2v2.session.session_rows import FORMAT, KINDS, UNSAID, VERSIONS, SessionRows

if TYPE_CHECKING:
    from napari_m2n2v2.session.session import Session

__all__ = ["SessionFile", "load_session", "save_session"]

SessionFile = Document
"""What a session file says."""


def save_session(path: str | Path, session: Session | Document) -> None:
    """Write a session file, whole or not at all.

    Raises
    ------
    UnwritableFileError
        If it cannot be written there.
    """
    file = SessionRows.of(session if isinstance(session, Document) else Document.of(session))
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
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UnreadableFileError(f'{path} is no session file: expected JSON with "format": "{FORMAT}".')
    if (version := content.get("format_version")) not in VERSIONS:
        newer = isinstance(version, int) and version > VERSIONS[-1]
        raise UnreadableFileError(
            f"{path} is a session file of version {version}, and this napari-m2n2v2 reads versions {VERSIONS[0]} to "
            f"{VERSIONS[-1]}. "
            + ("Install a newer one." if newer else "It was written before the first release, and has to be made anew.")
        )
    try:
        return _ROWS.validate_json(text).document()
    except ValidationError as error:
        raise UnreadableFileError(f"{path} is damaged: {_first_of(error)}") from error
    except M2N2V2Error as error:
        raise UnreadableFileError(f"{path} is damaged: {error}") from error


def _written(file: SessionRows) -> dict[str, Any]:
    """Leave out what files did not have at first, where nothing is to be said of it."""
    content = asdict(file)
    for name in ("accepted", "about", "started"):
        if not content[name]:
            del content[name]
    parameters = content["segmentation_parameters"]
    content["segmentation_parameters"] = {
        name: value for name, value in parameters.items() if name not in UNSAID or value != UNSAID[name]
    }
    return content


def _first_of(error: ValidationError) -> str:
    """Say what is wrong first, and where, in a line."""
    first = error.errors(include_url=False)[0]
    place, got = ".".join(str(part) for part in first["loc"] if part not in KINDS), repr(first["input"])
    if first["type"] == "value_error":  # ours, which says what came
        return f"{place}: {first['ctx']['error']}"
    return f"{place}: {first['msg']}, got {got if len(got) < 80 else got[:80] + '...'}"


_ROWS = TypeAdapter(SessionRows)
