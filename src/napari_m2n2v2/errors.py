"""Every exception this package raises on purpose, as one tree.

Each one is also a builtin, so ``except ValueError`` keeps working for callers who do not know us. A message says
what was expected, what came, and what to do; a note below it says where *Troubleshooting* explains the error.
"""

from __future__ import annotations

from functools import cache

__all__ = [
    "AttentionError",
    "Cancelled",
    "ClickError",
    "ClusterError",
    "DeviceError",
    "GuideError",
    "ImageError",
    "M2N2V2Error",
    "MissingDependencyError",
    "MissingWeightsError",
    "ParameterError",
    "UnknownBackboneError",
    "UnreadableFileError",
    "UnwritableFileError",
    "with_notes",
]


class M2N2V2Error(Exception):
    """Base of every error this package raises on purpose.

    Each of those below has a note (:pep:`678`) that leads to its section in *Troubleshooting*.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        name = next(one.__name__ for one in type(self).__mro__ if one.__module__ == __name__)
        if name != M2N2V2Error.__name__:
            self.add_note(f"More about it: {_where_explained(name)}")


def with_notes(error: BaseException) -> str:
    """Return the message with the notes below it, as a traceback would show them."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def _where_explained(name: str) -> str:
    """Return the link to an error's section, or the command that prints it while the pages have no address."""
    address = _address_of_pages()
    return f"{address}/troubleshooting.html#{name.lower()}" if address else f"napari-m2n2v2 explain {name}"


@cache
def _address_of_pages() -> str:
    """Return the address that pyproject.toml gives under *Documentation*, without a slash at its end; else nothing."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("napari-m2n2v2").get_all("Project-URL", [])
    except PackageNotFoundError:  # the folder is on the path, and nothing is installed
        return ""
    named: dict[str, str] = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "").rstrip("/")


class ImageError(M2N2V2Error, ValueError):
    """The image cannot be segmented: shape, channels, dtype or non-finite pixels."""


class GuideError(M2N2V2Error, ValueError):
    """The guide channel does not fit the image: shape, dtype or non-finite values."""


class AttentionError(M2N2V2Error, ValueError):
    """An attention tensor is not an ``n x n`` matrix of probabilities over the grid."""


class ClickError(M2N2V2Error, ValueError):
    """A click lies outside the image, is not finite, or names a click that does not exist."""


class ParameterError(M2N2V2Error, ValueError):
    """A parameter is out of its range."""


class ClusterError(ParameterError, ConnectionError):
    """No dask cluster answers, or it has nobody left who could do the work."""


class UnknownBackboneError(M2N2V2Error, ValueError):
    """No backbone has this name."""


class DeviceError(M2N2V2Error, ValueError):
    """The device is unknown, or this machine does not have it."""


class MissingWeightsError(M2N2V2Error, FileNotFoundError):
    """The weights of a backbone are not on this machine, or are not the file they should be."""


class MissingDependencyError(M2N2V2Error, ImportError):
    """An optional package is needed for what was asked."""


class UnreadableFileError(M2N2V2Error, OSError):
    """A file cannot be read as what it should be."""


class UnwritableFileError(M2N2V2Error, OSError):
    """A result cannot be written where it should go."""


class Cancelled(M2N2V2Error, RuntimeError):
    """The caller asked long work to stop; nothing was changed."""
