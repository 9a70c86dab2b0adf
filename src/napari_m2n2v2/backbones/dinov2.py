"""DINOv2: the last layer's self-attention of ``transformers``' ``Dinov2Model`` (sections 3.1 and 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, scaled_dot_product_attention

from napari_m2n2v2.attention import normalise_rows_
from napari_m2n2v2.errors import MissingWeightsError

if TYPE_CHECKING:
    from transformers import Dinov2Model

__all__ = ["Dinov2Attention", "check_loaded", "load_folder", "model_input"]

_FILES = ("config.json", "model.safetensors")

_QUERIES_AT_ONCE = 512
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_IMPLEMENTATION = "napari_m2n2v2_capture"


class Dinov2Attention:
    """The attention backbone "ViT-B" of the paper, in any size of DINOv2.

    Parameters
    ----------
    name : str
        What users call it.
    load : callable
        Returns the model and its weights revision; called at first use, because it is slow.
    default_grid : int
        Cells along the side of a square image.
    """

    def __init__(self, name: str, load: Callable[[], tuple[Dinov2Model, str]], default_grid: int = 64) -> None:
        self.name = name
        self.default_grid = default_grid
        self._load = load

    @cached_property
    def _loaded(self) -> tuple[Dinov2Model, str]:
        from transformers import AttentionInterface
        from transformers.utils import logging

        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # a bar on the terminal of someone who clicks in napari helps nobody
        try:
            model, revision = self._load()
        finally:
            if bars:
                logging.enable_progress_bar()
        AttentionInterface.register(_IMPLEMENTATION, _attend)
        model.set_attn_implementation(_IMPLEMENTATION)
        return model.eval().requires_grad_(False), revision

    @property
    def weights_revision(self) -> str:
        """Commit or digest of the weights. Loads the model."""
        return self._loaded[1]

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
        model = self._loaded[0].to(device)
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
    missing = [name for name in _FILES if not (path / name).is_file()]
    if missing:
        raise MissingWeightsError(
            f"{folder} has no {' and no '.join(missing)}. Expected a DINOv2 folder as the model hub lays it out, "
            "with its weights as safetensors."
        )
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type != "dinov2":
            raise ValueError(f"it holds a {config.model_type!r} model, expected 'dinov2'")
        model, loaded = Dinov2Model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        check_loaded(loaded)
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise MissingWeightsError(f"The DINOv2 weights in {folder} cannot be loaded: {error}") from error
    if path.parent.name == "snapshots":
        return model, f"commit {path.name[:12]}"
    with (path / _FILES[1]).open("rb") as file:
        return model, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"


def check_loaded(loaded: dict[str, Any]) -> None:
    """Raise ValueError if weights were missing: transformers would go on with random ones."""
    missing = sorted(name for name in loaded["missing_keys"] if not name.endswith("mask_token"))
    if missing:
        raise ValueError(f"it lacks {len(missing)} weights, such as {missing[0]}")


def model_input(image: NDArray[np.uint8], grid_shape: tuple[int, int], patch_size: int) -> Tensor:
    """Resize ``[H, W, 3]`` uint8 to one patch a cell and normalise as DINOv2 expects: ``[1, 3, p*h, p*w]``."""
    size = [patch_size * side for side in grid_shape]
    planes = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None] / 255
    planes = interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)
    mean, std = (torch.tensor(values)[None, :, None, None] for values in (_IMAGENET_MEAN, _IMAGENET_STD))
    return (planes - mean) / std


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
    if capture.done == capture.layers:
        capture.last_layer = _patch_attention(query[0], key[0], settings["scaling"], capture.progress)
    attended = scaled_dot_product_attention(query, key, value, scale=settings["scaling"])
    capture.progress(0.9 * capture.done / capture.layers, "attention")
    return attended.transpose(1, 2).contiguous(), None


def _patch_attention(query: Tensor, key: Tensor, scaling: float, progress: Callable[[float, str], None]) -> Tensor:
    """Softmax ``[heads, 1 + n, d]`` queries and keys, average heads, drop the class token, renormalise: ``[n, n]``."""
    heads, tokens, _ = query.shape
    n = tokens - 1
    out = torch.empty((n, n), dtype=torch.float32, device=query.device)
    for start in range(0, n, _QUERIES_AT_ONCE):
        rows = out[start : start + _QUERIES_AT_ONCE]
        rows.zero_()
        for head in range(heads):
            queries = query[head, 1 + start : 1 + start + len(rows)].float()
            rows += torch.softmax(queries @ key[head].float().T * scaling, dim=1)[:, 1:]
        progress(0.9 + 0.1 * start / n, "attention")
    return normalise_rows_(out)
