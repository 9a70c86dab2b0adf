"""Sessions save themselves, and earlier work is offered again."""

from napari_m2n2v2 import load_session
from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from tests.napari.conftest import AtOnce, run_now, same


def test_every_solved_state_is_saved_by_itself_and_can_be_restored(clicked, autosaves):
    (path,) = autosaves.glob("*.json")
    assert load_session(path).clicks == clicked.workspace.clicks
    before = clicked.labels.copy()
    clicked.controller.clicks.set_clicks(())
    assert clicked.widget.session.restore.isEnabled()
    clicked.widget.session.restore.click()
    same(clicked.labels, before)


def test_a_folder_that_cannot_be_written_stops_nobody(started, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    started.widget.controller.sessions.autosaves.folder = blocked / "autosave"
    started.controller.clicks.add(16, 16)
    assert started.labels.any() and not started.errors


def test_autosaves_of_earlier_work_are_offered_before_the_present_one(clicked, autosaves, image):
    earlier, clicks = clicked.labels.copy(), clicked.workspace.clicks
    layer = clicked.workspace.image
    clicked.viewer.layers.remove(clicked.points)
    clicked.viewer.layers.remove("cells masks")
    clicked.start(layer)
    clicked.controller.clicks.add(40, 10)
    assert len(list(autosaves.glob("*.json"))) == 2
    clicked.widget.session.restore.click()
    assert clicked.workspace.clicks == clicks
    same(clicked.labels, earlier)


def test_only_the_latest_autosaves_are_kept(clicked, autosaves, monkeypatch):
    monkeypatch.setattr("napari_m2n2v2._napari.controller.autosave._KEEP", 3)
    for year in (1999, 2000, 2001, 2002):
        (autosaves / f"{year}0101-000000-000000.json").write_text("{}")
    (autosaves / "0 of somebody else.json").write_text("{}")
    clicked.controller.clicks.add(40, 10)
    assert [path.name[:4] for path in sorted(autosaves.glob("*.json"))][:3] == ["0 of", "2001", "2002"]


def test_a_damaged_autosave_hides_no_other(clicked, autosaves, viewer, qtbot):
    (autosaves / "20200101-000000-000000.json").write_bytes(b"\xff\xfe no text")
    found = Autosaves(clicked.controller.state, clicked.controller.jobs, clicked.controller.solving, autosaves)
    assert found.latest() in set(autosaves.glob("*.json")) and not clicked.errors


def test_two_viewers_save_each_its_own(clicked, make_napari_viewer, tmp_path, image):
    other = make_napari_viewer()
    widget = SegmentWithClicks(other, Jobs(run_now, AtOnce()))
    other.window.add_dock_widget(widget)
    widget.controller.features.change(attention="appearance", grid=12, device="cpu")
    widget.controller.images.start(other.add_image(image, name="cells"))
    widget.controller.clicks.add(16, 16)
    for name, viewer in (("one", clicked.viewer), ("two", other)):
        viewer.layers["cells clicks"].save(str(tmp_path / f"{name}.json"), plugin="napari-m2n2v2")
    widget.close_down()
    assert [len(load_session(tmp_path / f"{name}.json").clicks) for name in ("one", "two")] == [3, 1]
