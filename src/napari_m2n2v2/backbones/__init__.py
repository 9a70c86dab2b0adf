"""Where attention comes from: what a backbone is, the ones there are, and which is ready."""

from napari_m2n2v2.backbones.protocol import AttentionBackbone
from napari_m2n2v2.backbones.registry import BACKBONES, BackboneInfo, FoundBackbone, find_backbone

__all__ = ["BACKBONES", "AttentionBackbone", "BackboneInfo", "FoundBackbone", "find_backbone"]
