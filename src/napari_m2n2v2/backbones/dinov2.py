"""DINOv2: the last layer's self-attention of ``transformers``' ``Dinov2Model`` (sections 3.1 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, scaled_dot_product_attention

from napari_m2n2v2.backbones.checkpoint import LoadedAtFirstUse, find_file, load_part, normalise_imagenet, revision_of
from napari_m2n2v2.backbones.self_attention import add_attention_
from napari_m2n2v2.errors import MissingWeightsError
from napari_m2n2v2.method.attention import normalise_rows_

if TYPE_CHECKING:
    from transformers import Dinov2Model

__all__ = ["UNUSED", "Dinov2Attention", "load_folder", "model_input"]

UNUSED = ("mask_token",)
"""Ends of the names of weights that a checkpoint need not have: they are for training."""

_IMPLEMENTATION = "napari_m2n2v2_capture"


class Dinov2Attention(LoadedAtFirstUse["Dinov2Model"]):
    """The attention backbone "ViT-B" of the paper, in any size of DINOv2.

    Parameters
    ----------
    name : str
        What users call it.
    load : callable
        Returns the model and its weights revision; called at first use, because it is slow.
    default_grid : int
        Cells along the side of a square image.
    revision : callable, optional
        Returns that revision without loading.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], tuple[Dinov2Model, str]],
        default_grid: int = 64,
        revision: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.default_grid = default_grid
        super().__init__(load, _capture_attention, "transformers", revision=revision)

    @torch.no_grad()
    def attention(
        self,
        image: NDArray[np.uint8],
        grid_shape: tuple[int, int],
        device: torch.device,
        progress: Callable[[float, str], None],
    ) -> Tensor:
        """See :class:`~napari_m2n2v2.backbones.AttentionBackbone`.

        Position embeddings are interpolated by the model itself, so any rectangular grid works. Only the last layer's
        ``n x n`` softmax is ever formed, a block of queries at a time and averaged over heads at once.
        """
        progress(0.0, f"loading {self.name}")
        model = self._loaded()[0].to(device)
        pixels = model_input(image, grid_shape, model.config.patch_size).to(device)
        with _capture(model, progress) as captured:
            model(pixel_values=pixels)
        return captured.last_layer


def load_folder(folder: str) -> tuple[Dinov2Model, str]:
    """Load DINOv2 from a folder as the model hub lays it out; the revision is the commit, or the file's digest.

    Raises
    ------
    MissingWeightsError
        If files are missing or damaged, or hold another model. Only safetensors are read: nothing is unpickled.
    """
    from transformers import AutoConfig, Dinov2Model

    path = Path(folder).resolve()
    file = find_file(path)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type != "dinov2":
            raise ValueError(f"it holds a {config.model_type!r} model, expected 'dinov2'")
        model = load_part(Dinov2Model, path, UNUSED)
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise MissingWeightsError(f"The DINOv2 weights in {folder} cannot be loaded: {error}") from error
    return model, revision_of(file, path)


def model_input(image: NDArray[np.uint8], grid_shape: tuple[int, int], patch_size: int) -> Tensor:
    """Resize ``[H, W, 3]`` uint8 to one patch a cell and normalise as DINOv2 expects: ``[1, 3, p*h, p*w]``."""
    size = [patch_size * side for side in grid_shape]
    planes = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None] / 255
    planes = interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)
    return normalise_imagenet(planes)


def _capture_attention(model: Dinov2Model) -> None:
    """Make a model attend through :func:`_attend`."""
    from transformers import AttentionInterface

    AttentionInterface.register(_IMPLEMENTATION, _attend)
    model.set_attn_implementation(_IMPLEMENTATION)
    model.eval().requires_grad_(False)


class _Capture:
    """What the attention function of the running model needs to know, and what it found."""

    def __init__(self, layers: int, progress: Callable[[float, str], None]) -> None:
        self.layers = layers
        self.done = 0
        self.progress = progress
        self.last_layer: Tensor = torch.empty(0)


_capturing: ContextVar[_Capture] = ContextVar("napari_m2n2v2_capturing")


@contextmanager
def _capture(model: Dinov2Model, progress: Callable[[float, str], None]) -> Iterator[_Capture]:
    capture = _Capture(model.config.num_hidden_layers, progress)
    token = _capturing.set(capture)
    try:
        yield capture
    finally:
        _capturing.reset(token)


def _attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **settings: Any
) -> tuple[Tensor, None]:
    """Attend as PyTorch does; in the last layer also keep the weights. Called by transformers, once per layer."""
    capture = _capturing.get()
    capture.done += 1
    capture.progress(0.9 * capture.done / capture.layers, "attention")
    if capture.done == capture.layers:
        capture.last_layer = _patch_attention(query[0], key[0], settings["scaling"], capture.progress)
    attended = scaled_dot_product_attention(query, key, value, scale=settings["scaling"])
    return attended.transpose(1, 2).contiguous(), None


def _patch_attention(query: Tensor, key: Tensor, scaling: float, progress: Callable[[float, str], None]) -> Tensor:
    """Average ``[heads, 1 + n, d]`` queries' softmax over heads, without the class token: ``[n, n]``, rows sum to 1."""
    n = query.shape[1] - 1
    out = torch.zeros((n, n), dtype=torch.float32, device=query.device)
    add_attention_(out, query, key, scaling, 1.0, lambda share: progress(0.9 + 0.1 * share, "attention"), skip=1)
    return normalise_rows_(out)
