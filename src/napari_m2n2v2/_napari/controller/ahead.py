"""Slices that are stored, made ready while one looks at them, and the ones beside them: a click there need not wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product

from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.precompute import PrecomputeController
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import GuideError, ImageError, M2N2V2Error
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.stack import Index
from napari_m2n2v2.session.document import PartKey

__all__ = ["AheadController", "beside"]

_JOB = "ahead"
_RESTING = 0.2  # seconds on a slice, before it is one to look at
_LOOK_EVERY = 0.02
_BESIDE = 2  # slices


class AheadController:
    """Begins with the slice that is shown if the folder has it, then brings those beside it into memory.

    Nothing is computed that is not stored. Whatever else the dock does goes first.

    Parameters
    ----------
    state : DockState
        Whose active image is looked at.
    jobs : Jobs
        Those that go first; a worker of our own looks into the folder.
    features : FeatureController
        Makes the slice that is shown ready, as for a click.
    preparing : PrecomputeController
        While it fills the folder, nothing is taken from there ahead of clicks.
    """

    def __init__(
        self, state: DockState, jobs: Jobs, features: FeatureController, preparing: PrecomputeController
    ) -> None:
        self._state = state
        self._before = jobs
        self._jobs = jobs.beside()
        self._features = features
        self._preparing = preparing
        self._seen: tuple[Workspace, PartKey] | None = None
        self._came: tuple[int, ...] = ()  # from where, by index
        self._begun: tuple[Workspace, PartKey] | None = None  # by us, and no click waits for it that we know of
        self._is_done = True
        for signal in (state.moved, state.activated):
            signal.connect(self._on_moved)
        for signal in (jobs.turned, preparing.changed):
            signal.connect(self._follow)

    def close(self) -> None:
        """Stop, and let go of the others."""
        self._before.turned.disconnect(self._follow, missing_ok=True)
        self._seen = None
        self._jobs.close()

    # -- when to look --------------------------------------------------------------------------------------------

    def _on_moved(self) -> None:
        workspace = self._state.active
        now = (workspace, workspace.focus) if workspace is not None and workspace.focus is not None else None
        if now == self._seen:
            return
        self._came = _way(self._seen, now)
        self._seen, self._is_done = now, now is None
        self._jobs.cancel(_JOB)
        self._give_up()
        self._follow()

    def _follow(self) -> None:
        """Look ahead unless something else is to be done, which goes first."""
        if self._before.keys or self._seen is None or self._is_done or self._preparing.is_running:
            self._jobs.cancel(_JOB)
        elif not self._jobs.is_busy(_JOB):
            self._look(*self._seen)

    def _give_up(self) -> None:
        """Stop what was begun for a look, if the look is over and no click waits."""
        if self._begun is not None:
            (workspace, key), self._begun = self._begun, None
            if not workspace.region_clicks(key.plane):
                self._features.give_up(workspace, key)

    # -- what to do ----------------------------------------------------------------------------------------------

    def _look(self, workspace: Workspace, key: PartKey) -> None:
        if self._features.store.disk is None or self._features.elsewhere.address:
            self._end()
            return
        try:
            recipe = self._features.settings.recipe_of(workspace, key)
        except M2N2V2Error:  # which a click will tell
            self._end()
            return
        part = workspace.parts.get(key)
        if part is None or part.state is FeatureState.MISSING:
            self._look_at(workspace, key, recipe)
        elif part.state is FeatureState.READY and part.features is not None:
            self._begun = None
            self._look_beside(workspace, key, recipe, part.features.nbytes)

    def _look_at(self, workspace: Workspace, key: PartKey, recipe: Recipe) -> None:
        """Begin with the slice that is shown if it is stored."""
        store = self._features.store

        def is_stored(report: Report) -> bool:
            _rest(report)
            return bool(store.cache().sizes_on_disk(recipe.request()))

        def begin(stored: bool) -> None:
            if stored:
                self._begun = workspace, key
                self._features.start_where_lacking(workspace, key)
            else:
                self._end()

        self._jobs.submit(_JOB, is_stored, begin, self._end)

    def _look_beside(self, workspace: Workspace, key: PartKey, recipe: Recipe, each: int) -> None:
        """Bring the slices beside it into memory, as far as they fit in there together and are stored."""
        store = self._features.store
        fit = max(0, min(_BESIDE, store.memory_bytes // each - 1))
        indices = beside(stack_of(workspace.image, key.plane.axes).index_shape, key.plane.index, self._came)[:fit]

        def bring(report: Report) -> None:
            _rest(report)
            for index in indices:
                try:
                    request = recipe.at(index).request()
                except (ImageError, GuideError):  # which a click there will tell
                    continue
                if store.cache().sizes_on_disk(request):
                    store.cache().find(request, report)

        self._jobs.submit(_JOB, bring, self._end, self._end)

    def _end(self, _: object = None) -> None:
        self._is_done = True


def beside(shape: Sequence[int], here: Index, came: Sequence[int]) -> list[Index]:
    """List the slices beside one, those first that lie on along the way one came, then those back on it.

    Parameters
    ----------
    shape : sequence of int
        Of all indices.
    here : tuple of int
        Which slice.
    came : sequence of int
        Steps along each axis; none is along the last.
    """
    way = came if any(came) else [*[0] * (len(here) - 1), 1]
    steps = sorted(product(range(len(here)), (1, -1)), key=lambda step: (not way[step[0]], -way[step[0]] * step[1]))
    found = (tuple(i + (axis == at) * step for at, i in enumerate(here)) for axis, step in steps)
    return [index for index in found if all(0 <= i < length for i, length in zip(index, shape, strict=True))]


def _way(before: tuple[Workspace, PartKey] | None, now: tuple[Workspace, PartKey] | None) -> tuple[int, ...]:
    if before is None or now is None or before[0] is not now[0] or before[1].plane.axes != now[1].plane.axes:
        return ()
    return tuple(b - a for a, b in zip(before[1].plane.index, now[1].plane.index, strict=True))


def _rest(report: Report) -> None:
    """Wait until it is a slice to look at, and not one that is passed by."""
    begun = time.monotonic()
    while time.monotonic() - begun < _RESTING:
        report(0.0, "")
        time.sleep(_LOOK_EVERY)
