"""Features of parts: computed beside the event loop when asked for or clicked on, one part after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.elsewhere import Elsewhere
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.settings import SettingsController
from napari_m2n2v2._napari.controller.stopwatch import Stopwatch
from napari_m2n2v2._napari.controller.store import Store
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.tiles import Part
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ClusterError
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures

__all__ = ["FeatureController"]


@dataclass(frozen=True, eq=False)
class _Wanted:
    """The features of a part, which someone waits for."""

    workspace: Workspace
    part: Part
    work: Callable[[Report], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]

    @property
    def job(self) -> Hashable:
        return id(self.workspace), "features", self.part.key

    @property
    def is_shown(self) -> bool:
        return self.workspace.focus == self.part.key


class FeatureController:
    """Computes the features of parts, one part after the other.

    The next one is begun when the one before is there and being solved, so that clicks on parts that are ready wait
    for one part at most, and so that no more features are held than :class:`Parts` and :class:`Store` keep.

    Parameters
    ----------
    state : DockState
        Whose images are computed.
    jobs : Jobs
        Clicks wait for the same worker.
    settings : SettingsController
        What features are computed with, and from which layers.
    """

    nearly = Signal(object, object, object)  # all but the upsampling: the workspace, its PartKey, and features
    ready = Signal(object, object)  # features of a workspace's part are there: the workspace, its PartKey

    def __init__(self, state: DockState, jobs: Jobs, settings: SettingsController) -> None:
        self.store = Store(lambda text: jobs.deliver(lambda: state.tell(text)))
        self.elsewhere = Elsewhere()
        self.settings = settings
        self._state = state
        self._jobs = jobs
        self._waiting: list[_Wanted] = []
        self._running: _Wanted | None = None
        state.opened.connect(self._on_opened)
        state.closed.connect(self.drop)
        self.elsewhere.changed.connect(self._go_on)

    def start(self, workspace: Workspace | None = None, key: PartKey | None = None) -> None:
        """Compute the features of a part with the present settings, by default of the one that is shown."""
        state, settings = self._state, self._state.settings
        workspace = workspace or state.active
        if workspace is None or (key := key or workspace.focus) is None:
            return
        with state.errors_shown():
            part = workspace.parts.at(key)
            self._drop(lambda wanted: wanted.part is part)
            if part.state is FeatureState.COMPUTING:
                self._settle(part)

            def done(features: ImageFeatures) -> None:
                part.features, part.computed_with, part.fingerprint = features, settings, fingerprint
                part.state = part.settled_state(state.settings)
                workspace.parts.use(part, workspace.focus)
                for other in state.workspaces:
                    if other not in (workspace, state.active):
                        other.parts.rest()
                self.ready.emit(workspace, key)
                self._next()
                state.features_changed.emit()

            def failed(error: Exception) -> None:
                if isinstance(error, ClusterError):
                    self._wait_for_answer(wanted, error)
                    return
                self._settle(part)
                self._next()
                state.show_error(error)
                state.features_changed.emit()

            fingerprint = self.settings.fingerprint(workspace, key)
            wanted = _Wanted(workspace, part, self.recipe(workspace, key), done, failed)
            part.state = FeatureState.COMPUTING
            # If the job comes to nothing, the features that are left are as old as they were.
            part.was_outdated, part.outdated = part.outdated, False
            self._waiting.append(wanted)
            self._go_on()
        state.features_changed.emit()

    def start_where_lacking(self, workspace: Workspace, key: PartKey) -> None:
        """Compute what clicks wait for, unless it is being computed."""
        if workspace.parts.at(key).state is not FeatureState.COMPUTING:
            self.start(workspace, key)

    @property
    def present(self) -> tuple[Workspace, PartKey] | None:
        """Which part of which image is being computed."""
        return (running.workspace, running.part.key) if (running := self._running) is not None else None

    def cancel(self) -> None:
        """Stop for all parts of the active image."""
        if self._state.active is not None:
            self.drop(self._state.active)
            self._state.features_changed.emit()

    def drop(self, workspace: Workspace) -> None:
        """Stop for all parts of an image; at once for the user, at its next report for the worker."""
        self._drop(lambda wanted: wanted.workspace is workspace)
        for part in workspace.parts:
            if part.state is FeatureState.COMPUTING:
                self._settle(part)

    def give_up(self, workspace: Workspace, key: PartKey) -> None:
        """Stop for a part that nobody waits for any more."""
        part = workspace.parts.get(key)
        if part is not None and part.state is FeatureState.COMPUTING:
            self._drop(lambda wanted: wanted.part is part)
            self._settle(part)
            self._state.features_changed.emit()

    def recipe(self, workspace: Workspace, key: PartKey) -> Callable[[Report], ImageFeatures]:
        """Capture all that the features of a part are computed from, now; the worker reads and computes.

        Returns
        -------
        callable
            ``recipe(report)`` gives the features, at full resolution whatever level of a pyramid was read.

        Raises
        ------
        ImageError, GuideError
            If layers do not fit together.
        """
        part, recipe = workspace.parts.at(key), self.settings.recipe_of(workspace, key)
        store, elsewhere = self.store, self.elsewhere
        known = part.features
        if part.outdated or not self._state.settings.differs_in_guide_alone(part.computed_with):
            known = None

        def nearly(features: ImageFeatures) -> None:
            self._jobs.deliver(lambda: self._tell_nearly(workspace, key, features))

        def compute(report: Report) -> ImageFeatures:
            report(0.0, "loading")
            if known is not None:
                return _with_guide(known, recipe, report)
            cache = store.cache()
            report(0.0, "reading the image")
            return recipe.features(cache, report, elsewhere.address, nearly)

        return compute

    def close(self) -> None:
        """Let go of the memory."""
        self.store.close()

    # -- one after the other -------------------------------------------------------------------------------------

    def _on_opened(self, workspace: Workspace) -> None:
        workspace.parts.is_shared = self.store.holds

    def _next(self) -> None:
        """Go on with the part that is shown, if it is waiting, else with the one that has waited longest."""
        self._running = None
        if self._waiting and not self.elsewhere.lost:
            shown = [w for w in self._waiting if w.workspace is self._state.active and w.is_shown]
            self._running = wanted = (shown or self._waiting)[0]
            self._waiting.remove(wanted)

            def work(report: Report) -> tuple[ImageFeatures, float | None]:
                timed = Stopwatch(report)
                return wanted.work(timed), timed.seconds

            def done(found: tuple[ImageFeatures, float | None]) -> None:
                features, seconds = found
                wanted.workspace.seconds = seconds or wanted.workspace.seconds
                wanted.done(features)

            self._jobs.submit(wanted.job, work, done, wanted.failed, self._state.progressed.emit, computes=True)

    def _tell_nearly(self, workspace: Workspace, key: PartKey, features: ImageFeatures) -> None:
        if self.present == (workspace, key):
            self.nearly.emit(workspace, key, features)

    def _go_on(self) -> None:
        """Begin with what waits, if nothing runs."""
        if self._running is None:
            self._next()

    def _wait_for_answer(self, wanted: _Wanted, error: ClusterError) -> None:
        """Keep what was wanted of a cluster that is lost, until the user says where to go on."""
        self._waiting.insert(0, wanted)
        self._running = None
        self.elsewhere.lose(str(error))
        self._state.features_changed.emit()

    def _drop(self, which: Callable[[_Wanted], bool]) -> None:
        """Stop, or do not begin, what nobody wants any more."""
        self._waiting = [wanted for wanted in self._waiting if not which(wanted)]
        if not self._waiting:
            self.elsewhere.nothing_waits()
        if self._running is not None and which(self._running):
            self._jobs.cancel(self._running.job)
            self._next()

    def _settle(self, part: Part) -> None:
        """Go back to what there was, when a job came to nothing."""
        part.outdated |= part.was_outdated
        part.state = part.settled_state(self._state.settings)


def _with_guide(known: ImageFeatures, recipe: Recipe, report: Report) -> ImageFeatures:
    """Give features other guides, whose level need not be the one that the features were computed from."""
    from napari_m2n2v2.guides.guide import Guide

    layer = Guide(recipe.guide.read(), recipe.settings.guide_weight) if recipe.guide is not None else None
    features = known if layer is None else replace(known, shape=layer.source.shape)
    features = replace(features.with_guide(recipe.guides(layer)), shape=known.shape)
    features.upsampling_operator(guided=True, progress=report)
    return features
