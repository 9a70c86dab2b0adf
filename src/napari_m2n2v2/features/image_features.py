"""Everything slow about one image, computed once: :class:`ImageFeatures`."""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.backbones.device import resolve_device
from napari_m2n2v2.features.request import Plane, notes_on, to_transition_
from napari_m2n2v2.guides.channel import GuideChannel, channels_of, combined, guide_options, refuse_depth, weighted
from napari_m2n2v2.guides.guide import as_guides
from napari_m2n2v2.method.attention import check_attention
from napari_m2n2v2.method.contrast import pixel_contrast
from napari_m2n2v2.method.low_rank import LowRank
from napari_m2n2v2.method.steps import steps_on
from napari_m2n2v2.method.upsampling import UpsamplingOperator, build_upsampling_operator
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["ImageFeatures"]

_SMOOTHED = 0.15  # cells, before pixels are compared


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
    low_rank : LowRank or None
        The transition matrix in few directions, of backbones with long chains, if these are enough.
    """

    shape: tuple[int, int]
    image: NDArray[np.uint8] = field(repr=False)
    guides: tuple[GuideChannel, ...]
    transition: Tensor = field(repr=False)
    grid_shape: tuple[int, int]
    parameters: FeatureParameters
    backbone: str
    weights_revision: str
    chosen_because: str
    alternatives: tuple[tuple[GuideChannel, ...], ...] = ()
    low_rank: LowRank | None = field(default=None, repr=False)
    clipped: int = 0
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
        to_transition_(tensor, parameters, silent)
        features = cls(
            shape=plane.shape,
            image=plane.image,
            guides=(),
            clipped=plane.clipped,
            transition=tensor,
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
                    dense=steps_on(self.transition.device).build_dense,
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

    @cached_property
    def contrast(self) -> NDArray[np.int32]:
        """How much neighbouring pixels differ (:func:`~napari_m2n2v2.method.contrast.pixel_contrast`)."""
        return pixel_contrast(self.image, _SMOOTHED * self.cell)

    @property
    def cell(self) -> float:
        """The side of a grid cell in working pixels."""
        height, width = self.image.shape[:2]
        return math.sqrt(height * width / math.prod(self.grid_shape))

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
    def notes(self) -> tuple[str, ...]:
        """What was done to the image and its guides to take them, in sentences; empty for numbers as they should be."""
        return notes_on(self.clipped, self.guides)

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
        fixed += 0 if self.low_rank is None else self.low_rank.nbytes
        used = {id(guide): guide for guides in (self.guides, *self.alternatives) for guide in guides}
        guides = sum(guide.values.nbytes for guide in used.values())
        return fixed + guides + sum(operator.nbytes for operator in self._operators.values())
