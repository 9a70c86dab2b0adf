"""Training-free, unsupervised interactive segmentation: M2N2V2 for napari, Python and the shell.

The names below are imported on first use, so that ``import napari_m2n2v2`` loads neither torch nor napari nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_m2n2v2._napari.attach import attach
    from napari_m2n2v2.backbones import (
        BACKBONES,
        DEPTH_BACKBONES,
        AttentionBackbone,
        BackboneInfo,
        DepthBackbone,
        FoundBackbone,
        FoundDepth,
        find_backbone,
        find_depth,
        release_models,
    )
    from napari_m2n2v2.batch import BatchOutcome, segment_folder
    from napari_m2n2v2.clicks import Click
    from napari_m2n2v2.errors import (
        AttentionError,
        Cancelled,
        ClickError,
        DeviceError,
        GuideError,
        ImageError,
        M2N2V2Error,
        MissingDependencyError,
        MissingWeightsError,
        ParameterError,
        UnknownBackboneError,
        UnreadableFileError,
        UnwritableFileError,
    )
    from napari_m2n2v2.feature_cache import FeatureCache
    from napari_m2n2v2.features import ImageFeatures, compute_features
    from napari_m2n2v2.guidance import Guide
    from napari_m2n2v2.methods_text import methods_paragraph
    from napari_m2n2v2.mosaic import Mosaic, region_features
    from napari_m2n2v2.ome import StackFile, open_stack
    from napari_m2n2v2.parameters import FeatureParameters, PropagationParameters, SegmentationParameters
    from napari_m2n2v2.precompute import Precompute
    from napari_m2n2v2.propagation import PropagatedPlane, Walk, for_review, propagate
    from napari_m2n2v2.regions import Region, RegionClick, region_of_view
    from napari_m2n2v2.segmentation import Segmentation
    from napari_m2n2v2.session import Session, SessionResult
    from napari_m2n2v2.session_file import SessionFile, load_session, save_session
    from napari_m2n2v2.stacks import Stack

_HOMES = {
    "_napari.attach": ("attach",),
    "backbones": (
        "BACKBONES", "DEPTH_BACKBONES", "AttentionBackbone", "BackboneInfo", "DepthBackbone", "FoundBackbone",
        "FoundDepth", "find_backbone", "find_depth", "release_models",
    ),
    "batch": ("BatchOutcome", "segment_folder"),
    "clicks": ("Click",),
    "errors": (
        "AttentionError", "Cancelled", "ClickError", "DeviceError", "GuideError", "ImageError", "M2N2V2Error",
        "MissingDependencyError", "MissingWeightsError", "ParameterError", "UnknownBackboneError",
        "UnreadableFileError", "UnwritableFileError",
    ),
    "feature_cache": ("FeatureCache",),
    "features": ("ImageFeatures", "compute_features"),
    "guidance": ("Guide",),
    "methods_text": ("methods_paragraph",),
    "mosaic": ("Mosaic", "region_features"),
    "ome": ("StackFile", "open_stack"),
    "precompute": ("Precompute",),
    "parameters": ("FeatureParameters", "PropagationParameters", "SegmentationParameters"),
    "propagation": ("PropagatedPlane", "Walk", "for_review", "propagate"),
    "regions": ("Region", "RegionClick", "region_of_view"),
    "segmentation": ("Segmentation",),
    "session": ("Session", "SessionResult"),
    "session_file": ("SessionFile", "load_session", "save_session"),
    "stacks": ("Stack",),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BACKBONES",
    "DEPTH_BACKBONES",
    "AttentionBackbone",
    "AttentionError",
    "BackboneInfo",
    "BatchOutcome",
    "Cancelled",
    "Click",
    "ClickError",
    "DepthBackbone",
    "DeviceError",
    "FeatureCache",
    "FeatureParameters",
    "FoundBackbone",
    "FoundDepth",
    "Guide",
    "GuideError",
    "ImageError",
    "ImageFeatures",
    "M2N2V2Error",
    "MissingDependencyError",
    "MissingWeightsError",
    "Mosaic",
    "ParameterError",
    "Precompute",
    "PropagatedPlane",
    "PropagationParameters",
    "Region",
    "RegionClick",
    "Segmentation",
    "SegmentationParameters",
    "Session",
    "SessionFile",
    "SessionResult",
    "Stack",
    "StackFile",
    "UnknownBackboneError",
    "UnreadableFileError",
    "UnwritableFileError",
    "Walk",
    "attach",
    "compute_features",
    "find_backbone",
    "find_depth",
    "for_review",
    "load_session",
    "methods_paragraph",
    "open_stack",
    "propagate",
    "region_features",
    "region_of_view",
    "release_models",
    "save_session",
    "segment_folder",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("napari-m2n2v2")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
