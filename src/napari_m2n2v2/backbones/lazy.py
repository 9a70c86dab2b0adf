"""Weights that are loaded at first use, because it is slow, and can be let go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from napari_m2n2v2.backbones.loading import quiet

__all__ = ["LoadedAtFirstUse"]

_T = TypeVar("_T")


class LoadedAtFirstUse(Generic[_T]):
    """What every backbone with weights does alike.

    Parameters
    ----------
    load : callable
        Returns the model and its weights revision.
    prepare : callable
        Told the model once it is loaded.
    *libraries : str
        Whose progress bars are kept quiet meanwhile.
    revision : callable, optional
        Returns the weights revision that loading would, without loading.
    """

    def __init__(
        self,
        load: Callable[[], tuple[_T, str]],
        prepare: Callable[[_T], Any],
        *libraries: str,
        revision: Callable[[], str] | None = None,
    ) -> None:
        self._load = load
        self._read_revision = revision
        self._revision = ""
        self._prepare = prepare
        self._libraries = libraries
        self._model: tuple[_T, str] | None = None
        self._loading = threading.Lock()

    @property
    def weights_revision(self) -> str:
        """Commit or digest of the weights. Loads them, if there is no other way to know."""
        if not self._revision:
            self._revision = self._read_revision() if self._read_revision is not None else self._loaded()[1]
        return self._revision

    def release(self) -> None:
        """Free the memory of the weights; the next use loads them again."""
        self._model = None

    def _loaded(self) -> tuple[_T, str]:
        with self._loading:
            if self._model is None:
                with quiet(*self._libraries):
                    model, revision = self._load()
                self._prepare(model)
                self._model = model, revision
            return self._model
