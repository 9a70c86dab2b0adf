"""What was found: proposals, each with its mask, its certainty and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.clicks import LARGEST_ID
from napari_m2n2v2.errors import ParameterError
from napari_m2n2v2.images.sparse import Boxed

__all__ = ["Advice", "Proposal", "Proposals", "Why"]

Advice = Literal["accept all shown", "check each"]
"""What to do with proposals: "check each" where many of them are likely to be wrong."""

_AS_THEY_ARE = 0.5


@dataclass(frozen=True, slots=True)
class Why:
    """How a proposal compares with the examples: 1 as they are, 0 nothing like them.

    Parameters
    ----------
    size, shape : float
        Of the mask: its area, and how compact it is.
    contrast : float
        Between its inside and what lies around it.
    look : float
        Of its pixels.
    area : float
        As a multiple of the examples' mean.
    """

    size: float
    shape: float
    contrast: float
    look: float
    area: float

    @property
    def text(self) -> str:
        """Say in words what differs most."""
        named = {"size": self.size, "shape": self.shape, "contrast": self.contrast, "look": self.look}
        worst = min(named, key=lambda name: named[name])
        if named[worst] >= _AS_THEY_ARE:
            return "like the examples"
        if worst == "size":
            return f"{'smaller' if self.area < 1 else 'larger'} than the examples ({self.area:.1f} times the area)"
        return {
            "shape": "less compact than the examples: several objects, or a part",
            "contrast": "less contrast than the examples",
            "look": "its pixels look less like the examples",
        }[worst]


@dataclass(frozen=True, eq=False)
class Proposal:
    """An object that was found.

    Parameters
    ----------
    mask : Boxed
        bool, the box around the object: ``mask.row``, ``mask.col``, ``mask.values``. No two proposals overlap.
    seed : tuple of int
        (row, col) of its deepest pixel.
    certainty : float
        From 0 to 1: how many such proposals were right (IoU with the true object at least 0.5) where that was measured
        (``docs/similar.md``).
    why : Why
        What that comes from.
    """

    mask: Boxed
    seed: tuple[int, int]
    certainty: float
    why: Why

    @property
    def area(self) -> int:
        """In pixels."""
        return int(np.count_nonzero(self.mask.values))

    def __repr__(self) -> str:
        """Say in a line what it is."""
        return f"Proposal(seed={self.seed}, area={self.area}, certainty={self.certainty:.2f}, {self.why.text!r})"


@dataclass(frozen=True, eq=False)
class Proposals(Sequence[Proposal]):
    """All that was found in a plane, the most certain first.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` of the plane.
    found : tuple of Proposal
        Sorted by falling certainty, then by seed.
    reproduced : float
        Mean IoU of the examples with what is found of them when they are not told: how well this way of looking suits
        these objects.
    advice : str
        "accept all shown", or "check each" where their mean certainty is below 0.85: many are likely to be wrong.
    """

    shape: tuple[int, int]
    found: tuple[Proposal, ...]
    reproduced: float
    advice: Advice

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.found)

    def __iter__(self) -> Iterator[Proposal]:
        """Go through them, the most certain first."""
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> Proposal: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Proposal, ...]: ...
    def __getitem__(self, index: int | slice) -> Proposal | tuple[Proposal, ...]:
        """Return one, or several."""
        return self.found[index]

    def at_least(self, certainty: float) -> tuple[Proposal, ...]:
        """Return those that are at least so certain, the most certain first."""
        return tuple(one for one in self.found if one.certainty >= certainty)

    def labels(self, first_id: int = 1, at_least: float = 0.0) -> NDArray[np.int32]:
        """Draw those that are certain enough, int32 ``[H, W]``, from ``first_id`` on in their order.

        Raises
        ------
        ParameterError
            If an id would be below 1 or above 2147483647.
        """
        plane = np.zeros(self.shape, dtype=np.int32)
        for number, mask in self.masks(first_id, at_least).items():
            height, width = mask.values.shape
            box = plane[mask.row : mask.row + height, mask.col : mask.col + width]
            box[mask.values] = number
        return plane

    def masks(self, first_id: int = 1, at_least: float = 0.0) -> dict[int, Boxed]:
        """Return the same as masks by id, which ``Session.replay(accepted=...)`` takes: objects, in one change.

        Raises
        ------
        ParameterError
            If an id would be below 1 or above 2147483647.
        """
        shown = self.at_least(at_least)
        if not 1 <= first_id <= LARGEST_ID - len(shown) + 1:
            raise ParameterError(f"Ids from {first_id} on do not fit {len(shown)} objects: expected 1 to {LARGEST_ID}.")
        return {number: one.mask for number, one in enumerate(shown, start=first_id)}

    def __repr__(self) -> str:
        """Say in a line what there is; masks would fill a notebook."""
        return f"Proposals({len(self.found)} in {self.shape}, advice={self.advice!r})"
