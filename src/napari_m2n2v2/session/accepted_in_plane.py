"""The accepted objects of one plane, as each of its regions sees them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from weakref import WeakKeyDictionary

import numpy as np

from napari_m2n2v2.images.sparse import Box, Boxed
from napari_m2n2v2.images.tile import Region, RegionClick, clicks_in
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted import AcceptedMasks, Pixels, check_inside, still_accepted
from napari_m2n2v2.session.result import SessionResult
from napari_m2n2v2.session.session import Session

__all__ = ["AcceptedInPlane"]


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
        self._moved: dict[Region, WeakKeyDictionary[Boxed, Boxed]] = {}
        self._before: WeakKeyDictionary[Session, set[int]] = WeakKeyDictionary()  # what sessions begin with

    def note(self, placed: tuple[RegionClick, ...], accepted: Pixels | None) -> dict[int, list[Box]]:
        """Take the pixels of accepted objects, or keep those whose clicks stay, and say of which labels may change.

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
            accepted = still_accepted(self.masks.pixels, [p.click for p in self._placed], clicks)
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
        return {i: self._into(region, pixels) for i, pixels in self.masks.pixels.items() if i in known}

    def _into(self, region: Region, pixels: Boxed) -> Boxed:
        moved = self._moved.setdefault(region, WeakKeyDictionary())
        if pixels not in moved:
            moved[pixels] = _into(region, pixels)
        return moved[pixels]

    def of(self, region: Region, clicks: Iterable[Prompt], session: Session) -> dict[int, Boxed]:
        """Return those that count where a session of a region is given some clicks."""
        if not self.masks.pixels:
            return {}
        if session not in self._before:
            none: set[int] = set()
            self._before[session] = none if session.start is None else {int(i) for i in np.unique(session.start)}
        return self.within(region, self._before[session] | {click.object_id for click in clicks})

    def is_as_in(self, region: Region, result: SessionResult) -> bool:
        """Whether a region was last solved with these."""
        return self.within(region, {*result.objects, *result.accepted}) == dict(result.accepted)

    def by(self, region: Region, clicks: tuple[Prompt, ...], session: Session) -> dict[int, Boxed]:
        """Return the same where a region is asked about other clicks; all, where about none, as to carry objects."""
        if not clicks:
            moved = {i: self._into(region, pixels) for i, pixels in self.masks.pixels.items()}
            return {i: pixels for i, pixels in moved.items() if pixels.box is not None}
        accepted = self.of(region, clicks, session)
        return still_accepted(accepted, clicks_in(region, self._placed), clicks)


def _into(region: Region, pixels: Boxed) -> Boxed:
    """Move a mask from the plane into a region, without what is beyond; the very same where it has the same place."""
    box = pixels.box
    if box is None or (not region.top and not region.left and box[1] <= region.height and box[3] <= region.width):
        return pixels
    return Boxed.of(pixels.within((region.top, region.rows.stop, region.left, region.cols.stop)))
