"""Where attention and depth come from: what a backbone is, the ones there are, and which is ready."""

from napari_m2n2v2.backbones.find import FoundBackbone, FoundDepth, find_backbone, find_depth, release_models
from napari_m2n2v2.backbones.protocol import AttentionBackbone, DepthBackbone
from napari_m2n2v2.backbones.registry import BACKBONES, DEPTH_BACKBONES, BackboneInfo

__all__ = [
    "BACKBONES",
    "DEPTH_BACKBONES",
    "AttentionBackbone",
    "BackboneInfo",
    "DepthBackbone",
    "FoundBackbone",
    "FoundDepth",
    "find_backbone",
    "find_depth",
    "release_models",
]
