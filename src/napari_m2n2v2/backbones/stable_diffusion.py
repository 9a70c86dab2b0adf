"""Stable Diffusion 1 and 2: self-attention of two U-Net blocks, in one pass without noise (sections 3.1 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from napari_m2n2v2.backbones.checkpoint import LoadedAtFirstUse, find_file, load_part, revision_of
from napari_m2n2v2.backbones.self_attention import add_attention_
from napari_m2n2v2.errors import MissingWeightsError, ParameterError
from napari_m2n2v2.method.attention import normalise_rows_

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

__all__ = ["BLOCKS", "DiffusionParts", "StableDiffusionAttention", "load_folder"]

BLOCKS = (("up_blocks.3.attentions.0", 0.5), ("up_blocks.3.attentions.1", 0.5))
"""The paper's blocks and their weights; in each, the self-attention ``transformer_blocks.0.attn1``."""

_PIXELS_PER_CELL = 8  # the autoencoder halves the image three times, and these blocks work at the latent's resolution


@dataclass(frozen=True, eq=False)
class DiffusionParts:
    """The parts of a pipeline that attention needs; its text encoder, scheduler and decoder are not kept.

    Parameters
    ----------
    autoencoder : AutoencoderKL
        Its encoder.
    unet : UNet2DConditionModel
        The network whose attention is read.
    empty_prompt : Tensor
        ``[1, tokens, d]``, the text encoder's answer to no text.
    """

    autoencoder: AutoencoderKL
    unet: UNet2DConditionModel
    empty_prompt: Tensor


class StableDiffusionAttention(LoadedAtFirstUse[DiffusionParts]):
    """The attention backbones "SD1" and "SD2" of the paper.

    Parameters
    ----------
    name : str
        What users call it.
    load : callable
        Returns the parts and their weights revision; called at first use, because it is slow.
    default_grid : int
        Cells along the side of a square image.
    timestep : int
        Of the one pass through the U-Net, 0 to 999.
    blocks : sequence of (str, float)
        Names of attention modules in the U-Net with their weights, 0 or more; they work at the latent's resolution.
    dtype : torch.dtype or None
        What the networks compute in; None is float16 on a GPU and float32 on a CPU. The softmax is always in float32.
    revision : callable, optional
        Returns that revision without loading.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], tuple[DiffusionParts, str]],
        default_grid: int = 128,
        timestep: int = 100,
        blocks: Sequence[tuple[str, float]] = BLOCKS,
        dtype: torch.dtype | None = None,
        revision: Callable[[], str] | None = None,
    ) -> None:
        if not 0 <= timestep <= 999:
            raise ParameterError(f"timestep must be between 0 and 999, got {timestep}.")
        total = sum(weight for _, weight in blocks)
        if total <= 0 or min(weight for _, weight in blocks) < 0:
            raise ParameterError(f"Block weights must be 0 or more with a positive sum, got {tuple(blocks)}.")
        self.name = name
        self.default_grid = default_grid
        self.timestep = timestep
        self.blocks = {f"{block}.transformer_blocks.0.attn1": weight / total for block, weight in blocks if weight}
        self.dtype = dtype
        super().__init__(load, _freeze, "diffusers", "transformers", revision=revision)

    @torch.no_grad()
    def attention(
        self,
        image: NDArray[np.uint8],
        grid_shape: tuple[int, int],
        device: torch.device,
        progress: Callable[[float, str], None],
    ) -> Tensor:
        """See :class:`~napari_m2n2v2.backbones.AttentionBackbone`.

        The image is fed at eight pixels a cell. Peak memory beside the weights is one ``[n, n]`` float32 tensor and a
        block of queries. The U-Net is left as soon as its last recorded block has attended.
        """
        progress(0.0, f"loading {self.name}")
        progress = _rising(progress)
        parts = self._loaded()[0]
        dtype = self.dtype or (torch.float32 if device.type == "cpu" else torch.float16)
        unet, autoencoder = _put(parts.unet, device, dtype), _put(parts.autoencoder, device, dtype)
        pixels = model_input(image, grid_shape).to(device, dtype)
        with _reporting(autoencoder.encoder, lambda share: progress(0.3 * share, "encoding the image")):
            latent = autoencoder.encode(pixels).latent_dist.mode() * autoencoder.config.scaling_factor
        n = grid_shape[0] * grid_shape[1]
        out = torch.zeros((n, n), dtype=torch.float32, device=device)
        with (
            _recording(unet, self.blocks, out, lambda share: progress(0.8 + 0.2 * share, "attention")),
            _reporting(unet, lambda share: progress(0.3 + 0.5 * share, "U-Net")),
        ):
            unet(latent, self.timestep, encoder_hidden_states=parts.empty_prompt.to(device, dtype))
        return normalise_rows_(out)


def load_folder(folder: str) -> tuple[DiffusionParts, str]:
    """Load a Stable Diffusion folder as the model hub lays it out: ``unet vae text_encoder tokenizer``.

    Raises
    ------
    MissingWeightsError
        If files are missing or damaged. Only safetensors are read: nothing is unpickled.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    path = Path(folder).resolve()
    for part in ("unet", "vae", "text_encoder"):
        find_file(path / part)
    try:
        tokenizer = CLIPTokenizer.from_pretrained(path / "tokenizer", local_files_only=True)
        encoder = load_part(CLIPTextModel, path / "text_encoder").float()
        tokens = tokenizer(
            "", padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
        )
        with torch.no_grad():
            empty_prompt = encoder(tokens.input_ids)[0]
        del encoder
        autoencoder = load_part(AutoencoderKL, path / "vae")
        del autoencoder.decoder, autoencoder.post_quant_conv
        unet = load_part(UNet2DConditionModel, path / "unet")
        if unet.config.in_channels != autoencoder.config.latent_channels:
            raise ValueError(f"its U-Net takes {unet.config.in_channels} channels, not an image's latent alone")
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise MissingWeightsError(f"The Stable Diffusion weights in {folder} cannot be loaded: {error}") from error
    return DiffusionParts(autoencoder, unet, empty_prompt), revision_of(find_file(path / "unet"), path)


def model_input(image: NDArray[np.uint8], grid_shape: tuple[int, int]) -> Tensor:
    """Resize ``[H, W, 3]`` uint8 to eight pixels a cell, in ``[-1, 1]``: ``[1, 3, 8*h, 8*w]``.

    Areas are averaged where both sides shrink, as in the published program (OpenCV's ``INTER_AREA``), else bilinear.
    """
    size = (_PIXELS_PER_CELL * grid_shape[0], _PIXELS_PER_CELL * grid_shape[1])
    planes = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None]
    if size[0] <= image.shape[0] and size[1] <= image.shape[1]:
        planes = interpolate(planes, size=size, mode="area")
    else:
        planes = interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)
    return planes / 127.5 - 1


def _freeze(parts: DiffusionParts) -> None:
    for part in (parts.autoencoder, parts.unet):
        part.eval().requires_grad_(False)


def _put(network: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Move a network; diffusers' own ``to`` warns about modules to keep in float32 where there are none."""
    return torch.nn.Module.to(network, device=device, dtype=dtype)


def _rising(progress: Callable[[float, str], None]) -> Callable[[float, str], None]:
    """Report the highest share so far: recorded blocks lie between others of the same pass."""
    highest = 0.0

    def report(share: float, stage: str) -> None:
        nonlocal highest
        highest = max(highest, share)
        progress(highest, stage)

    return report


class _AllRecorded(Exception):
    """Nothing that follows in the network is needed."""


class _Recorder:
    """A diffusers attention processor: adds what it sees to ``out``, then attends as the one it stands for."""

    def __init__(self, original: Any, weight: float, recording: _Recording) -> None:
        self._original = original
        self._weight = weight
        self._recording = recording

    def __call__(self, attn: Any, hidden_states: Tensor, *rest: Any, **named: Any) -> Tensor:
        query, key = (
            project(hidden_states[0]).unflatten(1, (attn.heads, -1)).transpose(0, 1)
            for project in (attn.to_q, attn.to_k)
        )
        self._recording.add(query, key, attn.scale, self._weight)
        attended: Tensor = self._original(attn, hidden_states, *rest, **named)
        return attended


class _Recording:
    def __init__(self, out: Tensor, blocks: int, report: Callable[[float], None], stop: bool) -> None:
        self._out = out
        self._blocks = blocks
        self._report = report
        self._stop = stop
        self._done = 0

    def add(self, query: Tensor, key: Tensor, scaling: float, weight: float) -> None:
        def report(share: float) -> None:
            self._report((self._done + share) / self._blocks)

        add_attention_(self._out, query, key, scaling, weight, report)
        self._done += 1
        if self._stop and self._done == self._blocks:
            raise _AllRecorded


@contextmanager
def _recording(
    unet: Any, blocks: dict[str, float], out: Tensor, report: Callable[[float], None], *, stop: bool = True
) -> Iterator[None]:
    """Let attention modules record into ``out``, end the pass after the last, and leave the network as it was."""
    modules = dict(unet.named_modules())
    unknown = [name for name in blocks if name not in modules]
    if unknown:
        raise ParameterError(f"The U-Net has no {', '.join(unknown)}.")
    recording = _Recording(out, len(blocks), report, stop)
    originals = {name: modules[name].processor for name in blocks}
    try:
        for name, weight in blocks.items():
            modules[name].set_processor(_Recorder(originals[name], weight, recording))
        yield
    except _AllRecorded:
        pass
    finally:
        for name, original in originals.items():
            modules[name].set_processor(original)


@contextmanager
def _reporting(network: Any, report: Callable[[float], None]) -> Iterator[None]:
    """Report before each residual block and each transformer of a network, so that a long pass can be stopped."""
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.transformers.transformer_2d import Transformer2DModel

    stages = [module for module in network.modules() if isinstance(module, ResnetBlock2D | Transformer2DModel)]
    done = 0

    def before(*_: Any) -> None:
        nonlocal done
        report(min(done / len(stages), 1.0))
        done += 1

    handles = [stage.register_forward_pre_hook(before) for stage in stages]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
