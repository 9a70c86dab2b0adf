"""Everything slow about one image, computed once: :class:`ImageFeatures`."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.attention import check_attention
from napari_m2n2v2.backbones import AttentionBackbone, FoundDepth
from napari_m2n2v2.devices import resolve_device
from napari_m2n2v2.feature_request import FeatureRequest, Guide, Plane, Transition, image_guide, to_transition_
from napari_m2n2v2.guidance import IMAGE_GUIDES
from napari_m2n2v2.images import as_guide
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.reading import Progress, grid_for
from napari_m2n2v2.upsampling import UpsamplingOperator, build_upsampling_operator

__all__ = ["ImageFeatures", "Progress", "assemble", "compute_features", "grid_for", "silent"]


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageFeatures:
    """What a :class:`~napari_m2n2v2.Session` needs to know of an image. Made by :func:`compute_features`.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the image given, which is the resolution of masks and clicks.
    image : ndarray
        ``[H', W', 3]`` uint8, what the engine sees, at working resolution.
    guide : ndarray or None
        ``[H', W']`` float32 in ``[0, 1]``.
    transition : Tensor
        ``A [n, n]`` float32, doubly stochastic, on the device that computes Markov-maps.
    grid_shape : tuple of int
        ``(h, w)`` with ``h * w = n``.
    parameters : FeatureParameters
        What they were computed with.
    backbone, weights_revision, chosen_because : str
        Where the attention came from, which weights exactly, and why this backbone.
    guide_from : str
        "given", "lightness", or the depth backbone and its weights; empty without a guide.
    """

    shape: tuple[int, int]
    image: NDArray[np.uint8]
    guide: NDArray[np.float32] | None
    transition: Tensor
    grid_shape: tuple[int, int]
    parameters: FeatureParameters
    backbone: str
    weights_revision: str
    chosen_because: str
    guide_from: str
    _operators: dict[bool, UpsamplingOperator] = field(default_factory=dict, repr=False)
    _building: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def from_attention(
        cls,
        image: Any,
        attention: Any,
        grid_shape: tuple[int, int],
        guide: Any = None,
        *,
        device: str | torch.device = "auto",
        parameters: FeatureParameters | None = None,
    ) -> ImageFeatures:
        """Make features from your own aggregated self-attention tensor.

        Parameters
        ----------
        image : array-like
            As :func:`compute_features` takes it.
        attention : array-like or Tensor
            ``[n, n]``, 0 or more, rows sum to 1; temperature and IPF follow here. It is copied.
        grid_shape : tuple of int
            ``(h, w)`` with ``h * w = n``.
        guide : array-like, optional
            ``[H, W]``, registered with the image.
        device : str or torch.device
            ``"auto"`` is CUDA, else MPS, else CPU.
        parameters : FeatureParameters, optional
            ``grid`` and ``test_time_flip`` have no effect here.

        Raises
        ------
        AttentionError, ImageError, GuideError, DeviceError
        """
        parameters = parameters or FeatureParameters()
        tensor = torch.as_tensor(attention).detach().to(resolve_device(device), torch.float32, copy=True)
        check_attention(tensor, grid_shape)
        plane = Plane.of(image, guide, None, parameters.working_side)
        features = cls(
            shape=plane.shape,
            image=plane.image,
            guide=plane.guide,
            transition=to_transition_(tensor, parameters, silent),
            grid_shape=grid_shape,
            parameters=parameters,
            backbone="own attention",
            weights_revision="",
            chosen_because="given by the caller",
            guide_from="" if plane.guide is None else "given",
        )
        features.upsampling_operator(guided=True)
        return features

    def upsampling_operator(self, *, guided: bool, progress: Progress | None = None) -> UpsamplingOperator:
        """Return the operator of joint bilateral upsampling, built at the first call and kept (section 3.3).

        Parameters
        ----------
        guided : bool
            Whether the guide joins RGB; without a guide both are the same operator.
        progress : callable, optional
            Told of the build.
        """
        key = guided and self.guide is not None
        with self._building:
            if key not in self._operators:
                report = progress or silent
                channels = list(np.moveaxis(self.image.astype(np.float32) / np.float32(255), -1, 0))
                if key and self.guide is not None:
                    channels.append(self.guide)
                self._operators[key] = build_upsampling_operator(
                    np.stack(channels),
                    self.grid_shape,
                    self.parameters.sigma_spatial,
                    self.parameters.sigma_range,
                    lambda share: report(share, "upsampling operator"),
                )
            return self._operators[key]

    def with_guide(self, guide: Any) -> ImageFeatures:
        """Return the features of the same image with another guide; attention is shared, not computed again.

        Parameters
        ----------
        guide : array-like, str or None
            ``[H, W]``, or the name of a guide computed from the image (:data:`~napari_m2n2v2.guidance.IMAGE_GUIDES`).

        Raises
        ------
        GuideError
        """
        by_name = isinstance(guide, str) and guide in IMAGE_GUIDES
        with self._building:
            unguided = dict(self._operators)
        unguided.pop(True, None)
        working = (self.image.shape[0], self.image.shape[1])
        channel = image_guide(guide, self.image) if by_name else as_guide(guide, self.shape, working)
        return replace(
            self,
            guide=channel,
            guide_from="" if channel is None else guide if by_name else "given",
            _operators=unguided,
            _building=threading.Lock(),
        )

    @cached_property
    def image_hash(self) -> str:
        """SHA-256 of the working image, in hexadecimal."""
        return hashlib.sha256(self.image.tobytes() + repr(self.image.shape).encode()).hexdigest()

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        fixed = self.image.nbytes + self.transition.numel() * self.transition.element_size()
        guide = self.guide.nbytes if self.guide is not None else 0
        return fixed + guide + sum(operator.nbytes for operator in self._operators.values())


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
        ``[H, W]``, ``[H, W, 3]`` or ``[H, W, 4]``, any real dtype, finite; see :func:`~napari_m2n2v2.images.as_rgb`.
    attention : str or AttentionBackbone
        A name that ``napari-m2n2v2 backbones`` lists, a folder with DINOv2 weights, ``"auto"`` for the best that is
        ready on this machine, or your own backbone object. Nothing is downloaded.
    guide : array-like, str or DepthBackbone, optional
        ``[H, W]`` registered channel, e.g. inverse depth; any range, brought to ``[0, 1]`` here. Or what computes depth
        from the image: a name such as ``"depth-anything-v2-small"``, a folder, or your own backbone object. Or
        ``"lightness"``, the image's own (:mod:`~napari_m2n2v2.guidance`).
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
    report = progress or silent
    request = FeatureRequest.of(
        image, attention, guide, device, contrast_limits=contrast_limits, parameters=parameters
    )  # complains before the slow part
    # Attention is by far the slowest stage, so it gets most of the bar.
    before = 0.3 if isinstance(request.guide, FoundDepth) else 0.0
    seen = request.read_guide(report)
    transition = request.read_transition(lambda share, stage: report(before + (0.85 - before) * share, stage))
    features = assemble(request, transition, seen)
    features.upsampling_operator(guided=True, progress=lambda share, stage: report(0.85 + 0.15 * share, stage))
    return features


def assemble(
    request: FeatureRequest, transition: Transition, guide: Guide, operator: UpsamplingOperator | None = None
) -> ImageFeatures:
    """Put the parts of an image's features together.

    Parameters
    ----------
    request : FeatureRequest
        What was asked.
    transition : Transition
        Its attention, ready.
    guide : Guide
        Its guide.
    operator : UpsamplingOperator, optional
        That joins the guide, if there is one; without it, it is built at first use.
    """
    return ImageFeatures(
        shape=request.plane.shape,
        image=request.plane.image,
        guide=guide.channel,
        transition=transition.matrix,
        grid_shape=transition.grid_shape,
        parameters=request.parameters,
        backbone=request.attention.backbone.name,
        weights_revision=request.attention.backbone.weights_revision,
        chosen_because=request.attention.reason + transition.note,
        guide_from=guide.came_from,
        _operators={} if operator is None else {guide.channel is not None: operator},
    )


def silent(share: float, stage: str) -> None:
    """Report to nobody."""
