"""Line 20 of what the field found: where the dock is, and sessions that are loaded before Start."""

import re
from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from napari_m2n2v2._napari.view.session import file_name
from tests.napari.conftest import AtOnce, Dock, run_now, same

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def entries(menu, path):
    menu.aboutToShow.emit()
    for action in menu.actions():
        here = [*path, action.text().replace("&", "")]
        if action.menu() is None:
            yield " > ".join(here)
        else:
            yield from entries(action.menu(), here)


def test_line_20_the_paths_in_the_readme_are_napari_s(viewer):
    bar = viewer.window._qt_window.menuBar()
    there = [path for menu in bar.actions() for path in entries(menu.menu(), [menu.text().replace("&", "")])]
    named = re.findall(r"\*((?:Plugins|Layers|File) > [^*]+)\*", README)
    assert len(named) >= 3
    for path in named:
        assert any(found.startswith(path) for found in there), (path, there)


@pytest.fixture
def saved(started, tmp_path):
    """A session file, an autosave, and another dock beside an image that was not started in it."""
    started.controller.clicks.add(16, 16)
    started.controller.sessions.save(tmp_path / "s.json")
    before, image = started.labels.copy(), started.workspace.image
    started.viewer.window.remove_dock_widget(started.widget)
    for name in ("cells clicks", "cells masks"):
        started.viewer.layers.remove(name)
    widget = SegmentWithClicks(started.viewer, Jobs(run_now, AtOnce()))
    started.viewer.window.add_dock_widget(widget)
    dock = Dock(started.viewer, started.qtbot, widget)
    dock.widget.image.value = image
    yield dock, tmp_path / "s.json", before
    widget.close_down()


def test_line_20_load_before_start_starts_the_image(saved, monkeypatch):
    dock, path, before = saved
    assert dock.widget.session.load.isEnabled() and not dock.widget.session.save.isEnabled()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(path), ""))
    dock.widget.session.load.click()
    same(dock.labels, before)
    assert not dock.errors and dock.workspace.image.name == "cells"


def test_line_20_restore_before_start_starts_the_image(saved):
    dock, _, before = saved
    assert dock.widget.session.restore.isEnabled()
    dock.widget.session.restore.click()
    same(dock.labels, before)
    assert not dock.errors


def test_line_20_the_console_loads_before_start_and_restoring_nothing_is_told(saved, image):
    dock, path, before = saved
    told = []
    dock.controller.state.told.connect(told.append)
    dock.widget.image.value = other = dock.viewer.add_image(image[::-1].copy(), name="other")
    dock.widget.session.restore.click()
    assert "no autosave" in told[-1] and dock.workspace.image is other
    dock.viewer.layers.remove(other)
    dock.widget.image.value = dock.viewer.layers["cells"]
    dock.widget.console.load(path)
    same(dock.labels, before)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("cells", "cells"),
        ("a/b: c?", "a_b_ c_"),
        ("..", "session"),
        ("é" * 300, "é" * 58),
        ("brain.ome", "brain"),
        ("b.OME.zarr", "b"),
    ],
)
def test_line_20_the_file_name_offered_is_made_from_the_images(name, offered):
    assert file_name(name) == offered


def test_line_20_the_dialog_offers_it(started, monkeypatch):
    offered = []
    monkeypatch.setattr(QFileDialog, "selectFile", lambda dialog, name: offered.append(name))
    monkeypatch.setattr(QFileDialog, "exec", lambda dialog: 0)
    started.controller.clicks.add(16, 16)
    started.widget.session.save.click()
    assert offered == ["cells_masks.ome.tif"]
