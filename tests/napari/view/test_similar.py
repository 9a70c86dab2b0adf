"""Find similar in the dock, by hand: looked for, hidden, decided, undone, looked for again (issue 19)."""

import threading
import time

import numpy as np
import pytest
from napari.layers import Vectors
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel

from napari_m2n2v2._napari.layers.ours import is_view
from napari_m2n2v2._napari.view.qt import VerticalScroll
from napari_m2n2v2.features.states import FeatureState
from tests.napari.view.test_object_table import choose
from tests.napari.view.test_readers import controls
from tests.similar.drawn import discs

SIDE, ACROSS = 200, 5
OTHER = (90, 90, 150)
IMAGE, TRUTH = discs(ACROSS, SIDE)
MIXED = IMAGE.copy()
for n in (3, 9, 21):
    MIXED[n == TRUTH] = OTHER
LEFT = Qt.MouseButton.LeftButton


def centre(n):
    """Row and column of the middle of disc ``n``."""
    step = SIDE / ACROSS
    return (n - 1) // ACROSS * step + step / 2, (n - 1) % ACROSS * step + step / 2


def drawn(dock):
    """The dashes that are seen, and their layer."""
    (layer,) = [one for one in dock.viewer.layers if isinstance(one, Vectors)]
    return layer.data[layer.edge_color[:, 3] > 0], layer


def press(dock, button):
    """Press a button with the mouse, scrolled to where it is seen."""
    dock.widget.findChild(VerticalScroll).ensureWidgetVisible(button)
    # As a user does: what is unfolded has no height until its layout was done.
    dock.qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled() and button.height() > 10, timeout=20_000)
    dock.qtbot.wait(20)
    dock.qtbot.mouseClick(button, LEFT)


def objects(dock):
    return set(np.unique(dock.labels).tolist()) - {0}


def places(dock):
    """Which discs are proposed and shown, the least certain first."""
    return [int(TRUTH[one.proposal.seed]) for one in dock.controller.similar.shown]


def begin(dock, image=IMAGE, examples=(7, 13)):
    """Click on some discs, one object each."""
    dock.widget.of_similar.expand(animate=False)
    dock.start(dock.viewer.add_image(image, name="discs"))
    dock.viewer.reset_view()
    for n in examples:
        dock.click(*centre(n))
        dock.press(Qt.Key.Key_N)
    return dock


@pytest.fixture
def found(dock):
    begin(dock)
    press(dock, dock.widget.similar.find)
    return dock


def test_all_others_are_proposed_and_the_masks_are_what_they_were(dock):
    begin(dock)
    panel = dock.widget.similar
    assert panel.examples.text() == "Examples: objects 1 and 2" and panel.find.text() == "Find similar"
    assert not panel.found.isVisible() and not panel.where.isVisible()
    before = dock.labels.copy()
    press(dock, panel.find)
    assert sorted(places(dock)) == sorted(set(range(1, 26)) - {7, 13})
    assert np.array_equal(dock.labels, before) and not dock.errors
    dashes, layer = drawn(dock)
    assert is_view(layer) and dock.viewer.layers.selection.active is dock.points
    assert panel.count.text() == "23 shown of 23" and panel.find.text() == "Find again"
    certainties = [one.certainty for one in dock.controller.similar.shown]
    assert certainties == sorted(certainties) and panel.list.rows.rowCount() == 23
    assert panel.list.rows.data(panel.list.rows.index(0, 1), Qt.ItemDataRole.DisplayRole) == f"{certainties[0]:.0%}"
    away = [np.hypot(*(start - centre(n))) for n in (1,) for start in dashes[:, 0] if start.max() < 35]
    assert away and max(away) < 20  # dashes are around what is proposed


def test_the_slider_hides_and_computes_nothing(dock):
    found = begin(dock, MIXED)
    panel, similar = found.widget.similar, found.controller.similar
    press(found, panel.find)
    (all_of_them, layer), turned = drawn(found), []
    similar.finding.turned.connect(lambda: turned.append(1))
    least = similar.shown[0].certainty
    panel.slider.setFocus()
    while panel.slider.value() / 100 <= least:
        found.qtbot.keyClick(panel.slider, Qt.Key.Key_Right)
    shown = int(panel.count.text().split()[0])
    assert 0 < shown < 23 and panel.count.text() == f"{shown} shown of 23" and not turned
    assert panel.list.rows.rowCount() == shown and 0 < len(drawn(found)[0]) < len(all_of_them)
    assert layer in found.viewer.layers and panel.least.text() == f"{panel.slider.value()} %"
    found.qtbot.keyClick(panel.slider, Qt.Key.Key_End)
    assert panel.count.text() == "0 shown of 23" and "lower the certainty" in panel.advice.text()
    assert not panel.accept_shown.isEnabled()
    found.qtbot.keyClick(panel.slider, Qt.Key.Key_Home)
    assert panel.count.text() == "23 shown of 23"


def test_keys_accept_reject_and_go_on(found):
    panel, similar = found.widget.similar, found.controller.similar
    first, second, third, fourth = places(found)[:4]
    assert similar.present.current is similar.shown[0]
    found.press(Qt.Key.Key_J)
    assert objects(found) == {1, 2, 4}  # 3 is what the next click is of
    assert (found.labels[tuple(map(round, centre(first)))] == 4) and first not in places(found)
    assert TRUTH[similar.present.current.proposal.seed] == second
    found.press(Qt.Key.Key_Q)
    assert objects(found) == {1, 2, 4} and second not in places(found)
    assert TRUTH[similar.present.current.proposal.seed] == third
    found.press(Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert TRUTH[similar.present.current.proposal.seed] == fourth and panel.count.text() == "21 shown of 21"
    assert TRUTH[panel.list.chosen[0].proposal.seed] == fourth
    found.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert second in places(found) and first not in places(found), "the rejection is taken back"
    found.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert first in places(found) and objects(found) == {1, 2}
    found.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert objects(found) == {1, 2, 4} and first not in places(found) and not found.errors


def test_the_keys_are_there_only_while_there_are_proposals(dock):
    begin(dock)
    before = [dict(one.keymap) for one in (dock.viewer, dock.points, dock.workspace.labels)]
    press(dock, dock.widget.similar.find)
    assert all("J" in {str(key) for key in one.keymap} for one in (dock.viewer, dock.points, dock.workspace.labels))
    press(dock, dock.widget.similar.clear)
    assert [dict(one.keymap) for one in (dock.viewer, dock.points, dock.workspace.labels)] == before
    assert not [one for one in dock.viewer.layers if isinstance(one, Vectors)]
    assert not dock.widget.similar.found.isVisible() and dock.widget.similar.find.text() == "Find similar"
    dock.press(Qt.Key.Key_J)
    assert objects(dock) == {1, 2} and not dock.errors


def test_all_that_are_shown_are_accepted_in_one_step(found):
    panel, shown = found.widget.similar, places(found)
    steps = found.workspace.work
    press(found, panel.accept_shown)
    assert len(objects(found)) == 25 and panel.advice.text() == "All are decided." and not panel.list.isVisible()
    owners = {int(found.labels[tuple(map(round, centre(n)))]) for n in shown}
    assert len(owners) == 23 and not owners & {0, 1, 2, 3}
    assert {one.origin for one in found.workspace.work.starts} == {"similar"}
    found.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert objects(found) == {1, 2} and found.workspace.work is steps and places(found) == shown
    found.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert len(objects(found)) == 25 and not places(found)


def test_an_accepted_one_is_corrected_by_clicks(found):
    n = places(found)[0]
    press(found, found.widget.similar.accept)
    (object_id,) = objects(found) - {1, 2}
    tips = {found.widget.table.item(row, 0).toolTip() for row in range(found.widget.table.rowCount())}
    assert tips == {"", "placed by: similar"}
    found.controller.objects.select(object_id)
    row, col = centre(n)
    found.click(row, col)
    assert found.labels[round(row), round(col)] == object_id and not found.workspace.work.is_accepted(object_id)
    mask, truth = found.labels == object_id, n == TRUTH
    assert (mask & truth).sum() / (mask | truth).sum() > 0.6
    assert n not in places(found) and not found.errors


def test_what_is_found_again_knows_what_was_rejected_and_accepted(dock):
    begin(dock, MIXED)
    panel = dock.widget.similar
    press(dock, panel.find)
    assert {3, 9, 21} <= set(places(dock))
    chosen = next(one for one in dock.controller.similar.shown if TRUTH[one.proposal.seed] == 9)
    dock.controller.similar.go_to(chosen)
    dock.press(Qt.Key.Key_Q)
    accepted = next(one for one in dock.controller.similar.shown if TRUTH[one.proposal.seed] == 12)
    dock.controller.similar.go_to(accepted)
    dock.press(Qt.Key.Key_J)
    assert panel.examples.text() == "Examples: objects 1, 2 and 4"
    press(dock, panel.find)
    assert set(places(dock)) == set(range(1, 26)) - {7, 13, 12, 3, 9, 21}
    press(dock, panel.accept_shown)
    assert panel.examples.text() == "Examples: objects 1, 2 and 4", "what nobody looked at is no example"
    press(dock, panel.clear)
    assert not dock.workspace.work.rejected and not dock.errors


def test_rows_are_chosen_together_and_decided_together(found):
    panel, similar = found.widget.similar, found.controller.similar
    names = places(found)
    panel.list.selectRow(4)
    assert similar.present.current is similar.shown[4]
    panel.list.selectionModel().select(
        panel.list.rows.index(6, 0), panel.list.selectionModel().SelectionFlag.Select
        | panel.list.selectionModel().SelectionFlag.Rows,
    )  # fmt: skip
    menu = panel.list.menu()
    next(one for one in menu.actions() if one.text().startswith("Reject")).trigger()
    assert places(found) == [n for n in names if n not in (names[4], names[6])]
    found.qtbot.keyClick(panel.list, Qt.Key.Key_J)
    assert len(objects(found)) == 3 and names[7] not in places(found)
    found.qtbot.keyClick(panel.list, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert similar.present.current is similar.shown[panel.list.currentIndex().row()]


def test_choosing_a_row_moves_there_unless_it_is_in_view(found):
    camera = found.viewer.scene.camera
    found.viewer.reset_view()
    before = tuple(camera.center)
    found.widget.similar.list.selectRow(2)
    assert tuple(camera.center) == before
    camera.zoom *= 8
    for row in (0, 9):
        found.widget.similar.list.selectRow(row)
        top, bottom, *_ = found.controller.similar.present.current.proposal.mask.box
        assert abs(camera.center[-2] - (top + bottom - 1) / 2) < 1


def test_rows_of_the_table_chosen_together_are_the_examples(dock):
    begin(dock, MIXED, (7, 13, 9))
    table = dock.widget.table
    assert dock.widget.similar.examples.text() == "Examples: objects 1, 2 and 3"
    choose(dock, 1, 2)
    dock.controller.state.solved.emit()
    assert dock.widget.similar.examples.text() == "Examples: objects 1 and 2"
    choose(dock, 3)
    next(one for one in table.menu().actions() if one.text() == "Find similar").trigger()
    assert 3 in places(dock)[-4:], "like object 3 alone"


def test_a_click_of_ones_own_takes_the_place_of_a_proposal(found):
    n = places(found)[3]
    found.click(*centre(n))
    assert n not in places(found) and len(places(found)) == 22
    found.controller.clicks.undo()
    found.settle()
    assert n in places(found)


def test_without_an_example_the_button_waits(dock):
    assert not dock.widget.similar.find.isEnabled()
    dock.widget.of_similar.expand(animate=False)
    dock.start(dock.viewer.add_image(IMAGE))
    assert not dock.widget.similar.find.isEnabled() and "Click on one to three" in dock.widget.similar.examples.text()
    dock.controller.similar.find()
    assert any("click on an object first" in hint for hint in dock.hints) and not dock.errors


def test_what_the_engine_measures_says_whether_to_check_each(found, monkeypatch):
    assert found.widget.similar.advice.text().startswith("Check the least certain, accept the rest: about ")
    monkeypatch.setattr("napari_m2n2v2.similar.certainty._CERTAIN", 1.1)
    found.controller.similar.changed.emit()
    assert found.widget.similar.advice.text().startswith("Check each, many may be wrong: about ")


def test_a_layer_that_is_removed_takes_the_proposals_with_it(found):
    layer = next(one for one in found.viewer.layers if isinstance(one, Vectors))
    found.viewer.layers.remove(layer)
    assert found.controller.similar.present is None and not found.widget.similar.found.isVisible()
    press(found, found.widget.similar.find)
    assert len(places(found)) == 23 and not found.errors


def test_closing_the_dock_takes_proposals_and_keys_away(found):
    points = found.points
    found.widget.close_down()
    assert not points.keymap and not [one for one in found.viewer.layers if isinstance(one, Vectors)]


def test_another_image_has_proposals_of_its_own(found):
    names = places(found)
    other = found.viewer.add_image(IMAGE[:, ::-1], name="other")
    found.start(other)
    assert not found.controller.similar.shown and not [one for one in found.viewer.layers if isinstance(one, Vectors)]
    found.start(found.viewer.layers["discs"])
    assert places(found) == names and len([one for one in found.viewer.layers if isinstance(one, Vectors)]) == 1
    found.viewer.layers.remove("discs")
    assert not [one for one in found.viewer.layers if isinstance(one, Vectors)] and not found.errors


@pytest.fixture
def held(monkeypatch):
    """The search goes on when the test lets it."""
    from napari_m2n2v2.similar import find

    go, began, real = threading.Event(), threading.Event(), find.find_similar_in_stack

    def search(*arguments, progress, **named):
        began.set()
        while not go.wait(0.02):
            progress(0.0, "looking for more")
        return real(*arguments, progress=progress, **named)

    monkeypatch.setattr(find, "find_similar_in_stack", search)
    yield go, began
    go.set()


def test_it_is_cancelled_and_clicks_need_not_wait_for_it(real_dock, held):
    go, began = held
    begin(real_dock)
    similar, panel = real_dock.controller.similar, real_dock.widget.similar
    press(real_dock, panel.find)
    real_dock.qtbot.waitUntil(began.is_set, timeout=5_000)
    assert not panel.find.isEnabled() and "Finding similar objects" in real_dock.widget.progress.toolTip()
    real_dock.click(*centre(1))
    assert len(objects(real_dock)) == 3, "a mask comes while it looks"
    press(real_dock, real_dock.widget.cancel)
    assert not similar.is_finding and panel.find.isEnabled() and not similar.shown and not panel.advice.text()
    go.set()
    press(real_dock, panel.find)
    real_dock.qtbot.waitUntil(lambda: bool(similar.shown) and not similar.is_finding, timeout=20_000)
    assert len(similar.shown) == 22 and not real_dock.errors


def volume(depth=4):
    return np.stack([discs(4, 120, colour=False, seed=n)[0][..., 0] for n in range(depth)])


def in_stack(dock, layer=None):
    dock.widget.of_similar.expand(animate=False)
    dock.start(layer or dock.viewer.add_image(volume(), name="stack"))
    dock.viewer.reset_view()
    dock.slide(0)
    for place in ((45, 45), (75, 75)):
        dock.click(*place)
        dock.press(Qt.Key.Key_N)
    dock.qtbot.waitUntil(lambda: len(dock.controller.similar.examples()) == 2, timeout=20_000)  # features come first
    dock.slide(1)
    return dock


def test_in_a_stack_examples_of_any_slice_serve_this_one_or_all(dock):
    in_stack(dock)
    panel, similar = dock.widget.similar, dock.controller.similar
    assert panel.where.isVisible() and panel.where.currentText() == "in this slice"
    press(dock, panel.find)
    assert {one.plane.index for one in similar.shown} == {(1,)} and len(similar.shown) == 16
    dock.slide(2)
    press(dock, panel.find)
    assert len(similar.shown) == 32 and len({one.plane for one in similar.shown}) == 2, "those of others stay"
    panel.where.setCurrentIndex(1)
    press(dock, panel.find)
    assert len(similar.shown) == 62 and {one.plane.index for one in similar.shown} == {(0,), (1,), (2,), (3,)}
    last = max(range(62), key=lambda n: similar.shown[n].plane.index)
    panel.list.selectRow(last)
    assert dock.workspace.here.index == (3,)
    (layer,) = [one for one in dock.viewer.layers if isinstance(one, Vectors)]
    assert set(layer.data[:, 0, 0]) == {3.0} and not layer.data[:, 1, 0].any()
    press(dock, panel.accept_shown)
    assert all(len(np.unique(plane)) == 17 for plane in dock.labels) and not dock.errors
    dock.controller.clicks.undo()
    dock.settle()
    assert [len(np.unique(plane)) for plane in dock.labels] == [3, 1, 1, 1]


def test_what_was_found_in_slices_before_cancel_stays(real_dock, monkeypatch):
    from napari_m2n2v2.similar import find

    real, stop = find.find_similar_in_stack, threading.Event()

    def search(*arguments, progress, **named):
        for n, plane in enumerate(real(*arguments, progress=progress, **named)):
            yield plane
            while n == 1 and not stop.wait(0.02):
                progress(0.5, "looking for more")

    monkeypatch.setattr(find, "find_similar_in_stack", search)
    in_stack(real_dock)
    similar, panel = real_dock.controller.similar, real_dock.widget.similar
    panel.where.setCurrentIndex(1)
    press(real_dock, panel.find)
    real_dock.qtbot.waitUntil(lambda: {one.plane.index for one in similar.shown} == {(0,), (1,)}, timeout=20_000)
    press(real_dock, real_dock.widget.cancel)
    stop.set()
    real_dock.qtbot.wait(100)
    assert len(similar.shown) == 30 and not similar.is_finding and "right" in panel.advice.text()


def test_an_error_in_the_search_is_told(dock, monkeypatch):
    begin(dock)

    def broken(*arguments, **named):
        raise MemoryError("no room")

    monkeypatch.setattr("napari_m2n2v2.similar.find.find_similar_in_stack", broken)
    press(dock, dock.widget.similar.find)
    assert dock.errors == ["MemoryError: no room"] and dock.widget.similar.find.isEnabled()


def cut(widget):
    """Texts that need more room than they have."""
    for one in widget.findChildren(QAbstractButton) + widget.findChildren(QComboBox) + widget.findChildren(QLabel):
        if one.isVisible():
            hint = one.minimumSizeHint()
            if one.width() < hint.width() or one.height() < hint.height():
                yield getattr(one, "text", one.objectName)(), one.size(), hint


def test_in_a_small_window_nothing_is_cut_and_tab_reaches_all(real_dock):
    real_dock.viewer.window.resize(1100, 700)
    begin(real_dock)
    panel = real_dock.widget.similar
    press(real_dock, panel.find)
    real_dock.qtbot.waitUntil(lambda: bool(real_dock.controller.similar.shown), timeout=20_000)
    real_dock.qtbot.wait(200)
    assert not list(cut(panel)) and real_dock.viewer.window._qt_window.height() <= 700
    for control in (panel.find, panel.slider, panel.accept, panel.reject, panel.next, panel.accept_shown):
        top = control.mapTo(real_dock.widget, QPoint(0, 0)).y()
        assert top + control.height() <= real_dock.widget.height(), control
    assert all(one.accessibleName() or one.text() for one in controls(panel) if not isinstance(one, QComboBox))
    assert all(one.accessibleName() for one in controls(panel) if isinstance(one, QComboBox))
    wanted = {one for one in controls(panel) if one.isVisible() and one.isEnabled()}
    real_dock.viewer.window._qt_window.activateWindow()
    real_dock.qtbot.wait(100)
    panel.find.setFocus()
    reached = set()
    for _ in range(3 * len(wanted)):
        reached.add(QApplication.focusWidget())
        real_dock.widget.focusNextChild()
    assert wanted <= reached


def test_the_console_finds_shows_and_accepts(dock):
    begin(dock)
    console = dock.widget.console
    console.find_similar()
    assert len(console.proposals) == 23 and not console.is_busy
    index, least = console.proposals[0]
    assert index == () and least.certainty <= console.proposals[-1][1].certainty
    console.accept_proposals(at_least=2)
    assert objects(dock) == {1, 2} and "There are no proposals" in dock.hints[-1]
    console.accept_proposals(at_least=0)
    assert len(objects(dock)) == 25 and console.proposals == ()


def test_what_was_accepted_is_saved_and_opened_the_same(found, tmp_path):
    press(found, found.widget.similar.next)
    press(found, found.widget.similar.reject)
    press(found, found.widget.similar.accept_shown)
    before, count = found.labels.copy(), len(objects(found))
    assert count == 24
    found.controller.sessions.save(tmp_path / "session.json")
    found.viewer.layers.clear()
    found.start(found.viewer.add_image(IMAGE, name="again"))
    assert not found.labels.any() and found.controller.similar.present is None
    found.controller.sessions.load(tmp_path / "session.json")
    found.settle()
    assert np.array_equal(found.labels, before) and len(found.workspace.work.kept) == 24 and not found.errors
    assert {one.origin for one in found.workspace.work.starts} == {"similar"}
    assert found.widget.similar.examples.text() == "Examples: objects 1 and 2"
    press(found, found.widget.similar.find)
    assert len(places(found)) == 1, "what was rejected is not kept"


def test_real_nuclei_in_the_dock(real_dock, shared):
    from benchmarks.similar_data import names, typical
    from napari_m2n2v2.files.read import read_image

    name, folder = names("fluorescence", "chosen")[1], shared / "data/dsb2018_nuclei"
    image, truth = read_image(folder / f"images/{name}.png"), read_image(folder / f"instances/{name}.png")
    real_dock.widget.of_similar.expand(animate=False)
    real_dock.controller.settings.change(grid=24)
    real_dock.start(real_dock.viewer.add_image(image))
    real_dock.viewer.reset_view()
    middle = np.argwhere(truth == typical(truth.astype(np.int32))[0]).mean(axis=0)
    real_dock.click(*middle)
    press(real_dock, real_dock.widget.similar.find)
    similar = real_dock.controller.similar
    real_dock.qtbot.waitUntil(lambda: bool(similar.shown) and not similar.is_finding, timeout=30_000)
    right = [bool(truth[one.proposal.seed]) for one in similar.shown]
    assert len(right) > 5 and np.mean(right) > 0.8
    press(real_dock, real_dock.widget.similar.accept_shown)
    real_dock.qtbot.waitUntil(lambda: len(np.unique(real_dock.labels)) == 2 + len(right), timeout=20_000)
    assert not real_dock.errors
    assert real_dock.workspace.state is FeatureState.READY


def many(dock, count=500, side=512):
    """So many proposals beside each other, as if they had been found."""
    from napari_m2n2v2._napari.layers.proposals import dashes_around
    from napari_m2n2v2._napari.model.proposed import Found, Proposed
    from napari_m2n2v2.images.sparse import Boxed
    from napari_m2n2v2.similar.proposals import Proposal, Why

    dock.widget.of_similar.expand(animate=False)
    image = np.random.default_rng(0).integers(0, 60, (side, side), dtype=np.uint8)
    dock.start(dock.viewer.add_image(image, name="many"))
    y, x = np.mgrid[-8:9, -8:9]
    disc, why = y**2 + x**2 <= 64, Why(1, 1, 1, 1, 1)
    proposed = Proposed(dock.workspace)
    for n in range(count):
        row, col = 20 * (n // 25), 20 * (n % 25)
        mask = Boxed(row, col, disc)
        one = Proposal(mask, (row + 8, col + 8), 0.5 + 0.5 * n / count, why)
        proposed.found += (Found(dock.workspace.here, one, dashes_around(mask, 8)),)
    dock.controller.similar._proposed[dock.workspace] = proposed
    proposed.add(())
    dock.controller.similar._draw()
    return dock


def seconds(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@pytest.mark.alone
def test_five_hundred_are_hidden_decided_and_undone_without_waiting(real_dock):
    dock = many(real_dock)
    panel, clicks = dock.widget.similar, dock.controller.clicks
    panel.slider.setValue(60)
    slid = [seconds(lambda value=value: panel.slider.setValue(value)) for value in (70, 55, 90, 0)]
    gone_on = [seconds(dock.controller.similar.next) for _ in range(4)]
    decided = [seconds(call) for call in (dock.controller.similar.accept, dock.controller.similar.reject)]
    dock.settle()

    def accept():
        press(dock, panel.accept_shown)
        dock.settle()

    accepted, undone = seconds(accept), seconds(lambda: (clicks.undo(), dock.settle()))
    said = f"slide {slid}, next {gone_on}, one {decided}, all {accepted}, undone {undone}"
    assert objects(dock) == {2} and len(dock.controller.similar.shown) == 498 and not dock.errors
    assert max(slid) < 0.2 and max(gone_on) < 0.2 and max(decided) < 0.5 and accepted < 1 and undone < 1, said
