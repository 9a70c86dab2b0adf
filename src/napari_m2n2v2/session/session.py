"""The only mutable object of the engine: a stack of frozen results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.images.masks import as_known
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.accepted import check_inside, still_accepted
from napari_m2n2v2.session.click_map import ClickMap
from napari_m2n2v2.session.history import History
from napari_m2n2v2.session.result import SessionResult
from napari_m2n2v2.session.seed import Seed, working_seed
from napari_m2n2v2.session.solver import Solver
from napari_m2n2v2.session.starting import check_starts, starting_mask, starting_masks

__all__ = ["Session"]


class Session:
    """Clicks on one image and the mask they give, with undo and redo without limit.

    Every change goes through :meth:`replay`, and the result depends on the clicks, the masks that objects start from
    and the accepted objects alone: the same clicks in the same order give the same mask, bit for bit, however they came
    to be what they are. Not for two threads at once.

    Parameters
    ----------
    features : ImageFeatures
        Of the image.
    parameters : SegmentationParameters, optional
        What measures best by default; ``SegmentationParameters.paper()`` for M2N2V2 as published, ``.m2n2()`` for the
        method before it.
    start : array-like, optional
        ``[H, W]`` integer labels to start from instead of nothing: ``Y_0`` of each object, as :meth:`start_from` gives
        it to one. What no click reaches keeps its label.
    compete : bool
        Whether objects that claim the same pixel compete for it; if not, the one clicked last lies on top.

    Raises
    ------
    ImageError
        If ``start`` has another shape, is not of integers, or holds more than 2147483647.

    Notes
    -----
    Clicks may belong to several objects (``Click.object_id``). Each object is solved by its own clicks, as in the
    paper; where two claim a pixel, the nearer click's object gets it, so objects never overlap and their order
    does not matter. One that is accepted keeps its pixels (:mod:`~napari_m2n2v2.session.accepted`).

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
        start: Any = None,
        compete: bool = True,
    ) -> None:
        self.compete = compete
        self.features = features
        self.parameters = parameters or SegmentationParameters()
        self._solver = Solver(features, self.parameters, compete=compete)
        self._history = History(self._solver.solve((), {}, starting_masks(start, features.shape)))

    @property
    def result(self) -> SessionResult:
        """The result of the present clicks; an empty mask before the first."""
        return self._history.present

    @property
    def clicks(self) -> tuple[Prompt, ...]:
        """The present clicks, in order."""
        return self.result.clicks

    @property
    def accepted(self) -> Mapping[int, Boxed]:
        """The pixels of every accepted object, by id: what :meth:`replay` takes."""
        return self.result.accepted

    @property
    def starts(self) -> Mapping[int, Boxed]:
        """The mask that every object starts from that does not from nothing, by id: what :meth:`replay` takes."""
        return self.result.starts

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to bring back."""
        return self._history.can_redo

    @property
    def nbytes(self) -> int:
        """Memory held beside the features, in bytes: the Markov-maps that are kept, and every state one can go to."""
        states = self._history.states
        found = [one for state in states for one in state.objects.values() if one.clicks]
        kept = [one for state in states for one in state.accepted.values()]
        masks = sum(one.nbytes for one in {id(one): one for one in (*found, *self._solver.solved)}.values())
        masks += sum(one.values.nbytes for one in {id(one): one for one in kept}.values())
        return masks + sum(state.nbytes for state in states) + self._solver.nbytes

    def click(self, click: Prompt) -> SessionResult:
        """Add a click and return the new result; of an accepted object, which opens it again.

        Raises
        ------
        ClickError
            If it is outside the image; nothing is changed then.
        """
        return self.replay((*self.clicks, click))

    def move(self, index: int, row: float, col: float) -> SessionResult:
        """Move click ``index`` to another position, of a scribble its first point; its place in the order stays."""
        return self._replace(index, self._at(index).moved_to(row, col))

    def flip(self, index: int) -> SessionResult:
        """Turn click ``index`` from foreground to background or back.

        Raises
        ------
        ClickError
            If it is a box or an outline, which have no class.
        """
        return self._replace(index, self._at(index).flipped())

    def delete(self, index: int) -> SessionResult:
        """Remove click ``index``."""
        self._at(index)
        return self.replay(click for i, click in enumerate(self.clicks) if i != index)

    def start_from(self, object_id: int, mask: Any) -> SessionResult:
        """Let an object start from a mask instead of nothing: ``Y_0``, which its clicks, before and after, correct.

        It is an object then without a click, too. What other objects were solved to stays; of an accepted object, it
        opens it again. Can be undone.

        Parameters
        ----------
        object_id : int
            Which object, from 1 to 2147483647.
        mask : array-like or Boxed
            ``[H, W]`` bool, or :class:`~napari_m2n2v2.images.sparse.Boxed` bool, in pixels of the image; an empty one
            to start from nothing again.

        Raises
        ------
        ClickError
            If the id is none.
        ImageError
            If the mask has another shape, is not of bool, or is outside the image; nothing is changed then.

        Examples
        --------
        >>> result = session.start_from(7, cellpose_labels == 7)
        >>> result = session.click(Click(120, 200, foreground=False, object_id=7))
        """
        return self.replay(self.clicks, starts={**self.starts, object_id: starting_mask(mask, self.features.shape)})

    def reset(self) -> SessionResult:
        """Remove all clicks; what objects start from stays. Can be undone."""
        return self.replay(())

    def accept(self, object_id: int) -> SessionResult:
        """Accept an object as it is: it keeps its pixels, whatever is clicked of others, until it is opened again.

        A foreground click of another object on its pixels is on purpose: these two compete for them then. A change of
        its own clicks opens it. It can be undone.

        Raises
        ------
        ClickError
            If there is no such object.
        """
        if object_id not in self.result.objects:
            raise ClickError(f"There is no object {object_id} to accept: there are {sorted(self.result.objects)}.")
        pixels = self.accepted.get(object_id) or Boxed.of(self.result.labels == object_id)
        return self.replay(self.clicks, accepted={**self.accepted, object_id: pixels})

    def reopen(self, object_id: int) -> SessionResult:
        """Let an accepted object compete for pixels again; of one that is not accepted nothing changes."""
        return self.replay(self.clicks, accepted={i: self.accepted[i] for i in self.accepted if i != object_id})

    def replay(
        self,
        clicks: Iterable[Prompt],
        progress: Progress | None = None,
        *,
        accepted: Mapping[int, Boxed] | None = None,
        starts: Mapping[int, Boxed] | None = None,
    ) -> SessionResult:
        """Make these the clicks, as one change that undo takes back, and return the result.

        The result is the same as clicking one by one. Only what follows the first changed click is solved again, and
        only positions not seen before need a new Markov-map.

        Parameters
        ----------
        clicks : iterable of Prompt
            All of them, in order.
        progress : callable, optional
            Called as ``progress(share, stage)``, the share of all clicks, before each click is solved; raise
            :class:`~napari_m2n2v2.Cancelled` from it to stop. What was solved by then is kept for the next time.
        accepted : mapping, optional
            The pixels of accepted objects by id, Boxed bool; by default of those that are accepted now, and whose
            clicks and start are what they were.
        starts : mapping, optional
            The masks that objects start from by id, Boxed bool; by default those that they start from now.

        Raises
        ------
        ClickError
            If one is outside the image; nothing is changed then.
        ImageError
            If accepted pixels, or masks to start from, are outside the image.
        """
        clicks = tuple(clicks)
        check_starts(starts or {}, self.features.shape)
        begun = dict(self.starts) if starts is None else as_known(starts, self.starts)
        if accepted is None:
            kept = still_accepted(self.accepted, self.clicks, clicks)
            accepted = {i: pixels for i, pixels in kept.items() if begun.get(i) is self.starts.get(i)}
        if clicks == self.clicks and dict(accepted) == dict(self.accepted) and begun == dict(self.starts):
            return self.result
        for click in clicks:
            working_seed(click, self.features)
        check_inside(accepted, self.features.shape)
        self._history.push(self._solver.solve(clicks, accepted, begun, progress or silent))
        return self.result

    def closed_to(self, object_id: int) -> NDArray[np.bool_]:
        """Return where accepted objects are that keep their pixels from an object, bool ``[H', W']``."""
        closed: NDArray[np.bool_] = np.isin(self.result.working_labels, [i for i in self.accepted if i != object_id])
        return closed

    def preview(self, click: Prompt) -> NDArray[np.int32]:
        """Return the labels that this click would give, int32 ``[H, W]``; nothing is changed.

        Raises
        ------
        ClickError
            If it is outside the image.
        """
        working_seed(click, self.features)
        accepted = still_accepted(self.accepted, self.clicks, clicks := (*self.clicks, click))
        return self._solver.solve(clicks, accepted, self.starts).labels

    def map_at(self, seed: Seed, object_id: int = 1) -> ClickMap:
        """Return the Markov-map of a seed with the guides of an object (section 3.3), kept for later."""
        choice = self.result.guides.get(object_id)
        return self._solver.map_at(seed, choice.option if choice else 0)

    def undo(self) -> SessionResult:
        """Take back the last change, if there is one, and return the very result that was there."""
        return self._history.undo()

    def redo(self) -> SessionResult:
        """Bring back the last change that was undone, if there is one."""
        return self._history.redo()

    def forget_history(self) -> None:
        """Let go of all states but the present one, which hold their masks: nothing can be undone then."""
        self._history = History(self.result)

    def _at(self, index: int) -> Prompt:
        if not 0 <= index < len(self.clicks):
            raise ClickError(f"There is no click {index}: this session has {len(self.clicks)}, counted from 0.")
        return self.clicks[index]

    def _replace(self, index: int, click: Prompt) -> SessionResult:
        return self.replay(click if i == index else other for i, other in enumerate(self.clicks))
