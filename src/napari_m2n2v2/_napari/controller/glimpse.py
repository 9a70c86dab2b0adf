"""A first look: about what waiting clicks will give, while the features they wait for are being finished."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.controller.plane_solver import PlaneSolver
from napari_m2n2v2._napari.layers.overlays import Overlay, draw_in_part
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.tile import clicks_in
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2.features.image_features import ImageFeatures

__all__ = ["GlimpseController"]


class GlimpseController:
    """Outlines coarse masks of the clicks that wait. They are shown, and nothing is made of them.

    Parameters
    ----------
    state : DockState
        Whose clicks wait.
    jobs : Jobs
        Beside which coarse masks are solved: those are busy with the features.
    features : FeatureController
        Says when all but the upsampling is there.
    """

    def __init__(self, state: DockState, jobs: Jobs, features: FeatureController) -> None:
        self.jobs = jobs.beside()
        self._state = state
        self._outline = Overlay(state.viewer)
        self._at: tuple[Workspace, PartKey, Callable[[], ImageFeatures], PlaneSolver] | None = None
        features.nearly.connect(self._begin)
        state.clicks_changed.connect(self._solve)
        state.features_changed.connect(self._look)
        for signal in (state.solved, state.moved, state.activated):
            signal.connect(self._end)

    def close(self) -> None:
        """Let go of the viewer, and take what was drawn away."""
        self._end()
        self._outline.close()
        self.jobs.close()

    def _begin(self, workspace: Workspace, key: PartKey, features: ImageFeatures) -> None:
        @cache
        def coarse() -> ImageFeatures:
            from napari_m2n2v2.features.coarse import coarse_features

            return coarse_features(features)

        self._at = workspace, key, coarse, PlaneSolver(workspace.masks_of(key.plane).shape)
        self._solve()

    def _solve(self) -> None:
        """Outline what the present clicks give."""
        if self._at is None:
            return
        workspace, key, coarse, solver = self._at
        clicks = clicks_in(key.region, workspace.region_clicks(key.plane))
        if not clicks or self._state.active is not workspace or workspace.focus != key:
            self._outline.remove()
            return
        rules, starts = self._state.rules, workspace.work.starts_in(key.plane)

        def work(report: Report) -> Any:
            return solver.session(rules, starts, key.region, coarse(), clicks, report).result.labels

        def done(labels: Any) -> None:
            look = {"name": "first look", "opacity": 0.9, "colormap": workspace.labels.colormap}
            draw_in_part(self._outline, "labels", workspace.image, workspace.points, key, labels, **look)
            self._outline.layer.contour = 2

        self.jobs.submit("glimpse", work, done, lambda _: None)  # what is wrong is told with the mask itself

    def _look(self) -> None:
        """End it where features came to nothing."""
        if self._at is not None:
            part = self._at[0].parts.get(self._at[1])
            if part is None or (part.features is None and part.state is not FeatureState.COMPUTING):
                self._end()

    def _end(self) -> None:
        self._at = None
        self.jobs.cancel("glimpse")
        self._outline.remove()
