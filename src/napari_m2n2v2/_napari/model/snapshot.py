"""All that the features of a part depend on, captured on the main thread, to be read and computed on a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.layers.image import Channel, GuidePlane, Seen, merge
from napari_m2n2v2._napari.model.settings import Settings
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2.features.cache import FeatureCache
    from napari_m2n2v2.features.image_features import ImageFeatures
    from napari_m2n2v2.features.request import FeatureRequest
    from napari_m2n2v2.guides.guide import Guide
    from napari_m2n2v2.parallel import Progress

__all__ = ["Recipe"]


@dataclass(frozen=True, eq=False)
class Recipe:
    """How the features of a part are made. Made by :meth:`of`; :meth:`at` is the same for another plane.

    Parameters
    ----------
    settings : Settings
        As they were when it was captured.
    channels : tuple of Channel
        What the engine sees of layers.
    guide : GuidePlane or None
        A plane of a layer. What computes guides from the image is in the settings.
    """

    settings: Settings
    channels: tuple[Channel, ...]
    guide: GuidePlane | None

    @classmethod
    def of(cls, settings: Settings, layers: Sequence[Any], image: Any, part: PartKey) -> Recipe:
        """Capture layers.

        Raises
        ------
        ImageError, GuideError
            If layers do not fit together.
        """
        side = settings.working_side
        guide = GuidePlane.of(settings.guide, image, part, side) if settings.guide is not None else None
        return cls(settings, tuple(Channel.of(layer, part, side) for layer in layers), guide)

    def at(self, index: Index) -> Recipe:
        """Return the recipe of another plane of the same axes."""
        channels = tuple(replace(channel, index=channel.stack.check(index)) for channel in self.channels)
        guide = self.guide
        if guide is not None:  # whose axes are the image's last, or one plane for all
            guide = replace(guide, index=index[len(index) - len(guide.index) :])
        return Recipe(self.settings, channels, guide)

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)`` of the part at full resolution."""
        return self.channels[0].region.shape

    @property
    def seen_shape(self) -> tuple[int, int]:
        """``(H, W)`` of what :meth:`seen` gives."""
        first = self.channels[0]
        return first.stack.shape_at(first.level, first.region.rows, first.region.cols)

    def seen(self) -> Seen:
        """Read the image at the level that is worked on."""
        return merge(self.channels, self.settings.bit_depth)

    def request(self, cluster: str = "") -> FeatureRequest:
        """Read what the layers show, and ask for its features. For workers: brings the engine.

        Parameters
        ----------
        cluster : str
            Address of the one that reads attention and depth; here, if it is empty.
        """
        from napari_m2n2v2.features.request import FeatureRequest
        from napari_m2n2v2.features.spec import FeatureSpec

        settings, (image, clipped) = self.settings, self.seen()
        guide = None if self.guide is None else self.guide.read_for(self.seen_shape, settings.guide_weight)
        parameters = FeatureParameters(grid=settings.grid, working_side=settings.working_side)
        spec = FeatureSpec(settings.attention, self.guides(guide), settings.device, parameters=parameters)
        if cluster:
            from napari_m2n2v2.features.cluster import Cluster

            spec = Cluster(cluster).spec(spec)
        request = FeatureRequest.of(image, spec)
        return replace(request, plane=replace(request.plane, clipped=clipped))

    def guides(self, layer: Guide | None) -> list[Any]:
        """Return all guides, given what was read of the guide layer."""
        return [*([] if layer is None else [layer]), *([self.settings.depth] if self.settings.depth else [])]

    def features(
        self,
        cache: FeatureCache,
        report: Progress,
        cluster: str = "",
        nearly: Callable[[ImageFeatures], None] = lambda _: None,
    ) -> ImageFeatures:
        """Find or compute them, at full resolution whatever level of a pyramid was read.

        ``nearly`` is called with those that lack nothing but the upsampling operator, before it is built.
        """

        def full(features: ImageFeatures) -> ImageFeatures:
            return features if features.shape == self.shape else replace(features, shape=self.shape)

        return full(cache.find(self.request(cluster), report, nearly=lambda features: nearly(full(features))))

    def fingerprint(self) -> tuple[int | None, ...]:
        """Return what tells pixels that were changed in place since; reads what is in memory, and nothing else."""
        guide = () if self.guide is None else (self.guide.fingerprint(),)
        return (*(channel.fingerprint() for channel in self.channels), *guide)

    def makes_the_same(self, other: Recipe) -> bool:
        """Whether features would be the same, but for pixels that were changed in place."""
        return self.settings == other.settings and self.sees_the_same(other)

    def sees_the_same(self, other: Recipe) -> bool:
        """Whether the layers still show what they showed, but for pixels that were changed in place."""
        return _looks(self) == _looks(other)


def _looks(recipe: Recipe) -> list[Any]:
    merged = len(recipe.channels) > 1  # one alone is seen in grey

    def look(channel: Channel) -> tuple[Any, ...]:
        colour = (channel.gamma, channel.opacity, channel.colormap.name) if merged else ()
        return (*_data(channel.stack), channel.region, channel.level, channel.contrast_limits, *colour)

    guides = [_data(recipe.guide.stack)] if recipe.guide is not None else []
    return [look(channel) for channel in recipe.channels] + guides


def _data(stack: Any) -> tuple[Any, ...]:
    return (*map(id, stack.levels), stack.plane_axes)
