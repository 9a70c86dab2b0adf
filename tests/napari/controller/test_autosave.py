"""Sessions save themselves, and earlier work is offered again."""

import os
import time
from concurrent.futures import Executor, Future

import pytest

from napari_m2n2v2 import load_session
from napari_m2n2v2._napari.controller import autosave
from napari_m2n2v2._napari.controller.autosave import Autosaves
from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.view.dock import SegmentWithClicks
from napari_m2n2v2.session.session_file import save_session
from tests.napari.conftest import AtOnce, run_now, same


def test_every_solved_state_is_saved_by_itself_and_can_be_restored(clicked, autosaves):
    (path,) = autosaves.glob("*.json")
    assert load_session(path).clicks == clicked.workspace.clicks
    before = clicked.labels.copy()
    clicked.controller.clicks.set_clicks(())
    assert clicked.widget.session.restore.isEnabled()
    clicked.widget.session.restore.click()
    same(clicked.labels, before)


def test_22_a_folder_that_cannot_be_written_stops_nobody_and_is_told_once(started, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    started.widget.controller.sessions.autosaves.folder = blocked / "autosave"
    told = []
    started.controller.state.told.connect(told.append)
    started.controller.clicks.add(16, 16)
    started.controller.clicks.add(33, 48)
    assert started.labels.any() and not started.errors
    assert len(told) == 1 and "NAPARI_M2N2V2_AUTOSAVE" in told[0]
    blocked.unlink()
    started.controller.clicks.add(40, 10)
    assert len(list((blocked / "autosave").glob("*.json"))) == 1 and len(told) == 1


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


def test_earlier_work_is_offered_to_who_begins_the_image_anew(clicked):
    told, layer = [], clicked.workspace.image
    clicked.controller.state.told.connect(told.append)
    clicked.viewer.layers.remove(clicked.points)
    clicked.viewer.layers.remove("cells masks")
    clicked.start(layer)
    assert not told
    clicked.controller.clicks.add(40, 10)
    (said,) = told
    assert "Restore autosave" in said and clicked.widget.hint.text() == said
    clicked.controller.clicks.add(16, 16)
    clicked.start(clicked.viewer.add_image(layer.data[::-1].copy(), name="another"))
    clicked.controller.clicks.add(16, 16)
    assert len(told) == 1  # of that image there is none


def test_earlier_work_is_not_offered_where_it_was_just_loaded(clicked, autosaves, tmp_path):
    clicked.controller.clicks.set_clicks(clicked.workspace.clicks[:1])
    told, layer = [], clicked.workspace.image
    clicked.controller.sessions.save(tmp_path / "one click.json")
    clicked.viewer.layers.remove(clicked.points)
    clicked.viewer.layers.remove("cells masks")
    clicked.start(layer)
    clicked.controller.state.told.connect(told.append)
    clicked.controller.sessions.load(tmp_path / "one click.json")
    assert len(clicked.workspace.clicks) == 1 and not any("earlier work" in text for text in told)


def write_old(folder, name, days):
    (folder / name).write_text("{}")
    then = time.time() - days * 24 * 3600
    os.utime(folder / name, (then, then))


class TestKeeping:
    """Issue 16, line 22: which files go."""

    @pytest.fixture(autouse=True)
    def three(self, monkeypatch):
        monkeypatch.setattr(autosave, "_KEEP", 3)

    def test_22_only_the_latest_are_kept_and_only_ours_go(self, clicked, autosaves):
        for days, year in enumerate((2002, 2001, 2000, 1999), start=10):
            write_old(autosaves, f"{year}0101-000000-000000.json", days)
        write_old(autosaves, "0 of somebody else.json", 1000)
        clicked.controller.clicks.add(40, 10)
        assert [path.name[:4] for path in sorted(autosaves.glob("*.json"))][:3] == ["0 of", "2001", "2002"]

    def test_22_those_of_the_last_days_stay_however_many_because_others_may_be_at_them(self, clicked, autosaves):
        for n in range(9):
            write_old(autosaves, f"20000101-000000-00000{n}.json", n / 8)
        clicked.controller.clicks.add(40, 10)
        assert len(list(autosaves.glob("*.json"))) == 10

    def test_22_what_this_process_works_on_stays_however_old(self, clicked, autosaves, image, monkeypatch):
        (mine,) = autosaves.glob("*.json")
        os.utime(mine, (0, 0))
        for n in range(5):
            write_old(autosaves, f"20990101-000000-00000{n}.json", 3 + n)
        clicked.start(clicked.viewer.add_image(image[::-1].copy(), name="other"))
        clicked.controller.clicks.add(16, 16)
        assert mine.is_file() and len(list(autosaves.glob("*.json"))) == 4

    def test_22_of_two_viewers_neither_drops_the_other_s(self, clicked, autosaves, make_napari_viewer, image):
        (mine,) = autosaves.glob("*.json")
        os.utime(mine, (0, 0))
        other = make_napari_viewer()
        widget = SegmentWithClicks(other, Jobs(run_now, AtOnce()))
        other.window.add_dock_widget(widget)
        widget.controller.settings.change(attention="appearance", grid=12, device="cpu")
        for n in range(5):
            write_old(autosaves, f"20990101-000000-00000{n}.json", 3 + n)
        widget.controller.images.start(other.add_image(image, name="cells"))
        widget.controller.clicks.add(16, 16)
        assert mine.is_file() and len(list(autosaves.glob("*.json"))) == 4
        widget.close_down()


class Held(Executor):
    """An executor that holds work back, as one that is busy with something slow."""

    def __init__(self):
        self.works = []

    def submit(self, function, /, *arguments, **named):
        self.works.append(lambda: function(*arguments, **named))
        return Future()


class TestNotYetSolved:
    """Issue 16, line 22: clicks whose masks are still to come."""

    @pytest.fixture
    def held(self, started, monkeypatch):
        monkeypatch.setattr(autosave, "_MOMENT", 0.0)
        executor = Held()
        monkeypatch.setattr(started.controller.jobs, "_executor", executor)
        return executor

    def test_22_a_click_is_saved_before_it_is_solved_and_found_again(self, started, held, autosaves):
        started.controller.clicks.add(16, 16)
        (path,) = autosaves.glob("*.json")
        assert load_session(path).clicks == started.workspace.clicks and not started.labels.any()
        assert list(load_session(path).solutions.values()) == [None]
        assert Autosaves(started.controller.state, Jobs(run_now, AtOnce()), autosaves).latest() == path
        for work in held.works:
            work()
        assert started.labels.any() and None not in load_session(path).solutions.values()

    def test_22_clicks_that_wait_for_features_are_saved_and_found_by_shape(self, dock, image, autosaves, monkeypatch):
        monkeypatch.setattr(autosave, "_MOMENT", 0.0)
        held = Held()
        monkeypatch.setattr(dock.controller.jobs, "_executor", held)
        layer = dock.viewer.add_image(image, name="cells")
        dock.start(layer, wait=False)
        dock.controller.clicks.add(16, 16)
        dock.controller.clicks.add(33, 48)
        assert dock.workspace.features is None
        (path,) = autosaves.glob("*.json")
        assert [click.row for click in load_session(path).clicks] == [16, 33]
        again = Autosaves(dock.controller.state, Jobs(run_now, AtOnce()), autosaves)
        while held.works:
            held.works.pop(0)()
        assert dock.workspace.features is not None and again.latest() == path

    def test_22_the_last_click_is_written_when_napari_closes_while_it_is_solved(self, started, held, autosaves):
        saves = started.controller.sessions.autosaves
        saves._writer._executor = Held()
        started.controller.clicks.add(16, 16)
        assert not list(autosaves.glob("*.json"))
        started.widget.close_down()
        (path,) = autosaves.glob("*.json")
        assert [click.row for click in load_session(path).clicks] == [16]
        for work in saves._writer._executor.works:
            work()  # what began before comes too late
        assert [click.row for click in load_session(path).clicks] == [16]


def test_a_damaged_autosave_hides_no_other(clicked, autosaves, viewer, qtbot):
    (autosaves / "20200101-000000-000000.json").write_bytes(b"\xff\xfe no text")
    found = Autosaves(clicked.controller.state, clicked.controller.jobs, autosaves)
    assert found.latest() in set(autosaves.glob("*.json")) and not clicked.errors


def test_two_viewers_save_each_its_own(clicked, make_napari_viewer, tmp_path, image):
    other = make_napari_viewer()
    widget = SegmentWithClicks(other, Jobs(run_now, AtOnce()))
    other.window.add_dock_widget(widget)
    widget.controller.settings.change(attention="appearance", grid=12, device="cpu")
    widget.controller.images.start(other.add_image(image, name="cells"))
    widget.controller.clicks.add(16, 16)
    for name, viewer in (("one", clicked.viewer), ("two", other)):
        viewer.layers["cells clicks"].save(str(tmp_path / f"{name}.json"), plugin="napari-m2n2v2")
    widget.close_down()
    assert [len(load_session(tmp_path / f"{name}.json").clicks) for name in ("one", "two")] == [3, 1]


class TestWhatIsStillToBeWritten:
    @pytest.fixture
    def at_save(self, clicked, autosaves, monkeypatch):
        """Call something once, when the next file is about to be written."""
        calls = []

        def save(path, document):
            if calls:
                calls.pop()()
            return save_session(path, document)

        monkeypatch.setattr("napari_m2n2v2.session.session_file.save_session", save)
        return calls.append

    def test_a_click_that_comes_while_another_is_written_is_not_lost(self, clicked, autosaves, at_save):
        clicks, held = clicked.controller.clicks, Held()
        clicked.controller.sessions.autosaves._writer._executor = held
        at_save(lambda: clicks.add(40, 10))
        clicks.add(30, 10)
        for work in held.works:  # which the second click adds to
            work()
        (path,) = autosaves.glob("*.json")
        assert [click.row for click in load_session(path).clicks][-2:] == [30, 40]

    def test_what_a_full_disk_did_not_take_is_written_at_the_end(self, clicked, autosaves, at_save):
        def full():
            raise OSError(28, "No space left on device")

        (path,) = autosaves.glob("*.json")
        before = len(load_session(path).clicks)
        at_save(full)
        saves = clicked.controller.sessions.autosaves
        document = clicked.workspace.document(clicked.controller.state.rules)
        saves._pending[path] = document
        assert isinstance(saves._write(path, document, frozenset()), OSError)
        assert len(load_session(path).clicks) == before and saves._pending == {path: document}
        clicked.widget.close_down()
        assert saves._pending == {}


def test_a_dock_whose_last_save_fails_lets_go_of_the_viewer_all_the_same(clicked, monkeypatch):
    def broken():
        raise RuntimeError("broken")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="broken"):
        patch.setattr(clicked.controller.sessions.autosaves, "close", broken)
        clicked.controller.close()
    assert not clicked.controller.state.workspaces
