"""Lines 13 and 21 of what the field found: what users and other plugins do to the layer of clicks."""

import numpy as np
import pandas as pd
import pytest

from tests.napari.conftest import same


def notes(dock):
    return list(dock.points.features["note"])


def test_line_13_a_column_of_the_user_survives_every_change(started):
    clicks = started.controller.clicks
    clicks.add(16, 16)
    clicks.add(40, 10, foreground=False)
    started.points.features["note"] = ["a", "b"]  # in place, as a table widget does
    started.points.features["count"] = [1, 2]
    clicks.add(33, 48)
    assert notes(started)[:2] == ["a", "b"] and list(started.points.features["count"])[:2] == [1, 2]
    started.points.features.loc[2, "note"] = "c"
    started.points.add([20, 20])
    assert notes(started)[:3] == ["a", "b", "c"]
    for _ in range(3):
        started.widget.buttons.undo.click()
    assert notes(started) == ["a"]
    for _ in range(2):
        started.widget.buttons.redo.click()
    assert notes(started) == ["a", "b", "c"]  # also what was undone and brought back
    clicks.set_threshold(1, 0.4)
    started.points.data = np.add(started.points.data, [[0, 0], [0, 0], [1, 0]])
    started.points.features.loc[2, "note"] = "moved"
    started.points.mode = "select"
    started.points.selected_data = {0}
    clicks.toggle()
    assert notes(started) == ["a", "b", "moved"] and started.workspace.clicks[0].foreground is False
    started.points.selected_data = {1}
    started.points.remove_selected()
    assert notes(started) == ["a", "moved"]
    del started.points.features["note"]
    clicks.add(16, 17)
    assert "note" not in started.points.features and len(started.workspace.clicks) == 3
    same(started.labels, started.expected())
    assert not started.errors


@pytest.mark.parametrize("in_place", [True, False])
def test_line_13_a_replaced_table_loses_no_click(started, in_place):
    started.controller.clicks.add(16, 16)
    started.controller.clicks.add(40, 10, foreground=False)
    if in_place:
        for name in list(started.points.features):
            del started.points.features[name]
        started.points.features["area"] = [5.0, 6.0]
    else:
        started.points.features = pd.DataFrame({"area": [5.0, 6.0]})
        assert "columns" in started.errors[-1]
    started.points.add([33, 48])
    clicks = [(c.row, c.col, c.foreground) for c in started.workspace.clicks]
    assert clicks == [(16, 16, True), (40, 10, False), (33, 48, True)]
    assert list(started.points.features["area"])[:2] == [5, 6]
    assert list(started.points.features["class"]) == ["foreground", "background", "foreground"]
    same(started.labels, started.expected())


def test_line_21_undo_while_the_clicks_are_hidden(started):
    clicks = started.controller.clicks
    for row, col in ((16, 16), (40, 10), (33, 48)):
        clicks.add(row, col)
    started.points.visible = False
    for step, count in ((clicks.undo, 2), (clicks.undo, 1), (clicks.redo, 2), (clicks.redo, 3), (clicks.undo, 2)):
        step()
        same(started.labels, started.expected())
        assert len(started.points.data) == len(started.workspace.clicks) == count
    clicks.add(33, 48, foreground=False)
    started.controller.objects.next()
    started.controller.objects.select(1)
    clicks.set_clicks(started.workspace.clicks[:1])
    started.points.visible = True
    assert len(started.points.data) == 1 and not started.errors
    same(started.labels, started.expected())


def test_line_21_whatever_fails_in_showing_the_state_is_solved_and_shown_later(started, monkeypatch):
    clicks, layers = started.controller.clicks, "napari_m2n2v2._napari.controller.points.show_clicks"
    clicks.add(16, 16)
    clicks.add(33, 48)

    def fail(*args):
        raise IndexError("as napari's may")

    with monkeypatch.context() as patch:
        patch.setattr(layers, fail)
        with pytest.raises(IndexError):
            clicks.undo()
    same(started.labels, started.expected())
    assert len(started.workspace.clicks) == 1 and len(started.points.data) == 2
    started.points.visible = False
    started.points.visible = True
    np.testing.assert_array_equal(started.points.data, [[16, 16]])
