"""The quick tour: four steps, skippable, never again."""

import pytest

from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from napari_m2n2v2._napari.view.tour import STEPS


@pytest.fixture
def opened(viewer, qtbot, autosaves):
    """Opens docks as someone does who never did before."""
    autosaves.with_name("tour-seen").unlink()
    made = []

    def dock():
        widget = SegmentWithClicks(viewer)
        viewer.window.add_dock_widget(widget, name=f"dock {len(made)}")
        made.append(widget)
        return widget

    yield dock
    for widget in made:
        widget.close_down()


def is_shown(widget):
    return widget.tour.isVisibleTo(widget)


def test_it_is_shown_until_it_was_taken(opened):
    widget = opened()
    read = []
    for _ in STEPS:
        assert is_shown(widget)
        read.append((widget.tour.text.text(), widget.tour.count.text()))
        widget.tour.onward.click()
    assert read == [(text, f"{n} of 4") for n, text in enumerate(STEPS, start=1)]
    assert not is_shown(widget) and not is_shown(opened())


def test_it_can_be_skipped_for_good(opened):
    widget = opened()
    widget.tour.skip.click()
    assert not is_shown(widget) and not is_shown(opened())


def test_closing_the_dock_is_not_having_seen_it(opened):
    opened().close_down()
    assert is_shown(opened())


def test_a_folder_that_cannot_be_written_stops_nothing(opened, autosaves, monkeypatch):
    blocked = autosaves.with_name("a file")
    blocked.touch()
    monkeypatch.setenv("NAPARI_M2N2V2_AUTOSAVE", str(blocked / "autosave"))
    widget = opened()
    widget.tour.skip.click()
    assert not is_shown(widget)
