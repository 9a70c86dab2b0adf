"""Which plane a click goes to: the one that napari draws, or none at all, and it is called by its name."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2v2.features.states import FeatureState
from tests.conftest import blob_image
from tests.napari.conftest import planes, same, written_planes

DEEP = np.stack([np.roll(blob_image(seed=z)[..., 0], 2 * z, axis=1) for z in range(12)])


def coupled(row, column, by):
    matrix = np.eye(4)
    matrix[row, column] = by
    return {"affine": matrix}


def rotated(first, second, degrees, ndim=3):
    turn = np.radians(degrees)
    matrix = np.eye(ndim)
    matrix[np.ix_([first, second], [first, second])] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return {"rotate": matrix}


class TestOblique:
    """Field, line 1: napari draws one slice, names another and adds the point to a third."""

    @pytest.mark.parametrize(
        "named",
        [coupled(0, 1, 0.05), coupled(1, 0, 2.0), rotated(0, 2, 2) | {"scale": (3, 1, 1)}],
        ids=["affine", "shear", "rotated"],
    )
    @pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
    def test_is_refused_by_name(self, dock, named):
        layer = dock.viewer.add_image(DEEP, name="oblique", **named)
        dock.slide(4)
        dock.start(layer, wait=False)
        assert dock.workspace is None and len(dock.viewer.layers) == 1
        (said,) = dock.errors
        assert said.startswith("The transform of 'oblique'") and "Reset the transform" in said

    @pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
    def test_a_transform_given_later_is_refused_at_the_next_click(self, stack):
        stack.workspace.image.affine = coupled(0, 1, 0.2)["affine"]
        assert "mixes the axes" in stack.widget.status.text()
        stack.points.add([1, 16, 19])
        assert "mixes the axes" in stack.hints[-1] and stack.workspace.placed == ()
        assert len(stack.points.data) == 0 and not stack.labels.any()
        stack.workspace.image.affine = np.eye(4)
        stack.points.add([1, 16, 19])
        stack.settle()
        assert written_planes(stack.labels) == [(1,)]

    @pytest.mark.parametrize(
        "named",
        [rotated(1, 2, 30), {"scale": (3, 0.5, 0.5)}, coupled(0, 1, 1e-5)],
        ids=["in plane", "scale", "rounding"],
    )
    def test_what_stays_in_the_plane_is_no_matter(self, dock, named):
        layer = dock.viewer.add_image(DEEP, **named)
        dock.slide(4)
        dock.start(layer)
        assert not dock.errors and dock.workspace.here.index == (4,)

    @pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
    def test_it_is_a_matter_of_the_axes_on_screen(self, dock):
        layer = dock.viewer.add_image(DEEP, **rotated(0, 1, 20))
        dock.start(layer, wait=False)
        assert dock.workspace is None
        dock.viewer.dims.order = (2, 0, 1)  # the axes that it turns are both on screen
        dock.slide(20)
        dock.start(layer)
        assert dock.workspace.here.axes == (0, 1) and dock.workspace.here.index == (20,)


class TestPyramids:
    """Field, line 2: levels that have fewer planes are of other planes."""

    def test_the_mask_is_of_the_plane_that_is_shown(self, dock):
        row, col = np.mgrid[:96, :192]
        base = np.stack([np.where(np.hypot(row - 48, col - 30 - 25 * z) < 20, 200, 30) for z in range(6)]).astype(
            np.uint8
        )
        levels = [base, base[::2, ::2, ::2], base[::4, ::4, ::4]]
        dock.controller.settings.change(working_side=48)  # for which the second level would do
        layer = dock.viewer.add_image(levels, multiscale=True, contrast_limits=(0, 255))
        for z in (1, 2, 5):
            dock.slide(z)
            dock.start(layer)
            dock.points.add([z, 48, 30 + 25 * z])
            dock.settle()
            same(dock.workspace.features.shape, (96, 192))
            truth, mask = base[z] > 100, dock.shown_labels > 0
            assert (truth & mask).sum() / (truth | mask).sum() > 0.9, z


class TestThickSlices:
    """Field, line 6: several slices shown as one are not segmented as one."""

    def test_it_is_said_while_it_is_so(self, stack):
        assert "as one" not in stack.widget.status.text()
        stack.workspace.image.projection_mode = "max"
        assert "as one" not in stack.widget.status.text()  # of a thickness of one slice
        stack.viewer.dims.thickness = (2.0, 0.0, 0.0)
        assert "You see slices 0 to 2 as one (max); clicks segment slice 1 alone." in stack.widget.status.text()
        stack.viewer.dims.thickness = (0.0, 0.0, 0.0)
        assert "as one" not in stack.widget.status.text()

    def test_it_is_said_at_start(self, dock, volume):
        layer = dock.viewer.add_image(volume, projection_mode="mean", axis_labels=("z", "y", "x"))
        dock.viewer.dims.thickness = (4.0, 0.0, 0.0)
        dock.slide(2)
        dock.start(layer)
        assert "You see slices z 0 to 3 as one (mean); clicks segment slice z 2 alone." in dock.widget.status.text()


@pytest.fixture
def channels(dock):
    """A disc that stays in place, in 4 slices of 3 channels."""
    data = np.broadcast_to(blob_image()[..., 0], (4, 3, 48, 64)).copy()
    layer = dock.viewer.add_image(data, name="channels")
    dock.slide(1, 1)
    dock.start(layer)
    dock.points.add([1, 1, 16, 16])
    dock.settle()
    return dock


def carried(dock):
    return sorted(placed.plane.index for placed in dock.workspace.placed if placed.carried)


class TestAxes:
    """Field, line 5: W goes along the slider that was moved last, and axes have names."""

    def test_w_follows_the_slider_moved_last(self, channels):
        dock = channels
        panel = dock.widget.propagation
        dock.viewer.dims.set_current_step(0, 2)
        dock.viewer.dims.set_current_step(0, 1)
        dock.press(Qt.Key.Key_W)
        assert carried(dock) == [(2, 1)] and dock.workspace.here.index == (2, 1)
        assert panel.axis.currentIndex() == 0
        dock.press(Qt.Key.Key_W)  # going there was no slider of the user's
        assert carried(dock) == [(2, 1), (3, 1)]
        dock.viewer.dims.set_current_step(1, 2)
        dock.viewer.dims.set_current_step(1, 1)
        assert panel.axis.currentIndex() == 1
        dock.press(Qt.Key.Key_W)
        assert carried(dock) == [(2, 1), (3, 1), (3, 2)]

    def test_a_choice_holds_until_a_slider_moves(self, channels):
        panel = channels.widget.propagation
        channels.viewer.dims.set_current_step(0, 0)
        panel.axis.setCurrentIndex(1)
        panel.axis.activated.emit(1)
        channels.viewer.dims.set_current_step(0, 1)
        assert panel.axis.currentIndex() == 0

    def test_names_choose_and_are_shown(self, dock):
        data = np.broadcast_to(blob_image()[..., 0], (4, 3, 48, 64)).copy()
        layer = dock.viewer.add_image(data, axis_labels=("z", "channel", "y", "x"))
        dock.slide(0, 0)
        dock.viewer.dims.set_current_step(1, 0)
        dock.start(layer)
        dock.points.add([0, 0, 16, 16])
        dock.settle()
        assert "slice z 0, channel 0" in dock.widget.status.text()
        panel = dock.widget.propagation
        assert [panel.axis.itemText(n) for n in range(panel.axis.count())] == ["z", "channel"]
        assert panel.axis.currentIndex() == 0
        dock.press(Qt.Key.Key_W)
        assert carried(dock) == [(1, 0)]
        assert panel.message.text().startswith("Object 1: carried to slice z 1, channel 0.")
        assert panel.table.item(0, 0).text() == "z 1, channel 0"
        layer.axis_labels = ("depth", "dye", "y", "x")
        assert "slice depth 1, dye 0" in dock.widget.status.text()

    def test_a_viewer_of_more_axes(self, channels):
        channels.viewer.add_image(np.zeros((2, 1, 1, 48, 64)), name="longer")
        channels.viewer.layers.selection.active = channels.points
        channels.viewer.dims.set_current_step(1, 0)
        channels.viewer.dims.set_current_step(1, 1)
        channels.press(Qt.Key.Key_W)
        assert channels.workspace.state is FeatureState.READY and carried(channels) == [(2, 1)]


def test_planes_of_a_small_stack_differ():
    """What the tests above rely on: a mask of another slice would be seen."""
    first, second = planes()[:2]
    assert (first != second).mean() > 0.2
