"""Weights that are loaded at first use, because it is slow, and can be let go."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor

from napari_m2n2v2.errors import MissingWeightsError

__all__ = [
    "LoadedAtFirstUse",
    "check_loaded",
    "find_file",
    "load_part",
    "normalise_imagenet",
    "quiet",
    "read_revision",
    "revision_of",
    "variant_of",
]

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


_NAMES = ("diffusion_pytorch_model", "model")


_VARIANTS = ("", ".fp16")


_IMAGENET_MEAN = (0.485, 0.456, 0.406)


_IMAGENET_STD = (0.229, 0.224, 0.225)


_PICKLED = (".bin", ".ckpt", ".pt", ".pth")


def find_file(folder: Path) -> Path:
    """Return the file with the weights in a model's folder: float32 if it is there, else float16.

    Raises
    ------
    MissingWeightsError
        If there is none, or only one that would have to be unpickled.
    """
    for variant in _VARIANTS:
        for name in _NAMES:
            path = folder / f"{name}{variant}.safetensors"
            if path.is_file() and (folder / "config.json").is_file():
                return path
    if folder.is_dir() and any(path.suffix in _PICKLED for path in folder.iterdir()):
        raise MissingWeightsError(
            f"{folder} has its weights only as a pickle, which can run any code when it is loaded, so it is not. "
            "Get the model as safetensors, or convert it with safetensors' own tools."
        )
    raise MissingWeightsError(f"{folder} has no weights: expected config.json with {_NAMES[0]}.safetensors.")


def load_part(model: Any, folder: Path, optional: tuple[str, ...] = ()) -> Any:
    """Load one model of diffusers or transformers from its folder.

    Parameters
    ----------
    model : type
        Its class.
    folder : Path
        With ``config.json`` and safetensors.
    optional : tuple of str
        Ends of the names of weights that may be missing.

    Raises
    ------
    ValueError
        If the file lacks weights: the libraries would go on with random ones.
    """
    variant = variant_of(find_file(folder))
    part, loaded = model.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, variant=variant, output_loading_info=True
    )
    check_loaded(loaded, optional)
    return part


def variant_of(file: Path) -> str | None:
    """Return the libraries' name for the precision of a file of weights; None is the usual one."""
    return "fp16" if file.stem.endswith(".fp16") else None


def check_loaded(loaded: dict[str, Any], optional: tuple[str, ...] = ()) -> None:
    """Raise ValueError if weights were missing, but for names that end in one of ``optional``."""
    missing = sorted(name for name in loaded["missing_keys"] if not name.endswith(optional or ("\0",)))
    if missing:
        raise ValueError(f"it lacks {len(missing)} weights, such as {missing[0]}")


def revision_of(file: Path, snapshot: Path) -> str:
    """Return which weights these are: the commit, if the folder is a snapshot of the hub's, or the file's digest."""
    if snapshot.resolve().parent.name == "snapshots":
        return f"commit {snapshot.resolve().name[:12]}"
    with file.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()[:12]}"


def read_revision(folder: str, part: str = "") -> str:
    """Return the revision of the weights in a folder, those of one ``part`` of the model, without loading them.

    Raises
    ------
    MissingWeightsError
        If there are none.
    """
    path = Path(folder).resolve()
    return revision_of(find_file(path / part), path)


def normalise_imagenet(planes: Tensor) -> Tensor:
    """Normalise ``[1, 3, H, W]`` in ``[0, 1]`` by the mean and deviation of ImageNet, as DINOv2 expects."""
    mean, std = (planes.new_tensor(values)[None, :, None, None] for values in (_IMAGENET_MEAN, _IMAGENET_STD))
    return (planes - mean) / std


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Load without these libraries' bars: one on the terminal of someone who clicks in napari helps nobody."""
    logs = [import_module(f"{library}.utils.logging") for library in libraries]
    shown = [log for log in logs if log.is_progress_bar_enabled()]
    for log in shown:
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log in shown:
            log.enable_progress_bar()
