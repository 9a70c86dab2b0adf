"""While the worker carries: progress, cancel, layers deleted, images changed."""

import pytest
from qtpy.QtCore import Qt

from tests.napari.controller.carried_stacks import CYLINDER, begin, carried, key, until_done


class TestMeanwhile:
    """With the worker thread and Qt's event loop between."""

    @pytest.fixture
    def real(self, real_dock):
        return begin(real_dock, CYLINDER, 3, (24, 30))

    def test_progress_and_a_reason(self, real):
        told = []
        going = real.controller.propagation.queue
        going.progressed.connect(lambda *told_now: told.append(told_now))
        real.widget.propagation.next_to_end.click()
        assert going.is_running and real.widget.cancel.isEnabled()
        until_done(real)
        shares = [share for share, _ in told]
        assert shares == sorted(shares) and any("slice 5" in stage for _, stage in told)
        assert carried(real.workspace) == [4, 5, 6] and "It ends" in real.widget.propagation.message.text()

    def test_cancel_acts_within_a_slice(self, real):
        going = real.controller.propagation.queue

        def stop(share, stage):
            if stage.startswith("slice 5"):
                real.widget.cancel.click()

        going.progressed.connect(stop)
        real.widget.propagation.next_to_end.click()
        until_done(real)
        real.qtbot.wait(300)
        assert carried(real.workspace) == [4] and "Cancelled" in real.widget.propagation.message.text()
        assert not real.controller.jobs.keys and not real.errors
        going.progressed.disconnect(stop)
        real.widget.propagation.next_to_end.click()
        until_done(real)
        assert carried(real.workspace) == [4, 5, 6]

    def test_the_key_pressed_quickly_goes_as_far(self, real):
        for _ in range(3):
            real.qtbot.keyClick(real.canvas.native, Qt.Key.Key_W)
        until_done(real)
        assert carried(real.workspace) == [4, 5, 6] and real.workspace.here == key(6)

    @pytest.mark.parametrize("which", ["image", "points", "labels"])
    def test_a_layer_is_deleted(self, real, which):
        real.widget.propagation.both.click()
        real.viewer.layers.remove(getattr(real.workspace, which))
        real.qtbot.wait(500)
        assert real.workspace is None and not real.errors and not real.controller.jobs.keys
        assert real.controller.propagation.queue.run is None

    def test_the_dock_is_closed(self, real):
        workspace = real.workspace
        real.widget.propagation.both.click()
        real.viewer.window.remove_dock_widget(real.widget)
        real.qtbot.wait(500)
        assert carried(workspace) == [] and not real.errors

    @pytest.mark.parametrize("what", ["image", "settings", "clicks", "undo"])
    def test_what_it_began_with_changes(self, real, what):
        panel = real.widget.propagation
        panel.next_to_end.click()
        if what == "image":
            real.workspace.image.contrast_limits = (0, 90)
        elif what == "settings":
            real.controller.settings.change(grid=10)
        elif what == "clicks":
            real.points.add([3, 24, 34])
        else:
            real.widget.buttons.undo.click()
        until_done(real)
        real.qtbot.wait(200)
        assert carried(real.workspace) == [] and "meanwhile" in panel.message.text() and not real.errors
