"""From what a user names to a backbone: by name, folder, hub id or object; and which of them stay in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_m2n2v2.backbones.hub import locate
from napari_m2n2v2.backbones.protocol import AttentionBackbone, DepthBackbone
from napari_m2n2v2.backbones.registry import (
    AUTOMATIC,
    BACKBONES,
    DEPTH_BACKBONES,
    BackboneInfo,
    has_gpu,
    missing_weights,
)
from napari_m2n2v2.errors import MissingWeightsError, UnknownBackboneError
from napari_m2n2v2.files.paths import is_folder

__all__ = ["FoundBackbone", "FoundDepth", "find_backbone", "find_depth", "info_of", "release_models"]

_ROOM = 2.0  # of the size of the files: loading needs some more than the weights


_FAMILIES = {  # the backbone whose loader knows a folder, by what lies in it
    "attention": {"unet": "stable-diffusion-2", "else": "dinov2-base"},
    "depth": {"unet": "marigold", "else": "depth-anything-v2-large"},
}


_KNOWN: Mapping[str, Mapping[str, BackboneInfo]] = {"attention": BACKBONES, "depth": DEPTH_BACKBONES}


_held: dict[str, tuple[Any, Any]] = {}  # the last of each kind stays loaded, so that the next image need not wait


@dataclass(frozen=True)
class FoundBackbone:
    """A backbone and, for people, why it is this one."""

    backbone: AttentionBackbone
    reason: str


@dataclass(frozen=True)
class FoundDepth:
    """A source of depth and, for people, why it is this one."""

    backbone: DepthBackbone
    reason: str


def find_backbone(attention: str | AttentionBackbone = "auto", **options: Any) -> FoundBackbone:
    """Return the source of attention asked for. Uses what is on this machine; never the network.

    Parameters
    ----------
    attention : str or AttentionBackbone
        A name from :data:`BACKBONES`, ``"auto"``, a model hub id such as ``facebook/dinov2-base``, a folder with
        weights of DINOv2 or Stable Diffusion, or a backbone object, which is returned as it is.
    **options
        Of the backbone's class, such as ``timestep`` and ``blocks`` of
        :class:`~napari_m2n2v2.backbones.stable_diffusion.StableDiffusionAttention`.

    Raises
    ------
    UnknownBackboneError
        If no backbone has this name.
    MissingWeightsError
        If its weights are not on this machine.
    """
    if not isinstance(attention, str):
        return FoundBackbone(attention, getattr(attention, "reason", "given by the caller"))
    if attention != "auto":
        return FoundBackbone(_make("attention", attention, options), "asked for by name")
    names = (*(("stable-diffusion-2", "stable-diffusion-1") if has_gpu() else ()), *AUTOMATIC)
    ready = next(name for name in names if BACKBONES[name].locate() is not None)
    missing = names[: names.index(ready)]
    reason = "the best that is ready here"
    if missing:
        reason += f"; no weights on this machine for {', '.join(missing)}"
    return FoundBackbone(_make("attention", ready, options), reason)


def find_depth(depth: str | DepthBackbone, **options: Any) -> FoundDepth:
    """Return the source of depth asked for. Uses what is on this machine; never the network.

    Parameters
    ----------
    depth : str or DepthBackbone
        A name from :data:`DEPTH_BACKBONES`, a model hub id, a folder with weights of Depth Anything or Marigold, or a
        backbone object, which is returned as it is.
    **options
        Of the backbone's class.

    Raises
    ------
    UnknownBackboneError
        If no backbone has this name.
    MissingWeightsError
        If its weights are not on this machine.
    """
    if not isinstance(depth, str):
        return FoundDepth(depth, "given by the caller")
    return FoundDepth(_make("depth", depth, options), "asked for by name")


def info_of(name: str) -> BackboneInfo:
    """Return what is known of a backbone of either kind.

    Raises
    ------
    UnknownBackboneError
        If none has this name.
    """
    known = {**BACKBONES, **DEPTH_BACKBONES}
    if name not in known:
        raise UnknownBackboneError(f"Unknown backbone {name!r}: expected {', '.join(known)}.")
    return known[name]


def release_models() -> None:
    """Free the memory of every model that was kept for the next image."""
    while _held:
        _held.popitem()[1][1].release()


def _make(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    info, called, folder = _resolve(kind, name)
    key = (name, folder, tuple(sorted(options.items())))
    if kind not in _held or _held[kind][0] != key:
        backbone = info.make(called, folder, **options)
        if kind in _held:
            _held.pop(kind)[1].release()
        _held[kind] = (key, backbone)
    _make_room(kind, info)
    return _held[kind][1]


def _make_room(kind: str, info: BackboneInfo) -> None:
    """Let go of the other kind's model where memory is short; it is loaded again when it is needed."""
    megabytes = info.weights.megabytes if info.weights is not None else 0
    if len(_held) > 1 and _available() < _ROOM * megabytes * 1e6:
        for other, (_, backbone) in _held.items():
            if other != kind:
                backbone.release()


def _available() -> int:
    import psutil  # here, so that a machine where the engine alone is tried out need not have it

    return int(psutil.virtual_memory().available)


def _resolve(kind: str, name: str) -> tuple[BackboneInfo, str, str]:
    """Return how to make a backbone, the name it shall have, and the folder of its weights."""
    known = _KNOWN[kind]
    if name in known:
        place = known[name].locate()
        if place is None:
            raise missing_weights(known[name])
        return known[name], name, place
    if name and is_folder(Path(name)):
        return _family(kind, Path(name)), Path(name).resolve().name, name
    if name.count("/") == 1 and not name.startswith(("/", ".", "~")):
        folder = _in_cache(kind, name)
        return _family(kind, folder), name, str(folder)
    raise UnknownBackboneError(
        f"Unknown {kind} backbone {name!r}: expected {'auto, ' if kind == 'attention' else ''}{', '.join(known)}, "
        "a model hub id, or a folder with weights."
    )


def _family(kind: str, folder: Path) -> BackboneInfo:
    """Return the known backbone whose weights lie like those in a folder; its loader says what is wrong with them."""
    families = _FAMILIES[kind]
    return _KNOWN[kind][families["unet" if (folder / "unet").is_dir() else "else"]]


def _in_cache(kind: str, repository: str) -> Path:
    families = dict.fromkeys(_FAMILIES[kind].values())
    for family in families:
        weights = _KNOWN[kind][family].weights
        folder = locate(weights.of(repository)) if weights is not None else None
        if folder is not None:
            return folder
    from huggingface_hub import constants

    raise MissingWeightsError(
        f"The weights of {repository} are not whole on this machine (looked in {constants.HF_HUB_CACHE}). "
        f"Fetch them once with: napari-m2n2v2 download {' or '.join(families)} --id {repository}, whichever kind it is."
    )
