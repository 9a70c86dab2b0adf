"""The dock "Clicks to reach 90 %": how many clicks your own data needs, from a few objects you have labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFormLayout, QProgressBar, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.layers.geometry import shown_plane, stack_of
from napari_m2n2v2._napari.layers.image import Channel, merge
from napari_m2n2v2._napari.layers.labels import read_plane
from napari_m2n2v2._napari.model.status import no_plane
from napari_m2n2v2._napari.view.qt import MainThread
from napari_m2n2v2._napari.view.settings import layer_choice
from napari_m2n2v2._napari.view.text import TextLabel
from napari_m2n2v2._napari.view.threshold import ScorePlot
from napari_m2n2v2.errors import ImageError, M2N2V2Error, with_notes
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    import napari

    from napari_m2n2v2.evaluation.solvers import Solved
    from napari_m2n2v2.prompts import Prompt

__all__ = ["ClicksToReach"]

_MOST_CLICKS = 20


class ClicksToReach(QWidget):  # type: ignore[misc]
    """Clicks on every label of a ground truth as a simulated user, and says how many clicks it took.

    Parameters
    ----------
    viewer : napari.Viewer
        Given by napari; of a stack, the slice it shows is counted.
    jobs : Jobs, optional
        For tests; one worker thread by default.
    """

    def __init__(self, viewer: napari.viewer.Viewer, jobs: Jobs | None = None) -> None:
        super().__init__()
        self._viewer = getattr(viewer, "__wrapped__", viewer)
        self.attention = "auto"
        self.grid: int | None = None
        self._jobs = jobs or Jobs(MainThread())
        self.image = layer_choice("napari.layers.Image", "Image")
        self.truth = layer_choice("napari.layers.Labels", "Ground truth")
        self.quality = QSpinBox()
        self.quality.setRange(50, 99)
        self.quality.setValue(90)
        self.quality.setSuffix(" % IoU")
        self.run = QPushButton("Count clicks")
        self.run.setToolTip("Each label is one object; clicks go to the deepest error, 20 at most (rule union)")
        self.run.clicked.connect(lambda: self._on_run())
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop")
        self.cancel.clicked.connect(lambda: self._on_cancel())
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.hide()
        self.plot = ScorePlot()
        self.plot.setToolTip("Mean IoU (up, to 1) after each of 20 clicks (right)")
        self.answer = TextLabel()
        form = QFormLayout()
        form.addRow("Image", self.image.native)
        form.addRow("Ground truth", self.truth.native)
        form.addRow("Quality", self.quality)
        column = QVBoxLayout(self)
        column.addLayout(form)
        for widget in (self.run, self.cancel, self.progress, self.answer, self.plot):
            column.addWidget(widget)
        column.addStretch()
        self.destroyed.connect(partial(Jobs.close, self._jobs))

    def reset_choices(self, event: Any = None) -> None:
        """Look again which layers there are. Called by napari."""
        self.image.reset_choices()
        self.truth.reset_choices()

    def _on_run(self) -> None:
        try:
            if self.image.value is None or self.truth.value is None:
                raise ImageError("Choose an image and a Labels layer with some objects of it.")
            channel, truth = self._shown(self.image.value, self.truth.value)
        except M2N2V2Error as error:
            show_error(with_notes(error))
            return
        quality, attention, grid = self.quality.value() / 100, self.attention, self.grid

        def work(report: Report) -> Any:
            return _count(channel, truth, quality, attention, grid, report)

        self.progress.show()
        self._jobs.submit(
            "count", work, self._show, self._fail, lambda share, _: self.progress.setValue(int(100 * share))
        )

    def _shown(self, image: Any, truth: Any) -> tuple[Channel, Any]:
        """Return what is seen of the plane that is shown, and its ground truth."""
        key = shown_plane(self._viewer.dims, image)
        if key is None:
            raise no_plane(self._viewer.dims, image)
        fits = not truth.multiscale and stack_of(truth).shape == stack_of(image).shape
        labels = read_plane(truth, key) if fits else np.zeros((1, 1), dtype=int)
        if not labels.any():
            raise ImageError(
                "The ground truth must be a Labels layer of the image's shape with at least one label in what is shown."
            )
        return Channel.of(image, PartKey(key, Region.whole(stack_of(image, key.axes).plane_shape))), labels

    def _on_cancel(self) -> None:
        self._jobs.cancel("count")
        self.progress.hide()

    def _show(self, answer: Any) -> None:
        text, curve = answer
        self.progress.hide()
        self.answer.setText(text)
        self.plot.show_values(curve, top=1.0)

    def _fail(self, error: Exception) -> None:
        self.progress.hide()
        show_error(with_notes(error))


def _count(
    channel: Channel, truth: Any, quality: float, attention: str, grid: int | None, report: Report
) -> tuple[str, list[float]]:
    """Click through every label; return what to say, and the mean IoU after each click."""
    from napari_m2n2v2.evaluation.metrics import clicks_to_reach, mean_iou_at, not_reached
    from napari_m2n2v2.evaluation.runner import click_through
    from napari_m2n2v2.evaluation.settings import RunSettings
    from napari_m2n2v2.evaluation.solvers import solver_of
    from napari_m2n2v2.features.compute import compute_features
    from napari_m2n2v2.parameters import FeatureParameters
    from napari_m2n2v2.session.session import Session

    seen = merge([channel]).rgb
    features = compute_features(
        seen,
        attention,
        progress=lambda share, stage: report(share / 2, stage),
        parameters=FeatureParameters(grid=grid),
    )
    features = replace(features, shape=truth.shape)  # a level of a pyramid may have been read
    settings = RunSettings(max_clicks=_MOST_CLICKS)
    ids = [int(i) for i in np.unique(truth) if i]
    traces = []
    for n, i in enumerate(ids):
        found = solver_of(Session(features))

        def solve(clicks: Sequence[Prompt], n: int = n, found: Callable[..., Solved] = found) -> Solved:
            report(0.5 + 0.5 * n / len(ids), "clicks")
            return found(clicks)

        traces.append(click_through(solve, truth == i, None, settings, f"{i}")["ious"])
    needed = clicks_to_reach(traces, quality, _MOST_CLICKS)
    lines = [f"{needed.mean():.1f} clicks to {quality:.0%} IoU on average, over {len(ids)} objects."]
    missed = not_reached(traces, quality, _MOST_CLICKS)
    if missed:
        lines.append(f"{missed} did not get there in {_MOST_CLICKS} clicks, and count as {_MOST_CLICKS}.")
    lines += [f"Label {i}: {int(count)}" for i, count in zip(ids, needed, strict=True)]
    return "\n".join(lines), [mean_iou_at(traces, k) for k in range(1, _MOST_CLICKS + 1)]
