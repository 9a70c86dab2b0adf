"""Objects that were accepted: they keep their pixels, whatever is clicked of others.

Not in the paper, and nothing is different without such an object. The rule, in every image and part of one:

- An accepted object is the pixels that it had when it was accepted. They are data, as clicks are, so what comes of both
  is the same however it came about, on whichever machine.
- What another object claims of them does not count, unless a foreground click of it lies on them, which is on purpose:
  then these two compete for them as objects in work do.
- A click of its own opens it again, and so does :meth:`~napari_m2n2v2.Session.reopen`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.images.masks import Masks, Where
from napari_m2n2v2.images.resampling import pixel_at
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.prompts import Prompt

__all__ = ["AcceptedMasks", "check_inside", "still_accepted", "working_pixels"]


@dataclass(frozen=True, eq=False)
class AcceptedMasks:
    """Which pixels are closed to which objects.

    Parameters
    ----------
    pixels : mapping
        Boxed bool by id, in pixels of the image.
    contested : mapping
        By the id of an accepted object, which others have a foreground click on its pixels; without those that none
        has.
    """

    pixels: Masks = field(default_factory=lambda: MappingProxyType({}))
    contested: Mapping[int, frozenset[int]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, pixels: Masks, clicks: Sequence[Prompt]) -> AcceptedMasks:
        """Look which clicks, in pixels of the image, lie on accepted objects of others."""
        some = [(i, boxed) for i, boxed in pixels.items() if boxed.box is not None]
        told = [click for click in clicks if click.foreground]
        marked = [(click.object_id, pixel) for click in told for pixel in click.marked]
        if not some or not marked:
            return cls(MappingProxyType(dict(pixels)))
        boxes = np.array([boxed.box for _, boxed in some])
        owners, ids = np.array([i for i, _ in some]), np.array([object_id for object_id, _ in marked])
        at = np.array([pixel for _, pixel in marked])
        row, col = at[:, :1], at[:, 1:]
        inside = (boxes[:, 0] <= row) & (row < boxes[:, 1]) & (boxes[:, 2] <= col) & (col < boxes[:, 3])
        found: dict[int, set[int]] = {}
        for n, m in np.argwhere(inside & (ids[:, None] != owners)):
            i, boxed = some[m]
            if boxed.values[at[n, 0] - boxed.row, at[n, 1] - boxed.col]:
                found.setdefault(i, set()).add(int(ids[n]))
        return cls(MappingProxyType(dict(pixels)), {i: frozenset(who) for i, who in sorted(found.items())})

    @cached_property
    def where(self) -> Where:
        """Finds those in a box."""
        return Where(self.pixels)

    def among(self, known: Container[int]) -> AcceptedMasks:
        """Return the same of some objects alone."""
        return replace(self, pixels={i: pixels for i, pixels in self.pixels.items() if i in known})

    def is_same_as(self, other: AcceptedMasks) -> bool:
        """Whether nothing is different, the very arrays included."""
        return dict(self.pixels) == dict(other.pixels) and dict(self.contested) == dict(other.contested)

    def others_than(self, before: AcceptedMasks) -> list[int]:
        """List the objects that are accepted with other pixels, or contested by others, or in one of both alone."""
        ids = sorted({*self.pixels, *before.pixels})
        return [i for i in ids if _of(self, i) != _of(before, i)]

    def closed_to(self, object_id: int, among: Iterable[int]) -> list[int]:
        """List those among some accepted objects whose pixels an object cannot get."""
        return [i for i in among if i != object_id and object_id not in self.contested.get(i, ())]


def _of(masks: AcceptedMasks, object_id: int) -> tuple[Boxed | None, frozenset[int]]:
    return masks.pixels.get(object_id), masks.contested.get(object_id, frozenset())


def check_inside(accepted: Masks, shape: tuple[int, int]) -> None:
    """Complain of pixels that are outside an image of ``shape``.

    Raises
    ------
    ImageError
    """
    for i, pixels in accepted.items():
        top, bottom, left, right = pixels.box or (0, 0, 0, 0)
        if not (top >= 0 and bottom <= shape[0] and left >= 0 and right <= shape[1]):
            raise ImageError(f"The pixels of accepted object {i} are in {pixels.box}, not inside an image of {shape}.")


def still_accepted(accepted: Masks, before: Iterable[Prompt], after: Iterable[Prompt]) -> dict[int, Boxed]:
    """Return those that stay accepted when clicks change: a change of an object's own clicks opens it again."""
    if not accepted:
        return {}
    was, now = _own(accepted, before), _own(accepted, after)
    return {i: pixels for i, pixels in accepted.items() if was.get(i) == now.get(i)}


def _own(accepted: Masks, clicks: Iterable[Prompt]) -> dict[int, list[Prompt]]:
    found: dict[int, list[Prompt]] = {}
    for click in clicks:
        if click.object_id in accepted:
            found.setdefault(click.object_id, []).append(click)
    return found


def working_pixels(pixels: Boxed, shape: tuple[int, int], working_shape: tuple[int, int]) -> Boxed:
    """Bring a mask from an image of ``shape`` to the working resolution.

    Of one that came from there, this gives what it came from.
    """
    if shape == working_shape or pixels.box is None:
        return pixels
    rows, cols = (pixel_at(np.arange(w), w, full) for full, w in zip(shape, working_shape, strict=True))
    top, bottom, left, right = pixels.box
    down, across = _inside(rows, top, bottom), _inside(cols, left, right)
    values: NDArray[np.bool_] = pixels.values[np.ix_(rows[down] - top, cols[across] - left)]
    return Boxed(down.start, across.start, values)


def _inside(places: NDArray[np.intp], first: int, last: int) -> slice:
    """Return which of ascending places lie from ``first`` on and before ``last``."""
    return slice(int(np.searchsorted(places, first)), int(np.searchsorted(places, last)))
