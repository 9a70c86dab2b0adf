"""The only mutable object of the engine: a stack of frozen results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.features import ImageFeatures
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.segmentation import ClickMap, Pixel, Segmentation, advance, click_map, working_pixel

__all__ = ["ClickMaps", "Session"]


class ClickMaps:
    """Markov-maps kept per position, least recently used dropped first; a dropped one is computed again, the same.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters
        What the maps are computed with.
    max_bytes : int
        Most memory to keep, in bytes.
    """

    def __init__(
        self, features: ImageFeatures, parameters: SegmentationParameters, max_bytes: int = 1_000_000_000
    ) -> None:
        self.features = features
        self.parameters = parameters
        self.max_bytes = max_bytes
        self._kept: OrderedDict[Pixel, ClickMap] = OrderedDict()
        self._nbytes = 0

    def __call__(self, pixel: Pixel) -> ClickMap:
        """Return the map of a working pixel."""
        if pixel not in self._kept:
            self._kept[pixel] = click_map(self.features, pixel, self.parameters)
            self._nbytes += self._kept[pixel].nbytes
        self._kept.move_to_end(pixel)
        found = self._kept[pixel]
        while self._nbytes > self.max_bytes and len(self._kept) > 1:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes
        return found


class Session:
    """Clicks on one image and the mask they give, with undo and redo without limit.

    Every change goes through :meth:`replay`, so the mask never depends on how the clicks came to be what they are: the same
    clicks in the same order give the same mask, bit for bit. Not safe to use from two threads at once.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters, optional
        M2N2V2 by default; ``SegmentationParameters.m2n2()`` for the earlier method.
    maps : ClickMaps, optional
        To share Markov-maps with another session on the same features and parameters.

    Examples
    --------
    >>> session = Session(features)
    >>> result = session.click(Click(120, 200))
    >>> result = session.click(Click(40, 60, foreground=False))
    >>> result.mask.shape == features.shape
    True
    """

    def __init__(
        self,
        features: ImageFeatures,
        parameters: SegmentationParameters | None = None,
        *,
        maps: ClickMaps | None = None,
    ) -> None:
        self.features = features
        self.parameters = parameters or SegmentationParameters()
        self._maps = maps or ClickMaps(features, self.parameters)
        working_shape = features.image.shape[0], features.image.shape[1]
        self._results = [Segmentation.empty(features.shape, working_shape)]
        self._now = 0

    @property
    def result(self) -> Segmentation:
        """The segmentation of the present clicks; an empty mask before the first."""
        return self._results[self._now]

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The present clicks, in order."""
        return self.result.clicks

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._now > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to bring back."""
        return self._now < len(self._results) - 1

    def click(self, click: Click) -> Segmentation:
        """Add a click and return the new result.

        Raises
        ------
        ClickError
            If it is outside the image; nothing is changed then.
        """
        return self.replay((*self.clicks, click))

    def move(self, index: int, row: float, col: float) -> Segmentation:
        """Move click ``index`` to another position; its place in the order stays."""
        return self._replace(index, replace(self._at(index), row=row, col=col))

    def flip(self, index: int) -> Segmentation:
        """Turn click ``index`` from foreground to background or back."""
        return self._replace(index, replace(self._at(index), foreground=not self._at(index).foreground))

    def delete(self, index: int) -> Segmentation:
        """Remove click ``index``."""
        self._at(index)
        return self.replay(click for i, click in enumerate(self.clicks) if i != index)

    def reset(self) -> Segmentation:
        """Remove all clicks. Can be undone."""
        return self.replay(())

    def replay(self, clicks: Iterable[Click]) -> Segmentation:
        """Make these the clicks, as one change that undo takes back, and return the result.

        The result is the same as clicking one by one. Only what follows the first changed click is solved again, and
        only positions not seen before need a new Markov-map.

        Raises
        ------
        ClickError
            If one is outside the image; nothing is changed then.
        """
        clicks = tuple(clicks)
        if clicks == self.clicks:
            return self.result
        for click in clicks:
            working_pixel(click, self.features)
        result = self.result
        while result.previous is not None and result.clicks != clicks[: len(result.clicks)]:
            result = result.previous
        for click in clicks[len(result.clicks) :]:
            result = advance(result, click, self.features, self.parameters, self._maps)
        del self._results[self._now + 1 :]
        self._results.append(result)
        self._now += 1
        return result

    def undo(self) -> Segmentation:
        """Take back the last change, if there is one, and return the very result that was there."""
        self._now = max(self._now - 1, 0)
        return self.result

    def redo(self) -> Segmentation:
        """Bring back the last change that was undone, if there is one."""
        self._now = min(self._now + 1, len(self._results) - 1)
        return self.result

    def _at(self, index: int) -> Click:
        if not 0 <= index < len(self.clicks):
            raise ClickError(f"There is no click {index}: this session has {len(self.clicks)}, counted from 0.")
        return self.clicks[index]

    def _replace(self, index: int, click: Click) -> Segmentation:
        return self.replay(click if i == index else other for i, other in enumerate(self.clicks))
