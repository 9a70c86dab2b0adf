"""Everything slow about one image, computed in one go."""

from __future__ import annotations

from typing import Any

import torch

from napari_m2n2v2.backbones import AttentionBackbone
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.request import FeatureRequest, Transition
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.guides.channel import GuideChannel, guide_options
from napari_m2n2v2.method.low_rank import low_rank_of
from napari_m2n2v2.method.upsampling import UpsamplingOperator
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["assemble", "compute", "compute_features"]


def compute_features(
    image: Any,
    attention: str | AttentionBackbone = "auto",
    guide: Any = None,
    device: str | torch.device = "auto",
    progress: Progress | None = None,
    *,
    contrast_limits: tuple[float, float] | None = None,
    parameters: FeatureParameters | None = None,
) -> ImageFeatures:
    """Compute everything about an image that clicks need.

    Parameters
    ----------
    image : array-like
        ``[H, W]``, ``[H, W, 3]`` or ``[H, W, 4]``, any real dtype; NaN and infinite pixels are clipped, as
        ``notes`` of the features say; see :func:`~napari_m2n2v2.images.rendering.as_rgb`.
    attention : str or AttentionBackbone
        A name that ``napari-m2n2v2 backbones`` lists, a folder with DINOv2 weights, ``"auto"`` for the best that is
        ready on this machine, or your own backbone object. Nothing is downloaded.
    guide : array-like, str, DepthBackbone, Guide, or a sequence of these, optional
        ``[H, W]`` registered channel, e.g. inverse depth; any range, brought to ``[0, 1]`` here. Or what computes depth
        from the image: a name such as ``"depth-anything-v2-small"``, a folder, or your own backbone object. Or a guide
        computed from the image's own pixels, such as ``"lightness"`` (:mod:`~napari_m2n2v2.guides.from_image`). Or
        ``"auto"``: the clicks on each object choose between the other guides given, the image's lightness and none
        (:mod:`~napari_m2n2v2.guides.choice`). Each may have a weight: ``Guide(channel, 0.5)``, ``"lightness:2+stain"``.
    device : str or torch.device
        ``"auto"`` is CUDA, else MPS, else CPU.
    progress : callable, optional
        Called as ``progress(share, stage)`` from this thread; raise :class:`~napari_m2n2v2.Cancelled` from it to stop.
    contrast_limits : tuple of float, optional
        Values shown as black and white, for data that is not 8 bit.
    parameters : FeatureParameters, optional
        Defaults are the paper's, but for the test-time flip, which is off because it doubles the time. Where no grid is
        asked for, the backbone's is used, and on a CPU one of at most 64.

    Notes
    -----
    Where a GPU runs out of memory, the CPU goes on, and ``chosen_because`` says so.

    Raises
    ------
    ImageError, GuideError, DeviceError, UnknownBackboneError, MissingWeightsError, MissingDependencyError
    """
    spec = FeatureSpec(attention, guide, device, contrast_limits, parameters or FeatureParameters())
    return compute(FeatureRequest.of(image, spec), progress or silent)


def compute(request: FeatureRequest, report: Progress) -> ImageFeatures:
    """Do the slow part of what was asked and checked."""
    # Attention is by far the slowest stage, so it gets most of the bar.
    before = 0.0 if request.depth is None else 0.3
    guides = request.guides(request.read_depth(report))
    transition = request.read_transition(lambda share, stage: report(before + (0.85 - before) * share, stage))
    features = assemble(request, transition, guides)
    features.upsampling_operator(guided=True, progress=lambda share, stage: report(0.85 + 0.15 * share, stage))
    return features


def assemble(
    request: FeatureRequest,
    transition: Transition,
    guides: tuple[GuideChannel, ...],
    operator: UpsamplingOperator | None = None,
) -> ImageFeatures:
    """Put the parts of an image's features together.

    Parameters
    ----------
    request : FeatureRequest
        What was asked.
    transition : Transition
        Its attention, ready.
    guides : tuple of GuideChannel
        Those given.
    operator : UpsamplingOperator, optional
        That joins the guides that do; without it, it is built at first use.
    """
    first, *others = guide_options(guides, request.own)
    joined = any(guide.joins_upsampling for guide in first)
    backbone = request.attention.backbone
    return ImageFeatures(
        shape=request.plane.shape,
        image=request.plane.image,
        guides=first,
        alternatives=tuple(others),
        transition=transition.matrix,
        grid_shape=transition.grid_shape,
        parameters=request.spec.parameters,
        low_rank=low_rank_of(transition.matrix) if getattr(backbone, "long_chains", False) else None,
        backbone=backbone.name,
        weights_revision=backbone.weights_revision,
        chosen_because=request.attention.reason + transition.note,
        clipped=request.plane.clipped,
        _operators={} if operator is None else {joined: operator},
    )
