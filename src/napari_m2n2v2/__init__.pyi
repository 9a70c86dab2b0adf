from ._napari.attach import attach
from .backbones import (
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
from .batch import BatchOutcome, segment_folder
from .clicks import Click
from .errors import (
    AttentionError,
    Cancelled,
    ClickError,
    ClusterError,
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
from .features.cache import FeatureCache
from .features.cluster import Cluster
from .features.compute import compute_features
from .features.image_features import ImageFeatures
from .features.precompute import Precompute
from .features.region import region_features
from .features.spec import FeatureSpec
from .files.open_stack import open_stack
from .files.stack_file import StackFile
from .guides.guide import Guide
from .images.stack import Stack
from .images.tile import Region, RegionClick, region_of_view
from .parameters import FeatureParameters, PropagationParameters, SegmentationParameters
from .prompts import Box, Outline, Scribble
from .propagation.propagate import PropagatedPlane, Walk, for_review, propagate
from .session.methods_text import methods_paragraph
from .session.result import SessionResult
from .session.segmentation import Segmentation
from .session.session import Session
from .session.session_file import SessionFile, load_session, save_session
from .session.tiled import Mosaic
from .similar.find import Likeness, find_similar, find_similar_in_stack
from .similar.proposals import Proposal, Proposals, Why

__all__ = [
    "BACKBONES",
    "DEPTH_BACKBONES",
    "AttentionBackbone",
    "AttentionError",
    "BackboneInfo",
    "BatchOutcome",
    "Box",
    "Cancelled",
    "Click",
    "ClickError",
    "Cluster",
    "ClusterError",
    "DepthBackbone",
    "DeviceError",
    "FeatureCache",
    "FeatureParameters",
    "FeatureSpec",
    "FoundBackbone",
    "FoundDepth",
    "Guide",
    "GuideError",
    "ImageError",
    "ImageFeatures",
    "Likeness",
    "M2N2V2Error",
    "MissingDependencyError",
    "MissingWeightsError",
    "Mosaic",
    "Outline",
    "ParameterError",
    "Precompute",
    "PropagatedPlane",
    "PropagationParameters",
    "Proposal",
    "Proposals",
    "Region",
    "RegionClick",
    "Scribble",
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
    "Why",
    "attach",
    "compute_features",
    "find_backbone",
    "find_depth",
    "find_similar",
    "find_similar_in_stack",
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

__version__: str
