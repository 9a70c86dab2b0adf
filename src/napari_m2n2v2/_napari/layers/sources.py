"""The files that layers were opened from: never written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_m2n2v2.errors import UnwritableFileError
from napari_m2n2v2.files.paths import first_replaced, is_there

__all__ = ["check_no_source", "folder_of"]


def check_no_source(layers: Iterable[Any], *paths: Path) -> None:
    """Refuse to write where a layer was opened from: a file, a folder such as zarr, or what lies in one.

    Raises
    ------
    UnwritableFileError
    """
    sources = {Path(layer.source.path): layer.name for layer in layers if layer.source.path}
    for path in paths:
        if (source := first_replaced(path, sources)) is not None:
            raise UnwritableFileError(
                f"This would replace {source.name}, which the layer '{sources[source]}' was opened from: nothing is "
                f"written to {path}. Choose another name."
            )


def folder_of(image: Any) -> str:
    """Return the folder that an Image layer was read from; empty where it was not."""
    source = image.source.path
    return str(Path(source).parent) if source and is_there(Path(source)) else ""
