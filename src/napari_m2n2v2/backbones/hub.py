"""Weights of the model hub: what there is, where it lies on this machine, and bringing it here when asked to.

Importing this is cheap, and looking for weights never touches the network.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_m2n2v2.errors import M2N2V2Error, MissingWeightsError

__all__ = ["Download", "Weights", "begun", "download", "locate", "plan"]

_MODEL_FILES = ("diffusion_pytorch_model", "model")


_UNREACHABLE = "The model hub cannot be reached for {}: {}. The same command goes on where it stopped."


_SMALLEST_FIRST = (".fp16", "")  # every backbone computes in float16 on a GPU, so half the bytes do


@dataclass(frozen=True)
class Weights:
    """The files of a backbone on the model hub.

    Parameters
    ----------
    repositories : tuple of str
        Known ids, the one to download first.
    parts : tuple of str
        Folders of models, each with ``config.json`` and safetensors; ``""`` is the top.
    extras : tuple of str
        Other files that are needed.
    optional : tuple of str
        Files that are brought where the repository has them, because they change what others mean.
    megabytes : int
        About how much there is to download.
    """

    repositories: tuple[str, ...]
    parts: tuple[str, ...]
    extras: tuple[str, ...]
    megabytes: int
    optional: tuple[str, ...] = ()

    def of(self, repository: str) -> Weights:
        """Return the same files of another repository."""
        return replace(self, repositories=(repository,))


@dataclass(frozen=True)
class Download:
    """What a download will bring.

    Parameters
    ----------
    repository, revision : str
        Id and commit on the hub.
    licence : str
        As the hub states it.
    files : mapping of str to int
        Names with their sizes in bytes.
    missing : int
        Bytes that are not on this machine yet.
    """

    repository: str
    revision: str
    licence: str
    files: Mapping[str, int]
    missing: int


def locate(weights: Weights) -> Path | None:
    """Return the folder of the first known repository that is whole on this machine, or None."""
    return next((folder for repository in weights.repositories if (folder := _snapshot(weights, repository))), None)


def _snapshot(weights: Weights, repository: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    first = _join(weights.parts[0], "config.json")
    try:
        found = try_to_load_from_cache(repository, first)
    except HFValidationError:
        return None
    if not isinstance(found, str):
        return None
    folder = _root(found, first)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return folder if names.issuperset(weights.extras) and _chosen(weights.parts, names) else None


def begun(weights: Weights) -> bool:
    """Whether something of a repository is on this machine, but not all that is needed."""
    from huggingface_hub import constants

    folders = (Path(constants.HF_HUB_CACHE) / f"models--{r.replace('/', '--')}" for r in weights.repositories)
    return any((folder / "blobs").is_dir() for folder in folders) and locate(weights) is None


def plan(weights: Weights) -> Download:
    """Ask the hub what a download would bring. Uses the network.

    Raises
    ------
    MissingWeightsError
        If the hub cannot be reached or may not be, has no such model, or has it only as a pickle.
    """
    from huggingface_hub import HfApi, constants, snapshot_download

    repository = weights.repositories[0]
    with _hub_errors(repository):
        info = HfApi(endpoint=constants.ENDPOINT).model_info(repository)
    names = {file.rfilename for file in info.siblings or ()}
    chosen = _chosen(weights.parts, names)
    if not chosen:
        raise MissingWeightsError(
            f"{repository} has no safetensors for {', '.join(part or 'the model' for part in weights.parts)}. Pickled "
            "checkpoints are refused, because unpickling runs whatever code they hold. Choose another id."
        )
    if lacking := [name for name in weights.extras if name not in names]:
        raise MissingWeightsError(
            f"{repository} has no {', '.join(lacking)}, which this backbone needs. Choose another id."
        )
    asked = [*chosen, *weights.extras, *weights.optional]
    with _hub_errors(repository):
        found = snapshot_download(
            repository, revision=info.sha, endpoint=constants.ENDPOINT, dry_run=True, allow_patterns=asked,
            tqdm_class=_bar(lambda _: None),
        )  # fmt: skip
    licence = str((info.card_data or {}).get("license") or "not stated; see the model's page")
    sizes = {file.filename: file.file_size or 0 for file in sorted(found, key=lambda file: asked.index(file.filename))}
    missing = sum(sizes[file.filename] for file in found if file.will_download)
    return Download(repository, str(info.sha), licence, sizes, missing)


def download(wanted: Download, report: Callable[[float, str], None]) -> Path:
    """Bring weights into the hub's cache, file by file.

    A connection that breaks is taken up again by the hub's client where it was; after a stop, files that are whole are
    kept and the one that was under way begins anew.

    Parameters
    ----------
    wanted : Download
        From :func:`plan`.
    report : callable
        Called as ``report(share, file)``; raise :class:`~napari_m2n2v2.Cancelled` from it to stop.

    Returns
    -------
    Path
        Their folder.

    Raises
    ------
    MissingWeightsError
        If the hub cannot be reached, or the disk is too small.
    """
    from huggingface_hub import constants, hf_hub_download

    cache = Path(constants.HF_HUB_CACHE)
    with _hub_errors(wanted.repository):
        cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if free < wanted.missing:
        raise MissingWeightsError(
            f"{wanted.repository} needs {wanted.missing / 1e6:.0f} MB in {cache}, where {free / 1e6:.0f} MB are free. "
            "Make room, or set HF_HUB_CACHE to another disk."
        )
    total, done = sum(wanted.files.values()) or 1, 0
    for name, size in wanted.files.items():

        def more(here: int, name: str = name, before: int = done) -> None:
            report(min((before + here) / total, 1.0), name)

        more(0)
        with _hub_errors(wanted.repository), _plain_transfer():
            place = hf_hub_download(
                wanted.repository, name, revision=wanted.revision, endpoint=constants.ENDPOINT, tqdm_class=_bar(more)
            )
        done += size
    folder = _root(place, name)
    # Which commit "main" is, so that the files are found without asking the hub.
    ref = folder.parents[1] / "refs" / "main"
    ref.parent.mkdir(exist_ok=True)
    ref.write_text(wanted.revision, encoding="utf-8")
    return folder


def _chosen(parts: tuple[str, ...], names: Collection[str]) -> list[str]:
    """Choose one file of weights for each part, all of the same precision; none if a part has none that is safe."""
    for kind in _SMALLEST_FIRST:
        chosen = []
        for part in parts:
            weights = [_join(part, f"{name}{kind}.safetensors") for name in _MODEL_FILES]
            chosen += [_join(part, "config.json"), next((name for name in weights if name in names), "")]
        if all(name in names for name in chosen):
            return chosen
    return []


def _join(part: str, name: str) -> str:
    return f"{part}/{name}" if part else name


def _root(place: str, name: str) -> Path:
    """Return the folder of a snapshot, from where one of its files is."""
    return Path(place).parents[len(Path(name).parts) - 1]


def _bar(more: Callable[[int], None]) -> type:
    """Return a progress bar for the hub's client that shows nothing and tells how many bytes of the file are here."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **{**named, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.n += int(n or 0)
            more(self.n)

    return Bar


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Turn what the hub's client raises into one error that says what to do."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except M2N2V2Error:
        raise
    except OfflineModeIsEnabled as error:
        raise MissingWeightsError(
            f"{repository} cannot be downloaded: HF_HUB_OFFLINE is set. Unset it, or copy the folder here by hand."
        ) from error
    except (HfHubHTTPError, HFValidationError) as error:
        reason = str(error).splitlines()[0]
        raise MissingWeightsError(
            f"The model hub does not give {repository}: {reason}. Check the id; for a model that must be asked for, "
            "agree to its terms on its page and run: hf auth login"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.ENOTDIR):
            raise MissingWeightsError(_UNREACHABLE.format(repository, error)) from error
        raise MissingWeightsError(
            f"{repository} cannot be written: {error}. Make room, or set HF_HUB_CACHE to another place."
        ) from error
    except Exception as error:  # the client lets its transport's errors through, and has changed its transport
        raise MissingWeightsError(_UNREACHABLE.format(repository, error)) from error


@contextmanager
def _plain_transfer() -> Iterator[None]:
    """Download by HTTP: a transfer by Xet goes on after its progress callback has raised, so it cannot be cancelled."""
    from huggingface_hub import constants

    before, constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_XET, True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before
