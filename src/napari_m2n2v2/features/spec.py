"""How features are wanted, of whatever image: :class:`FeatureSpec`. Cheap: imports no model and no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_m2n2v2.parameters import FeatureParameters

if TYPE_CHECKING:
    import torch

    from napari_m2n2v2.backbones import AttentionBackbone

__all__ = ["FeatureSpec"]


@dataclass(frozen=True, eq=False)
class FeatureSpec:
    """How features are wanted; each field is as :func:`~napari_m2n2v2.compute_features` takes it.

    Parameters
    ----------
    attention : str or AttentionBackbone
        What reads attention.
    guide : optional
        What guides. For a whole stack also a :class:`~napari_m2n2v2.Stack` of the same planes.
    device : str or torch.device
        Where to compute.
    contrast_limits : tuple of float, optional
        Values shown as black and white.
    parameters : FeatureParameters
        How.
    """

    attention: str | AttentionBackbone = "auto"
    guide: Any = None
    device: str | torch.device = "auto"
    contrast_limits: tuple[float, float] | None = None
    parameters: FeatureParameters = FeatureParameters()  # noqa: RUF009 (frozen, so it may be shared)
