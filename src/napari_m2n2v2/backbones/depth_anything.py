"""Depth Anything V2: inverse depth from one image (sections 3.2 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from napari_m2n2v2.backbones.checkpoint import LoadedAtFirstUse, find_file, load_part, normalise_imagenet, revision_of
from napari_m2n2v2.errors import MissingWeightsError

if TYPE_CHECKING:
    from transformers import DepthAnythingForDepthEstimation

__all__ = ["DepthAnythingDepth", "load_folder"]

_SIDE, _CPU_SIDE = 2024, 518
_LARGEST_AREA = 4  # squares of the shortest side


class DepthAnythingDepth(LoadedAtFirstUse["DepthAnythingForDepthEstimation"]):
    """The depth backbone "DA2" of the paper, in any size.

    Parameters
    ----------
    name : str
        What users call it.
    load : callable
        Returns the model and its weights revision; called at first use, because it is slow.
    shortest_side : int or None
        Pixels of the shortest side fed to the model, rounded to whole patches. None is the paper's 2024, and on a CPU
        518, which the model was trained on.
    revision : callable, optional
        Returns that revision without loading.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], tuple[DepthAnythingForDepthEstimation, str]],
        shortest_side: int | None = None,
        revision: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.shortest_side = shortest_side
        super().__init__(load, lambda model: model.eval().requires_grad_(False), "transformers", revision=revision)

    @torch.no_grad()
    def depth(
        self, image: NDArray[np.uint8], device: torch.device, progress: Callable[[float, str], None]
    ) -> NDArray[np.float32]:
        """See :class:`~napari_m2n2v2.backbones.DepthBackbone`. The model predicts inverse depth already."""
        progress(0.0, f"loading {self.name}")
        model = self._loaded()[0].to(device)
        patch = int(model.config.patch_size)
        shape = image.shape[0], image.shape[1]
        side = self.shortest_side or (_CPU_SIDE if device.type == "cpu" else _SIDE)
        # A long strip is not blown up until its short side fits: memory follows the area squared.
        scale = min(side / min(shape), (_LARGEST_AREA * side**2 / (shape[0] * shape[1])) ** 0.5)
        size = [max(1, round(length * scale / patch)) * patch for length in shape]
        planes = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None] / 255
        planes = interpolate(planes, size=size, mode="bicubic", antialias=True, align_corners=False).clamp_(0, 1)
        layers = model.backbone.encoder.layer
        done = 0

        def before(*_: Any) -> None:  # what a hook returns would become the layer's input
            nonlocal done
            progress(0.1 + 0.8 * done / len(layers), "depth")
            done += 1

        handles = [layer.register_forward_pre_hook(before) for layer in layers]
        try:
            predicted = model(pixel_values=normalise_imagenet(planes).to(device)).predicted_depth
        finally:
            for handle in handles:
                handle.remove()
        resized = interpolate(predicted[:, None].float(), size=shape, mode="bilinear", align_corners=False)
        depth: NDArray[np.float32] = resized[0, 0].cpu().numpy()
        return depth


def load_folder(folder: str) -> tuple[DepthAnythingForDepthEstimation, str]:
    """Load Depth Anything from a folder as the model hub lays it out.

    Raises
    ------
    MissingWeightsError
        If files are missing or damaged, or hold another model. Only safetensors are read: nothing is unpickled.
    """
    from transformers import AutoConfig, DepthAnythingForDepthEstimation

    path = Path(folder).resolve()
    file = find_file(path)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type != "depth_anything":
            raise ValueError(f"it holds a {config.model_type!r} model, expected 'depth_anything'")
        model = load_part(DepthAnythingForDepthEstimation, path, ("mask_token",))
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise MissingWeightsError(f"The Depth Anything weights in {folder} cannot be loaded: {error}") from error
    return model, revision_of(file, path)
