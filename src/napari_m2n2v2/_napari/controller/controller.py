"""What the dock does, without a widget: makes the controllers, each with what it needs, and connects their signals."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from napari_m2n2v2._napari.controller.activity import ActivityController
from napari_m2n2v2._napari.controller.ahead import AheadController
from napari_m2n2v2._napari.controller.channels import ChannelsController
from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.dragging import DragController
from napari_m2n2v2._napari.controller.drawing import DrawController
from napari_m2n2v2._napari.controller.explain import ExplainController
from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.field_of_view import FieldOfView
from napari_m2n2v2._napari.controller.glimpse import GlimpseController
from napari_m2n2v2._napari.controller.images import ImageController
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.controller.looks import LooksController
from napari_m2n2v2._napari.controller.next_image import NextImage
from napari_m2n2v2._napari.controller.object_edits import ObjectEdits
from napari_m2n2v2._napari.controller.object_table import ObjectTable
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.controller.plain_click import PlainClick
from napari_m2n2v2._napari.controller.points import PointsController
from napari_m2n2v2._napari.controller.precompute import PrecomputeController
from napari_m2n2v2._napari.controller.preview import PreviewController
from napari_m2n2v2._napari.controller.prompts import PromptController
from napari_m2n2v2._napari.controller.propagation import PropagationController
from napari_m2n2v2._napari.controller.propagation_queue import PropagationQueue
from napari_m2n2v2._napari.controller.saving import SaveController
from napari_m2n2v2._napari.controller.sessions import SessionController
from napari_m2n2v2._napari.controller.settings import SettingsController
from napari_m2n2v2._napari.controller.shapes import ShapesController
from napari_m2n2v2._napari.controller.similar import SimilarController
from napari_m2n2v2._napari.controller.solving import SolveController
from napari_m2n2v2._napari.controller.taking_over import TakeOverController
from napari_m2n2v2._napari.controller.viewer import ViewerController
from napari_m2n2v2._napari.model.dock_state import DockState

__all__ = ["Controller"]


class Controller:
    """Connects the layers of a viewer with the engine.

    Points layers hold the clicks and stay the truth: whatever changes them (mouse, keys, script) is read, solved and
    written to the Labels layer. Long work runs through ``jobs``; everything here runs on the main thread. Of a stack,
    what is done is done to the plane that is shown; history is one for all planes.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Whose layers to work with.
    jobs, preparing_jobs : Jobs
        Run the slow parts; what is prepared ahead of clicks on a worker of its own.
    autosave_folder : Path
        Where sessions are saved by themselves.
    """

    def __init__(self, viewer: Any, jobs: Jobs, preparing_jobs: Jobs, autosave_folder: Path) -> None:
        self.jobs = jobs
        self.state = state = DockState(viewer)
        self.field = FieldOfView(state)
        self.settings = SettingsController(state)
        self.features = FeatureController(state, jobs, self.settings)
        self.solving = SolveController(state, jobs)
        self.glimpse = GlimpseController(state, jobs, self.features)
        self.points = PointsController(state, self.field)
        self.clicks = ClickController(state, self.field, self.points, self.solving)
        self.dragging = DragController(state, self.clicks, self.points)
        self.viewer = ViewerController(state, self.field)
        self.channels = ChannelsController(state, self.settings)
        self.objects = ObjectController(state, jobs, self.field, self.clicks)
        self.prompts = PromptController(state, self.field, self.clicks, self.objects)
        self.drawing = DrawController(state, self.clicks, self.prompts)
        self.shapes = ShapesController(state, self.clicks, self.prompts)
        self.taking_over = TakeOverController(state, jobs, self.field, self.clicks, self.objects)
        self.edits = ObjectEdits(state, self.field, self.clicks, self.objects)
        self.table = ObjectTable(state, jobs)
        self.similar = SimilarController(state, jobs, self.field, self.clicks, self.objects)
        self.images = ImageController(state, jobs, self.field, self.features, self.solving)
        queue = PropagationQueue(state, jobs, self.features, self.solving, self.clicks, self.field)
        self.propagation = PropagationController(state, jobs, queue)
        self.precompute = PrecomputeController(state, preparing_jobs, self.features, jobs)
        self.ahead = AheadController(state, jobs, self.features, self.precompute)
        self.activity = ActivityController(state, jobs, self.features, queue, self.precompute, self.similar.finding)
        self.plain_click = PlainClick(state)
        self.looks = LooksController(state)
        self.preview = PreviewController(state, self.solving)
        self.explain = ExplainController(state, self.solving)
        self.sessions = SessionController(state, jobs, self.clicks, self.solving, autosave_folder)
        self.saving = SaveController(state, self.sessions, self.table)
        self.next_image = NextImage(state, self.saving)
        self._connect()

    def _connect(self) -> None:
        # Features that are there may change which part a view belongs to, and then its clicks are solved by them.
        self.features.ready.connect(self.field.look)
        self.features.ready.connect(self.solving.solve_part)
        self.solving.lacking.connect(self.features.start_where_lacking)
        for of_layers in (self.images, self.settings):
            self.viewer.removed.connect(of_layers.layer_removed)
        for of_images in (self.images, self.settings, self.propagation.queue):
            self.viewer.image_changed.connect(of_images.image_changed)
        self.viewer.redrawn.connect(self.settings.redrawn)
        self.viewer.labels_replaced.connect(self.images.labels_replaced)
        self.viewer.labels_replaced.connect(self.objects.look_through)
        self.viewer.slid.connect(self.propagation.choose_axis)

    def close(self) -> None:
        """Let go of the viewer. Layers stay as they are."""
        looking = (self.preview, self.glimpse, self.explain, self.viewer, self.channels, self.points, self.plain_click)
        in_viewer = (*looking, self.dragging, self.drawing, self.shapes)
        workers = (self.activity, self.similar, self.ahead, self.precompute, self.jobs, self.features)
        closing = (self.sessions.autosaves.close, self.images.close_all, *(one.close for one in (*in_viewer, *workers)))
        with ExitStack() as stack:  # whatever one of them raises, the others let go
            for close in reversed(closing):
                stack.callback(close)
