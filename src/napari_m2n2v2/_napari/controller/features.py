"""Features of parts: computed beside the event loop when asked for or clicked on, marked when they no longer match."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_m2n2v2._napari.controller.elsewhere import Elsewhere
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.store import Store
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.ours import is_view
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.tiles import Part
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ClusterError, M2N2V2Error
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
    """

    nearly = Signal(object, object, object)  # all but the upsampling: the workspace, its PartKey, and features
    ready = Signal(object, object)  # features of a workspace's part are there: the workspace, its PartKey

    def __init__(self, state: DockState, jobs: Jobs) -> None:
        self.store = Store(lambda text: jobs.deliver(lambda: state.tell(text)))
        self.elsewhere = Elsewhere()
        self._state = state
        self._jobs = jobs
        self._waiting: list[_Wanted] = []
        self._running: _Wanted | None = None
        state.opened.connect(self._on_opened)
        state.closed.connect(self.drop)
        state.moved.connect(self._on_moved)
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

            fingerprint = self.fingerprint(workspace, key)
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
        part, recipe = workspace.parts.at(key), self.recipe_of(workspace, key)
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
            return recipe.features(store.cache(), report, elsewhere.address, nearly)

        return compute

    def recipe_of(self, workspace: Workspace, key: PartKey) -> Recipe:
        """Capture what the features of a part depend on, without a look at it.

        Raises
        ------
        ImageError, GuideError
            If layers do not fit together.
        """
        return Recipe.of(self._state.settings, self.channels(workspace), workspace.image, key)

    def fingerprint(self, workspace: Workspace, key: PartKey) -> tuple[int | None, ...]:
        """Return what tells pixels of a part that are changed in place from now on; nothing if layers do not fit."""
        try:
            return self.recipe_of(workspace, key).fingerprint()
        except M2N2V2Error:  # which is told when they are to be computed
            return ()

    def channels(self, workspace: Workspace) -> list[Any]:
        """Return the layers whose pixels the engine sees: the image, or all visible ones of its shape."""
        image = workspace.image
        if not self._state.settings.merge_channels:
            return [image]
        layers = self._state.viewer.layers
        return [layer for layer in layers if layer is image or (layer.visible and _can_join(layer, image))]

    # -- what changes features -----------------------------------------------------------------------------------

    def change(self, **changes: Any) -> None:
        """Change settings; features that no longer match are marked.

        Parameters
        ----------
        **changes
            Fields of :class:`~napari_m2n2v2._napari.model.settings.Settings`.
        """
        self._state.settings = replace(self._state.settings, **changes)
        self._mark()

    def weights_changed(self) -> None:
        """Mark features for which "auto" may choose another backbone now."""
        self._outdate(lambda _, part: part.computed_with is not None and part.computed_with.attention == "auto")

    def guide_changed(self, layer: Any) -> None:
        """Mark features that this layer guided, because its pixels have changed."""
        self._outdate(lambda _, part: part.computed_with is not None and part.computed_with.guide is layer)

    def image_changed(self, layer: Any) -> None:
        """Mark the features of an image, because what it shows has changed."""
        self._outdate(lambda workspace, _: workspace.image is layer)

    def channel_changed(self, layer: Any) -> None:
        """Mark the features of images that a layer is, or was, seen together with: it looks otherwise, or is gone."""

        def was_joined(workspace: Workspace, part: Part) -> bool:
            merged = part.computed_with is not None and part.computed_with.merge_channels
            return merged and (layer is workspace.image or _can_join(layer, workspace.image))

        if any(was_joined(workspace, part) for workspace in self._state.workspaces for part in workspace.parts):
            self._outdate(was_joined)

    def channel_redrawn(self, layer: Any) -> None:
        """Mark features of images that a layer is seen together with, if its pixels were changed in place."""
        if self._state.settings.merge_channels:
            for workspace in self._state.workspaces:
                if layer is not workspace.image and layer in self.channels(workspace):
                    self._look_at_pixels(workspace)

    def redrawn(self, layer: Any) -> None:
        """Mark features in the plane that is shown, if pixels they come from were changed in place."""
        for workspace in self._state.workspaces:
            if layer in (workspace.image, self._state.settings.guide):
                self._look_at_pixels(workspace)

    def _look_at_pixels(self, workspace: Workspace) -> None:
        for part in workspace.parts.of(workspace.here) if workspace.here is not None else ():
            if part.state is FeatureState.READY and self.was_changed_in_place(workspace, part):
                part.outdated = True
                self._mark()

    def _on_moved(self) -> None:
        """Look at a slice that is shown now; the layer was redrawn before that was known."""
        if self._state.active is not None:
            self.redrawn(self._state.active.image)

    def was_changed_in_place(self, workspace: Workspace, part: Part) -> bool:
        """Whether the pixels in memory are others now than the features of a part were computed from."""
        # With other settings there may be other guides; the first is of the image, or of the lowest channel.
        compared = slice(None if part.computed_with == self._state.settings else 1)
        return part.fingerprint[compared] != self.fingerprint(workspace, part.key)[compared]

    def layer_removed(self, layer: Any) -> None:
        """Guide by nothing where the guide is gone."""
        if layer is self._state.settings.guide:
            self.change(guide=None)

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
            began = time.monotonic()

            def done(features: ImageFeatures) -> None:
                wanted.workspace.seconds = max(time.monotonic() - began, wanted.workspace.seconds or 0.0)
                wanted.done(features)

            self._jobs.submit(wanted.job, wanted.work, done, wanted.failed, self._state.progressed.emit, computes=True)

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

    def _outdate(self, which: Callable[[Workspace, Part], bool]) -> None:
        for workspace in self._state.workspaces:
            for part in workspace.parts:
                part.outdated |= which(workspace, part)
        self._mark()

    def _mark(self) -> None:
        for workspace in self._state.workspaces:
            for part in workspace.parts:
                if part.state is not FeatureState.COMPUTING:
                    part.state = part.settled_state(self._state.settings)
        self._state.features_changed.emit()

    def _settle(self, part: Part) -> None:
        """Go back to what there was, when a job came to nothing."""
        part.outdated |= part.was_outdated
        part.state = part.settled_state(self._state.settings)


def _can_join(layer: Any, image: Any) -> bool:
    """Whether a layer is seen together with an image where channels are merged and it is visible."""
    return type(layer) is type(image) and not is_view(layer) and _shapes(layer) == _shapes(image)


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(level.shape) for level in stack_of(layer).levels]


def _with_guide(known: ImageFeatures, recipe: Recipe, report: Report) -> ImageFeatures:
    """Give features other guides, whose level need not be the one that the features were computed from."""
    from napari_m2n2v2.guides.guide import Guide

    layer = Guide(recipe.guide.read(), recipe.settings.guide_weight) if recipe.guide is not None else None
    features = known if layer is None else replace(known, shape=layer.source.shape)
    features = replace(features.with_guide(recipe.guides(layer)), shape=known.shape)
    features.upsampling_operator(guided=True, progress=report)
    return features
