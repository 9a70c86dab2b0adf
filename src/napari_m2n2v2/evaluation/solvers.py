"""What turns the clicks on one object into a mask, with what several runs share computed once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import UnreadableFileError
from napari_m2n2v2.evaluation.baselines import BASELINES
from napari_m2n2v2.evaluation.datasets import Sample, inverse_depth
from napari_m2n2v2.evaluation.settings import RunSettings, parameters_of
from napari_m2n2v2.files.read import read_image
from napari_m2n2v2.guides.guide import Guide, as_guides
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.lru import ByteLRU

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.prompts import Prompt
    from napari_m2n2v2.session.session import Session

__all__ = ["Solved", "solver_for", "solver_of"]

Solved = tuple[NDArray[np.bool_], str]
"""A mask, and what the newest click did: :attr:`Effect.why`, empty where that is not known."""

_KEPT_BYTES = 700_000_000  # an image and its mirrored one, or two settings that take turns, up to 8192 cells


def solver_for(sample: Sample, settings: RunSettings) -> tuple[Callable[[Sequence[Prompt]], Solved], dict[str, Any]]:
    """Do the slow part for one object.

    Returns
    -------
    solver : callable
        Gives for all clicks so far the mask, bool ``[H, W]``, and what the newest did.
    about : dict
        ``backbone``, ``weights_revision`` and ``feature_seconds``, the time of the slow part. Features that another run
        on the same image left are taken over with the time they took.
    """
    image = read_image(sample.image)
    if settings.method in BASELINES:
        rgb, baseline = as_rgb(image), BASELINES[settings.method]
        about = {"backbone": settings.method, "weights_revision": "", "feature_seconds": 0.0}
        return lambda clicks: (baseline(rgb, clicks), ""), about

    from napari_m2n2v2.session.session import Session

    features, seconds = _backbone(settings.attention).features(image, settings)
    begin = time.perf_counter()
    features = features.with_guide(_guides(sample, settings))
    features.upsampling_operator(guided=True)
    seconds += time.perf_counter() - begin
    session = Session(features, parameters_of(settings)[1])
    about = {
        "backbone": features.backbone,
        "weights_revision": features.weights_revision,
        "feature_seconds": seconds,
        "grid_shape": features.grid_shape,
        "device": features.transition.device.type,
        "chosen_because": features.chosen_because,
    }
    return solver_of(session), about


def solver_of(session: Session) -> Callable[[Sequence[Prompt]], Solved]:
    """Return what gives the mask for all clicks so far, and what the newest did."""

    def solve(clicks: Sequence[Prompt]) -> Solved:
        result = session.replay(clicks)
        return result.mask, result.effects[-1].why

    return solve


def _guides(sample: Sample, settings: RunSettings) -> list[Guide]:
    guides = [] if settings.guide == "none" else list(as_guides(settings.guide))
    for i, guide in enumerate(guides):
        if guide.source == "depth":
            if sample.depth is None:
                raise UnreadableFileError(f"{sample.name} has no depth to guide with.")
            guides[i] = Guide(inverse_depth(read_image(sample.depth), settings.far_is_large), guide.weight)
    return guides


@lru_cache(maxsize=2)
def _backbone(name: str) -> _SharedBackbone:
    return _SharedBackbone(name)


class _SharedBackbone:
    """A backbone that keeps the attention of the latest images, and the features made of it."""

    def __init__(self, name: str) -> None:
        from napari_m2n2v2.backbones import find_backbone

        self._found = find_backbone(name).backbone
        self.name, self.default_grid = self._found.name, self._found.default_grid
        self._attention: ByteLRU[Any, Any] = ByteLRU(_KEPT_BYTES)
        self._features: ByteLRU[Any, tuple[ImageFeatures, float]] = ByteLRU(_KEPT_BYTES, lambda kept: kept[0].nbytes)

    @property
    def weights_revision(self) -> str:
        return self._found.weights_revision

    def attention(self, image: Any, grid_shape: tuple[int, int], device: Any, progress: Any) -> Any:
        """Return a copy of what the backbone says of the image (:class:`AttentionBackbone`)."""
        key = _digest(image), grid_shape, str(device)
        compute = partial(self._found.attention, image, grid_shape, device, progress)
        return self._attention.get_or(key, compute).clone()

    def release(self) -> None:
        """Forget what is kept."""
        self._attention.clear()
        self._features.clear()
        self._found.release()

    def features(self, image: Any, settings: RunSettings) -> tuple[ImageFeatures, float]:
        """Return the features of an image, without a guide, and the seconds they took."""
        from napari_m2n2v2.features.compute import compute_features

        parameters = parameters_of(settings)[0]

        def compute() -> tuple[ImageFeatures, float]:
            begin = time.perf_counter()
            return compute_features(image, self, parameters=parameters), time.perf_counter() - begin

        return self._features.get_or((_digest(image), parameters), compute)


def _digest(image: Any) -> str:
    return hashlib.sha256(image.tobytes() + repr((image.shape, image.dtype)).encode()).hexdigest()
