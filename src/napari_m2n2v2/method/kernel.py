"""Functions compiled by numba, and kept between runs where there is a folder for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["kernel"]


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function when it is first called.

    Where neither the package's folder nor the home folder can be written, as in some containers and on some clusters,
    nothing is kept, and every run compiles anew. That is said once.

    Parameters
    ----------
    options : dict
        As ``numba.njit`` takes them.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            _say_once()
            return njit(nogil=True, **options)(function)

    return compiled


_said: list[str] = []


def _say_once() -> None:
    if not _said:
        _said.append(
            "Compiled code cannot be kept here, so each run takes some seconds more to begin: neither the package's "
            "folder nor the home folder can be written. Set NUMBA_CACHE_DIR to a folder that can."
        )
        warnings.warn(_said[0], RuntimeWarning, stacklevel=3)
