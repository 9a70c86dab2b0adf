"""Functions compiled by numba, and kept between runs where there is a folder for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.compiler import Compiler

__all__ = ["kernel"]


def kernel(*, apart: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function when it is first called.

    Where neither the package's folder nor the home folder can be written, as in some containers and on some clusters,
    nothing is kept, and every run compiles anew. So it is where a disk is full. That is said once.

    Parameters
    ----------
    apart : bool
        The caller promises that arrays which are written overlap with no other. Loops over many arrays are vectorised
        only then.
    options : dict
        As ``numba.njit`` takes them, but for ``cache``.
    """
    if apart:
        options["pipeline_class"] = _Apart

    def compiled(function: Callable[..., Any]) -> Any:
        made = njit(nogil=True, **options)(function)
        try:
            made._cache = _Kept(function)  # as cache=True does, which lets errors of the disk end the call
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            _say_once("neither the package's folder nor the home folder can be written")
        return made

    return compiled


class _Apart(Compiler):  # type: ignore[misc]
    """Sets a flag that numba has for its own parallel loops, and no option for."""

    def define_pipelines(self) -> Any:
        """Return the usual passes."""
        if hasattr(self.state.flags, "noalias"):  # else loops stay right, and become slow
            self.state.flags.noalias = True
        return super().define_pipelines()


class _Kept(FunctionCache):  # type: ignore[misc]
    """Compiled code on a disk, which may fail at any moment: the code itself is there all the same."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was kept; None if there is nothing, or nothing that can be read: that is thrown away."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged file raises whatever unpickling it comes upon
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep it, if the disk takes it."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_once(f"{self.cache_path} cannot be written: {error.strerror}")


_said: list[str] = []


def _say_once(reason: str) -> None:
    if not _said:
        _said.append(
            f"Compiled code cannot be kept here, so each run takes some seconds more to begin ({reason}). Set "
            "NUMBA_CACHE_DIR to a folder that can be written."
        )
        warnings.warn(_said[0], RuntimeWarning, stacklevel=2)
