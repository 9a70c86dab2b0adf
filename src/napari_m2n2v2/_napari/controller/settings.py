"""What features are computed with and from: settings and layers. Features that no longer match are marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.ours import is_view
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.snapshot import Recipe
from napari_m2n2v2._napari.model.tiles import Part
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import M2N2V2Error
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.session.document import PartKey

__all__ = ["SettingsController"]


class SettingsController:
    """Changes the settings of features, and follows the layers that features come from.

    Nothing is computed here: parts whose features no longer match are marked as outdated, until someone starts them.

    Parameters
    ----------
    state : DockState
        Whose settings and images these are.
    """

    def __init__(self, state: DockState) -> None:
        self._state = state
        state.moved.connect(self._on_moved)

    def change(self, **changes: Any) -> None:
        """Change settings; features that no longer match are marked.

        Parameters
        ----------
        **changes
            Fields of :class:`~napari_m2n2v2._napari.model.settings.Settings`.
        """
        self._state.settings = replace(self._state.settings, **changes)
        self._mark()

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

    # -- what makes features outdated ----------------------------------------------------------------------------------

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


def _can_join(layer: Any, image: Any) -> bool:
    """Whether a layer is seen together with an image where channels are merged and it is visible."""
    return type(layer) is type(image) and not is_view(layer) and _shapes(layer) == _shapes(image)


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(level.shape) for level in stack_of(layer).levels]
