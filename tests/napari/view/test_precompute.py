"""The strip of slices, and the boxes that say what room features may take."""

from napari_m2n2v2._napari.controller.store import GIGABYTE
from napari_m2n2v2._napari.view.precompute import SliceStrip
from napari_m2n2v2.features.states import FeatureState


def test_limits_are_what_the_boxes_say(real_dock, tmp_path):
    settings, store = real_dock.widget.settings.store, real_dock.controller.features.store
    settings.memory.setValue(3)
    assert store.most_bytes == 3 * GIGABYTE
    settings.use(tmp_path)
    settings.limit.setValue(7)
    assert store.most_bytes == 7 * GIGABYTE and store.disk.folder == tmp_path
    settings.without.click()
    assert store.disk is None and store.most_bytes == 3 * GIGABYTE


def test_each_pixel_of_the_strip_is_a_slice(qtbot):
    strip = SliceStrip()
    qtbot.addWidget(strip)
    strip.resize(100, 26)
    strip.show_marks({(z,): FeatureState.READY for z in range(400)}, (3,))
    assert [strip.at(x) for x in (0, 0.5, 50, 99.9, 200)] == [(0,), (2,), (200,), (399,), (399,)]
    strip.show_marks({(z,): FeatureState.FAILED if z == 211 else FeatureState.READY for z in range(400)}, (3,))
    rows = strip.grab().toImage().scaled(100, 26)
    crossed = {rows.pixelColor(52, y).name() for y in range(4, 24)}
    assert len(crossed) > 1 and {rows.pixelColor(60, y).name() for y in range(4, 24)} == {"#009e73"}
