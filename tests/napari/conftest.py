"""A real viewer with our dock in it, small images, and jobs that run at once unless a test wants the worker."""

import gc
import unicodedata
from concurrent.futures import Executor, Future
from functools import cache

import numpy as np
import pytest
from npe2 import PluginManifest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_m2n2v2 import Mosaic
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.layers.geometry import stack_of
from napari_m2n2v2._napari.layers.labels import read_plane
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from napari_m2n2v2.features.states import FeatureState
from tests.conftest import blob_image

DEPTH = 4  # of small stacks


class AtOnce(Executor):
    """An executor that runs work in the thread that submits it."""

    def submit(self, function, /, *arguments, **named):
        future = Future()
        future.set_result(function(*arguments, **named))
        return future


def run_now(call):
    call()


def _move_held(native, position, button=Qt.MouseButton.LeftButton, modifier=Qt.KeyboardModifier.NoModifier):
    """Move with a button held down, which qtbot.mouseMove cannot."""
    QApplication.sendEvent(
        native,
        QMouseEvent(
            QEvent.Type.MouseMove, QPointF(position), QPointF(native.mapToGlobal(position)),
            Qt.MouseButton.NoButton, button, modifier,
        ),
    )  # fmt: skip


class Dock:
    """What a test does with the dock, as a user would."""

    def __init__(self, viewer, qtbot, widget):
        self.viewer, self.qtbot, self.widget = viewer, qtbot, widget
        self.controller = widget.controller
        self.errors = []
        self.controller.state.failed.disconnect()
        self.controller.state.failed.connect(self.errors.append)
        self.hints = []
        self.controller.state.hinted.connect(self.hints.append)
        self.controller.settings.change(attention="appearance", grid=12, device="cpu")

    @property
    def workspace(self):
        return self.controller.state.active

    @property
    def points(self):
        return self.workspace.points

    @property
    def labels(self):
        return self.workspace.labels.data

    def session(self):
        """The session of the part in view, as the worker has it."""
        found = []
        self.controller.solving.ask("test", found.append, lambda _: None)
        self.qtbot.waitUntil(lambda: bool(found), timeout=20_000)
        return found[0]

    @property
    def shown_labels(self):
        """The plane of the Labels layer that is shown."""
        return read_plane(self.workspace.labels, self.workspace.here)

    def slide(self, *steps):
        """Move the sliders to these steps of the axes that are not displayed."""
        dims = self.viewer.dims
        dims.set_current_step(dims.not_displayed, steps)

    def start(self, layer, wait=True):
        self.widget.image.value = layer
        self.widget.start.click()
        if wait and self.workspace is not None:
            self.qtbot.waitUntil(lambda: self.workspace.state is FeatureState.READY, timeout=60_000)
        return self

    def settle(self):
        """Wait until the mask of the present clicks is there."""
        self.qtbot.waitUntil(lambda: not self.controller.solving.is_solving, timeout=20_000)

    def click(self, row, col, button=Qt.MouseButton.LeftButton):
        """Click on the canvas where the image's pixel is drawn, with a real mouse event."""
        self.qtbot.wait(50)
        self.qtbot.mouseClick(self.canvas.native, button, pos=self.where(row, col))
        self.settle()

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas

    def where(self, row, col):
        """The canvas pixel at which the image's pixel is drawn."""
        image, here, dims = self.workspace.image, self.workspace.here, self.viewer.dims
        world = image.data_to_world(stack_of(image, here.axes).join(here.index, row, col))
        down, right = (world[axis - (dims.ndim - image.ndim)] for axis in dims.displayed)
        x, y = (self.canvas.view.transform * self.canvas.view.scene.transform).map([right, down, 0, 1])[:2]
        return QPoint(round(x), round(y))

    def drag(self, start, stop, meanwhile=None):
        """Drag with the left button."""
        between = ([a + share * (b - a) for a, b in zip(start, stop, strict=True)] for share in (0.3, 0.6))
        self.draw([start, *between, stop], meanwhile=meanwhile)

    def draw(self, line, modifier=Qt.KeyboardModifier.NoModifier, button=Qt.MouseButton.LeftButton, meanwhile=None):
        """Drag along a line of places, a key held; vispy drops moves that come less than 10 ms apart.

        What happens ``meanwhile`` does so before the last move.
        """
        self.qtbot.wait(50)
        native = self.canvas.native
        self.qtbot.mouseMove(native, self.where(*line[0]))
        self.qtbot.wait(30)
        self.qtbot.mousePress(native, button, modifier, pos=self.where(*line[0]))
        for place in line[1:]:
            self.qtbot.wait(30)
            if meanwhile is not None and place is line[-1]:
                meanwhile()
            _move_held(native, self.where(*place), button, modifier)
        self.qtbot.wait(30)
        self.qtbot.mouseRelease(native, button, modifier, pos=self.where(*line[-1]))
        self.settle()

    def press(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        """Press a key with the canvas focused."""
        self.qtbot.keyClick(self.canvas.native, key, modifier)
        self.settle()

    def choose_row(self, row):
        """Choose one row of the table, whatever key Qt takes for held since another test pressed it."""
        self.widget.table.clearSelection()
        self.widget.table.selectRow(row)

    def expected(self):
        """The label image that a fresh session gives for the clicks the layer shows."""
        from napari_m2n2v2 import Session

        workspace = self.workspace
        starts = workspace.work.starts_in(workspace.here)
        fresh = Session(workspace.features, compete=self.controller.state.rules.compete)
        accepted = {one.object_id: one.pixels for one in workspace.work.accepted_in(workspace.here)}
        labels = fresh.replay(workspace.clicks, accepted=accepted, starts=starts).labels
        labels[workspace.masks_of(workspace.here).protected] = 0
        return labels


@pytest.fixture(scope="module", autouse=True)
def _what_stays():
    """Let the garbage collector, which napari calls at every layer that goes, pass over what is there already."""
    import torch  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plugins_found_once():
    """Every new viewer would read the manifests of all plugins again."""
    with pytest.MonkeyPatch.context() as patch:
        find = PluginManifest.discover
        patch.setattr(PluginManifest, "discover", cache(lambda paths=(): tuple(find(paths=paths))))
        yield


@pytest.fixture(autouse=True)
def autosaves(tmp_path, monkeypatch):
    """Sessions that save themselves do so into the test's own folder; the tour was taken."""
    folder = tmp_path / "autosave"
    monkeypatch.setenv("NAPARI_M2N2V2_AUTOSAVE", str(folder))
    (tmp_path / "tour-seen").touch()
    return folder


@pytest.fixture(autouse=True)
def no_warming(monkeypatch):
    """Nothing is read ahead, which tests that count or slow down backbones would take for their own."""
    monkeypatch.setattr("napari_m2n2v2._napari.view.warming._MILLISECONDS", 3_600_000)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer, qtbot):
    """The dock with jobs that run at once."""
    widget = SegmentWithClicks(viewer, Jobs(run_now, AtOnce()))
    viewer.window.add_dock_widget(widget, name="Segment with clicks")
    yield Dock(viewer, qtbot, widget)
    widget.close_down()


@pytest.fixture
def real_dock(viewer, qtbot):
    """The dock as napari makes it: the worker thread and Qt's event loop between us and the answer."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
    yield Dock(viewer, qtbot, widget)
    widget.close_down()


@pytest.fixture
def started(dock, image):
    return dock.start(dock.viewer.add_image(image, name="cells"))


def in_one_form(text):
    """The micro sign and the Greek letter alike: which of them is written depends on pint's version."""
    return unicodedata.normalize("NFKC", text)


def same(a, b):
    np.testing.assert_array_equal(a, b)


def planes(depth=DEPTH):
    """RGB planes that differ: the disc and the square move."""
    return np.stack([np.roll(blob_image(seed=z), 3 * z, axis=1) for z in range(depth)])


@pytest.fixture
def volume():
    return planes()[..., 0]


@pytest.fixture
def stack(dock, volume):
    """A started stack, slice 1 shown."""
    layer = dock.viewer.add_image(volume, name="stack")
    dock.slide(1)
    return dock.start(layer)


def written_planes(labels):
    """Indices of the planes of the last two axes that hold a label."""
    return sorted(zip(*(axis.tolist() for axis in np.nonzero(labels.any(axis=(-2, -1)))), strict=True))


# -- a large plane, parts of which are worked on ---------------------------------------------------------------

SIDE = 64
SHAPE = (160, 320)


def scene(seed=0):
    """A bright bar from left to right across a dark plane, and small squares along it."""
    image = np.full(SHAPE, 50.0)
    image[70:94, 20:300] = 190
    for col in range(30, 300, 30):
        image[120:130, col : col + 10] = 190
    noisy = image + np.random.default_rng(seed).normal(0, 5, SHAPE)
    return noisy.clip(0, 255).astype(np.uint8)


IMAGE = scene()


def look_at(dock, row, col, height=40):
    """Let the camera show so many rows around a pixel."""
    viewer, layer = dock.viewer, dock.workspace.image
    here = dock.workspace.here
    world = layer.data_to_world([*here.index, row, col])
    viewer.scene.camera.zoom = viewer.canvas.size[0] / (height * layer.scale[-2])
    viewer.scene.camera.center = tuple(world[-2:])
    dock.qtbot.wait(20)


@pytest.fixture
def slide(dock):
    """A started plane, all of it in view."""
    dock.controller.settings.change(working_side=SIDE)
    layer = dock.viewer.add_image(IMAGE, name="slide", contrast_limits=(0, 255))
    dock.viewer.reset_view()
    return dock.start(layer)


def joined(dock):
    """What a mosaic of the same features gives for the clicks of the plane that is shown."""
    workspace, plane = dock.workspace, dock.workspace.here
    made = Mosaic(SHAPE)
    for part in workspace.parts.of(plane):
        if part.features is not None:
            made.put(part.key.region, part.features)
    made.replay(workspace.region_clicks(plane))
    return made.labels_in(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
