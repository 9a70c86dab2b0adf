"""Features of the active image: computed beside the event loop, marked when they no longer match, never unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari import layers as convert
from napari_m2n2v2._napari.jobs import Report
from napari_m2n2v2._napari.workspace import FeatureState, Settings, Workspace

if TYPE_CHECKING:
    from napari_m2n2v2._napari.controller import Controller

__all__ = ["Computing"]


class Computing:
    """What features are computed with, and the job that computes them.

    Parameters
    ----------
    controller : Controller
        Whose active image is computed.
    """

    def __init__(self, controller: Controller) -> None:
        self.settings = Settings()
        self._controller = controller

    def start(self) -> None:
        """Compute the features of the active image with the present settings."""
        controller, workspace, settings = self._controller, self._controller.active, self.settings
        if workspace is None:
            return
        with controller.errors_shown():
            channels = [convert.Channel.of(layer) for layer in self.channels()]
            guide = (settings.depth or None) if settings.guide is None else settings.guide.data
            known = workspace.features
            if workspace.outdated or not settings.differs_in_guide_alone(workspace.computed_with):
                known = None
            start, compete = workspace.start, controller.compete

            def work(report: Report) -> Any:
                report(0.0, "loading")
                from napari_m2n2v2.features import compute_features
                from napari_m2n2v2.parameters import FeatureParameters
                from napari_m2n2v2.session import Session

                if known is not None:
                    features = known.with_guide(guide)
                    features.upsampling_operator(guided=True, progress=report)
                else:
                    seen = convert.merge(channels, settings.bit_depth)
                    parameters = FeatureParameters(grid=settings.grid)
                    features = compute_features(
                        seen, settings.attention, guide, settings.device, report, parameters=parameters
                    )
                return features, Session(features, start=start, compete=compete)

            def done(answer: Any) -> None:
                workspace.features, workspace.session = answer
                if workspace.start is not start or controller.compete is not compete:
                    controller.begin_again(workspace)  # changed meanwhile
                workspace.computed_with = settings
                workspace.state = workspace.settled_state(self.settings)
                controller.solve(workspace)
                controller.changed.emit()

            def failed(error: Exception) -> None:
                workspace.outdated |= workspace.was_outdated
                workspace.state = workspace.settled_state(self.settings)
                controller.show_error(error)

            workspace.state = FeatureState.COMPUTING
            # If the job comes to nothing, the features that are left are as old as they were.
            workspace.was_outdated, workspace.outdated = workspace.outdated, False
            controller.jobs.submit((id(workspace), "features"), work, done, failed, controller.progressed.emit)
        controller.changed.emit()

    def cancel(self) -> None:
        """Stop; at once for the user, at its next report for the worker."""
        workspace = self._controller.active
        if workspace is not None and workspace.state is FeatureState.COMPUTING:
            self._controller.jobs.cancel((id(workspace), "features"))
            workspace.outdated |= workspace.was_outdated
            workspace.state = workspace.settled_state(self.settings)
            self._controller.changed.emit()

    def change(self, **changes: Any) -> None:
        """Change settings; features that no longer match are marked.

        Parameters
        ----------
        **changes
            Fields of :class:`~napari_m2n2v2._napari.workspace.Settings`.
        """
        self.settings = replace(self.settings, **changes)
        self._mark(self._controller.workspaces)

    def weights_changed(self) -> None:
        """Mark features for which "auto" may choose another backbone now."""
        self.image_changed(
            tuple(w for w in self._controller.workspaces if w.computed_with and w.computed_with.attention == "auto")
        )

    def image_changed(self, workspaces: tuple[Workspace, ...]) -> None:
        """Mark the features of these, because what they were computed from has changed."""
        for workspace in workspaces:
            workspace.outdated = True
        self._mark(workspaces)

    def _mark(self, workspaces: tuple[Workspace, ...]) -> None:
        for workspace in workspaces:
            if workspace.state is not FeatureState.COMPUTING:
                workspace.state = workspace.settled_state(self.settings)
        self._controller.changed.emit()

    def channels(self) -> list[Any]:
        """Return the layers whose pixels the engine sees: the active image, or all visible ones of its shape."""
        workspace = self._controller.active
        if workspace is None:
            return []
        image = workspace.image
        if not self.settings.merge_channels:
            return [image]

        def joins(layer: Any) -> bool:
            same_kind = type(layer) is type(image) and not convert.is_view(layer)
            return layer is image or (same_kind and layer.visible and layer.data.shape == image.data.shape)

        return [layer for layer in self._controller.viewer.layers if joins(layer)]
