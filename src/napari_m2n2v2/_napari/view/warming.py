"""What takes long at the first features, brought while the user looks for the first object."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer

from napari_m2n2v2._napari.controller.jobs import Jobs, Report
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow

__all__ = ["Warming"]

_MILLISECONDS = 1000  # after the dock was opened: it is drawn by then

_MEGABYTES = 500  # of weights that are read ahead

_warmed: set[str] = set()  # what attention was chosen, in this process


class Warming(QTimer):  # type: ignore[misc]
    """Imports torch on a worker, then makes features and a mask of a few pixels; stops when an image is begun with.

    That reads the backbone's weights, imports what reads them, and brings the compiled kernels from their cache; and
    napari's own, which it would read on the main thread with the first Labels layer. Those of the first Shapes layer,
    with which the first box would wait for seconds, are brought whether an image is begun with or not.

    Parameters
    ----------
    parent : QObject
        Nothing is begun once it is gone.
    state : DockState
        Says which backbone, and when an image is begun with.
    jobs : Jobs
        Not those that clicks wait for.
    """

    def __init__(self, parent: QObject, state: DockState, jobs: Jobs) -> None:
        super().__init__(parent)
        self._state = state
        self._jobs = jobs
        self.setSingleShot(True)
        self.timeout.connect(self._begin)
        follow(self._on_opened, state.opened)
        self.start(_MILLISECONDS)

    @property
    def is_done(self) -> bool:
        """Whether nothing is being read, nor about to be."""
        return not self.isActive() and not any(map(self._jobs.is_busy, ("warm", "warm drawing")))

    def _begin(self) -> None:
        attention = self._state.settings.attention
        # What goes wrong is told where it is needed.
        self._jobs.submit("warm", lambda report: _load(attention, report), lambda _: None, lambda _: None)
        self._jobs.submit("warm drawing", lambda report: _load_drawing(), lambda _: None, lambda _: None)

    def _on_opened(self, workspace: object) -> None:
        self._jobs.cancel("warm")  # what is half read is not read twice: whoever comes second waits for the rest


def _load(attention: str, report: Report) -> None:
    if attention in _warmed:
        return
    import torch  # noqa: F401

    report(0.1, "the engine")
    import numpy as np
    from napari.layers import Labels

    Labels(np.zeros((1, 1), dtype=np.int32))  # napari compiles colours of masks, or reads them from its cache
    from napari_m2n2v2.backbones import BACKBONES, find_backbone
    from napari_m2n2v2.clicks import Click
    from napari_m2n2v2.features.compute import compute_features
    from napari_m2n2v2.parameters import FeatureParameters
    from napari_m2n2v2.prompts import Box
    from napari_m2n2v2.session.session import Session

    report(0.2, "the backbone")
    found = find_backbone(attention).backbone
    info = BACKBONES.get(found.name)
    is_large = info is None or (info.weights is not None and info.weights.megabytes > _MEGABYTES)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    backbone, parameters = "appearance" if is_large else found, FeatureParameters(grid=4)
    session = Session(compute_features(pixels, backbone, progress=report, parameters=parameters))
    session.replay([Click(4, 4), Click(20, 28, foreground=False), Box(2, 2, 18, 20, object_id=2)])
    _warmed.add(attention)


def _load_drawing() -> None:
    """Let napari compile what it draws shapes by, or read it from its cache: one of each kind that prompts are."""
    import numpy as np
    from napari.layers import Shapes
    from skimage.measure import approximate_polygon  # of scribbles and outlines

    corners = np.array([[0.0, 0.0], [0.0, 3.0], [2.0, 3.0], [2.0, 0.0]])
    Shapes(ndim=2)  # with none, napari compiles more
    Shapes([corners, corners, corners], shape_type=["rectangle", "path", "polygon"])
    approximate_polygon(corners, 0.5)
