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
from napari_m2n2v2.backbones import AttentionBackbone
from napari_m2n2v2.devices import resolve_device
from napari_m2n2v2.feature_request import FeatureRequest, Plane, Transition, to_transition_
from napari_m2n2v2.guidance import GuideChannel, as_guides, combined, weighted
from napari_m2n2v2.guiding import channels_of, guide_options, refuse_depth
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
    guides : tuple of GuideChannel
        What guides, at working resolution; empty without a guide.
    transition : Tensor
        ``A [n, n]`` float32, doubly stochastic, on the device that computes Markov-maps.
    grid_shape : tuple of int
        ``(h, w)`` with ``h * w = n``.
    parameters : FeatureParameters
        What they were computed with.
    backbone, weights_revision, chosen_because : str
        Where the attention came from, which weights exactly, and why this backbone.
    alternatives : tuple of tuple of GuideChannel
        What may guide instead, where "auto" was asked: each object's clicks choose (:attr:`options`).
    """

    shape: tuple[int, int]
    image: NDArray[np.uint8]
    guides: tuple[GuideChannel, ...]
    transition: Tensor
    grid_shape: tuple[int, int]
    parameters: FeatureParameters
    backbone: str
    weights_revision: str
    chosen_because: str
    alternatives: tuple[tuple[GuideChannel, ...], ...] = ()
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
        guide : optional
            As :meth:`with_guide` takes it.
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
        plane = Plane.of(image, None, parameters)
        features = cls(
            shape=plane.shape,
            image=plane.image,
            guides=(),
            transition=to_transition_(tensor, parameters, silent),
            grid_shape=grid_shape,
            parameters=parameters,
            backbone="own attention",
            weights_revision="",
            chosen_because="given by the caller",
        ).with_guide(guide)
        features.upsampling_operator(guided=True)
        return features

    def upsampling_operator(self, *, guided: bool, progress: Progress | None = None) -> UpsamplingOperator:
        """Return the operator of joint bilateral upsampling, built at the first call and kept (section 3.3).

        Parameters
        ----------
        guided : bool
            Whether the guides join RGB; without any that do both are the same operator.
        progress : callable, optional
            Told of the build.
        """
        joining = weighted([guide for guide in self.guides if guide.joins_upsampling]) if guided else None
        key = joining is not None
        with self._building:
            if key not in self._operators:
                report = progress or silent
                channels = list(np.moveaxis(self.image.astype(np.float32) / np.float32(255), -1, 0))
                if joining is not None:
                    channels.extend(joining)
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
        guide : optional
            As :func:`compute_features` takes it, but for depth backbones.

        Raises
        ------
        GuideError
        """
        wanted = as_guides(guide)
        refuse_depth(wanted)
        first, *others = guide_options(*channels_of(wanted, self.image, self.shape))
        with self._building:
            unguided = dict(self._operators)
        unguided.pop(True, None)
        return replace(self, guides=first, alternatives=tuple(others), _operators=unguided, _building=threading.Lock())

    @cached_property
    def guide(self) -> NDArray[np.float32] | None:
        """The guide to look at, ``[H', W']`` float32 in ``[0, 1]``: of several their weighted mean; None without."""
        return combined(self.guides)

    @cached_property
    def flood_guide(self) -> NDArray[np.float32] | None:
        """What guides the flood fill, ``[C, H', W']`` float32, each channel times its weight; None without a guide."""
        return weighted(self.guides)

    @property
    def options(self) -> tuple[ImageFeatures, ...]:
        """These features, and those with each of the alternatives as guides; all but the guides is shared."""
        return (self, *self._others)

    @cached_property
    def _others(self) -> tuple[ImageFeatures, ...]:
        # Without these features themselves, which would then never be let go before the garbage collector comes.
        return tuple(replace(self, guides=guides, alternatives=()) for guides in self.alternatives)

    @property
    def joins_upsampling(self) -> bool:
        """Whether a guide joins RGB in joint bilateral upsampling."""
        return any(guide.joins_upsampling for guide in self.guides)

    @property
    def guide_from(self) -> str:
        """Where the guides came from: "given", "lightness", a depth backbone and its weights, ...; empty without."""
        names = ", ".join(guide.name for guide in self.guides)
        return f"auto, {names} at first" if self.alternatives else names

    @property
    def guides_named(self) -> str:
        """The guides with their weights, in words."""
        return " + ".join(f"{guide.name} x {guide.weight:g}" for guide in self.guides) or "no guide"

    @cached_property
    def image_hash(self) -> str:
        """SHA-256 of the working image, in hexadecimal."""
        return hashlib.sha256(self.image.tobytes() + repr(self.image.shape).encode()).hexdigest()

    def shares_memory_with(self, other: ImageFeatures) -> bool:
        """Whether both hold the same arrays, as copies for an image of another resolution do."""
        return self.transition is other.transition and self._operators is other._operators

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        fixed = self.image.nbytes + self.transition.numel() * self.transition.element_size()
        used = {id(guide): guide for guides in (self.guides, *self.alternatives) for guide in guides}
        guides = sum(guide.values.nbytes for guide in used.values())
        return fixed + guides + sum(operator.nbytes for operator in self._operators.values())


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
    guide : array-like, str, DepthBackbone, Guide, or a sequence of these, optional
        ``[H, W]`` registered channel, e.g. inverse depth; any range, brought to ``[0, 1]`` here. Or what computes depth
        from the image: a name such as ``"depth-anything-v2-small"``, a folder, or your own backbone object. Or a guide
        computed from the image's own pixels, such as ``"lightness"`` (:mod:`~napari_m2n2v2.image_guides`). Or
        ``"auto"``: the clicks on each object choose between the other guides given, the image's lightness and none
        (:mod:`~napari_m2n2v2.guide_choice`). Each may have a weight: ``Guide(channel, 0.5)``, ``"lightness:2+stain"``.
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
    return ImageFeatures(
        shape=request.plane.shape,
        image=request.plane.image,
        guides=first,
        alternatives=tuple(others),
        transition=transition.matrix,
        grid_shape=transition.grid_shape,
        parameters=request.parameters,
        backbone=request.attention.backbone.name,
        weights_revision=request.attention.backbone.weights_revision,
        chosen_because=request.attention.reason + transition.note,
        _operators={} if operator is None else {joined: operator},
    )


def silent(share: float, stage: str) -> None:
    """Report to nobody."""
