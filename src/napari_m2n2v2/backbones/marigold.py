"""Marigold: depth by diffusion, turned into inverse depth (sections 3.2 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2v2.backbones.checkpoint import LoadedAtFirstUse, find_file, load_part, revision_of
from napari_m2n2v2.errors import ImageError, MissingWeightsError

if TYPE_CHECKING:
    from diffusers import MarigoldDepthPipeline

__all__ = ["MarigoldDepth", "load_folder"]

_OF_THE_PAPER, _ON_CPU = (50, 10), (4, 1)  # steps, ensemble
_NEAREST = 0.25  # keeps the inverse of a depth of 0 finite, as in the paper


class MarigoldDepth(LoadedAtFirstUse["MarigoldDepthPipeline"]):
    """The depth backbone "Marigold" of the paper.

    Parameters
    ----------
    name : str
        What users call it.
    load : callable
        Returns the pipeline and its weights revision; called at first use, because it is slow.
    steps, ensemble : int or None
        Denoising steps, and how many depth maps are averaged. None is the paper's 50 and 10, and on a CPU 4 and 1.
    processing_side : int or None
        Longest side, in pixels, the model works at; None is the checkpoint's own, 0 the image's.
    revision : callable, optional
        Returns that revision without loading.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], tuple[MarigoldDepthPipeline, str]],
        steps: int | None = None,
        ensemble: int | None = None,
        processing_side: int | None = None,
        revision: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.steps = steps
        self.ensemble = ensemble
        self.processing_side = processing_side
        super().__init__(
            load, lambda p: p.set_progress_bar_config(disable=True), "diffusers", "transformers", revision=revision
        )

    @torch.no_grad()
    def depth(
        self, image: NDArray[np.uint8], device: torch.device, progress: Callable[[float, str], None]
    ) -> NDArray[np.float32]:
        """See :class:`~napari_m2n2v2.backbones.DepthBackbone`.

        Marigold predicts depth ``Z`` in ``[0, 1]``, far is large; the guide is ``1 / (Z + 0.25)``. The seed is
        fixed: the same image gives the same depth.
        """
        progress(0.0, f"loading {self.name}")
        pipeline = self._loaded()[0].to(device, torch.float16 if device.type == "cuda" else torch.float32)
        usual = _ON_CPU if device.type == "cpu" else _OF_THE_PAPER
        steps, ensemble = self.steps or usual[0], self.ensemble or usual[1]
        done = 0

        def before(*_: Any) -> None:
            nonlocal done
            progress(0.1 + 0.8 * min(done / (steps * ensemble), 1.0), "depth")
            done += 1

        handle = pipeline.unet.register_forward_pre_hook(before)
        try:
            predicted = pipeline(
                np.ascontiguousarray(image[None].astype(np.float32) / 255),
                num_inference_steps=steps,
                ensemble_size=ensemble,
                processing_resolution=self.processing_side,
                generator=torch.Generator("cpu").manual_seed(0),
            ).prediction
        except ValueError as error:
            raise ImageError(f"Marigold cannot take an image of this shape: {error}") from error
        finally:
            handle.remove()
        distance = np.asarray(predicted, dtype=np.float32).reshape(image.shape[:2])
        return (1 / (distance + _NEAREST)).astype(np.float32)


def load_folder(folder: str) -> tuple[MarigoldDepthPipeline, str]:
    """Load a Marigold folder as the model hub lays it out.

    Raises
    ------
    MissingWeightsError
        If files are missing or damaged. Only safetensors are read: nothing is unpickled.
    """
    from diffusers import AutoencoderKL, MarigoldDepthPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    path = Path(folder).resolve()
    file = find_file(path / "unet")
    try:
        # Each part by itself, so that a file which lacks weights is refused.
        parts = {
            name: load_part(model, path / name)
            for name, model in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL), ("text_encoder", CLIPTextModel))
        }
        pipeline = MarigoldDepthPipeline.from_pretrained(path, local_files_only=True, **parts)
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise MissingWeightsError(f"The Marigold weights in {folder} cannot be loaded: {error}") from error
    return pipeline, revision_of(file, path)
