"""What was found like the examples in an image, and what of it is a proposal still."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.session.document import PlaneKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.model.workspace import Workspace
    from napari_m2n2v2.similar.proposals import Advice, Proposal

__all__ = ["Found", "Proposed"]


@dataclass(frozen=True, eq=False)
class Found:
    """An object that was found.

    Parameters
    ----------
    plane : PlaneKey
        Where.
    proposal : Proposal
        What.
    dashes : ndarray
        Its outline, see :func:`~napari_m2n2v2._napari.layers.proposals.dashes_around`.
    """

    plane: PlaneKey
    proposal: Proposal
    dashes: NDArray[np.float64]

    @property
    def certainty(self) -> float:
        """How likely it is right."""
        return self.proposal.certainty


class Proposed:
    """What was found in one image, the least certain first.

    What became of it is not kept here: it is a proposal until the work says that it was rejected, or an object is
    where it is. So undo and redo need not know of it.

    Parameters
    ----------
    workspace : Workspace
        Whose image.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.found: tuple[Found, ...] = ()
        self.open: tuple[Found, ...] = ()  # those that are proposals still
        self.at_least = 0.0  # certainty of those that are shown
        self.current: Found | None = None  # the one that is looked at
        self.checked: set[int] = set()  # objects that were accepted one by one: they are examples, too
        self.was_searched = False  # to the end, or until something was found
        self._workspace = workspace

    @property
    def shown(self) -> tuple[Found, ...]:
        """Proposals that are certain enough."""
        return tuple(one for one in self.open if one.certainty >= self.at_least)

    @property
    def advice(self) -> Advice:
        """What the engine says of all that was found together."""
        from napari_m2n2v2.similar.certainty import advice

        return advice([one.proposal for one in self.found])

    def begin(self, planes: Collection[PlaneKey]) -> None:
        """Forget what was found in some planes: there it is looked for anew."""
        self.found = tuple(one for one in self.found if one.plane not in planes)
        self.was_searched = False
        self.look()

    def add(self, found: Iterable[Found]) -> None:
        """Take in what was found."""
        both = (*self.found, *found)
        self.found = tuple(sorted(both, key=lambda one: (one.certainty, one.plane.index, one.proposal.seed)))
        self.was_searched = True
        self.look()

    def look(self) -> bool:
        """See which are proposals still; whether these are others than before."""
        before, work = self.open, self._workspace.work
        gone = {*(one.pixels for one in work.rejected), *(one.pixels for one in work.starts)}
        masks = {masks.key: masks for masks in self._workspace.masks}

        def is_open(one: Found) -> bool:
            row, col = one.proposal.seed
            there = masks.get(one.plane)
            is_object = there is not None and there.written_in((row, row + 1, col, col + 1)).any()
            return one.proposal.mask not in gone and not is_object

        self.open = tuple(filter(is_open, self.found))
        if self.current not in self.open:
            self.current = None
        return self.open != before

    def after(self, gone: Iterable[Found]) -> Found | None:
        """Return which is to be looked at when some are gone: the next more certain one that is shown, or the last."""
        gone, shown = set(gone), self.shown
        at = max((n for n, one in enumerate(shown) if one in gone), default=-1)
        stays = [one for one in shown[at + 1 :] if one not in gone]
        return stays[0] if stays else next((one for one in reversed(shown) if one not in gone), None)
