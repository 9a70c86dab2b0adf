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


def test_a_step_that_is_done_need_not_be_read(opened, viewer, image, qtbot):
    widget = opened()
    control, count = widget.controller, widget.tour.count
    control.settings.change(attention="appearance", grid=12, device="cpu")
    places = set()
    control.images.start(viewer.add_image(image))
    control.clicks.add(16, 16)
    assert count.text() == "1 of 4"
    for text, act in (
        ("2 of 4", lambda: None),
        ("3 of 4", lambda: control.clicks.add(33, 48, False)),
        ("4 of 4", control.objects.next),
    ):
        act()
        qtbot.waitUntil(lambda text=text: count.text() == text, timeout=30_000)
        places.add(widget.tour.onward.y())
    assert len(places) == 1  # the mouse can stay where it is
    control.clicks.add(40, 10)
    assert is_shown(widget) and count.text() == "4 of 4"
    assert not is_shown(opened())  # another time
