"""The accepted objects of one plane, as each of its regions sees them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from weakref import WeakKeyDictionary

from napari_m2n2v2.images.masks import Masks
from napari_m2n2v2.images.sparse import Box, Boxed
from napari_m2n2v2.images.tile import Region, RegionClick, clicks_in
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted import AcceptedMasks, check_inside, still_accepted
from napari_m2n2v2.session.result import SessionResult

__all__ = ["AcceptedInPlane", "InRegions"]


class InRegions:
    """Masks of a plane in pixels of its regions; of a mask it gives the very same again."""

    def __init__(self) -> None:
        self._moved: dict[Region, WeakKeyDictionary[Boxed, Boxed]] = {}

    def of(self, region: Region, mask: Boxed) -> Boxed:
        """Return a mask without what is beyond a region; the very mask where it has the same place there."""
        moved = self._moved.setdefault(region, WeakKeyDictionary())
        if mask not in moved:
            moved[mask] = _into(region, mask)
        return moved[mask]


class AcceptedInPlane:
    """Remembers which are accepted by which clicks.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.masks = AcceptedMasks()
        self._shape = shape
        self._placed: tuple[RegionClick, ...] = ()
        self._moved = InRegions()

    def note(
        self, placed: tuple[RegionClick, ...], accepted: Masks | None, others: Container[int] = ()
    ) -> dict[int, list[Box]]:
        """Take the pixels of accepted objects, or keep those whose clicks stay, and say of which labels may change.

        Of ``others`` none are kept, because they start from something else.

        Returns
        -------
        dict
            By id, where their pixels were and are.

        Raises
        ------
        ImageError
            If pixels are outside the plane; nothing is changed then.
        """
        clicks = [p.click for p in placed]
        if accepted is None:
            kept = still_accepted(self.masks.pixels, [p.click for p in self._placed], clicks)
            accepted = {i: pixels for i, pixels in kept.items() if i not in others}
        check_inside(accepted, self._shape)
        before, now = self.masks, AcceptedMasks.of(accepted, clicks)
        self._placed = placed
        if now.is_same_as(before):
            return {}
        self.masks = now
        pixels = {i: [one.pixels.get(i) for one in (before, now)] for i in now.others_than(before)}
        return {i: [one.box for one in both if one is not None and one.box is not None] for i, both in pixels.items()}

    def within(self, region: Region, known: Container[int]) -> dict[int, Boxed]:
        """Return the pixels that count in a region, in its own: of the objects that it knows, by clicks or from before.

        Of others it says nothing that could be wrong: where they are, a region that knows them speaks, too.
        """
        return {i: self._moved.of(region, pixels) for i, pixels in self.masks.pixels.items() if i in known}

    def of(self, region: Region, clicks: Iterable[Prompt], starts: Iterable[int]) -> dict[int, Boxed]:
        """Return those that count where a region is given some clicks, and some objects start from masks."""
        return self.within(region, {*starts, *(click.object_id for click in clicks)})

    def is_as_in(self, region: Region, result: SessionResult) -> bool:
        """Whether a region was last solved with these."""
        return self.within(region, {*result.objects, *result.starts, *result.accepted}) == dict(result.accepted)

    def by(self, region: Region, clicks: tuple[Prompt, ...], starts: Iterable[int]) -> dict[int, Boxed]:
        """Return the same where a region is asked about other clicks; all, where about none, as to carry objects."""
        if not clicks:
            moved = {i: self._moved.of(region, pixels) for i, pixels in self.masks.pixels.items()}
            return {i: pixels for i, pixels in moved.items() if pixels.box is not None}
        accepted = self.of(region, clicks, starts)
        return still_accepted(accepted, clicks_in(region, self._placed), clicks)


def _into(region: Region, pixels: Boxed) -> Boxed:
    """Move a mask from the plane into a region, without what is beyond; the very same where it has the same place."""
    box = pixels.box
    if box is None or (not region.top and not region.left and box[1] <= region.height and box[3] <= region.width):
        return pixels
    return Boxed.of(pixels.within(region.box))
