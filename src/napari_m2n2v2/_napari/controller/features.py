"""Features of parts: computed beside the event loop when asked for or clicked on, marked when they no longer match."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.controller.jobs import Report
from napari_m2n2v2._napari.controller.store import Store
from napari_m2n2v2._napari.layers import points as convert
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.snapshot import Recipe
from napari_m2n2v2._napari.model.settings import FeatureState, Settings
from napari_m2n2v2._napari.model.tiles import Part
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller.controller import Controller
    from napari_m2n2v2.features.image_features import ImageFeatures

__all__ = ["Computing"]


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


class Computing:
    """What features are computed with, and the jobs that compute them, one part after the other.

    The next one is begun when the one before is there and being solved, so that clicks on parts that are ready wait
    for one part at most, and so that no more features are held than :class:`Parts` and :class:`Store` keep.

    Parameters
    ----------
    controller : Controller
        Whose images are computed.
    """

    def __init__(self, controller: Controller) -> None:
        self.settings = Settings()
        self.store = Store(lambda text: controller.jobs.deliver(lambda: controller.tell(text)))
        self._controller = controller
        self._waiting: list[_Wanted] = []
        self._running: _Wanted | None = None

    def start(self, workspace: Workspace | None = None, key: PartKey | None = None) -> None:
        """Compute the features of a part with the present settings, by default of the one that is shown."""
        controller, settings = self._controller, self.settings
        workspace = workspace or controller.active
        if workspace is None or (key := key or workspace.focus) is None:
            return
        with controller.errors_shown():
            part = workspace.parts.at(key)
            self._drop(lambda wanted: wanted.part is part)
            if part.state is FeatureState.COMPUTING:
                self._settle(part)

            def done(features: ImageFeatures) -> None:
                part.features, part.computed_with = features, settings
                part.state = part.settled_state(self.settings)
                workspace.parts.use(part, workspace.focus)
                controller.following.look()
                controller.solving.solve(workspace, key.plane)
                self._next()
                controller.changed.emit()

            def failed(error: Exception) -> None:
                self._settle(part)
                self._next()
                controller.show_error(error)

            wanted = _Wanted(workspace, part, self.recipe(workspace, key), done, failed)
            part.state = FeatureState.COMPUTING
            # If the job comes to nothing, the features that are left are as old as they were.
            part.was_outdated, part.outdated = part.outdated, False
            self._waiting.append(wanted)
            if self._running is None:
                self._next()
        controller.changed.emit()

    def _next(self) -> None:
        """Go on with the part that is shown, if it is waiting, else with the one that has waited longest."""
        self._running = None
        if self._waiting:
            shown = [w for w in self._waiting if w.workspace is self._controller.active and w.is_shown]
            self._running = wanted = (shown or self._waiting)[0]
            self._waiting.remove(wanted)
            self._controller.jobs.submit(
                wanted.job, wanted.work, wanted.done, wanted.failed, self._controller.progressed.emit, computes=True
            )

    def _drop(self, which: Callable[[_Wanted], bool]) -> None:
        """Stop, or do not begin, what nobody wants any more."""
        self._waiting = [wanted for wanted in self._waiting if not which(wanted)]
        if self._running is not None and which(self._running):
            self._controller.jobs.cancel(self._running.job)
            self._next()

    def drop(self, workspace: Workspace) -> None:
        """Stop for all parts of an image; at once for the user, at its next report for the worker."""
        self._drop(lambda wanted: wanted.workspace is workspace)
        for part in workspace.parts:
            if part.state is FeatureState.COMPUTING:
                self._settle(part)

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
        part, recipe, store = workspace.parts.at(key), self.recipe_of(workspace, key), self.store
        known = part.features
        if part.outdated or not self.settings.differs_in_guide_alone(part.computed_with):
            known = None

        def compute(report: Report) -> ImageFeatures:
            report(0.0, "loading")
            if known is not None:
                return _with_guide(known, recipe, report)
            return recipe.features(store.cache(), report)

        return compute

    def recipe_of(self, workspace: Workspace, key: PartKey) -> Recipe:
        """Capture what the features of a part depend on, without a look at it.

        Raises
        ------
        ImageError, GuideError
            If layers do not fit together.
        """
        return Recipe.of(self.settings, self.channels(workspace), workspace.image, key)

    def cancel(self) -> None:
        """Stop for all parts of the active image."""
        if self._controller.active is not None:
            self.drop(self._controller.active)
            self._controller.changed.emit()

    def change(self, **changes: Any) -> None:
        """Change settings; features that no longer match are marked.

        Parameters
        ----------
        **changes
            Fields of :class:`~napari_m2n2v2._napari.model.settings.Settings`.
        """
        self.settings = replace(self.settings, **changes)
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

    def channels(self, workspace: Workspace | None = None) -> list[Any]:
        """Return the layers whose pixels the engine sees: the image, or all visible ones of its shape."""
        workspace = workspace or self._controller.active
        if workspace is None:
            return []
        image = workspace.image
        if not self.settings.merge_channels:
            return [image]
        shapes = _shapes(image)

        def joins(layer: Any) -> bool:
            same_kind = type(layer) is type(image) and not convert.is_view(layer)
            return layer is image or (same_kind and layer.visible and _shapes(layer) == shapes)

        return [layer for layer in self._controller.viewer.layers if joins(layer)]

    def _outdate(self, which: Callable[[Workspace, Part], bool]) -> None:
        for workspace in self._controller.workspaces:
            for part in workspace.parts:
                part.outdated |= which(workspace, part)
        self._mark()

    def _mark(self) -> None:
        for workspace in self._controller.workspaces:
            for part in workspace.parts:
                if part.state is not FeatureState.COMPUTING:
                    part.state = part.settled_state(self.settings)
        self._controller.changed.emit()

    def _settle(self, part: Part) -> None:
        """Go back to what there was, when a job came to nothing."""
        part.outdated |= part.was_outdated
        part.state = part.settled_state(self.settings)


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(level.shape) for level in stack_of(layer).levels]


def _with_guide(known: ImageFeatures, recipe: Recipe, report: Report) -> ImageFeatures:
    """Give features other guides, whose level need not be the one that the features were computed from."""
    channel = recipe.guide.read() if recipe.guide is not None else None
    features = known if channel is None else replace(known, shape=channel.shape)
    features = replace(features.with_guide(recipe.guides(channel)), shape=known.shape)
    features.upsampling_operator(guided=True, progress=report)
    return features
