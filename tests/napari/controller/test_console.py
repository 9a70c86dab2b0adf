"""What ``attach`` returns is a promise: its names, and that they do what the dock does."""

import re
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from skimage.data import coffee

import napari_m2n2v2
from napari_m2n2v2._napari.controller.console import Console
from tests.docs.pages import snippets

ROOT = Path(__file__).parents[3]
PROMISED = {
    *("start", "change_settings", "settings", "change_rules", "rules", "compute", "precompute", "is_busy"),
    *("compute_on", "computed_on"),
    *("click", "clicks", "set_clicks", "set_threshold", "toggle", "undo", "redo", "points", "labels", "viewer"),
    *("accept", "reopen", "find_similar", "proposals", "accept_proposals", "box", "scribble", "outline"),
    *("next_object", "select_object", "reset_object", "take_over", "show", "show_slice", "suggest"),
    *("propagate", "propagate_on", "propagate_back", "propagate_to", "save", "load", "session_of"),
}


def test_the_names_are_those_that_were_promised():
    assert {name for name in vars(Console) if not name.startswith("_")} == PROMISED
    assert all(getattr(Console, name).__doc__ for name in PROMISED)


def test_the_page_and_the_example_name_no_others():
    page = (ROOT / "docs" / "dock.md").read_text().partition("## From the console")[2]
    told = set(re.findall(r"`(\w+)[(`]", page)) - {"attach", "None", "compete", "reach"}
    assert PROMISED - {"session_of"} <= told
    example = (ROOT / "docs" / "console_example.py").read_text()
    assert set(re.findall(r"\bdock\.(\w+)", example)) <= PROMISED


def test_what_the_page_adds_to_the_layer_is_a_click(dock):
    """The snippet of docs/python.md, as it stands there."""
    (code,) = (code for code in snippets(ROOT / "docs" / "python.md") if "viewer" in code)
    dock.start(dock.viewer.add_image(coffee()[:240, :320], name="coffee"))
    exec(code, {"viewer": dock.viewer})
    dock.settle()
    (click,) = dock.session().clicks
    assert (click.row, click.col, click.foreground) == (120, 200, True) and dock.labels[120, 200] == 1


def test_a_viewer_without_a_window_is_refused_in_words():
    with pytest.raises(TypeError, match="Viewer with a window"):
        napari_m2n2v2.attach(ViewerModel())


def test_its_calls_do_what_the_dock_does(started):
    console = started.widget.console
    assert napari_m2n2v2.attach(started.viewer) is console
    console.click(16, 16)
    started.settle()
    one = np.asarray(console.labels.data).copy()
    assert one.any() and len(console.clicks) == len(console.points.data) == 1 and not console.is_busy
    console.undo()
    started.settle()
    assert not np.asarray(console.labels.data).any() and console.clicks == ()
    console.redo()
    console.next_object()
    console.select_object(1)
    console.set_threshold(0, 0.3)
    started.settle()
    assert console.clicks[0].threshold == 0.3 and console.clicks[0].object_id == 1
    console.reset_object()
    started.settle()
    assert console.clicks == () and not np.asarray(console.labels.data).any()
    console.change_rules(compete=False)
    assert console.rules.compete is False
    console.change_settings(bit_depth="minimum to maximum")
    assert console.settings.bit_depth == "minimum to maximum"
