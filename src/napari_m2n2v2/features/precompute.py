"""Features of a whole stack before they are asked for: the plane at hand first, then the nearest."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from napari_m2n2v2.errors import Cancelled
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.planes import Outcome, Room, request_of_plane, try_plane
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.stack import Index, Stack, nearest_first
from napari_m2n2v2.parallel import HERE, Pool, each_done

__all__ = ["Precompute", "Standing"]


class _LetGo(Cancelled):
    """Others go first: the plane at hand is begun again later."""


_LOOK_EVERY = 0.1  # seconds, while paused


@dataclass(frozen=True)
class Standing:
    """How far it is.

    Parameters
    ----------
    done, total : int
        Planes. One that failed is done.
    seconds_left : float or None
        From the time that planes took so far, pauses not counted; None before the first that had to be computed.
    index : tuple of int or None
        The plane that is being computed; None between planes.
    share : float
        Of that plane, in ``[0, 1]``.
    stage : str
        What is being done.
    """

    done: int
    total: int
    seconds_left: float | None = None
    index: Index | None = None
    share: float = 0.0
    stage: str = ""


class Precompute:
    """Fills a cache with the planes of a stack: :meth:`run` in a thread of its own, the rest from any thread.

    Parameters
    ----------
    stack : Stack
        Read one plane at a time, and no more.
    cache : FeatureCache
        With a folder planes go to disk, so that they do not push the one at hand out of memory; without one, into
        memory as far as its limit allows.
    spec : FeatureSpec, optional
        How. Its guide may be a registered stack of the same planes.
    start : sequence of int, optional
        The plane to begin with; the first without it.
    request : callable, optional
        Reads the plane of an index in another way, and says how its features are wanted.

    Raises
    ------
    ImageError
        If there is no such plane.
    """

    def __init__(
        self,
        stack: Stack,
        cache: FeatureCache,
        spec: FeatureSpec | None = None,
        *,
        start: Sequence[int] | None = None,
        request: Callable[[Index], FeatureRequest] | None = None,
    ) -> None:
        self._cache = cache
        self._room = Room(cache.memory_bytes if cache.disk is None else cache.disk.most_bytes)
        self._request = request or partial(request_of_plane, stack, spec=spec or FeatureSpec())
        self._order = nearest_first(stack, next(iter(stack)) if start is None else start)
        self._states = dict.fromkeys(self._order, FeatureState.MISSING)
        self._changing = threading.Lock()
        self._in_memory: dict[Index, weakref.ref[ImageFeatures]] = {}
        self._going = threading.Event()
        self._going.set()
        self._lets_go = False
        self._cancelled = threading.Event()
        self._done = 0
        self._spent: list[float] = []
        self._since = 0.0  # when the plane at hand was begun, later by what was paused since
        self.failures: dict[Index, str] = {}
        self.left_out: tuple[Index, ...] = ()
        self.notes: dict[Index, tuple[str, ...]] = {}

    def run(
        self,
        progress: Callable[[Standing], None] | None = None,
        pool: Pool = HERE,
        task: Callable[[Index], Outcome] | None = None,
    ) -> None:
        """Compute every plane that is not there yet.

        Parameters
        ----------
        progress : callable, optional
            Called from this thread, at every step of every plane that is computed in it, else after every plane; what
            it raises stops the run.
        pool : Pool
            Where planes are computed ...
        task : callable, optional
            ... and by what function of a module, if not here.

        Notes
        -----
        A plane that cannot be segmented, such as a blank one, is noted in ``failures`` and passed over; how many
        pixels of a plane were clipped is in ``notes``. Where the
        limit of folder or memory has no room for all, the farthest planes are left out, and ``left_out`` names
        them: they would only push out nearer ones.

        Raises
        ------
        Cancelled
            After :meth:`cancel`. The planes that are done stay.
        UnwritableFileError
            If a plane could not be stored.
        DeviceError, MissingDependencyError, MissingWeightsError, UnknownBackboneError
            If no plane can be computed.
        """
        tell = progress or (lambda standing: None)
        self._done, self._since = 0, time.monotonic()
        for position, result in each_done(task or partial(self._do, tell), self._order, pool, self._may_begin):
            self._note(self._order[position], result, pool.lost)
            self._done += 1
            tell(self._standing())
        self.left_out = tuple(self._order[self._done :])

    def pause(self, *, let_go: bool = False) -> None:
        """Hold on, also in the middle of a plane, until :meth:`resume` or :meth:`cancel`.

        Parameters
        ----------
        let_go : bool
            Whether to give up the plane at hand, which is begun again afterwards. Without it no other thread can read
            attention or depth meanwhile: that is done one at a time.
        """
        self._lets_go = let_go
        self._going.clear()

    def resume(self) -> None:
        """Go on."""
        self._going.set()

    def cancel(self) -> None:
        """Stop at the next step of the plane at hand."""
        self._cancelled.set()

    @property
    def paused(self) -> bool:
        """Whether it holds on."""
        return not self._going.is_set()

    @property
    def states(self) -> dict[Index, FeatureState]:
        """What is known of every plane, in the order they are computed; in memory, what it has let go of is missing."""
        with self._changing:
            gone = [index for index, features in self._in_memory.items() if features() is None]
            return self._states | dict.fromkeys(gone, FeatureState.MISSING)

    def _may_begin(self, running: int) -> bool:
        self._hold_on()
        return self._room.has_for(1 + running)

    def _do(self, tell: Callable[[Standing], None], index: Index) -> Outcome:
        """Bring one plane's features into the cache, in this thread, however often others go first."""

        def report(share: float, stage: str) -> None:
            if self.paused and self._lets_go:
                raise _LetGo
            self._hold_on(inside=True)
            tell(self._standing(index, share, stage))

        while True:
            self._set(index, FeatureState.COMPUTING)
            self._since = time.monotonic()
            try:
                report(0.0, "reading")
                return try_plane(self._cache, partial(self._request, index), report)
            except _LetGo:
                self._set(index, FeatureState.MISSING)
                self._hold_on()

    def _note(self, index: Index, result: Callable[[], Outcome], lost: tuple[type[Exception], ...]) -> None:
        """Note what became of one plane; what concerns all planes is raised."""
        state = FeatureState.MISSING  # unless it comes to something
        try:
            outcome = result()
            if isinstance(outcome, str):
                self.failures[index], state = outcome, FeatureState.FAILED
                return
            self._room.take(outcome.sizes)
            if outcome.notes:
                self.notes[index] = outcome.notes
            if outcome.computed:
                self._spent.append(time.monotonic() - self._since)
            if outcome.features is not None:
                with self._changing:
                    self._in_memory[index] = weakref.ref(outcome.features)
            state = FeatureState.READY
        except lost as error:
            told = f"The processes that tried it were killed, perhaps for want of memory: {error}"
            self.failures[index], state = told, FeatureState.FAILED
        finally:
            self._set(index, state)
            self._since = time.monotonic()

    def _hold_on(self, *, inside: bool = False) -> None:
        """Wait while paused; raise once cancelled, or inside a plane that is to be let go."""
        begun = time.monotonic()
        while not self._going.wait(_LOOK_EVERY) and not self._cancelled.is_set():
            if inside and self._lets_go:
                raise _LetGo
        self._since += time.monotonic() - begun
        if self._cancelled.is_set():
            raise Cancelled("Precomputing was stopped; the planes that are done stay.")

    def _set(self, index: Index, state: FeatureState) -> None:
        with self._changing:
            self._states[index] = state

    def _standing(self, index: Index | None = None, share: float = 0.0, stage: str = "") -> Standing:
        total = len(self._order)
        each = sum(self._spent) / len(self._spent) if self._spent else None
        left = None if each is None else each * max(0.0, total - self._done - share)
        return Standing(self._done, total, left, index, share, stage)
